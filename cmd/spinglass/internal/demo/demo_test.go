package demo

import "testing"

func TestMembersByKind(t *testing.T) {
	for _, test := range []struct {
		members            int
		part               float64
		perturbed, healthy int
	}{
		{32, 0.25, 8, 23}, {32, 0, 0, 31}, {2, 0.2, 0, 1}, {4, 0.25, 1, 2}, {10, 0.8, 8, 1},
	} {
		o := Options{Members: test.members, Perturbed: test.part}
		if p, h := o.PerturbedMembers(), o.HealthyReceivers(); p != test.perturbed || h != test.healthy {
			t.Errorf("%v of %d: %d perturbed and %d healthy receivers, want %d and %d", test.part, test.members, p, h, test.perturbed, test.healthy)
		}
	}
}

func TestRates(t *testing.T) {
	var all, none rates
	for _, second := range [][]float64{{1000, 990}, {1010, 1000}} {
		var r rates
		for _, perSecond := range second {
			r.add(perSecond)
		}
		all.merge(r)
	}
	all.merge(none)
	if all.mean() != 1000 || all.min != 990 {
		t.Errorf("mean %v and minimum %v, want 1000 and 990", all.mean(), all.min)
	}
	if none.mean() != 0 {
		t.Errorf("mean of nothing is %v", none.mean())
	}
}

// A single lost message of a million must show.
func TestFractionDoesNotRoundUpToAll(t *testing.T) {
	if got := fraction(9_999_999, 10_000_000); got >= 1 {
		t.Errorf("all but one of 10 million is told as %v", got)
	}
	if got := fraction(0, 0); got != 1 {
		t.Errorf("nothing of nothing is told as %v", got)
	}
}
