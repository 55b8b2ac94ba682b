package spinglass

import (
	"slices"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// Latest has the queue of a subscription keep only the newest message of each key: one that waits gives way for a later one of the same key, which takes its place in the queue. It is for
// values of which only the present one matters, and applications that read more slowly than values change. What gave way is no [Gap]; [Subscription.Conflated] counts it. A nil key stands for the topic and
// the publisher. Otherwise the node's loop calls key for each message as it arrives: it must be quick, and must not call the node.
//
// The limit of the queue holds as ever: where there are too many keys, the messages that wait for longest make room, and are told as gaps.
func Latest(key func(m Message) string) SubscribeOption {
	return func(o *subscribeOptions) error {
		o.latest = &latest{key: key, byKey: map[string]*held{}}
		return nil
	}
}

// latest is a queue of the newest message of each key.
type latest struct {
	key       func(Message) string
	byKey     map[string]*held
	queue     []*held // those from head on, the oldest key first
	head      int
	conflated uint64
}

// held is the newest message of a key.
type held struct {
	key      string
	topic    string
	author   protocol.NodeID
	epoch    uint64
	sequence uint64
	payload  []byte
}

func (h *held) size() int { return entryOverhead + len(h.key) + cap(h.payload) }

// gap is what h becomes when it has to make room.
func (h *held) gap() *bimodal.Gap {
	return &bimodal.Gap{Author: h.author, Epoch: h.epoch, Topic: h.topic, First: h.sequence, Last: h.sequence, Count: 1, Reason: GapSlowConsumer}
}

// take removes the oldest one.
func (l *latest) take() (*held, bool) {
	if l == nil || l.head == len(l.queue) {
		return nil, false
	}
	h := l.queue[l.head]
	l.queue[l.head] = nil
	if l.head++; l.head > len(l.queue)/2 {
		l.queue = slices.Delete(l.queue, 0, l.head)
		l.head = 0
	}
	delete(l.byKey, h.key)
	return h, true
}

// keyOf returns the key of a message.
func (s *Subscription) keyOf(d *bimodal.Delivery, number uint64, payload []byte) string {
	if s.latest.key == nil {
		return d.Author.String() + d.Topic
	}
	return s.latest.key(Message{Topic: d.Topic, From: s.node.names.of(d.Author), FromID: d.Author, Sequence: number, Payload: payload})
}

// pushLatest takes a delivery or a gap where only the newest messages are kept. It returns how many messages had to make room.
func (s *Subscription) pushLatest(e entry) (lost uint64) {
	type keyed struct {
		key     string
		number  uint64
		payload []byte
	}
	var messages []keyed
	if e.gap == nil {
		for c := e.delivery.Begin(); c.Next(); {
			messages = append(messages, keyed{s.keyOf(&e.delivery, c.Number, c.Payload), c.Number, c.Payload})
		}
	}
	s.mu.Lock()
	defer s.signal()
	defer s.mu.Unlock()
	if s.closed {
		return 0
	}
	if e.gap != nil {
		s.give(e)
		return 0
	}
	for _, m := range messages {
		lost += s.hold(&e.delivery, m.key, m.number, m.payload)
	}
	return lost
}

// hold keeps a message in place of the one of its key. The lock is held.
func (s *Subscription) hold(d *bimodal.Delivery, key string, number uint64, payload []byte) (lost uint64) {
	l := s.latest
	h := l.byKey[key]
	if h == nil {
		h = &held{key: key}
		l.byKey[key] = h
		l.queue = append(l.queue, h)
	} else {
		l.conflated++
		s.node.conflated.Add(1)
		s.bytes -= h.size()
	}
	h.topic, h.author, h.epoch, h.sequence = d.Topic, d.Author, d.Epoch, number
	h.payload = append(h.payload[:0], payload...) // nobody has it while it waits
	s.bytes += h.size()
	for s.bytes > s.limit && len(l.queue)-l.head > 1 {
		oldest, _ := l.take()
		s.bytes -= oldest.size()
		lost += s.give(entry{gap: oldest.gap(), shed: true})
	}
	return lost
}

// Conflated returns how many messages gave way for later ones of the same key; see [Latest].
func (s *Subscription) Conflated() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		return 0
	}
	return s.latest.conflated
}
