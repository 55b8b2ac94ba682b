package measure

import "testing"

func TestBracketFindsTheHighestRate(t *testing.T) {
	for _, highest := range []float64{12, 100, 4321, 1e6, 1.9e7} {
		for _, guess := range []float64{highest / 4, highest / 1.1, highest, highest * 1.2, highest * 50} {
			var b bracket
			rate, more, steps := min(max(guess, RateMin), RateMax), true, 0
			for ; more; steps++ {
				if steps == stepsMax {
					t.Fatalf("%v from %v: not found within %d steps", highest, guess, steps)
				}
				rate, more = b.next(rate, rate <= highest)
			}
			if b.sustained > highest || b.sustained < highest/closeEnough && highest < RateMax/raise {
				t.Errorf("%v from %v: found %v in %d steps", highest, guess, b.sustained, steps)
			}
		}
	}
}

func TestBracketGivesUp(t *testing.T) {
	var b bracket
	rate, more, steps := 1e6, true, 0
	for ; more; steps++ {
		rate, more = b.next(rate, false)
	}
	if b.sustained != 0 || steps > 8 {
		t.Errorf("found %v in %d steps where no rate is sustained", b.sustained, steps)
	}
	b, rate, more = bracket{}, 1e6, true
	for steps = 0; more; steps++ {
		rate, more = b.next(rate, true)
	}
	if b.sustained > RateMax || steps > stepsMax {
		t.Errorf("tried %v after %d steps where every rate is sustained", b.sustained, steps)
	}
}
