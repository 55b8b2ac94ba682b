package membership

import (
	"spinglass/protocol"
	"spinglass/table"
)

// How many elements are allocated at a time: twice as many each time, from slabSizeMin to slabSizeMax, and no more than the zone has members. In a zone of few
// members each message has memory of its own, so that a machine of few messages is small.
const (
	slabSizeMin = 4
	slabMembers = 32
	slabSizeMax = 512
)

// slabs hand out memory for messages. Messages are immutable once emitted and may be kept for ever, so the memory is never taken
// back; carving it from larger pieces makes one allocation of dozens.
type slabs struct {
	claims  slab[table.Claim]
	beats   slab[Beat]
	owners  slab[protocol.NodeID]
	digests slab[Digest]
	deltas  slab[Delta]
}

// of sets for how many members messages are made.
func (s *slabs) of(members int) {
	most := 1
	if members >= slabMembers {
		most = min(members, slabSizeMax)
	}
	s.claims.most, s.beats.most, s.owners.most, s.digests.most, s.deltas.most = most, most, most, most, most
}

type slab[T any] struct {
	free []T
	size int // of the last allocation, in elements
	most int // that it may become
}

// open returns an empty slice of room for n elements; close keeps what was appended.
func (s *slab[T]) open(n int) []T {
	if cap(s.free) < n {
		s.size = min(max(slabSizeMin, 2*s.size), s.most)
		s.free = make([]T, 0, max(n, s.size))
	}
	return s.free[:0:n]
}

// close returns used, which was opened, cut to its length; the rest is free again.
func (s *slab[T]) close(used []T) []T {
	n := len(used)
	if n == cap(s.free) {
		s.free = nil // an empty rest would keep the whole piece
	} else {
		s.free = s.free[n:cap(s.free)][:0]
	}
	return used[:n:n]
}

// one returns an element of the slab.
func (s *slab[T]) one() *T {
	return &s.close(append(s.open(1), *new(T)))[0]
}
