package bimodal

import (
	"spinglass/gravity"
	"spinglass/protocol"
)

// Who raises its rating can ask for what the lower one has left out and is still buffered somewhere. The stream goes back for that once: what was left out is missing from then on, what was delivered or told as lost counts as spared, and messages come in order,
// those that were left out before those that are new. What is not to be had any more is no gap.

// rewinding is where a stream has gone back from.
type rewinding struct {
	until  uint64         // number that was next; 0 when the stream has not gone back
	rating gravity.Rating // that has left packets below out
	order  reassembly     // to go on with there
}

// SetRatingWith is SetRating; with fetch, what the lower rating before has left out is fetched as far as it is still buffered, up to 8192 packets of each stream. Of this node's own streams nothing is.
func (m *Machine) SetRatingWith(now protocol.Time, name string, r gravity.Rating, fetch bool, out *protocol.Output) error {
	before := m.Rating(name)
	if err := m.SetRating(now, name, r, out); err != nil || !fetch || r <= before {
		return err
	}
	for _, s := range m.streams {
		if s.topic == m.byName[name] && !m.own(s.id) && !s.order.seeking && s.back.until == 0 {
			m.rewind(now, s, before, out)
		}
	}
	return nil
}

// rewind has a stream go back for what a rating has left out.
func (m *Machine) rewind(now protocol.Time, s *stream, before gravity.Rating, out *protocol.Output) {
	first, old := min(s.next-min(s.next-1, historyPackets), s.base), s.window
	if first == s.next || s.high+1-first > windowMax {
		return // there is nothing, or it is far behind as it is
	}
	m.stats.Rewinds++
	s.back = rewinding{until: s.next, rating: before, order: s.order}
	s.order = reassembly{fresh: true}
	s.window = window{base: first, next: first, high: first - 1}
	m.stats.BufferedBytes += slotCost * (s.extend(old.high, m.round) - len(old.slots))
	for seq := first; seq <= old.high; seq++ {
		if seq >= old.base {
			m.moveSlot(s, &old, seq)
		} else if !m.moveFromArchive(s, seq) && before.Wants(s.height(seq)) {
			s.setSpared(seq)
		}
		if s.at(seq).packet == nil && !s.topic.holds.Wants(s.height(seq)) {
			s.setSpared(seq)
		}
	}
	m.sweepLong(s) // blocks that are empty now, before newer ones come behind them
	s.recount()
	m.activate(now, s)
	m.advance(s, out)
}

// moveSlot takes over a number of the window that there was.
func (m *Machine) moveSlot(s *stream, old *window, seq uint64) {
	was, to := old.at(seq), s.at(seq)
	switch {
	case was.packet != nil:
		*to = *was
		s.put(was.packet)
		s.held++
		s.waiting++
		s.bytes += was.packet.cost()
	case seq >= s.back.until:
		if *to = *was; old.spares(seq) {
			s.setSpared(seq)
		}
	case s.back.rating.Wants(s.height(seq)): // it was given up
		s.setSpared(seq)
	}
}

// moveFromArchive takes a packet from the archive into the window, and reports whether it was there.
func (m *Machine) moveFromArchive(s *stream, seq uint64) bool {
	i, ok := s.archive.find(seq)
	if !ok || s.archive.blocks[i].packets[seq%blockLength] == nil {
		return false
	}
	b, at := s.archive.blocks[i], int(seq%blockLength)
	p, use := b.packets[at], b.usages[at]
	m.dropLong(s, b, at)
	s.put(p).usage = use
	s.held++
	s.waiting++
	s.bytes += p.cost()
	m.stats.BufferedPackets++
	m.stats.BufferedBytes += p.cost()
	return true
}

// goOn ends that a stream has gone back, when it is where it was.
func (m *Machine) goOn(s *stream) {
	if s.back.until > 0 && s.next >= s.back.until {
		m.endRewind(s)
	}
}

// endRewind has a stream account for messages as before it went back.
func (m *Machine) endRewind(s *stream) {
	if s.back.until > 0 {
		m.abandonAssembly(s)
		counted := max(s.order.counted, s.back.order.counted) // what was left out last may be delivered now
		s.order, s.back = s.back.order, rewinding{}
		s.order.counted = counted
	}
}

// goneBack reports whether the next number of a stream is one of those for which it has gone back.
func (s *stream) goneBack() bool { return s.back.until > 0 && s.next < s.back.until }

// boundRewind takes in from the author of a stream that has gone back that packets below a number are not to be had any more.
func (m *Machine) boundRewind(s *stream, floor uint64, out *protocol.Output) {
	for seq := s.next; s.goneBack() && seq < min(floor, s.back.until, s.high+1); seq++ {
		if s.at(seq).packet == nil {
			s.setSpared(seq)
		}
	}
	m.advance(s, out)
}
