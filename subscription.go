package spinglass

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/stack"
)

// Bounds of the queue of a subscription, in bytes of payload and bookkeeping.
const (
	QueueDefault = 32 << 20
	QueueMin     = 64 << 10
	QueueMax     = 16 << 30
)

// entryOverhead is what an entry of a queue counts for besides its payload.
const entryOverhead = 128

// Payloads share memory with those of other topics, and hold on to it. So that a queue that nobody reads does not hold on to far more than it counts,
// small deliveries are copied when so many entries wait before them.
const (
	sharingEntriesMax = 1024
	copiedSizeMax     = 8 << 10 // bytes
)

// Message is one message of a topic.
type Message struct {
	Topic    string
	From     string          // the author's name, or its id in hexadecimal while its row is not known here
	FromID   protocol.NodeID // the author
	Sequence uint64          // number of the message in the stream of this author and topic, from 1
	Payload  []byte          // for reading only; may be kept. Clone a few bytes that are kept for long, since they hold on to their packet's memory
}

// GapSlowConsumer is the reason of a gap that the application made itself by reading too slowly. The other reasons are those of
// package bimodal.
const GapSlowConsumer = "slow_consumer"

// Gap is the error that [Subscription.Messages] yields where messages are missing. Delivery goes on after it.
type Gap struct {
	Topic  string
	From   string          // the author's name, or its id in hexadecimal
	FromID protocol.NodeID // the author
	First  uint64          // number of the first missing message
	Last   uint64          // number of the last missing message
	Count  uint64          // how many are missing
	Reason string          // a short constant text, such as "expired" or "slow_consumer"
}

// Error implements error.
func (g *Gap) Error() string {
	return fmt.Sprintf("%d messages of %s on topic %s lost (%d to %d): %s", g.Count, g.From, g.Topic, g.First, g.Last, g.Reason)
}

// SubscribeOption is an option of one subscription.
type SubscribeOption func(*subscribeOptions) error

type subscribeOptions struct {
	queue   int
	rating  gravity.Rating
	history bimodal.History
	latest  *latest
}

// HistoryMax is the most messages that [Last] asks for.
const HistoryMax = bimodal.HistoryMax

// Last has a subscription begin with the last messages that each publisher sent before it, 1 to [HistoryMax], as far as they are still buffered for repair: for a life of the topic's packets, 2 seconds unless
// it is configured. It is for the first subscription of a node to a topic.
func Last(messages int) SubscribeOption {
	return func(o *subscribeOptions) error {
		if messages < 1 || messages > HistoryMax {
			return fmt.Errorf("%w: the last %d messages are not 1 to %d", ErrConfig, messages, HistoryMax)
		}
		o.history = bimodal.History{Last: uint64(messages)}
		return nil
	}
}

// AllBuffered is [Last] for all messages that are still buffered, up to 8192 packets of each publisher.
func AllBuffered() SubscribeOption {
	return func(o *subscribeOptions) error {
		o.history = bimodal.History{All: true}
		return nil
	}
}

// Rating states which fraction of the messages of a topic is wanted: above 0, and at most 1, which is the default. It costs that fraction of what all messages cost. Which messages they are
// follows from the packets that they come in: who has the same rating gets the same ones, who has a higher one gets these as well, and messages that were published together come together or not at
// all. A message that takes several packets comes whole only to who wants each of them. What is not wanted is no [Gap].
func Rating(fraction float64) SubscribeOption {
	return func(o *subscribeOptions) (err error) {
		o.rating, err = ratingOf(fraction)
		return err
	}
}

// ratingOf returns a fraction as the protocols have it.
func ratingOf(fraction float64) (gravity.Rating, error) {
	r, err := gravity.NewRating(fraction)
	if err != nil {
		return 0, fmt.Errorf("%w: a rating of %v is not above 0 and at most 1", ErrConfig, fraction)
	}
	return r, nil
}

// Queue bounds the queue of a subscription, [QueueMin] to [QueueMax] bytes. When the application reads too slowly, the oldest messages in the
// queue make room and become a [Gap].
func Queue(bytes int) SubscribeOption {
	return func(o *subscribeOptions) error {
		if bytes < QueueMin || bytes > QueueMax {
			return fmt.Errorf("%w: queue of %d bytes is not in %d to %d", ErrConfig, bytes, QueueMin, QueueMax)
		}
		o.queue = bytes
		return nil
	}
}

