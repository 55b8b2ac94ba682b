package main

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// small is a grid that takes a second or two to simulate.
var small = config{regions: 4, phase: 8 * time.Second, seed: 1}

func simulated(t *testing.T, p policy) *result {
	t.Helper()
	r, err := simulate(t.Context(), small, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// within reports whether the frequency stayed within a deviation, from beginning to end.
func (r *result) within(deviation float64) bool {
	for i := range phases {
		if nominal-r.low[i] > deviation || r.high[i]-nominal > deviation {
			return false
		}
	}
	return true
}

// Ratings keep the grid in its normal range through the storm, as everything for everybody does, at less than half of the bytes; what members get is what they ask for. The control, in which nobody
// on a path gets the signals, loses the grid.
func TestRatingsControlTheGrid(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation has no goroutines, and takes long under the race detector")
	}
	ratings, all, none := simulated(t, byDistance), simulated(t, everything), simulated(t, cut)
	for _, r := range []*result{ratings, all} {
		if !r.held || !r.within(deviationNormal) || math.Abs(r.end-nominal) > 0.05 {
			t.Errorf("%s: the frequency was %v to %v Hz, and %v at the end", r.policy.name, r.low, r.high, r.end)
		}
	}
	if none.held || none.low[during] > nominal-deviationMax {
		t.Errorf("without signals the frequency was %v to %v Hz", none.low, none.high)
	}
	few, _ := ratings.perMember()
	many, _ := all.perMember()
	if few > 0.5*many {
		t.Errorf("with ratings a member sends and receives %.0f bytes/s, with everything %.0f", few, many)
	}
	if p, q := ratings.roles[market].topics, all.roles[market].topics; p > 0.4*q {
		t.Errorf("a market sends and receives %.0f bytes/s with ratings, %.0f with everything", p, q)
	}
	if len(ratings.asked) < 3 {
		t.Errorf("subscriptions asked for %d ratings", len(ratings.asked))
	}
	for _, f := range ratings.asked {
		if math.Abs(f.got-f.rating) > 0.02 || f.rating == 1 && f.got < 0.99 {
			t.Errorf("%d subscriptions asked for %v and got %v", f.subscriptions, f.rating, f.got)
		}
	}
	if ratings.roles[producer].tracking > 0.1 || none.roles[producer].tracking < 0.15 || ratings.roles[market].energy > 0.02 {
		t.Errorf("producers are off by %v, without signals by %v; markets by %v", ratings.roles[producer].tracking, none.roles[producer].tracking, ratings.roles[market].energy)
	}
}

// The example prints the same whenever it runs.
func TestReportIsReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation has no goroutines, and takes long under the race detector")
	}
	c := config{regions: 2, phase: phaseMin, seed: 3}
	var first, second, other bytes.Buffer
	for _, run := range []struct {
		out  *bytes.Buffer
		seed uint64
	}{{&first, 3}, {&second, 3}, {&other, 4}} {
		c.seed = run.seed
		if err := compare(t.Context(), c, run.out); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() || first.String() == other.String() || !bytes.Contains(first.Bytes(), []byte("bytes/s a member, topics")) {
		t.Errorf("%s\n%s\n%s", &first, &second, &other)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []config{{1, time.Minute, 1}, {3, time.Minute, 1}, {regionsMax + 2, time.Minute, 1}, {2, time.Second, 1}, {2, time.Hour, 1}} {
		if err := compare(t.Context(), c, &bytes.Buffer{}); err == nil {
			t.Errorf("%+v runs", c)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := simulate(ctx, config{2, phaseMin, 1}, byDistance); err != context.Canceled {
		t.Error(err)
	}
}

func topologyOf(regions int, seed uint64) *topology {
	return newTopology(regions, rand.New(rand.NewPCG(seed, 1)))
}

// Paths lead from the producer to the consumer, over lines that join their regions, and are as short as can be.
func TestPaths(t *testing.T) {
	for _, regions := range []int{2, 4, 8, 20} {
		top := topologyOf(regions, 7)
		if len(top.contracts) != regions*consumersOfRegion || len(top.lines) != regions/2+2*(regions/2-1) {
			t.Errorf("%d regions have %d contracts and %d lines", regions, len(top.contracts), len(top.lines))
		}
		for _, c := range top.contracts {
			from, to := top.members[c.producer].region, top.members[c.consumer].region
			if c.path[0] != from || c.path[len(c.path)-1] != to || len(c.lines) != len(c.path)-1 || len(c.lines) != top.apart(from, to) || len(c.lines) > contractReach {
				t.Fatalf("the path from %d to %d is %v by %v", from, to, c.path, c.lines)
			}
			for i, line := range c.lines {
				if ends := top.lines[line]; ends[0] != min(c.path[i], c.path[i+1]) || ends[1] != max(c.path[i], c.path[i+1]) {
					t.Fatalf("line %v is between regions %v of %v", line, ends, c.path)
				}
			}
		}
	}
}

// Who is on the path wants everything, others ever less with their distance from it.
func TestRatingsFallWithDistance(t *testing.T) {
	top := topologyOf(8, 7)
	for c, contract := range top.contracts {
		relays := 0
		for m, who := range top.members {
			got := top.rating(m, c)
			want := 0.0
			d := top.distance(m, c)
			switch {
			case who.role == producer && contract.producer == m:
				want = 1
			case who.role == relay && got == 1:
				want = 1
				relays++
			case who.role == coordinator && d < len(coordinatorRatings):
				want = coordinatorRatings[d]
			case who.role == market && d < len(marketRatings):
				want = marketRatings[d]
			}
			if got != want {
				t.Fatalf("%s, %d lines from the path, rates contract %d %v, not %v", who.name, d, c, got, want)
			}
			if everything.rating(top, m, c) == 0 && m != contract.consumer || cut.rating(top, m, c) > got || got > 0 && interest.rating(top, m, c) != 1 {
				t.Fatalf("the other policies are wrong for %s", who.name)
			}
		}
		if relays != 2*len(contract.lines) {
			t.Fatalf("%d relays protect %d lines", relays, len(contract.lines))
		}
	}
}

// What members want, the sum of their ratings, grows little with the grid, and no more once that has regions in which all distances occur; what there is grows with it.
func TestInterestDoesNotGrow(t *testing.T) {
	want := func(p policy, regions int) float64 {
		const seeds = 20
		sum := 0.0
		for seed := range uint64(seeds) {
			top := topologyOf(regions, seed)
			for m := range top.members {
				for c := range top.contracts {
					sum += p.rating(top, m, c) / float64(seeds*len(top.members))
				}
			}
		}
		return sum
	}
	for _, regions := range []int{4, 8, 16, 20} {
		t.Logf("%d regions: %.2f of %.2f", regions, want(byDistance, regions), want(everything, regions))
	}
	if few, many := want(byDistance, 8), want(byDistance, 20); many > 1.4*few {
		t.Errorf("from 8 to 20 regions the sum of a member's ratings goes from %v to %v", few, many)
	}
	if few, many := want(byDistance, 16), want(byDistance, 20); many > 1.1*few {
		t.Errorf("from 16 to 20 regions the sum of a member's ratings goes from %v to %v", few, many)
	}
	if few, many := want(everything, 8), want(everything, 20); many < 2.4*few {
		t.Errorf("everything is %v in 8 regions, and %v in 20", few, many)
	}
}

func TestMeasurements(t *testing.T) {
	s := measurement{at: 5_000_000_000, load: 61.25, frequency: 49.98}
	if got, err := decodeMeasurement(s.encode()); err != nil || got != s {
		t.Errorf("%+v: %v", got, err)
	}
	for _, wrong := range [][]byte{nil, make([]byte, measurementSize-1), make([]byte, measurementSize+1)} {
		if _, err := decodeMeasurement(wrong); err == nil {
			t.Errorf("%d bytes are a measurement", len(wrong))
		}
	}
	if c, err := contractOf(topicOf(17)); c != 17 || err != nil {
		t.Errorf("%d: %v", c, err)
	}
	k := known{received: true, latest: measurement{at: 1e9, load: 10}}
	k.take(measurement{at: 3e9, load: 20})
	k.take(measurement{at: 4e9, load: 20})
	if k.energy != 50 || k.got != 2 || k.latest.load != 20 {
		t.Errorf("%+v", k)
	}
}
