package manet

import (
	"cmp"
	"math"
	"slices"
)

// Pair compares two protocols in one setting, seed by seed.
type Pair struct {
	Base, Other string
	Range       float64
	SpeedMax    float64
	Nodes       int
	Seeds       int
	Mean        Difference // of the part delivered, mean of members
	Worst       Difference // that of the worst member
	Spread      Difference // standard deviation over members
	Jitter      Difference // standard deviation of the milliseconds between arrivals
	Rate1       Difference // deviation of the rate in windows of a second,
	Rate10      Difference // and of ten
	Arrivals    Difference // interarrival jitter, in milliseconds
	Loss        float64    // what of the losses of the base is left with the other: the quotient of the means, NaN where the base loses nothing
}

// Difference is what one protocol has beyond the other.
type Difference struct {
	Base, Other float64 // means over seeds
	Least, Most float64 // of the differences, other minus base
	P           float64 // two-sided, Wilcoxon's signed-rank test: exact
}

// SeedsPaired is how many seeds are compared exactly at most.
const SeedsPaired = 20

// Pairs compares a protocol with another one in every setting in which both have run with the same seeds, at most SeedsPaired of them.
func Pairs(rows []Result, base, other string) (pairs []Pair) {
	type setting struct {
		reach, speed float64
		nodes        int
	}
	var order []setting
	runs := map[setting]map[uint64][2]*Result{}
	for i := range rows {
		r := &rows[i]
		s := setting{r.Range, r.SpeedMax, r.Nodes}
		if runs[s] == nil {
			order, runs[s] = append(order, s), map[uint64][2]*Result{}
		}
		both := runs[s][r.Seed]
		switch r.Protocol {
		case base:
			both[0] = r
		case other:
			both[1] = r
		}
		runs[s][r.Seed] = both
	}
	for _, s := range order {
		var a, b []*Result
		seeds := make([]uint64, 0, len(runs[s]))
		for seed := range runs[s] {
			seeds = append(seeds, seed)
		}
		slices.Sort(seeds)
		for _, seed := range seeds {
			if both := runs[s][seed]; both[0] != nil && both[1] != nil && len(a) < SeedsPaired {
				a, b = append(a, both[0]), append(b, both[1])
			}
		}
		if len(a) > 0 {
			pairs = append(pairs, pair(a, b))
		}
	}
	return pairs
}

func pair(a, b []*Result) Pair {
	by := func(of func(*Result) float64) Difference {
		x, y := make([]float64, len(a)), make([]float64, len(a))
		for i := range a {
			x[i], y[i] = of(a[i]), of(b[i])
		}
		return between(x, y)
	}
	p := Pair{
		Base: a[0].Protocol, Other: b[0].Protocol, Range: a[0].Range, SpeedMax: a[0].SpeedMax, Nodes: a[0].Nodes, Seeds: len(a),
		Mean: by(func(r *Result) float64 { return r.DeliveredMean }), Worst: by(func(r *Result) float64 { return r.DeliveredMin }),
		Spread: by(func(r *Result) float64 { return r.DeliveredDev }), Jitter: by(func(r *Result) float64 { return r.Jitter }),
		Rate1: by(func(r *Result) float64 { return r.Rate1 }), Rate10: by(func(r *Result) float64 { return r.Rate10 }), Arrivals: by(func(r *Result) float64 { return r.Interarrival }),
	}
	p.Loss = (1 - p.Mean.Other) / (1 - p.Mean.Base)
	return p
}

func between(base, other []float64) Difference {
	d := Difference{Base: mean(base), Other: mean(other), Least: math.Inf(1), Most: math.Inf(-1)}
	differences := make([]float64, len(base))
	for i := range base {
		differences[i] = other[i] - base[i]
		d.Least, d.Most = min(d.Least, differences[i]), max(d.Most, differences[i])
	}
	d.P = SignedRank(differences)
	return d
}

// SignedRank returns the probability, two-sided, that differences of which each sign is as likely as the other have a sum of ranks as far from its mean as these, by counting all combinations
// of signs. Differences of zero are left out, equal ones have their mean rank. Of more than SeedsPaired it panics.
func SignedRank(differences []float64) float64 {
	d := slices.DeleteFunc(slices.Clone(differences), func(v float64) bool { return v == 0 })
	if len(d) > SeedsPaired {
		panic("manet: too many differences")
	}
	slices.SortFunc(d, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	ranks := make([]int, len(d)) // doubled, so that they are whole
	for i := 0; i < len(d); {
		j := i
		for j < len(d) && math.Abs(d[j]) == math.Abs(d[i]) {
			j++
		}
		for k := i; k < j; k++ {
			ranks[k] = i + j + 1
		}
		i = j
	}
	sum, total := 0, 0
	for i, rank := range ranks {
		total += rank
		if d[i] > 0 {
			sum += rank
		}
	}
	far := abs(2*sum - total)
	count := 0
	for signs := range 1 << len(d) {
		other := 0
		for i, rank := range ranks {
			if signs>>i&1 == 1 {
				other += rank
			}
		}
		if abs(2*other-total) >= far {
			count++
		}
	}
	return float64(count) / float64(int(1)<<len(d))
}

func abs(v int) int { return max(v, -v) }
