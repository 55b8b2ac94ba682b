package vsync

import (
	"math/bits"

	"spinglass/wire"
)

// ranks is a set of members of a view.
type ranks [MembersMax / 64]uint64

func (s ranks) has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }

func (s *ranks) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s *ranks) remove(i int) { s[i/64] &^= 1 << (i % 64) }

func (s ranks) len() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (s ranks) union(t ranks) ranks {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

func (s ranks) minus(t ranks) ranks {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

// covers reports whether s has all of t.
func (s ranks) covers(t ranks) bool { return t.minus(s) == ranks{} }

// first returns the lowest rank in s, -1 when there is none.
func (s ranks) first() int {
	for i, w := range s {
		if w != 0 {
			return 64*i + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// allRanks returns the ranks below n.
func allRanks(n int) (s ranks) {
	for i := range n {
		s.add(i)
	}
	return s
}

func (s ranks) append(b []byte) []byte {
	for _, w := range s {
		b = wire.AppendUvarint(b, w)
	}
	return b
}

func readRanks(r *wire.Reader) (s ranks) {
	for i := range s {
		s[i] = r.Uvarint()
	}
	return s
}
