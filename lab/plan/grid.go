package plan

import (
	"math"
	"time"
)

// cumulative is a distribution of times on a grid: element i is the probability of at most i steps. It may stay below 1: the rest never comes.
type cumulative []float64

// grid is the times at which distributions are known.
type grid struct {
	step   float64 // seconds
	length int
}

// at returns the value at a time, between those of the grid.
func (g grid) at(c cumulative, seconds float64) float64 {
	x := seconds / g.step
	if x < 0 {
		return 0
	}
	i := int(x)
	if i+1 >= len(c) {
		return c[len(c)-1]
	}
	return c[i] + (x-float64(i))*(c[i+1]-c[i])
}

// now returns the distribution of what comes at once.
func (g grid) now() cumulative {
	c := make(cumulative, g.length)
	for i := range c {
		c[i] = 1
	}
	return c
}

// later returns the distribution a time later, of which each part is a datagram's latency: spread evenly from half of its mean to one and a half, and a fixed time.
func (g grid) later(c cumulative, mean, fixed time.Duration) cumulative {
	low, width := mean.Seconds()/2+fixed.Seconds(), mean.Seconds()
	sums := make([]float64, len(c)+1) // integral up to a step
	for i := range len(c) - 1 {
		sums[i+1] = sums[i] + (c[i]+c[i+1])/2*g.step
	}
	integral := func(seconds float64) float64 {
		x := seconds / g.step
		if x <= 0 {
			return 0
		}
		i := int(x)
		if i >= len(c)-1 {
			i = len(c) - 1
			return sums[i] + (x-float64(i))*g.step*c[i]
		}
		part := x - float64(i)
		return sums[i] + part*g.step*(c[i]+part*(c[i+1]-c[i])/2)
	}
	later := make(cumulative, len(c))
	for i := range later {
		t := float64(i) * g.step
		later[i] = (integral(t-low) - integral(t-low-width)) / width
	}
	return later
}

// add adds a part of another distribution.
func (c cumulative) add(part float64, other cumulative) {
	for i := range c {
		c[i] += part * other[i]
	}
}

// ordered returns the distribution of when a message is delivered: when it is there, and all that were sent before it, a pause apart, are settled: there or given up. The distributions are
// those of each on its own.
func (g grid) ordered(there, settled cumulative, pause float64) cumulative {
	logs := make([]float64, len(settled)) // of all from one on
	ordered := make(cumulative, len(there))
	for i := len(settled) - 1; i >= 0; i-- {
		before := 0.0
		if x := float64(i) + pause/g.step; x < float64(len(settled)-1) {
			j := int(x)
			if before = logs[j]; !math.IsInf(before, -1) {
				before += (x - float64(j)) * (logs[j+1] - logs[j])
			}
		}
		ordered[i] = there[i] * math.Exp(before)
		logs[i] = before + math.Log(min(settled[i], 1))
	}
	return ordered
}

// quantile returns the least time by which so large a part has come, of what ever comes.
func (g grid) quantile(c cumulative, part float64) time.Duration {
	want := part * c[len(c)-1]
	low, high := 0, len(c)-1
	for low < high {
		if middle := (low + high) / 2; c[middle] >= want {
			high = middle
		} else {
			low = middle + 1
		}
	}
	x := float64(low)
	if low > 0 && c[low] > c[low-1] {
		x -= (c[low] - want) / (c[low] - c[low-1])
	}
	return time.Duration(x * g.step * float64(time.Second))
}
