package storms

import (
	"context"
	"testing"

	"spinglass/lab/compare"
)

func measure(t *testing.T, name, topology string, members, losses int) Result {
	t.Helper()
	p, err := compare.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), Config{Protocol: p, Members: members, Topology: topology, Loss: 0.001, Cost: CostNone, Losses: losses, Seconds: 10, Seed: 1}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if r.RepairsPerRequest == nil || r.Missing > 0 || r.Losses < uint64(losses)*6/10 {
		t.Fatalf("%s, %d members: %+v", name, members, r)
	}
	t.Logf("%s: %12s, %4d members: %.2f requests and %.2f repairs a second, %.2f repairs a request, %.2f polls, %.1f other messages; %d losses in %.0f s",
		topology, name, members, r.Requests, r.Repairs, *r.RepairsPerRequest, r.Polls, r.Control, r.Losses, r.Seconds)
	return r
}

// "SRM and adaptive SRM climb, about linearly in the tree." Four times the members make at least 2.5 times the requests and the repairs.
func TestSRMClimbsInTheTree(t *testing.T) {
	for _, name := range []string{"srm", "srm-adaptive"} {
		few, many := measure(t, name, "tree", 20, 300), measure(t, name, "tree", 80, 300)
		if many.Requests < 2.5*few.Requests || many.Repairs < 2.5*few.Repairs {
			t.Errorf("%s: from %v and %v to %v and %v", name, few.Requests, few.Repairs, many.Requests, many.Repairs)
		}
	}
}

// "Bimodal is flat within 10 %."
func TestBimodalIsFlatInTheTree(t *testing.T) {
	few, many := measure(t, "bimodal", "tree", 20, 3000), measure(t, "bimodal", "tree", 160, 8000)
	for _, rates := range [][2]float64{{few.Requests, many.Requests}, {few.Repairs, many.Repairs}, {few.RequestsPerLoss, many.RequestsPerLoss}, {few.RepairsPerLoss, many.RepairsPerLoss}} {
		if ratio := rates[1] / rates[0]; ratio < 0.9 || ratio > 1.1 {
			t.Errorf("from %v to %v", rates[0], rates[1])
		}
	}
	if many.Polls > 2*few.Polls {
		t.Errorf("from %v to %v polls a second", few.Polls, many.Polls)
	}
}

// In the star most members have the packet and are equally far away: fixed timers of repairs, drawn from an interval as wide as one distance, stop hardly anybody. Adaptive timers aim at one duplicate, and
// so at two repairs; what is lost on the sender's link has many requests and one repair.
func TestImplosionInTheStar(t *testing.T) {
	fixed, adaptive := measure(t, "srm", "star", 100, 1000), measure(t, "srm-adaptive", "star", 100, 2000)
	if *fixed.RepairsPerRequest < 50 {
		t.Errorf("fixed timers: %v repairs a request of 100 members", *fixed.RepairsPerRequest)
	}
	if ratio := *adaptive.RepairsPerRequest; ratio < 1.5 || ratio > 10 {
		t.Errorf("adaptive timers: %v repairs a request", ratio)
	}
}

// What ns-2 2.35 sends for each packet that was asked for, in the same star with adaptive timers (lab/srm/testdata/star.tcl): mean of six seeds, 200 s each.
func TestAdaptiveTimersAsInNS2(t *testing.T) {
	for members, published := range map[int]float64{10: 1.99, 20: 2.14} {
		r := measure(t, "srm-adaptive", "star", members, 1000)
		if r.Recoveries == nil || *r.Recoveries < 400 {
			t.Fatalf("%d members: %+v", members, r)
		}
		if got := *r.RepairsPerRecovery; got < 0.85*published || got > 1.15*published {
			t.Errorf("%d members: %v repairs for a packet, %v in ns-2", members, got, published)
		}
	}
	if r := measure(t, "srm", "star", 20, 300); *r.RepairsPerRecovery < 3*2.14 {
		t.Errorf("fixed timers: %v repairs for a packet", *r.RepairsPerRecovery)
	}
	if r := measure(t, "bimodal", "star", 10, 100); r.Recoveries != nil || r.RepairsPerRecovery != nil || r.RepairsAskedOnce != nil {
		t.Errorf("requests of gossip are for several packets: %+v", r)
	}
}

// On hosts that take time a storm of repairs keeps all of them from what else they have to do; hosts that take none are never busy.
func TestStormsKeepHostsBusy(t *testing.T) {
	of := func(name, cost string) Result {
		p, err := compare.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(context.Background(), Config{Protocol: p, Members: 60, Topology: "star", Loss: 0.01, Cost: cost, Losses: 300, Seconds: 4, Seed: 1}, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s, %s: busy %v, %v within a second, %v in the worst one, %d datagrams lost before inboxes", name, cost, r.Busy, r.InTime, r.InTimeWorst, r.InboxLost)
		return r
	}
	if free := of("srm", CostNone); free.Busy != 0 || free.InboxLost != 0 || free.InTime < 0.999 {
		t.Errorf("hosts that take no time: %+v", free)
	}
	if srm, bimodal := of("srm", "slow"), of("bimodal", "slow"); srm.Busy < 3*bimodal.Busy || bimodal.InTime < 0.999 || bimodal.InTimeWorst > bimodal.InTime {
		t.Errorf("busy %v with srm and %v with bimodal, of whose packets %v are there within a second", srm.Busy, bimodal.Busy, bimodal.InTime)
	}
}

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	g.Seeds = 3
	runs, err := g.Runs()
	if err != nil || len(runs) != 3*4*3 || runs[1].Seed != 2 {
		t.Errorf("%d runs: %v", len(runs), err)
	}
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Protocols = []string{"tcp"} }, func(g *Grid) { g.Members = []int{2} }, func(g *Grid) { g.Topologies = []string{"ring"} },
		func(g *Grid) { g.Cost = "free" }, func(g *Grid) { g.Loss = nil }, func(g *Grid) { g.Losses = 0 }, func(g *Grid) { g.Seeds = 0 }, func(g *Grid) { g.Seconds = 0 },
	} {
		g := DefaultGrid()
		wrong(&g)
		if _, err := g.Runs(); err == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}
