package anonymous

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// source is what a member knows of the messages of one source.
type source struct {
	id       Source
	expected uint64 // the number behind the greatest that arrived
	lost     []loss // ascending by number
	heard    protocol.Time
}

// forgotten is a source that has made room for others: what it goes on with, should it come back.
type forgotten struct {
	id       Source
	expected uint64
}

// loss is a number that is missing, since when.
type loss struct {
	number uint64
	since  protocol.Time
}

// span is numbers that were given up.
type span struct {
	first, last, count uint64
}

// arrive takes in that a number has arrived. fresh says that it is new here; dropped are those that were given up because there is no room for them.
func (s *source) arrive(now protocol.Time, number uint64, most int) (fresh bool, dropped span) {
	s.heard = now
	if number < s.expected {
		i, found := s.find(number)
		if found {
			s.lost = slices.Delete(s.lost, i, i+1)
		}
		return found, span{}
	}
	missing := number - s.expected
	if room := uint64(most); missing > room { // the earliest have no room whatever else goes
		dropped.add(s.expected, s.expected+(missing-room)-1, missing-room)
		s.expected += missing - room
	}
	if over := len(s.lost) + int(number-s.expected) - most; over > 0 {
		dropped = s.giveUp(min(over, len(s.lost)), dropped)
	}
	for n := s.expected; n < number; n++ {
		s.lost = append(s.lost, loss{n, now})
	}
	s.expected = number + 1
	return true, dropped
}

// find returns where a lost number stands.
func (s *source) find(number uint64) (int, bool) {
	return slices.BinarySearchFunc(s.lost, number, func(l loss, number uint64) int {
		switch {
		case l.number < number:
			return -1
		case l.number > number:
			return 1
		}
		return 0
	})
}

// giveUp gives the first losses up, besides those that already are.
func (s *source) giveUp(count int, also span) span {
	var gone span
	for _, l := range s.lost[:count] {
		gone.add(l.number, l.number, 1)
	}
	s.lost = slices.Delete(s.lost, 0, count)
	if also.count > 0 {
		gone.add(also.first, also.last, also.count)
	}
	return gone
}

// expire gives up what is missing for longer than life.
func (s *source) expire(now protocol.Time, life time.Duration) (gone span) {
	s.lost = slices.DeleteFunc(s.lost, func(l loss) bool {
		old := now.Sub(l.since) >= life
		if old {
			gone.add(l.number, l.number, 1)
		}
		return old
	})
	return gone
}

// add takes more numbers, from first to last, into a span.
func (s *span) add(first, last, count uint64) {
	if s.count == 0 {
		s.first, s.last = first, last
	}
	s.first, s.last, s.count = min(s.first, first), max(s.last, last), s.count+count
}
