package bimodal

import (
	"math/bits"

	"spinglass/gravity"
	"spinglass/protocol"
)

// A member wants the packets of a topic whose heights are below its rating (package gravity). What it does not want is spared: it knows of the numbers, and they are not missing.

// height returns the height of packet seq of a stream.
func (s *stream) height(seq uint64) gravity.Height { return s.salt.Height(seq) }

// heightOf returns the height of a packet, of whose stream nothing need be known.
func heightOf(p *Packet) gravity.Height {
	return gravity.NewSalt(uint64(p.Stream.Topic), uint64(p.Stream.Author), p.Stream.Epoch).Height(p.Seq)
}

// find says which numbers of a window are looked for.
type find uint8

const (
	findHeld    find = iota // the packet is here
	findAbsent              // it is not
	findMissing             // it is not, and is wanted
	findSettled             // it is here, or not wanted
)

// word returns, for 64 slots with number i among them, a bit for each that is looked for.
func (w *window) word(i uint64, f find) uint64 {
	word := w.filled[i/64]
	if f >= findMissing && w.spared != nil {
		word |= w.spared[i/64]
	}
	if f == findAbsent || f == findMissing {
		word = ^word
	}
	return word
}

// spares reports whether a number from base to high is not wanted.
func (w *window) spares(seq uint64) bool {
	if w.spared == nil {
		return false
	}
	i := w.index(seq)
	return w.spared[i/64]>>(i%64)&1 == 1
}

// settled reports whether a number from base to high is here or not wanted.
func (w *window) settled(seq uint64) bool { return w.at(seq).packet != nil || w.spares(seq) }

// setSpared notes that a number from next to high, whose packet is not here, is not wanted.
func (w *window) setSpared(seq uint64) {
	if w.spared == nil {
		w.spared = make([]uint64, len(w.filled))
	}
	if i := w.index(seq); w.spared[i/64]>>(i%64)&1 == 0 {
		w.spared[i/64] |= 1 << (i % 64)
		w.sparing++
	}
}

// setWanted notes that a number from base to high is wanted.
func (w *window) setWanted(seq uint64) {
	if !w.spares(seq) {
		return
	}
	i := w.index(seq)
	if w.spared[i/64] &^= 1 << (i % 64); seq >= w.next {
		w.sparing--
	}
}

// recount counts the spared numbers anew, since next is lower than it was, or higher.
func (w *window) recount() {
	if w.sparing = 0; w.spared == nil {
		return
	}
	for seq := w.next; seq <= w.high; seq++ {
		if w.spares(seq) {
			w.sparing++
		}
	}
}

// spareFrom marks those of the new numbers from first on that this node does not want, and passes over what is spared next.
func (m *Machine) spareFrom(s *stream, first uint64) {
	for seq := max(first, s.next); seq <= s.high; seq++ {
		if !s.topic.holds.Wants(s.height(seq)) {
			s.setSpared(seq)
		}
	}
	for s.next <= s.high && s.at(s.next).packet == nil && s.spares(s.next) {
		m.spare(s)
	}
}

// advance delivers what is in order now.
func (m *Machine) advance(s *stream, out *protocol.Output) {
	for s.next <= s.high {
		switch {
		case s.order.seeking && m.awaitsHistory(s):
			return
		case s.at(s.next).packet != nil:
			m.deliverNext(s, out)
		case s.spares(s.next):
			m.spare(s)
		default:
			return
		}
	}
}

// spare passes over the next number, which is not wanted.
func (m *Machine) spare(s *stream) {
	m.goOn(s)
	s.next++
	s.sparing--
	m.passOver(s)
}

// passOver notes that a packet is not delivered because it is not wanted.
func (m *Machine) passOver(s *stream) {
	m.abandonAssembly(s)
	s.order.skipping = false
	s.order.spared++
}

// lost returns how many of the messages up to number at that are not accounted for were lost: all, or, where packets between were spared, their share by the packets that were given up.
func (o *reassembly) lost(at uint64) uint64 {
	if at <= o.counted {
		return 0
	}
	messages := at - o.counted
	if o.spared == 0 {
		return messages
	}
	all := o.spared + o.failed
	high, low := bits.Mul64(messages, o.failed)
	lost, rest := bits.Div64(high, low, all)
	if rest > 0 {
		lost++
	}
	return lost
}

// wantsStill reports whether this node wants a packet that it misses, as its zone may no longer for which it carries the topic.
func (m *Machine) wantsStill(s *stream, seq uint64) bool {
	m.refreshTargets(s.topic)
	return s.topic.holds.Wants(s.height(seq))
}

// takeSpared takes in a packet that this node does not want: that there is one.
func (m *Machine) takeSpared(now protocol.Time, from protocol.NodeID, s *stream, p *Packet, out *protocol.Output) {
	m.stats.PacketsSpared++
	if p.Seq > s.high && m.follow(p.Seq-s.high, from, out) {
		missing := s.missing()
		if m.learn(now, s, p.Seq, p.total(), out); s.missing() > missing && !s.overtakes() {
			m.poll(s, out)
		}
	}
}

// wantsWithin returns the highest number from low to high that this node wants of a stream.
func (s *stream) wantsWithin(low, high uint64) (uint64, bool) {
	for seq := high; seq >= low; seq-- {
		if s.topic.holds.Wants(s.height(seq)) {
			return seq, true
		}
	}
	return 0, false
}

// SetRating sets which fraction of a topic's messages is wanted. What is not delivered yet is judged by it at once, and what others send as soon as they know of it. Errors: ErrNotSubscribed, gravity.ErrRating.
func (m *Machine) SetRating(_ protocol.Time, name string, r gravity.Rating, out *protocol.Output) error {
	t := m.byName[name]
	switch {
	case t == nil || !t.subscribed:
		return ErrNotSubscribed
	case r == 0:
		return gravity.ErrRating
	case t.rating == r:
		return nil
	}
	t.rating = r
	m.announceInterest(out)
	if t.carry != nil {
		m.announceCarries(out)
	}
	m.regrade(t, out)
	m.joinGroups(out)
	return nil
}

// Rating returns the rating of a subscription, zero when there is none.
func (m *Machine) Rating(name string) gravity.Rating {
	if t := m.byName[name]; t != nil && t.subscribed {
		return t.rating
	}
	return 0
}

// regrade judges again what is not delivered yet of a topic, since its rating has changed.
func (m *Machine) regrade(t *topic, out *protocol.Output) {
	m.reshape(t)
	m.refreshTargets(t)
	for _, s := range m.streams {
		if s.topic != t || m.own(s.id) {
			continue
		}
		for seq := s.next; seq <= s.high; seq++ {
			switch slot := s.at(seq); {
			case slot.packet != nil:
			case !t.holds.Wants(s.height(seq)):
				s.setSpared(seq)
			case s.spares(seq):
				s.setWanted(seq)
				slot.since, slot.asked = m.round, m.round-neverAsked
			}
		}
		m.advance(s, out)
	}
}
