package directory

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/topic"
)

// Limits.
const (
	BoardMax            = 1024    // patterns of the board
	BoardTellerMax      = 512     // of them, of which one member has told first
	WantsMax            = 64      // patterns that this member wants
	OwnMax              = 1 << 14 // topics that it announces
	EntriesMax          = 1 << 14 // topics of others that it lists, each counted for each of its publishers
	EntriesPublisherMax = 1 << 12 // of them, of one publisher
	callsTellerMax      = 6       // calls of one member in callsWindow that are answered: twice those of one that begins to publish
	callersMax          = 1 << 10 // members whose calls are answered in callsWindow
)

// Times.
const (
	askEvery     = time.Minute            // between questions about a pattern
	askSpread    = 10 * time.Second       // more, at random, so that one member asks for all that want it
	boardLife    = 3 * time.Minute        // of a pattern since it was asked for
	entryLife    = 150 * time.Second      // of a topic of another since it was announced
	ownLife      = 10 * time.Minute       // of an own topic since it was published to
	window       = 10 * time.Second       // by which rates are measured, and what has ended is looked for
	answerWithin = 500 * time.Millisecond // of a question
	answerEvery  = 2 * time.Second        // at most
	tellWithin   = 500 * time.Millisecond // of a call
	callsWindow  = time.Minute            // in which calls are counted
	callQuiet    = time.Second            // for which another member's call does for this one's
	again        = 200 * time.Millisecond // after which what could not be published is tried again
	listenAgain  = 10 * time.Second       // after which listening is tried again
	answerBytes  = 64 << 10               // a second, of answers: where it is more, further ones are put off
	fresher      = time.Second            // by which a question has to be later than one that is known to be another one
)

// askAfter are the pauses between the first questions about a pattern, callAfter those between calls: what is said at once reaches those that know already that this member listens.
var (
	askAfter  = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}
	callAfter = []time.Duration{4 * time.Second, 8 * time.Second}
)

// ErrWants tells that a member wants WantsMax patterns already.
var ErrWants = fmt.Errorf("directory: %d patterns are wanted already", WantsMax)

// ErrSystem tells that a pattern is that of topics of the system.
var ErrSystem = errors.New("directory: the topics of " + topic.System + " are not for applications")

// Host is what a Directory needs. Its methods are called within those of the Directory.
type Host interface {
	Publish(now protocol.Time, topic string, payload []byte, out *protocol.Output) error
	Subscribe(now protocol.Time, topic string, out *protocol.Output) error
	Unsubscribe(now protocol.Time, topic string, out *protocol.Output) error
	// MayPublish reports whether a member may publish to a topic, as far as is known.
	MayPublish(author protocol.NodeID, topic string) bool
	// Found tells of a topic that matches a pattern that is wanted, and Lost that nobody publishes to it any longer, or that no such pattern is wanted.
	Found(now protocol.Time, topic string, out *protocol.Output)
	Lost(now protocol.Time, topic string, out *protocol.Output)
}

// Config is the configuration of a Directory.
type Config struct {
	Self protocol.NodeID
	Rand *rand.Rand
	Host Host
}

// Directory is what a member knows of who publishes what.
type Directory struct {
	config Config

	board []*posted       // ascending by the bytes of the patterns
	wants []*want         // in the order in which they were wanted first
	use   [channels]int   // wants of each channel
	own   map[string]*own // topics that this member publishes to
	names []*own          // the same, ascending
	list  listing

	listens  bool
	listenAt protocol.Time           // when that is tried again
	called   protocol.Time           // when the board was called for last, by another member
	callers  map[protocol.NodeID]int // calls since callsAt that were answered
	callsAt  protocol.Time
	tell     protocol.Time // when this member tells it
	callAt   protocol.Time // when this member calls
	calls    int           // so far
	debt     int           // bytes of answers that are not paid back by the time that has passed since paid
	paid     protocol.Time
	dirty    protocol.Time // when what has changed of own topics is announced
	tick     protocol.Time // end of the window
	deadline protocol.Time
	stats    Stats
}

// posted is a pattern of the board.
type posted struct {
	pattern  topic.Pattern
	asked    protocol.Time   // last
	told     protocol.Time   // when anybody said so
	teller   protocol.NodeID // who said so first
	answer   protocol.Time   // when this member announces all that matches
	answered protocol.Time   // when it did so last
}

// want is a pattern that this member wants.
type want struct {
	pattern topic.Pattern
	count   int // times that it is wanted
	asks    int // so far
	next    protocol.Time
}

