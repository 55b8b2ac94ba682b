package measure

import (
	"math/rand/v2"
	"testing"
)

func TestSeenAgreesWithAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	s, all := new(seen), map[uint64]bool{}
	number := uint64(0)
	for range 200_000 {
		number += random.Uint64N(4)
		n := number - min(number, random.Uint64N(1000))
		if got, want := s.add(n), !all[n]; got != want {
			t.Fatalf("number %d is new: %v, want %v", n, got, want)
		}
		all[n] = true
	}
}

func TestSeenForgetsWhatIsFarBehind(t *testing.T) {
	s := new(seen)
	for _, c := range []struct {
		number uint64
		isNew  bool
	}{
		{5, true}, {5, false}, {10 * seenNumbers, true}, {10 * seenNumbers, false}, {6, false}, {10*seenNumbers - 100, true}, {10*seenNumbers + 64, true},
	} {
		if got := s.add(c.number); got != c.isNew {
			t.Errorf("number %d is new: %v", c.number, got)
		}
	}
}
