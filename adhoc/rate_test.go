package adhoc

import (
	"testing"
	"time"

	"spinglass/protocol"
)

// Of whatever is asked for no more is let through in a second than is allowed, and the instant that is told for more is the first one at which there may be some.
func TestRate(t *testing.T) {
	var r Rate
	second := protocol.Time(time.Second)
	for _, c := range []struct {
		now   protocol.Time
		count int
		ok    bool
		at    protocol.Time
	}{
		{5, 3, true, 5}, {6, 2, true, 6}, {7, 1, false, 5 + second}, {4 + second, 1, false, 5 + second}, {5 + second, 4, true, 5 + second}, {6 + second, 2, false, 5 + 2*second},
		{6 + second, 1, true, 6 + second}, {9 * second, 6, false, 10 * second}, {9 * second, 5, true, 9 * second},
	} {
		if ok, at := r.Take(c.now, c.count, 5); ok != c.ok || at != c.at {
			t.Errorf("%d at %v: %v, %v; want %v, %v", c.count, c.now, ok, at, c.ok, c.at)
		}
	}
}
