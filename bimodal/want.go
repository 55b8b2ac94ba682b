package bimodal

import (
	"slices"

	"spinglass/wire"
)

// wish is the part under way of a request that is about one stream.
type wish struct {
	mark     int // of the ranges of the request: those of the wish follow
	numbers  int // packets asked for
	reserved int // bytes
	sought   int // packets asked for to find the beginning of a stream
}

// want adds to the request under way what e offers and this node misses, as far as the occasion allows: of regular digests the newest first; of
// answers, which were asked for because something is missing for long, the oldest first. So what delivery waits for, and what others will soon
// have no more, does not starve while more is missing than can be asked for.
func (m *Machine) want(s *stream, e *DigestEntry, answer bool, o *occasion) {
	if s.missing() == 0 {
		return
	}
	w := wish{mark: len(m.scratch.ranges), reserved: s.id.size() + 2*wire.UvarintSize(s.high) + wire.UvarintSize(RequestNumbersMax)}
	if answer && !s.order.seeking {
		m.wantOldest(s, e, o, &w)
	} else {
		m.wantNewest(s, e, o, &w)
	}
	if c := &m.scratch; w.numbers > 0 {
		c.reserved += w.reserved
		c.asked = append(c.asked, RequestEntry{Stream: s.id, Ranges: c.ranges[w.mark:]})
	}
}

func (m *Machine) wantNewest(s *stream, e *DigestEntry, o *occasion, w *wish) {
	for _, offered := range e.Ranges {
		low := max(offered.First, s.next)
		seq, missing := s.last(min(offered.Last, s.high), low, findMissing)
		for missing && m.wishFor(s, seq, o, w) {
			seq, missing = s.last(seq-1, low, findMissing)
		}
	}
}

func (m *Machine) wantOldest(s *stream, e *DigestEntry, o *occasion, w *wish) {
	for _, offered := range slices.Backward(e.Ranges) {
		high := min(offered.Last, s.high)
		seq, missing := s.first(max(offered.First, s.next), high, findMissing)
		for missing && m.wishFor(s, seq, o, w) {
			seq, missing = s.first(seq+1, high, findMissing)
		}
	}
	slices.Reverse(m.scratch.ranges[w.mark:])
}

// wishFor adds a missing packet to a wish if it may be asked for. It reports whether there is room for more.
func (m *Machine) wishFor(s *stream, seq uint64, o *occasion, w *wish) bool {
	c := &m.scratch
	if o.numbers == 0 || o.scan == 0 || w.sought == s.topic.history.requests() {
		return false
	}
	o.scan--
	if m.onTrial(s, seq, o) {
		return true
	}
	slot := s.at(seq)
	if m.config.Mode == ModeFull && (s.underway(seq, m, o) || !slot.mayAsk(m.round, o)) {
		return true
	}
	switch n := len(c.ranges); {
	case n > w.mark && c.ranges[n-1].First == seq+1:
		c.ranges[n-1].First = seq
	case n > w.mark && c.ranges[n-1].Last == seq-1:
		c.ranges[n-1].Last = seq
	default:
		// Each range costs two numbers, of which neither is longer than the highest.
		reserved := w.reserved + 2*wire.UvarintSize(s.high)
		if c.reserved+reserved > m.messageRoom() {
			o.scan = 0
			return false
		}
		w.reserved = reserved
		c.ranges = append(c.ranges, Range{First: seq, Last: seq})
	}
	slot.ask(m.round, o)
	o.numbers--
	w.numbers++
	if s.order.seeking && seq < s.order.heard {
		w.sought++
	}
	return true
}
