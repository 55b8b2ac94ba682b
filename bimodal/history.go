package bimodal

import "spinglass/protocol"

// HistoryMax is the most messages that a subscription can ask for of what was published before.
const HistoryMax = 1 << 20

// Bounds of seeking where something is wanted of what was published before the subscription.
const (
	historyPackets  = 8192 // packets before the first that was heard of
	historyRequests = 256  // packets asked for per digest meanwhile
)

// History is what a subscription wants of what was published before it, of each stream as far as it is still buffered somewhere.
type History struct {
	Last uint64 // so many messages, at most HistoryMax
	All  bool   // all
}

func (h History) check() error {
	if h.Last > HistoryMax {
		return ErrHistory
	}
	return nil
}

// wants reports whether anything is wanted.
func (h History) wants() bool { return h.All || h.Last > 0 }

// packets returns how many packets back are looked for.
func (h History) packets() uint64 {
	if h.wants() {
		return historyPackets
	}
	return seekMax
}

// requests returns how many packets are asked for per digest.
func (h History) requests() int {
	if h.wants() {
		return historyRequests
	}
	return seekRequests
}

// begins reports whether what is wanted begins behind a packet, of a stream of which so many messages were published before the subscription.
func (h History) begins(total uint64, p *Packet) bool {
	return !h.All && total >= p.total()+h.Last
}

// preceded takes in what a packet tells of how many messages were published before the subscription.
func (s *stream) preceded(p *Packet) {
	if s.sealed(p) <= s.topic.since {
		s.order.before = max(s.order.before, p.total())
	}
}

// awaitsHistory reports whether a stream that is sought in has to wait with what is here, because what is the last of the messages from before the subscription is known only when no packet from then is missing.
func (m *Machine) awaitsHistory(s *stream) bool {
	if s.topic.history.Last == 0 {
		return false
	}
	seq, missing := s.first(s.next, min(s.order.heard-1, s.high), findMissing)
	return missing && !m.over(s, &s.at(seq).usage)
}

// replay delivers what a new subscription wants of the past of a stream that this node holds already, because it publishes to it or carries its topic: as far back as nothing is missing.
func (m *Machine) replay(s *stream, out *protocol.Output) {
	h, first := s.topic.history, s.next
	if !h.wants() {
		return
	}
	for left := uint64(historyPackets); left > 0 && first > 1; left-- {
		p, _ := s.packet(first - 1)
		if p == nil || s.order.before > 0 && h.begins(s.order.before, p) {
			break
		}
		s.order.before = max(s.order.before, p.total())
		first--
	}
	for seq := first; seq < s.next; seq++ {
		p, _ := s.packet(seq)
		m.deliver(s, p, out)
	}
}

// unwanted returns the number up to which messages are not wanted though they share a packet with wanted ones: all but the last of those from before the subscription.
func (s *stream) unwanted() uint64 {
	h := s.topic.history
	if h.All || h.Last == 0 || h.Last >= s.order.before {
		return 0
	}
	return s.order.before - h.Last
}