// Subscription is a queue of the messages of one topic, or of all topics that match a pattern. Its methods are safe from any goroutine, loops over Messages included.
type Subscription struct {
	node  *Node
	limit int

	rating   atomic.Uint32              // a gravity.Rating; the loop of the node writes it. Of patterns it is the highest
	patterns *stack.PatternSubscription // of the loop; nil for a name

	mu       sync.Mutex
	topic    string         // or the text of the patterns
	returned []entry        // what loops that were left have put back; comes first
	dropped  []*bimodal.Gap // what overflow has taken from the front, one gap per stream; comes second
	entries  ring[entry]
	latest   *latest // in place of entries where only the newest messages are kept
	bytes    int     // of returned and entries, or of latest
	closed   bool
	wake     chan struct{} // holds a token while a reader may find something
}

// entry is a delivery, of which skip messages were consumed already, or a gap. It holds the delivery itself, since a pointer would hold on to all that
// were made with it.
type entry struct {
	delivery bimodal.Delivery
	gap      *bimodal.Gap
	newest   *held
	skip     int
	shed     bool // the gap is of a message that waited here
}

func (e *entry) size() int { return entryOverhead + e.delivery.Size() }

func newSubscription(n *Node, topic string, o subscribeOptions) *Subscription {
	s := &Subscription{node: n, topic: topic, limit: o.queue, latest: o.latest, wake: make(chan struct{}, 1)}
	s.rating.Store(uint32(o.rating))
	return s
}

// Topic returns the topic, or the pattern, or the text of the [Patterns] subscribed to. Messages tell the topic that they are of.
func (s *Subscription) Topic() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topic
}

// Messages returns an iterator over the messages of the topic. Where messages are missing it yields a *[Gap] as the error, with a zero
// Message, and goes on. It ends after ErrClosed when the subscription or the node was closed, and after the context's error when
// ctx ended; what has not been consumed then stays for the next call. Several loops share the messages among them.
func (s *Subscription) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			e, err := s.next(ctx)
			if err != nil {
				yield(Message{}, err)
				return
			}
			if e.gap != nil {
				if !yield(Message{}, s.node.gap(e.gap)) {
					return
				}
				continue
			}
			if h := e.newest; h != nil {
				if !yield(Message{Topic: h.topic, From: s.node.names.of(h.author), FromID: h.author, Sequence: h.sequence, Payload: h.payload}, nil) {
					return
				}
				continue
			}
			if !s.yieldDelivery(e, yield) {
				return
			}
		}
	}
}

// yieldDelivery yields the messages of e and puts back what was not wanted.
func (s *Subscription) yieldDelivery(e entry, yield func(Message, error) bool) bool {
	d := &e.delivery
	m := Message{Topic: d.Topic, From: s.node.names.of(d.Author), FromID: d.Author}
	first := d.First + uint64(e.skip)
	for c := d.Begin(); c.Next(); {
		if c.Number < first {
			continue
		}
		m.Sequence, m.Payload = c.Number, c.Payload
		if !yield(m, nil) {
			if consumed := int(c.Number - d.First + 1); consumed < d.Count {
				s.putBack(entry{delivery: *d, skip: consumed})
			}
			return false
		}
	}
	return true
}

// next waits for the first entry and takes it.
func (s *Subscription) next(ctx context.Context) (entry, error) {
	for {
		if err := ctx.Err(); err != nil {
			s.signal() // a token that this loop may have taken is for another one
			return entry{}, err
		}
		s.mu.Lock()
		e, ok := s.take()
		more := s.entries.length > 0 || len(s.dropped) > 0 || len(s.returned) > 0 || s.latest != nil && len(s.latest.byKey) > 0
		closed := s.closed
		s.mu.Unlock()
		if more || closed {
			s.signal()
		}
		switch {
		case ok:
			return e, nil
		case closed:
			return entry{}, ErrClosed
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return entry{}, ctx.Err()
		}
	}
}

// take removes the first entry. The lock is held.
func (s *Subscription) take() (entry, bool) {
	if len(s.returned) == 0 && len(s.dropped) > 0 {
		gap := s.dropped[0]
		s.dropped[0] = nil
		s.dropped = s.dropped[1:]
		return entry{gap: gap}, true
	}
	if h, ok := s.latest.take(); ok {
		s.bytes -= h.size()
		return entry{newest: h}, true
	}
	return s.oldest()
}

// oldest removes the oldest entry that is not given up yet. The lock is held.
func (s *Subscription) oldest() (e entry, ok bool) {
	if last := len(s.returned) - 1; last >= 0 {
		e, ok = s.returned[last], true
		s.returned[last] = entry{}
		s.returned = s.returned[:last]
	} else {
		e, ok = s.entries.pop()
	}
	if ok {
		s.bytes -= e.size()
	}
	return e, ok
}

