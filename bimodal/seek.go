package bimodal

import (
	"time"

	"spinglass/protocol"
)

// A subscription asks for what is published from then on. Of a stream that began before, the first packet that a node hears of need not be
// the first that was sealed since: those before it may be lost, or may have been spread before the author knew of the subscription.
// So the node seeks: it asks for earlier packets, newest first, until one comes that is older than the subscription. What was sealed
// when follows from the ages of packets, as for streams that are wanted whole.

// Bounds of seeking.
const (
	seekMax      = 1024 // packets before the first that was heard of
	seekRequests = 32   // packets asked for per digest meanwhile
)

// sealed estimates when a packet was sealed. It is never earlier than the truth, since that holds for the beginning of the stream.
func (s *stream) sealed(p *Packet) protocol.Time {
	return s.began.Add(time.Duration(p.Age) * time.Millisecond)
}

// seekFrom returns the number from which on a stream is wanted that is older than the subscription and of which number heard is the first to be
// heard of.
func seekFrom(heard uint64) uint64 {
	if heard <= seekMax {
		return 1
	}
	return heard - seekMax
}

// passed reports whether p ends the seeking in its stream: it was sealed before the subscription, so that what is wanted begins behind it.
func (s *stream) passed(p *Packet) bool {
	return s.order.seeking && p.Seq <= s.high && s.sealed(p) <= s.topic.since
}

// begin takes up a stream behind p, with which the messages so far are known exactly.
func (m *Machine) begin(s *stream, p *Packet, out *protocol.Output) {
	for ; s.base <= p.Seq; s.base++ {
		m.discard(s)
	}
	s.next = s.base
	s.order.seeking, s.order.fresh, s.order.counted = false, true, p.total()
	for s.next <= s.high && s.at(s.next).packet != nil {
		m.deliverNext(s, out)
	}
}
