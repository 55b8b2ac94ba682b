package markov

import (
	"math"
	"math/rand/v2"
	"testing"
)

func chain(t testing.TB, members int, transition Transition) *Chain {
	t.Helper()
	c, err := New(Gossip{Members: members, Fanout: 1, Loss: 0.05, Transition: transition})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// near reports whether got is within a share of want.
func near(got, want, share float64) bool { return math.Abs(got-want) <= share*want }

// "only the sender holds it, n=50: P(10-90 % receive) = 0.24, 4.0e-3, 5.4e-5 and P(at most 10 %) = 1.6e-3, 2.2e-5, 2.9e-7 after
// 10, 15, 20 rounds; expected number missing 4.6, 0.16, 0.003. n=128, 20 rounds: 2.2e-4, 1.1e-6, 0.03."
func TestFromTheSenderAlone(t *testing.T) {
	for _, want := range []struct {
		members, rounds       int
		between, low, missing float64
		missingDigits         float64 // half a unit of the last digit given
	}{
		{50, 10, 0.24, 1.6e-3, 4.6, 0.05},
		{50, 15, 4.0e-3, 2.2e-5, 0.16, 0.005},
		{50, 20, 5.4e-5, 2.9e-7, 0.003, 0.0005},
		{128, 20, 2.2e-4, 1.1e-6, 0.03, 0.005},
	} {
		c := chain(t, want.members, Independent)
		d := c.After(c.Holders(1), want.rounds)
		// Two digits are given: half a unit is up to 5 % of the figure; see the package documentation for what is left.
		if got := d.Between(0.1, 0.9); !near(got, want.between, 0.03) {
			t.Errorf("n=%d, %d rounds: P(10-90 %%) = %.3g, want %.2g", want.members, want.rounds, got, want.between)
		}
		if got := d.AtMost(0.1); !near(got, want.low, 0.06) {
			t.Errorf("n=%d, %d rounds: P(at most 10 %%) = %.3g, want %.2g", want.members, want.rounds, got, want.low)
		}
		if got := d.Missing(); math.Abs(got-want.missing) > want.missingDigits {
			t.Errorf("n=%d, %d rounds: %.3g missing, want %.2g", want.members, want.rounds, got, want.missing)
		}
	}
}

// "after a spread with 5 % loss, n=50: P(all) = 0.823, 0.966, 0.997 after 3, 5, 8 rounds; n=128: 0.599, 0.911, 0.993."
func TestAfterASpread(t *testing.T) {
	for members, want := range map[int][3]float64{50: {0.823, 0.966, 0.997}, 128: {0.599, 0.911, 0.993}} {
		c := chain(t, members, Independent)
		for i, rounds := range []int{3, 5, 8} {
			if got := c.After(c.Spread(0.05), rounds).All(); math.Abs(got-want[i]) > 1e-3 {
				t.Errorf("n=%d, %d rounds: P(all) = %.4f, want %.3f", members, rounds, got, want[i])
			}
		}
	}
}

// The other transition is a different law, and does not give the figures. So the tests above tell the two apart.
func TestFixedFanoutDiffers(t *testing.T) {
	c := chain(t, 50, FixedFanout)
	d := c.After(c.Holders(1), 10)
	if got := d.Between(0.1, 0.9); near(got, 0.24, 0.2) {
		t.Errorf("P(10-90 %%) = %.3g under FixedFanout, as under Independent", got)
	}
}

// "push alone informs all in log2 n + ln n + O(1) rounds (Demers et al. 1987)"
func TestPushTime(t *testing.T) {
	for _, members := range []int{64, 256, 512} {
		c, err := New(Gossip{Members: members, Fanout: 1, Transition: FixedFanout})
		if err != nil {
			t.Fatal(err)
		}
		rounds, ok := c.RoundsToAll(c.Holders(1), 0.5, 100)
		want := math.Log2(float64(members)) + math.Log(float64(members))
		if !ok || math.Abs(float64(rounds)-want) > 3 {
			t.Errorf("n=%d: all hold it after %d rounds, want about %.1f", members, rounds, want)
		}
	}
}

// Both laws against throwing the dice, cell by cell.
func TestAgainstSimulation(t *testing.T) {
	const members, rounds, runs = 12, 4, 200_000
	for _, transition := range []Transition{Independent, FixedFanout} {
		c := chain(t, members, transition)
		random := rand.New(rand.NewPCG(7, uint64(transition)))
		counts := make([]int, members+1)
		for range runs {
			counts[dice(random, members, rounds, transition, c.gossip.Contact())]++
		}
		for k, p := range c.After(c.Holders(1), rounds) {
			error := math.Sqrt(p * (1 - p) / runs)
			if got := float64(counts[k]) / runs; p >= 1e-3 && math.Abs(got-p) > 4.9*error {
				t.Errorf("transition %d: P(%d holders) = %.5f simulated, %.5f computed", transition, k, got, p)
			}
		}
	}
}

// dice runs one epidemic and returns how many hold the packet in the end.
func dice(random *rand.Rand, members, rounds int, transition Transition, contact float64) int {
	holds := make([]bool, members)
	holds[0] = true
	for range rounds {
		before := append([]bool(nil), holds...)
		for i, holder := range before {
			for j := 1; holder && j < members; j++ {
				if transition == Independent && random.Float64() < contact/float64(members-1) {
					holds[(i+j)%members] = true
				}
			}
			if holder && transition == FixedFanout && random.Float64() < contact {
				holds[(i+1+random.IntN(members-1))%members] = true
			}
		}
	}
	sum := 0
	for _, holder := range holds {
		if holder {
			sum++
		}
	}
	return sum
}

func TestLawsAddUpToOne(t *testing.T) {
	for _, g := range []Gossip{{2, 1, 0, Independent}, {50, 3, 0.3, Independent}, {50, 3, 0.3, FixedFanout}, {9, 2, 1, FixedFanout}} {
		c, err := New(g)
		if err != nil {
			t.Fatal(err)
		}
		for k, row := range c.rows {
			sum := 0.0
			for _, p := range row {
				if p < 0 {
					t.Fatalf("%+v: from %d holders a probability of %v", g, k, p)
				}
				sum += p
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("%+v: from %d holders the probabilities add up to %v", g, k, sum)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	for _, g := range []Gossip{
		{Members: 1, Fanout: 1}, {Members: MembersMax + 1, Fanout: 1}, {Members: 5}, {Members: 5, Fanout: 5}, {Members: 50, Fanout: 17},
		{Members: 5, Fanout: 1, Loss: -0.1}, {Members: 5, Fanout: 1, Loss: math.NaN()}, {Members: 5, Fanout: 1, Transition: 2},
	} {
		if _, err := New(g); err == nil {
			t.Errorf("%+v was accepted", g)
		}
	}
	d := Distribution{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0} // 9 of 10
	if d.Between(0.1, 0.9) != 0 || d.AtMost(0.9) != 1 || d.AtMost(0.8) != 0 || d.Missing() != 1 {
		t.Error("9 of 10 holders are counted wrong")
	}
	if _, ok := chain(t, 50, Independent).RoundsToAll(chain(t, 50, Independent).Holders(0), 0.5, 5); ok {
		t.Error("a packet that nobody holds reaches all")
	}
}
