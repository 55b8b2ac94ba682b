package bimodal

import "spinglass/protocol"

// Bounds of what one author may take, on however many topics and under however many epochs.
const (
	authorStreams  = 8 // one part in so many of the streams, and as many as there may be subscriptions
	authorAssembly = 4 // one part in so many of what unfinished messages may take, when there is no room
)

// author is who publishes some of the streams that a node knows. What the node holds is shared fairly by authors, and by streams within what one author has, so
// that who publishes to many topics takes no more from others than who publishes to one.
type author struct {
	streams   int
	assembled int // bytes of its messages that are being put together

	// Of one pass over the active streams:
	pass    uint64
	cost    int // bytes of its streams
	largest int // of these, the largest
}

// enlist notes that a stream is taken up.
func (m *Machine) enlist(s *stream) {
	a := m.authors[s.id.Author]
	if a == nil {
		a = new(author)
		m.authors[s.id.Author] = a
	}
	a.streams++
	s.author = a
}

// dismiss notes that a stream is forgotten.
func (m *Machine) dismiss(s *stream) {
	if s.author.streams--; s.author.streams == 0 {
		delete(m.authors, s.id.Author)
	}
}

// prolific reports whether an author has as many streams as one may have.
func (m *Machine) prolific(id protocol.NodeID) bool {
	a := m.authors[id]
	return a != nil && a.streams >= max(m.config.Subscriptions, m.config.Streams/authorStreams)
}

// sumAuthors sums up what authors take, by what of their active streams counts, and returns what the one takes that takes most.
func (m *Machine) sumAuthors(cost func(*stream) int) (most int) {
	m.pass++
	for s := m.newest; s != nil; s = s.older {
		a, c := s.author, cost(s)
		if a.pass != m.pass {
			a.pass, a.cost, a.largest = m.pass, 0, 0
		}
		a.cost += c
		a.largest = max(a.largest, c)
		most = max(most, a.cost)
	}
	return most
}

// excess returns how many bytes a stream that takes cost has to give up in a pass, in which authors are brought down to half of what the one took that took
// most, each by bringing its streams down to half of what its largest took.
func (a *author) excess(cost, most int) int {
	return max(0, min(cost-a.largest/2, a.cost-most/2))
}

// shrinkLargest ends the short phase of packets of the authors that take most. It reports whether there was anything to take.
func (m *Machine) shrinkLargest(target int, out *protocol.Output) bool {
	most := m.sumAuthors((*stream).cost)
	for s := m.newest; s != nil && m.stats.BufferedBytes > target; {
		older, before := s.older, s.cost()
		if excess := s.author.excess(before, most); excess > 0 {
			m.shrink(s, before-excess, target, out)
			s.author.cost -= before - s.cost()
		}
		s = older
	}
	return most > 0
}

// evictLong brings the long phase down to target bytes, or the whole buffer to another number, whatever comes first, at the cost of the authors that take the
// most: the oldest blocks of their largest streams go.
func (m *Machine) evictLong(long, buffered int) {
	for m.stats.LongBytes > long && m.stats.BufferedBytes > buffered {
		most := m.sumAuthors(func(s *stream) int { return s.archive.bytes })
		if most == 0 {
			return
		}
		for s := m.newest; s != nil; s = s.older {
			for s.author.excess(s.archive.bytes, most) > 0 && m.stats.LongBytes > long && m.stats.BufferedBytes > buffered {
				before := s.archive.bytes
				m.evictBlock(s)
				s.author.cost -= before - s.archive.bytes
			}
		}
	}
}

// assemble accounts for bytes of a message that is being put together.
func (m *Machine) assemble(s *stream, bytes int) {
	m.assembled += bytes
	s.author.assembled += bytes
}

// roomToAssemble reports whether so many bytes more of a message may be held. When there is no room the largest unfinished message of the author that has most
// gives way, if that has more than the one that asks would have.
func (m *Machine) roomToAssemble(s *stream, bytes int, out *protocol.Output) bool {
	wanted := s.author.assembled + bytes
	for m.assembled+bytes > assembliesMax {
		if wanted > assembliesMax/authorAssembly {
			return false
		}
		var largest *stream
		for other := m.newest; other != nil; other = other.older {
			if other.author.assembled > wanted && other.order.partial != nil && (largest == nil || largest.less(other)) {
				largest = other
			}
		}
		if largest == nil {
			return false
		}
		m.giveUpAssembly(largest, false, out)
	}
	return true
}

// less reports whether another stream gives up its unfinished message rather than s.
func (s *stream) less(other *stream) bool {
	if s.author.assembled != other.author.assembled {
		return s.author.assembled < other.author.assembled
	}
	return len(s.order.partial) < len(other.order.partial)
}

// giveUpAssembly tells that the message which is being put together is lost, for want of room. ended says that the piece at hand is its last.
func (m *Machine) giveUpAssembly(s *stream, ended bool, out *protocol.Output) {
	m.stats.AssembliesRefused++
	m.abandonAssembly(s)
	m.lose(s, s.order.counted+1, GapReassembly, out)
	s.order.skipping = !ended
}
