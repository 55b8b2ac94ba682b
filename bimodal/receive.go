package bimodal

import (
	"spinglass/gravity"
	"spinglass/protocol"
)

// way is how a packet came.
type way uint8

const (
	wayFirst  way = iota // from its author, or from the contact of the own zone
	wayRelay             // handed on
	wayRepair            // sent again
)

// receive takes in a packet, and hands it on if it came as a relay. A packet that was not sent by its author itself, over a link that proves it, is on trial first.
func (m *Machine) receive(now protocol.Time, a arrived, out *protocol.Output) {
	p := a.packet
	m.stats.PacketsReceived++
	m.stats.BytesReceived += uint64(p.Size())
	switch {
	case m.own(p.Stream):
		out.Drop(a.from, ReasonOwn)
	case m.signed() && (a.shared || a.from != p.Stream.Author):
		m.try(now, a, out)
	default:
		m.admit(now, a, unproven, out)
	}
}

// arrived is a packet with how it came.
type arrived struct {
	packet *Packet
	from   protocol.NodeID
	way    way
	shared bool   // sent to a group, by a key that others have too
	relay  *Relay // it is to be handed on; nil when not
	taken  bool   // it was taken in, as its author itself has sent it, and waits to be handed on
}

// admit takes in a packet that is believed, after those that its manifest proves, and hands it on if it is proven as well.
func (m *Machine) admit(now protocol.Time, a arrived, standing standing, out *protocol.Output) {
	switch {
	case a.packet.Manifest == nil || !m.signed():
	case standing == proven:
		m.acquit(now, a.packet, out)
	default:
		standing = m.acquitBy(now, a, out)
		if _, known := m.keyOf(a.packet.Stream); !known { // others will want it proven
			m.wantKey(a.packet.Stream.Author, a.from, out)
		}
	}
	m.take(now, a.from, a.packet, a.way, standing, out)
	switch {
	case a.relay == nil:
	case standing == proven || !m.signed():
		m.handRelay(now, a.from, a.relay, out)
	default:
		m.handProven(now, a, out)
	}
}

// take takes in a packet.
func (m *Machine) take(now protocol.Time, from protocol.NodeID, p *Packet, way way, standing standing, out *protocol.Output) {
	s := m.byID[p.Stream]
	if s == nil {
		if s = m.join(now, from, p, way, out); s == nil {
			return
		}
	}
	if s.had(p.Seq) {
		m.stats.PacketsDuplicate++
		return
	}
	if s.topic.carry != nil { // what others want, for whom this node carries the topic, may have changed
		m.refreshTargets(s.topic)
	}
	if s.topic.holds != gravity.All && !s.topic.holds.Wants(s.height(p.Seq)) {
		m.takeSpared(now, from, s, p, out)
		return
	}
	gap, missing := p.Seq > s.high+1, s.missing()
	if gap && !m.follow(p.Seq-s.high-1, from, out) {
		return
	}
	if way == wayRepair {
		m.stats.PacketsRepaired++
		s.heardRepaired(p.Seq)
	}
	if s.order.seeking {
		s.began = min(s.began, beganAgo(now, p.Age))
		s.preceded(p)
	}
	if s.passed(p) {
		m.begin(now, s, p, out)
		return
	}
	m.accept(now, s, m.arena.keep(p), standing, out)
	s.relayed = way == wayRelay || s.relayed && way == wayRepair
	if gap && !s.overtakes() && (s.spared == nil || s.missing() > missing) || s.overtaken(p.Seq) {
		m.poll(s, out)
	}
}

// join takes up the stream of a packet, if its topic is wanted.
func (m *Machine) join(now protocol.Time, from protocol.NodeID, p *Packet, way way, out *protocol.Output) *stream {
	t := m.topics[p.Stream.Topic]
	if !t.follows() {
		m.stats.PacketsUnwanted++
		out.Drop(from, ReasonUnwanted)
		return nil
	}
	if m.forbidden(p.Stream) {
		m.stats.AuthorsForbidden++
		out.Drop(from, ReasonForbidden)
		return nil
	}
	first, began := p.Seq, m.beganBefore(now, p, way)
	all := t.wantsAll(began, p.Age)
	seeking := !all && p.Age < AgeMax && (now > t.since || t.history.wants())
	switch {
	case all:
		first = 1
	case seeking:
		first = t.seekFrom(p.Seq)
	}
	s := m.addStream(now, p.Stream, t, first, out)
	if s == nil {
		out.Drop(from, ReasonStreams)
		return nil
	}
	s.began, s.order.fresh, s.order.seeking, s.order.heard = began, !all, seeking, p.Seq
	return s
}

