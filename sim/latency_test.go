package sim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// The bounds are six standard errors of the mean of 100000 draws: a correct program fails once in 5e8 seeds, and the seed is fixed.
func TestLatencyMeans(t *testing.T) {
	const n = 100000
	const unit = float64(time.Millisecond)
	for _, c := range []struct {
		name      string
		latency   Latency
		mean, dev float64 // milliseconds
	}{
		{"constant", Constant(3 * time.Millisecond), 3, 0},
		{"uniform", Uniform{Min: time.Millisecond, Max: 5 * time.Millisecond}, 3, 4 / math.Sqrt(12)},
		{"exponential", Exponential{Min: time.Millisecond, Mean: 2 * time.Millisecond}, 3, 2},
		{"lognormal", LogNormal{Median: time.Millisecond, Sigma: 0.5}, math.Exp(0.125), math.Sqrt((math.Exp(0.25) - 1) * math.Exp(0.25))},
		// The mean of a Pareto distribution is alpha*min/(alpha-1), its variance alpha*min^2/((alpha-1)^2*(alpha-2)).
		{"pareto", Pareto{Min: time.Millisecond, Alpha: 5}, 1.25, math.Sqrt(5.0 / (16 * 3))},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		var sum float64
		for range n {
			sum += float64(c.latency.Draw(r)) / unit
		}
		if mean, bound := sum/n, 6*c.dev/math.Sqrt(n)+1e-5; math.Abs(mean-c.mean) > bound {
			t.Errorf("%s: mean %.4f ms, want %.4f +- %.4f", c.name, mean, c.mean, bound)
		}
	}
}

// Pareto: "longer than d with probability (Min/d)^Alpha".
func TestParetoTail(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const n = 100000
	longer, most := 0, time.Duration(0)
	for range n {
		d := Pareto{Min: time.Millisecond, Alpha: 1, Max: time.Second}.Draw(r)
		if d < time.Millisecond {
			t.Fatalf("%v is below the minimum", d)
		}
		if d > 100*time.Millisecond {
			longer++
		}
		most = max(most, d)
	}
	if math.Abs(float64(longer)-n/100) > 6*math.Sqrt(n/100) {
		t.Errorf("%d of %d draws exceed 100 times the minimum, want 1 %%", longer, n)
	}
	if most != time.Second {
		t.Errorf("the longest of %d draws is %v, want the cut at 1s", n, most)
	}
}

func TestLatencyIsBounded(t *testing.T) {
	for _, nanoseconds := range []float64{math.Inf(1), math.NaN(), 1e300} {
		if d := bounded(nanoseconds); d != latencyMax {
			t.Errorf("bounded(%v) = %v, want %v", nanoseconds, d, latencyMax)
		}
	}
	if d := bounded(-5); d != 0 {
		t.Errorf("bounded(-5) = %v, want 0", d)
	}
}
