package spinglass

import (
	"testing"

	"spinglass/protocol"
	"spinglass/topic"
)

// However often topics are asked for, the node looks for them once, with one timer, until no call was made for long.
func TestLooksAreShared(t *testing.T) {
	n := single(t)
	p, err := topic.Parse("x/#")
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, count int, ticket bool, wants int) {
		t.Helper()
		err := n.call(t.Context(), func(protocol.Time, *protocol.Output) {
			known := n.looks[p]
			if got := n.stack.DirectoryStats().Wants; got != wants || (known != nil) != (wants > 0) {
				t.Errorf("%s: %d patterns are asked for, want %d", what, got, wants)
			}
			if known != nil && (known.count != count || known.ticket != ticket) {
				t.Errorf("%s: %+v", what, known)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const calls = 100
	for range calls {
		if _, err := n.lookFor(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	check("calls under way", calls, false, 1)
	for range calls - 1 {
		n.lookAway(p)
	}
	check("one is left", 1, true, 1)
	n.endLook(p)
	check("the timer ran out meanwhile", 1, false, 1)
	n.lookAway(p)
	check("none is left", 0, true, 1)
	n.endLook(p)
	check("the timer ran out early", 0, true, 1)
	if err := n.call(t.Context(), func(now protocol.Time, _ *protocol.Output) { n.looks[p].until = now }); err != nil {
		t.Fatal(err)
	}
	n.endLook(p)
	check("later", 0, false, 0)
}