// accept stores a packet that is new and may be kept, and delivers what is in order now.
func (m *Machine) accept(now protocol.Time, s *stream, p *Packet, standing standing, out *protocol.Output) {
	m.stats.PacketsAccepted++
	if p.Seq > s.high {
		m.learn(now, s, p.Seq, p.total(), out)
		if p.Age < AgeMax {
			s.soonest = min(s.soonest, beganAgo(now, p.Age))
		}
	}
	slot := s.put(p)
	slot.since, slot.asked, slot.standing = m.round, m.round, standing
	cost := p.cost()
	s.held++
	s.waiting++
	s.bytes += cost
	m.carried += len(p.Body)
	if m.lengthMean == 0 {
		m.lengthMean = len(p.Body) * lengthMemory
	}
	m.lengthMean += len(p.Body) - m.lengthMean/lengthMemory
	m.stats.BufferedPackets++
	m.stats.BufferedBytes += cost
	m.activate(now, s)
	if p.Manifest != nil {
		s.manifest = max(s.manifest, p.Seq)
		m.proveKept(s, p)
		m.grantPostponed(s, p, out)
	}
	m.advance(s, out)
	m.evict(out)
}

// follow reports whether a stream may be found to have so many packets more than this node has heard of. Each takes a slot, and their
// sum in a round is bounded, so that no datagram costs more work and memory than a few windows.
func (m *Machine) follow(missing uint64, from protocol.NodeID, out *protocol.Output) bool {
	cost := int(min(missing, windowMax))
	if m.favours.leaps.Take(&m.portions(from).leaps, cost) != protocol.Granted {
		m.stats.LeapsRefused++
		out.Drop(from, ReasonLeap)
		return false
	}
	return true
}

// learn notes that the stream goes up to high, with which total messages are complete. Numbers that do not fit into the window
// any more are given up.
func (m *Machine) learn(now protocol.Time, s *stream, high, total uint64, out *protocol.Output) {
	if high-s.base >= windowMax {
		m.raise(s, high-windowMax+1, GapBehind, out)
	}
	before := s.high
	m.stats.BufferedBytes += slotCost * s.extend(high, m.round)
	s.total = total
	if s.topic.carry != nil {
		m.refreshTargets(s.topic)
	}
	if s.topic.holds != gravity.All && !m.own(s.id) {
		m.spareFrom(s, before+1)
	}
	m.noteEndings(s, before)
	m.activate(now, s)
}

// raise lifts the floor of a stream to a higher number: what is below is delivered as far as it is there, given up as far as it
// is not, and dropped.
func (m *Machine) raise(s *stream, floor uint64, reason GapReason, out *protocol.Output) {
	for s.next < floor && s.next <= s.high {
		switch {
		case s.at(s.next).packet != nil:
			m.deliverNext(s, out)
		case s.spares(s.next):
			m.spare(s)
		default:
			m.skip(s, reason)
		}
	}
	if s.next < floor {
		m.goOn(s)
		// Not even heard of so far. What it held shows in the counts of the packets to come.
		wanted := min(floor-s.next, uint64(float64(floor-s.next)*s.topic.holds.Fraction()+0.5)) // which rounding can exceed
		m.stats.PacketsMissed += wanted
		s.missed += wanted
		s.order.failed += wanted
		s.order.spared += floor - s.next - wanted
		m.breakOff(s, reason)
		s.next = floor
	}
	for ; s.base < floor && s.base <= s.high; s.base++ {
		m.retire(s, true)
	}
	if s.base < floor {
		s.base, s.high = floor, floor-1
	}
}

// discard drops the packet at the floor of s, if it is held. The caller raises the floor.
func (m *Machine) discard(s *stream) {
	slot := s.at(s.base)
	if slot.packet == nil {
		return
	}
	cost := slot.packet.cost()
	if s.base >= s.next {
		s.waiting--
	}
	s.held--
	s.bytes -= cost
	m.stats.BufferedPackets--
	m.stats.BufferedBytes -= cost
	s.take(s.base)
}

// evict makes room in the buffer, if it is over its limit. The long phase gives way as far as it has more than its share; then the short
// phase ends early for the authors that take the most of it. Few passes over the active streams are enough, since each takes half of what is largest.
func (m *Machine) evict(out *protocol.Output) {
	limit := m.config.BufferBytes
	if m.stats.BufferedBytes <= limit {
		return
	}
	target := limit - limit/evictShare
	for m.stats.BufferedBytes > target {
		if m.stats.LongBytes > limit/longShare {
			m.evictLong(limit/longShare-limit/evictShare, target)
			continue
		}
		if !m.shrinkLargest(target, out) {
			m.evictLong(0, target)
			return
		}
	}
}

// shrink drops the oldest packets of a stream until it, or the whole buffer, takes no more than it should. A stream of which nothing is
// left gives up what it misses.
func (m *Machine) shrink(s *stream, most, target int, out *protocol.Output) {
	if s.cost() <= most {
		return
	}
	for s.held > 0 && s.cost() > most && m.stats.BufferedBytes > target {
		m.raise(s, s.base+1, GapBuffer, out)
	}
	if s.held == 0 && s.cost() > most && m.stats.BufferedBytes > target {
		m.raise(s, s.high+1, GapBuffer, out)
		m.releaseSlots(s)
	}
	m.settle(s, out)
	if !s.active() {
		m.rest(s)
	}
}