// putBack returns what a loop did not want. It is older than everything else here, the gaps that overflow made meanwhile included.
func (s *Subscription) putBack(e entry) {
	s.mu.Lock()
	s.returned = append(s.returned, e)
	s.bytes += e.size()
	s.mu.Unlock()
	s.signal()
}

// Rating returns which fraction of the messages the subscription wants; where patterns have different ratings, the highest.
func (s *Subscription) Rating() float64 { return s.wants().Fraction() }

func (s *Subscription) wants() gravity.Rating { return gravity.Rating(s.rating.Load()) }

// SetRating sets which fraction of the messages is wanted, see [Rating]. Publishers learn of it as fast as of a subscription, and what comes from then on comes at the new rating. What was left out before does not come later, unless the
// option [AllBuffered] asks for it and the rating of the node is raised: then the messages that were left out and are still buffered come first, in their order, with lower numbers than some that came before, and new ones wait behind them, for a life of the
// topic's packets at most. Errors: ErrConfig, also for other options; ErrClosed; ErrLimit when the row of the node has no room for the rating; or that of ctx. Of
// a pattern AllBuffered is refused, and topics for whose ratings there is no room keep what they have. Ratings of several patterns are set by [Subscription.SetPatterns].
func (s *Subscription) SetRating(ctx context.Context, fraction float64, options ...SubscribeOption) error {
	r, err := ratingOf(fraction)
	if err != nil {
		return err
	}
	var o subscribeOptions
	for _, option := range options {
		if err := option(&o); err != nil {
			return err
		}
	}
	fetch := o.history.All
	if o.history.All = false; o != (subscribeOptions{}) {
		return fmt.Errorf("%w: a rating is changed with no other option than AllBuffered", ErrConfig)
	}
	return s.node.setRating(ctx, s, r, fetch)
}

// push appends an entry of a topic of which so much is wanted; the loop of the node calls it. It returns how many messages had to make room.
func (s *Subscription) push(e entry, r gravity.Rating) (lost uint64) {
	if e.gap == nil && !r.Wants(e.delivery.Height) {
		return 0 // another subscription of this node wants more
	}
	if s.latest != nil {
		return s.pushLatest(e)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0
	}
	if s.entries.length >= sharingEntriesMax && e.delivery.Size() < copiedSizeMax {
		e.delivery.Detach()
	}
	s.entries.push(e)
	s.bytes += e.size()
	for s.bytes > s.limit && len(s.returned)+s.entries.length > 1 {
		oldest, _ := s.oldest()
		lost += s.give(oldest)
	}
	s.mu.Unlock()
	s.signal()
	return lost
}

// give turns an entry that had to make room into a gap, or a part of one, and returns how many messages it held. Gaps made here come before
// all entries, and all of an author's earlier entries were given up before, so that its messages stay in order; only what a loop put
// back can come before a gap that was made while the loop had it.
func (s *Subscription) give(e entry) uint64 {
	gap := e.gap
	if gap == nil {
		d := &e.delivery
		count := uint64(d.Count - e.skip)
		gap = &bimodal.Gap{Author: d.Author, Epoch: d.Epoch, Topic: d.Topic, First: d.First + uint64(e.skip), Last: d.First + uint64(d.Count) - 1,
			Count: count, Reason: GapSlowConsumer}
	}
	lost := gap.Count
	if e.gap != nil && !e.shed {
		lost = 0 // lost before already
	}
	for _, open := range s.dropped {
		if open.Author == gap.Author && open.Epoch == gap.Epoch && open.Topic == gap.Topic {
			open.First, open.Last, open.Count = min(open.First, gap.First), max(open.Last, gap.Last), open.Count+gap.Count
			if open.Reason != gap.Reason {
				open.Reason = GapSlowConsumer // the part of it that can be done something about
			}
			return lost
		}
	}
	merged := *gap
	s.dropped = append(s.dropped, &merged)
	return lost
}

// waiting returns how many bytes the queue holds.
func (s *Subscription) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Close ends the subscription. Loops over Messages end with ErrClosed once they have consumed what is in the queue.
func (s *Subscription) Close() error {
	if !s.end() {
		return nil
	}
	return s.node.unsubscribe(s)
}

// end closes the queue and reports whether it was open.
func (s *Subscription) end() bool {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	s.signal()
	return !was
}
