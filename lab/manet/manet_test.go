package manet

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"spinglass/protocol"
)

func measure(t *testing.T, change func(*Grid)) (found []Result) {
	t.Helper()
	g := DefaultGrid()
	g.Protocols, g.Ranges, g.Speeds, g.Nodes, g.Seconds = []string{"flood"}, []float64{75}, []float64{2}, []int{40}, 20
	change(&g)
	runs, err := g.Runs()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range runs {
		r, err := Run(context.Background(), c, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		if r.DeliveredMin > r.DeliveredMean || r.DeliveredMean > r.DeliveredMax || r.DeliveredMax > 1 || r.Twice > 0 {
			t.Errorf("%+v", r)
		}
		found = append(found, r)
	}
	return found
}

// What flooding does is known: each packet is sent once by each node that it reaches, and reaches whom there is a path to, but for collisions.
func TestFlood(t *testing.T) {
	for _, r := range measure(t, func(g *Grid) { g.Ranges = []float64{45, 75} }) {
		t.Logf("%v m: %.4f delivered (%.4f to %.4f), %.4f reachable, %.2f frames a packet, %.1f ms", r.Range, r.DeliveredMean, r.DeliveredMin, r.DeliveredMax, r.Reachable, r.Frames, r.DelayMean)
		if r.DeliveredMean > r.Reachable+0.001 || r.DeliveredMean < r.Reachable-0.03 {
			t.Errorf("%v m: %v is delivered, and %v has a path", r.Range, r.DeliveredMean, r.Reachable)
		}
		if r.Frames > float64(r.Nodes) || r.Range == 75 && r.Frames < 0.97*float64(r.Nodes) || r.Packets != 101 || r.Members != 13 {
			t.Errorf("%+v", r)
		}
		if r.Control != 0 || r.Gossip != 0 || r.Answers != 0 || math.Abs(r.Data-r.Frames) > 0.2 || r.Goodput != nil {
			t.Errorf("classes: %+v", r)
		}
	}
}

// A tree loses more than a flood, at less than half of the load.
func TestTree(t *testing.T) {
	found := measure(t, func(g *Grid) { g.Protocols, g.Seconds = []string{"flood", "maodv"}, 60 })
	flooded, tree := found[0], found[1]
	t.Logf("%.4f delivered, %.1f frames a packet; flooded %.4f, %.1f", tree.DeliveredMean, tree.Frames, flooded.DeliveredMean, flooded.Frames)
	if tree.DeliveredMean < 0.75 || tree.DeliveredMean > flooded.DeliveredMean || tree.Frames > 0.7*flooded.Frames || tree.Control == 0 || tree.Reachable != flooded.Reachable {
		t.Errorf("%+v", tree)
	}
}

// Gossip mends what the tree loses, also for the worst member, and hardly anything twice; it does so over floods as well.
func TestGossip(t *testing.T) {
	found := measure(t, func(g *Grid) { g.Protocols, g.Seconds = []string{"maodv", "maodv-gossip", "flood-gossip"}, 60 })
	tree, gossip, flooded := found[0], found[1], found[2]
	for _, r := range found {
		t.Logf("%s: %.4f delivered, worst %.4f, spread %.4f, gaps %.0f ms, %.1f frames a packet", r.Protocol, r.DeliveredMean, r.DeliveredMin, r.DeliveredDev, r.Jitter, r.Frames)
	}
	if 1-gossip.DeliveredMean > (1-tree.DeliveredMean)/10 || gossip.DeliveredMin < tree.DeliveredMax || gossip.DeliveredDev > tree.DeliveredDev || gossip.Jitter > tree.Jitter {
		t.Errorf("%+v beside %+v", gossip, tree)
	}
	if flooded.DeliveredMean < 0.999 {
		t.Errorf("%+v", flooded)
	}
	for _, r := range found[1:] {
		if r.Goodput != nil && *r.Goodput < 0.9 || r.Gossip == 0 {
			t.Errorf("%+v", r)
		}
	}
	if gossip.Goodput == nil || gossip.Repairs == 0 || tree.Goodput != nil {
		t.Errorf("goodput of the tree %v, of gossip %v", tree.Goodput, gossip.Goodput)
	}
}

// Signed messages are delivered as others are, for the bytes of a signature in each, and of certificates at intervals.
func TestSigned(t *testing.T) {
	found := measure(t, func(g *Grid) { g.Protocols, g.Seconds = []string{"maodv-gossip", "maodv-gossip-signed"}, 20 })
	plain, signed := found[0], found[1]
	t.Logf("%.4f delivered, %.1f frames and %.0f bytes a packet; signed %.4f, %.1f and %.0f", plain.DeliveredMean, plain.Frames, plain.Bytes, signed.DeliveredMean, signed.Frames, signed.Bytes)
	if signed.DeliveredMean < 0.999 || signed.Bytes < plain.Bytes+64*signed.Data/2 || signed.Bytes > 2*plain.Bytes {
		t.Errorf("%+v beside %+v", signed, plain)
	}
}

// The published history is that of its protocol, where nothing else is wanted.
func TestHistories(t *testing.T) {
	for _, r := range measure(t, func(g *Grid) { g.Protocols, g.Seconds = []string{"maodv-gossip", "maodv-gossip-published"}, 2 }) {
		if want := map[string]int{"maodv-gossip": 1000, "maodv-gossip-published": 100}[r.Protocol]; *r.History != want {
			t.Errorf("%s keeps %d messages, not %d", r.Protocol, *r.History, want)
		}
	}
	if r := measure(t, func(g *Grid) { g.Protocols, g.Seconds, g.History = []string{"maodv-gossip"}, 2, 7 })[0]; *r.History != 7 {
		t.Errorf("it keeps %d messages, not 7", *r.History)
	}
}

// What never arrives is later than all that does: of ten packets of which one is lost 90 % have arrived after some time, and 95 % never.
func TestVariation(t *testing.T) {
	delays := []float64{10, 11, 12, 13, 14, 15, 16, 17, 60}
	for q, want := range map[float64]float64{0.1: 0, 0.5: 4, 0.85: 50, 0.9: 50, 0.95: -1, 1: -1} {
		got := variation(delays, 10, q)
		if want < 0 && got != nil || want >= 0 && (got == nil || *got != want) {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if variation(nil, 10, 0.5) != nil {
		t.Error("of nothing that arrived there is a variation")
	}
	m := newMember(4)
	for i, delay := range []float64{0.02, 0.05, 1.05, 0.02} {
		m.deliver(protocol.Time(delay*float64(time.Second)), i, 0)
	}
	if got := m.interarrival(); math.Abs(got-(0.03+1+1.03)/3) > 1e-9 {
		t.Errorf("interarrival jitter %v", got)
	}
}

// With a range beyond the square everybody hears the source; with one of a few metres hardly anybody does.
func TestRangeMatters(t *testing.T) {
	found := measure(t, func(g *Grid) { g.Ranges = []float64{10, 300} })
	if found[0].DeliveredMean > 0.3 || found[1].DeliveredMean < 0.999 {
		t.Errorf("%v and %v", found[0].DeliveredMean, found[1].DeliveredMean)
	}
}

func TestEqualSeedsEqualRows(t *testing.T) {
	change := func(g *Grid) { g.Protocols, g.Seconds = []string{"flood", "maodv-gossip"}, 5 }
	first, second := measure(t, change), measure(t, change)
	for i := range first {
		if !reflect.DeepEqual(first[i], second[i]) {
			t.Errorf("equal seeds: %+v and %+v", first[i], second[i])
		}
	}
	if other := measure(t, func(g *Grid) { change(g); g.Seed = 2 }); other[0].Bytes == first[0].Bytes && other[0].DelayMean == first[0].DelayMean {
		t.Error("another seed gives the same")
	}
}

// A member that gets every packet on time has no jitter; one that lacks some has.
func TestMember(t *testing.T) {
	at := func(i int) protocol.Time { return protocol.Time(i) * protocol.Time(Interval) }
	all, half := newMember(100), newMember(100)
	for i := range 100 {
		all.deliver(at(i), i, at(i))
		if i < 25 || i >= 75 {
			half.deliver(at(i), i, at(i))
		}
	}
	begin, end := at(0), at(100)
	if all.gaps(begin, end) > 0.021 || all.rates(begin, end, time.Second) != 0 || all.received != 100 { // the first gap is none
		t.Errorf("gaps %v, rates %v", all.gaps(begin, end), all.rates(begin, end, time.Second))
	}
	if half.gaps(begin, end) < 1 || math.Abs(half.rates(begin, end, time.Second)-2.5) > 0.01 {
		t.Errorf("gaps %v, rates %v", half.gaps(begin, end), half.rates(begin, end, time.Second))
	}
	half.deliver(at(100), 3, at(3))
	if half.twice != 1 || half.received != 50 {
		t.Errorf("%+v", half)
	}
}

// The exact distribution for small numbers is in every table of the test.
func TestSignedRank(t *testing.T) {
	for _, c := range []struct {
		differences []float64
		p           float64
	}{
		{nil, 1}, {[]float64{0, 0}, 1}, {[]float64{1}, 1}, {[]float64{1, 2, 3, 4, 5}, 2.0 / 32}, {[]float64{-1, -2, -3, -4, -5, -6}, 2.0 / 64}, {[]float64{1, -1}, 1},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 2.0 / 1024}, {[]float64{-1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 4.0 / 1024}, {[]float64{-8, 1, 2, 3, 4, 5, 6, 7, 9, 10}, 50.0 / 1024},
	} {
		if got := SignedRank(c.differences); math.Abs(got-c.p) > 1e-9 {
			t.Errorf("%v: %v, want %v", c.differences, got, c.p)
		}
	}
}

func TestPairs(t *testing.T) {
	var rows []Result
	for seed := range uint64(6) {
		rows = append(rows, Result{Protocol: "a", Seed: seed, Range: 45, DeliveredMean: 0.8 + float64(seed)/100}, Result{Protocol: "b", Seed: seed, Range: 45, DeliveredMean: 0.99})
	}
	rows = append(rows, Result{Protocol: "a", Seed: 9, Range: 45}, Result{Protocol: "b", Seed: 1, Range: 55})
	pairs := Pairs(rows, "a", "b")
	if len(pairs) != 1 || pairs[0].Seeds != 6 || pairs[0].Mean.P != 2.0/64 || math.Abs(pairs[0].Loss-0.01/0.175) > 1e-9 || math.Abs(pairs[0].Mean.Least-0.14) > 1e-9 {
		t.Errorf("%+v", pairs)
	}
}

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	g.Protocols, g.Ranges, g.Speeds, g.Nodes, g.Seeds = []string{"flood"}, []float64{75, 45}, []float64{2, 0.1}, []int{40, 60}, 2
	runs, err := g.Runs()
	if err != nil || len(runs) != 2*4 {
		t.Fatalf("%d runs: %v", len(runs), err)
	}
	if r := runs[0]; r.Range != 45 || r.SpeedMax != 2 || r.SpeedMin != 0.2 || r.Nodes != 40 || r.Seed != 1 || runs[1].Seed != 2 {
		t.Errorf("%+v", r)
	}
	if r := runs[4]; r.Range != 75 || r.SpeedMax != 0.1 || r.SpeedMin != 0.1 {
		t.Errorf("%+v", r)
	}
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Protocols = nil }, func(g *Grid) { g.Protocols = []string{"odmrp"} }, func(g *Grid) { g.Ranges = nil }, func(g *Grid) { g.Ranges = []float64{0} },
		func(g *Grid) { g.Speeds = []float64{0} }, func(g *Grid) { g.Nodes = []int{5} }, func(g *Grid) { g.Side = 1 }, func(g *Grid) { g.Pause = -1 }, func(g *Grid) { g.Size = 8 }, func(g *Grid) { g.History = -1 },
		func(g *Grid) { g.Seconds = 0 }, func(g *Grid) { g.Seeds = 0 },
	} {
		g := DefaultGrid()
		wrong(&g)
		if _, err := g.Runs(); err == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}

func TestAnimation(t *testing.T) {
	g := DefaultGrid()
	g.Protocols, g.Seconds = []string{"maodv-gossip"}, 10
	runs, err := g.Runs()
	if err != nil {
		t.Fatal(err)
	}
	c := runs[0]
	c.Animate = &Animation{From: time.Second, Until: 6 * time.Second}
	if _, err := Run(context.Background(), c, func(string) {}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Animate.Write(&b); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(b.String(), "<title>"); n != 40 || len(c.Animate.samples) != 11 || strings.Count(b.String(), ofTree) < 12+1 || strings.Count(b.String(), ofWalk) < 12+1 {
		t.Errorf("%d nodes, %d samples", n, len(c.Animate.samples))
	}
	if strings.Contains(b.String(), "without") {
		t.Error("the animation tells of steps that are not shown, and all are")
	}
	c.Animate.omitted = 3
	if b.Reset(); c.Animate.Write(&b) != nil || !strings.Contains(b.String(), "without 3 steps") {
		t.Error("the animation does not tell that three steps are not shown")
	}
	if err := new(Animation).Write(io.Discard); err == nil {
		t.Error("an animation of nothing is written")
	}
}
