package directory

import (
	"strconv"
	"time"

	"spinglass/topic"
	"spinglass/wire"
)

// MessageMax bounds the messages of the directory, in bytes. What is larger is told by several.
const MessageMax = 32 << 10

// The first byte of a message of topic.System says what it is.
const (
	messageQuestion = 1
	messageCall     = 2
)

// channels is how many topics there are for announcements.
const channels = 64

// ChannelOf returns the topic by which topics are announced that match a pattern.
func ChannelOf(p topic.Pattern) string { return channelName(channelOf(p)) }

// Names returns the names of all topics of the directory.
func Names() []string {
	names := []string{topic.System}
	for channel := range channels {
		names = append(names, channelName(channel))
	}
	return names
}

func channelName(channel int) string { return topic.System + "/" + strconv.Itoa(channel) }

// channelOf returns the number of that topic: the 64-bit FNV-1a hash of the pattern, modulo channels.
func channelOf(p topic.Pattern) int {
	hash := uint64(14695981039346656037)
	for _, b := range []byte(p.String()) {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	return int(hash % channels)
}

// ask is a pattern that somebody wants, and the age of the question.
type ask struct {
	pattern topic.Pattern
	age     time.Duration // whole milliseconds, below boardLife
}

const askMin = 1 + 1 + 1 // bytes of the shortest ask

func (a *ask) size() int { return 3 + wire.BytesSize(len(a.pattern.String())) }

// appendQuestion appends a question of patterns that ascend by their bytes.
func appendQuestion(b []byte, asks []ask) []byte {
	b = wire.AppendUvarint(append(b, messageQuestion), uint64(len(asks)))
	for i := range asks {
		b = wire.AppendUvarint(b, uint64(asks[i].age/time.Millisecond))
		b = wire.AppendBytes(b, asks[i].pattern.String())
	}
	return b
}

// decodeQuestion returns what stands behind the first byte of a question.
func decodeQuestion(body []byte) (asks []ask, err error) {
	if len(body) > MessageMax {
		return nil, wire.ErrOversized
	}
	r := wire.NewReader(body)
	for range r.Count(BoardMax, askMin) {
		age, text := r.UvarintMax(uint64(boardLife/time.Millisecond)-1), string(r.Bytes(topic.NameMax))
		if r.Err() != nil {
			break
		}
		p, err := topic.Parse(text)
		if err != nil || topic.IsSystem(text) || len(asks) > 0 && asks[len(asks)-1].pattern.String() >= text {
			return nil, wire.ErrRange
		}
		asks = append(asks, ask{p, time.Duration(age) * time.Millisecond})
	}
	return asks, r.Done()
}

// item is what an announcement says of a topic.
type item struct {
	name     string
	gone     bool // its publisher has stopped
	messages Rate
	bytes    Rate
}

const itemMin = 1 + 1 + 1 // bytes of the shortest item

const (
	itemGone   = 0
	itemActive = 1
)

func (i *item) size() int { return 2 + wire.BytesSize(len(i.name)) + 3 }

// appendAnnouncement appends an announcement of topics whose names ascend. Each name is told by what it does not have in common with the one before.
func appendAnnouncement(b []byte, p topic.Pattern, items []item) []byte {
	b = wire.AppendUvarint(wire.AppendBytes(b, p.String()), uint64(len(items)))
	before := ""
	for i := range items {
		shared := common(before, items[i].name)
		b = wire.AppendBytes(wire.AppendUvarint(b, uint64(shared)), items[i].name[shared:])
		if items[i].gone {
			b = append(b, itemGone)
		} else {
			b = append(b, itemActive, byte(items[i].messages), byte(items[i].bytes))
		}
		before = items[i].name
	}
	return b
}

// decodeAnnouncement returns a pattern and topics that match it.
func decodeAnnouncement(body []byte) (p topic.Pattern, items []item, err error) {
	if len(body) > MessageMax {
		return p, nil, wire.ErrOversized
	}
	r := wire.NewReader(body)
	if p, err = topic.Parse(string(r.Bytes(topic.NameMax))); err != nil {
		return p, nil, wire.ErrRange
	}
	before := ""
	for range r.Count(OwnMax, itemMin) {
		i, shared := readItem(&r, before)
		if r.Err() == nil && (i.name <= before || common(before, i.name) != shared || !announceable(p, i.name)) {
			r.Fail(wire.ErrRange)
		}
		if r.Err() != nil {
			return p, nil, r.Err()
		}
		items, before = append(items, i), i.name
	}
	return p, items, r.Done()
}

// readItem reads what is said of a topic, whose name has so many bytes in common with the one before.
func readItem(r *wire.Reader, before string) (i item, shared int) {
	shared = int(r.UvarintMax(uint64(len(before))))
	if rest := r.Bytes(topic.NameMax - shared); r.Err() == nil {
		i.name = before[:shared] + string(rest)
	}
	switch r.Byte() {
	case itemGone:
		i.gone = true
	case itemActive:
		i.messages, i.bytes = Rate(r.Byte()), Rate(r.Byte())
		if i.messages > RateMax || i.bytes > RateMax {
			r.Fail(wire.ErrRange)
		}
	default:
		r.Fail(wire.ErrRange)
	}
	return i, shared
}

// announceable reports whether a topic may stand in an announcement for a pattern.
func announceable(p topic.Pattern, name string) bool {
	return topic.CheckName(name) == nil && !topic.IsSystem(name) && p.Match(name)
}

// common returns how many bytes two names begin with alike.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
