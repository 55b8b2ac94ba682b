package bimodal

import (
	"time"

	"spinglass/protocol"
)

// A subscription asks for what is published from then on. Of a stream that began before, the first packet that a node hears of need not be
// the first that was sealed since: those before it may be lost, or may have been spread before the author knew of the subscription.
// So the node seeks: it asks for earlier packets, newest first, until one comes that is older than the subscription. What was sealed
// when follows from the ages of packets, as for streams that are wanted whole. The author holds all of its packets for their life, so
// what its own digests do not offer any more is not to be had, and the node seeks no further.

// Bounds of seeking.
const (
	seekMax      = 1024 // packets before the first that was heard of
	seekRequests = 32   // packets asked for per digest meanwhile
)

// sealed estimates when a packet was sealed. It is never earlier than the truth, since that holds for the beginning of the stream.
func (s *stream) sealed(p *Packet) protocol.Time {
	return s.began.Add(time.Duration(p.Age) * time.Millisecond)
}

// seekFrom returns the number from which on a stream of a topic is wanted that is older than the subscription and of which number heard is the first to be
// heard of.
func (t *topic) seekFrom(heard uint64) uint64 {
	most := t.history.packets()
	if heard <= most {
		return 1
	}
	return heard - most
}

// passed reports whether p bounds the seeking in its stream: it was sealed before the subscription, and is not wanted of what was, so that what is wanted begins behind it.
func (s *stream) passed(p *Packet) bool {
	return s.order.seeking && s.sealed(p) <= s.topic.since && s.topic.history.begins(s.order.before, p)
}

// pollSeeking asks for what is newest of the packets sought, by turns the author, who knows how far back there is anything, and one of their
// bufferers; a given other member if those are not known.
func (m *Machine) pollSeeking(s *stream, to protocol.NodeID, out *protocol.Output) {
	ranges := s.sought()
	if bufferer := m.drawBufferer(s, ranges[0].Last); bufferer != nil {
		to = bufferer.id
	}
	if s.polls%2 == 1 && m.peers[s.id.Author] != nil {
		to = s.id.Author
	}
	m.sendPoll(to, PollEntry{Stream: s.id, Ranges: ranges}, out)
}

// sought returns the newest missing packets, newest first, as many as are asked for per digest: an older one that came first would end the
// seeking too early. Something must be missing.
func (s *stream) sought() []Range {
	var ranges []Range
	left := uint64(s.topic.history.requests())
	for seq, missing := s.last(s.high, s.next, findMissing); missing && left > 0 && len(ranges) < PollRangesMax; {
		first := max(s.next, seq+1-min(seq, left))
		if settled, more := s.last(seq, first, findSettled); more {
			first = settled + 1
		}
		ranges = append(ranges, Range{First: first, Last: seq})
		left -= seq + 1 - first
		seq, missing = s.last(first-1, s.next, findMissing)
	}
	return ranges
}

// begin takes up a stream behind p, with which the messages so far are known exactly. What is missing behind it may be older than the
// subscription too, as packets come in any order; so the seeking goes on until the next packet is there, or is given up.
func (m *Machine) begin(now protocol.Time, s *stream, p *Packet, out *protocol.Output) {
	if p.Seq > s.high {
		m.learn(now, s, p.Seq, p.total(), out)
	}
	s.order.counted, s.order.bounded = p.total(), true
	m.seekBehind(s, p.Seq+1)
	if (s.next > s.high || s.settled(s.next)) && !m.awaitsHistory(s) {
		m.endSeek(s, out)
	}
}

// boundSeek takes in from a digest of the stream's author that packets below e.Floor are not to be had any more.
func (m *Machine) boundSeek(s *stream, e *DigestEntry, out *protocol.Output) {
	if e.Floor <= s.next {
		return
	}
	s.order.bounded = false
	m.seekBehind(s, min(e.Floor, s.high+1))
	if (s.next > s.high || s.settled(s.next)) && !m.awaitsHistory(s) {
		s.order.counted = s.total // for what is to come, when nothing is there
		m.endSeek(s, out)
	}
}

// seekBehind drops what is below a number that is at most one above the highest.
func (m *Machine) seekBehind(s *stream, first uint64) {
	for ; s.base < first; s.base++ {
		m.discard(s)
	}
	s.next = s.base
	s.recount()
}

// endSeek delivers from where the stream begins for this node.
func (m *Machine) endSeek(s *stream, out *protocol.Output) {
	s.order.seeking, s.order.fresh = false, true
	m.advance(s, out)
}