// New makes a Directory.
func New(c Config) *Directory {
	const before = math.MinInt64 / 2
	return &Directory{
		config: c, own: map[string]*own{}, list: newListing(), called: before, callers: map[protocol.NodeID]int{},
		tell: protocol.Never, callAt: protocol.Never, dirty: protocol.Never, tick: protocol.Never, deadline: protocol.Never,
	}
}

// Want asks for topics that match a pattern until as many calls of Unwant. What is known already Topics tells. Errors: ErrWants, ErrSystem, those of the host.
func (d *Directory) Want(now protocol.Time, p topic.Pattern, out *protocol.Output) error {
	if topic.IsSystem(p.String()) {
		return ErrSystem
	}
	if w := d.wanting(p); w != nil {
		w.count++
		return nil
	}
	if len(d.wants) >= WantsMax {
		return ErrWants
	}
	if err := d.listen(now, out); err != nil {
		return err
	}
	channel := channelOf(p)
	if d.use[channel] == 0 {
		if err := d.config.Host.Subscribe(now, channelName(channel), out); err != nil {
			d.rest(now, out)
			return err
		}
	}
	d.use[channel]++
	d.wants = append(d.wants, &want{pattern: p, count: 1, next: now})
	d.wake(now)
	d.begin(now)
	return nil
}

// Unwant ends Want.
func (d *Directory) Unwant(now protocol.Time, p topic.Pattern, out *protocol.Output) {
	w := d.wanting(p)
	if w == nil {
		return
	}
	if w.count--; w.count > 0 {
		return
	}
	d.wants = slices.DeleteFunc(d.wants, func(other *want) bool { return other == w })
	channel := channelOf(p)
	if d.use[channel]--; d.use[channel] == 0 {
		_ = d.config.Host.Unsubscribe(now, channelName(channel), out) // it is subscribed
	}
	unwanted := d.list.drop(func(e *entry) bool { return !d.wanted(e.name) })
	for _, o := range d.names {
		if !o.gone && p.Match(o.name) && !d.wanted(o.name) {
			unwanted = append(unwanted, o.name)
		}
	}
	slices.Sort(unwanted)
	for _, name := range slices.Compact(unwanted) {
		d.config.Host.Lost(now, name, out)
	}
	d.rest(now, out)
}

func (d *Directory) wanting(p topic.Pattern) *want {
	for _, w := range d.wants {
		if w.pattern == p {
			return w
		}
	}
	return nil
}

// wanted reports whether a name matches a pattern that this member wants.
func (d *Directory) wanted(name string) bool {
	return slices.ContainsFunc(d.wants, func(w *want) bool { return w.pattern.Match(name) })
}

// listen subscribes to questions, unless that is so.
func (d *Directory) listen(now protocol.Time, out *protocol.Output) error {
	if d.listens {
		return nil
	}
	err := d.config.Host.Subscribe(now, topic.System, out)
	d.listens = err == nil
	if err != nil {
		d.stats.ListenRefused++
		d.listenAt = now.Add(listenAgain)
	}
	return err
}

// rest ends listening when there is nothing to ask and nothing to tell.
func (d *Directory) rest(now protocol.Time, out *protocol.Output) {
	if !d.listens || len(d.wants) > 0 || len(d.names) > 0 {
		return
	}
	d.listens = false
	_ = d.config.Host.Unsubscribe(now, topic.System, out) // it is subscribed
	d.board = nil
	clear(d.callers)
	d.tell, d.callAt, d.calls = protocol.Never, protocol.Never, 0
}

// begin starts the windows.
func (d *Directory) begin(now protocol.Time) {
	if d.tick == protocol.Never {
		d.tick = now.Add(window)
		d.wake(d.tick)
	}
}

// wake has Timeout called at an instant, or earlier.
func (d *Directory) wake(at protocol.Time) { d.deadline = min(d.deadline, at) }

// Deadline returns when Timeout is to be called.
func (d *Directory) Deadline() protocol.Time { return d.deadline }

// Timeout does what is due.
func (d *Directory) Timeout(now protocol.Time, out *protocol.Output) {
	if now < d.deadline {
		return
	}
	d.deadline = protocol.Never
	if now >= d.tick {
		d.endWindow(now, out)
	}
	if d.dirty <= now {
		d.announceChanges(now, out)
	}
	if d.callAt <= now {
		d.call(now, out)
	}
	if d.tell <= now {
		d.tellBoard(now, out)
	}
	d.ask(now, out)
	d.answer(now, out)
	for _, at := range []protocol.Time{d.tick, d.dirty, d.callAt, d.tell} {
		d.wake(at)
	}
}

