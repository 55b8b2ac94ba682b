package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// latencyMax bounds every drawn latency.
const latencyMax = 24 * time.Hour

// Latency is a distribution of delays. Draw must not return a negative duration and must not keep r.
type Latency interface {
	Draw(r *rand.Rand) time.Duration
}

// Constant is a delay that never varies.
type Constant time.Duration

// Draw implements Latency.
func (c Constant) Draw(*rand.Rand) time.Duration { return time.Duration(c) }

// Uniform is a delay spread evenly over [Min, Max].
type Uniform struct{ Min, Max time.Duration }

// Draw implements Latency.
func (u Uniform) Draw(r *rand.Rand) time.Duration {
	return u.Min + time.Duration(r.Uint64N(uint64(u.Max-u.Min)+1))
}

// Exponential is a delay of Min and an exponentially distributed excess whose mean is Mean.
type Exponential struct{ Min, Mean time.Duration }

// Draw implements Latency.
func (e Exponential) Draw(r *rand.Rand) time.Duration {
	return bounded(float64(e.Min) + r.ExpFloat64()*float64(e.Mean))
}

// LogNormal is a delay of Min and an excess whose logarithm is normally distributed: Median is the median of the excess and Sigma the
// standard deviation of its logarithm (0.5 is a calm wide-area path, 1 a restless one).
type LogNormal struct {
	Min, Median time.Duration
	Sigma       float64
}

// Draw implements Latency.
func (l LogNormal) Draw(r *rand.Rand) time.Duration {
	return bounded(float64(l.Min) + float64(l.Median)*math.Exp(l.Sigma*r.NormFloat64()))
}

// Pareto is a delay with a heavy tail: longer than d with probability (Min/d)^Alpha for d from Min on. With an Alpha of 2 or less the
// variance is infinite. Max, where not zero, cuts the tail.
type Pareto struct {
	Min   time.Duration
	Alpha float64
	Max   time.Duration
}

// Draw implements Latency.
func (p Pareto) Draw(r *rand.Rand) time.Duration {
	d := bounded(float64(p.Min) * math.Pow(1-r.Float64(), -1/p.Alpha))
	if p.Max > 0 {
		return min(d, p.Max)
	}
	return d
}

func bounded(nanoseconds float64) time.Duration {
	if !(nanoseconds < float64(latencyMax)) {
		return latencyMax
	}
	return max(0, time.Duration(nanoseconds))
}
