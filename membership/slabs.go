package membership

import (
	"spinglass/protocol"
	"spinglass/table"
)

// slabSize is how many elements are allocated at a time.
const slabSize = 512

// slabs hand out memory for messages. Messages are immutable once emitted and may be kept for ever, so the memory is never taken
// back; carving it from larger pieces makes one allocation of dozens.
type slabs struct {
	claims  slab[table.Claim]
	beats   slab[Beat]
	owners  slab[protocol.NodeID]
	digests slab[Digest]
	deltas  slab[Delta]
}

type slab[T any] struct{ free []T }

// open returns an empty slice of room for n elements; close keeps what was appended.
func (s *slab[T]) open(n int) []T {
	if cap(s.free) < n {
		s.free = make([]T, 0, max(n, slabSize))
	}
	return s.free[:0:n]
}

// close returns used, which was opened, cut to its length; the rest is free again.
func (s *slab[T]) close(used []T) []T {
	n := len(used)
	s.free = s.free[n:cap(s.free)][:0]
	return used[:n:n]
}

// one returns an element of the slab.
func (s *slab[T]) one() *T {
	return &s.close(append(s.open(1), *new(T)))[0]
}