// endWindow measures rates, and gives up what has ended.
func (d *Directory) endWindow(now protocol.Time, out *protocol.Output) {
	d.tick = protocol.Never
	d.measure(now, out)
	for _, name := range d.list.drop(func(e *entry) bool { return d.list.expire(e, now) }) {
		d.lost(now, name, out)
	}
	if now.Sub(d.callsAt) >= callsWindow {
		clear(d.callers)
		d.callsAt = now
	}
	d.board = slices.DeleteFunc(d.board, func(p *posted) bool { return now.Sub(p.asked) >= boardLife })
	if !d.listens && len(d.names) > 0 && now >= d.listenAt && d.listen(now, out) == nil {
		d.calls, d.callAt = 0, now
	}
	d.rest(now, out)
	if len(d.names) > 0 || len(d.wants) > 0 || len(d.board) > 0 {
		d.tick = now.Add(window)
	}
}

// lost tells that no other member publishes to a topic any longer, unless this one does.
func (d *Directory) lost(now protocol.Time, name string, out *protocol.Output) {
	if !d.publishes(name) {
		d.config.Host.Lost(now, name, out)
	}
}

// publishes reports whether this member publishes to a topic.
func (d *Directory) publishes(name string) bool {
	o := d.own[name]
	return o != nil && !o.gone
}

// Deliver takes a message of a topic of the system.
func (d *Directory) Deliver(now protocol.Time, author protocol.NodeID, name string, payload []byte, out *protocol.Output) {
	if author == d.config.Self || !d.listens {
		return
	}
	if name != topic.System {
		d.hear(now, author, name, payload, out)
		return
	}
	switch {
	case len(payload) == 1 && payload[0] == messageCall:
		d.hearCall(now, author)
	case len(payload) > 0 && payload[0] == messageQuestion:
		asks, err := decodeQuestion(payload[1:])
		if err != nil {
			d.stats.Malformed++
			return
		}
		d.hearQuestion(now, author, asks)
	default:
		d.stats.Malformed++
	}
}

// Topic is what is known of a topic.
type Topic struct {
	Name       string
	Publishers []Publisher // ascending by ID
}

// Publisher is what a member has announced of a topic to which it publishes.
type Publisher struct {
	ID       protocol.NodeID
	Messages Rate
	Bytes    Rate // of payloads
}

// Topics returns what is known of topics that match a pattern, ascending by name: of this member, and of others as far as the pattern, or one that matches the same names, is wanted.
func (d *Directory) Topics(p topic.Pattern) (topics []Topic) {
	names := d.names
	add := func(o *own) {
		if !o.gone && p.Match(o.name) {
			topics = append(topics, Topic{o.name, []Publisher{d.self(o)}})
		}
	}
	for _, e := range d.list.entries {
		for len(names) > 0 && names[0].name < e.name {
			add(names[0])
			names = names[1:]
		}
		if p.Match(e.name) {
			topics = append(topics, d.topicOf(e))
		}
		if len(names) > 0 && names[0].name == e.name {
			names = names[1:]
		}
	}
	for _, o := range names {
		add(o)
	}
	return topics
}

// topicOf returns what is known of a topic to which others publish.
func (d *Directory) topicOf(e *entry) Topic {
	publishers := make([]Publisher, len(e.publishers), len(e.publishers)+1)
	for i := range e.publishers {
		publishers[i] = e.publishers[i].Publisher
	}
	if d.publishes(e.name) {
		at, _ := e.find(d.config.Self)
		publishers = slices.Insert(publishers, at, d.self(d.own[e.name]))
	}
	return Topic{e.name, publishers}
}

// self returns this member as a publisher.
func (d *Directory) self(o *own) Publisher {
	return Publisher{d.config.Self, o.messages.rate, o.bytes.rate}
}

// Knows reports whether a topic is known that matches a pattern that is wanted.
func (d *Directory) Knows(name string) bool {
	return d.list.named(name) != nil || d.publishes(name) && d.wanted(name)
}

// delay returns a time of up to within, by which one of many members speaks that would all say the same: most times are long, so that few speak before they have heard the first one, however
// many there are (Nonnenmacher and Biersack, "Optimal Multicast Feedback", INFOCOM 1998).
func (d *Directory) delay(within time.Duration) time.Duration {
	const steepness = 10
	share := math.Log1p(math.Expm1(steepness)*d.config.Rand.Float64()) / steepness
	return time.Duration(share * float64(within))
}
