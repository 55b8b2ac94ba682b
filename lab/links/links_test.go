package links

import (
	"testing"

	"spinglass/internal/labtest"
)

func measure(t *testing.T, change func(*Grid)) (found []Result) {
	t.Helper()
	g := DefaultGrid()
	g.Members, g.Views, g.Seconds = []int{32, 128}, []string{"zones"}, 10
	change(&g)
	runs, err := g.Runs()
	found = labtest.Rows(t, runs, err, Run)
	for _, r := range found {
		if r.Missing > 0 {
			t.Errorf("%s, %d members: %d packets are missing", r.Protocol, r.Members, r.Missing)
		}
		t.Logf("%-12s %-5s %3d members, %d sites, loss %v: %.2f copies on a line, %.2f at most, %.2f of them repairs; %.0f packets/s", r.Protocol, r.View, r.Members, r.Sites, r.Loss,
			r.LineCopies, r.LineCopiesMost, r.LineRepairs, r.LinePackets)
	}
	return found
}

// What is to be counted is known where nothing is lost: a multicast passes each link once; copies to all pass the line of the sender for each member elsewhere, and the other lines for
// each member there; a tree over zones has one copy on each line but the sender's, which has one for each.
func TestCopiesWithoutLoss(t *testing.T) {
	for _, test := range []struct {
		protocol     string
		mean, most   float64
		portsAtMost  float64
		multicasting bool
	}{
		{"srm", 1, 1, 1, false},
		{"traditional", 3 * 8 * 2.0 / 4, 3 * 8, 31, false},
		{"traditional", 1, 1, 1, true},
		{"bimodal", 1.5, 3, 8, false}, // and now and then a packet is asked for that is under way
	} {
		r := measure(t, func(g *Grid) {
			g.Protocols, g.Members, g.Loss, g.Multicast = []string{test.protocol}, []int{32}, []float64{0}, test.multicasting
		})[0]
		tolerance := 0.0
		if test.protocol == "bimodal" {
			tolerance = 0.02
		}
		mean, most := r.LineCopies/test.mean, r.LineCopiesMost/test.most
		if mean < 1 || mean > 1+tolerance || most < 1 || most > 1+tolerance || r.LineRepairs > tolerance || r.PortCopiesMost > test.portsAtMost {
			t.Errorf("%s, multicast %v: %+v", test.protocol, test.multicasting, r)
		}
	}
}

// "Load on each link of a two-level network against n": with zones that of the shipping protocol is constant, within 15 %, and two copies of each packet at most; where nothing is known of zones it is linear.
func TestZonesKeepLinesFlat(t *testing.T) {
	found := measure(t, func(g *Grid) { g.Protocols, g.Views = []string{"bimodal"}, []string{"zones", "blind"} })
	few, many, blindFew, blindMany := found[0], found[1], found[2], found[3]
	if many.LineCopies > 2 || many.LineCopies > 1.15*few.LineCopies || many.LineCopiesMost > 1.15*few.LineCopiesMost {
		t.Errorf("zones: from %v copies, %v at most, to %v and %v", few.LineCopies, few.LineCopiesMost, many.LineCopies, many.LineCopiesMost)
	}
	if blindMany.LineCopies < 3*blindFew.LineCopies || blindMany.LineCopies < 20*many.LineCopies {
		t.Errorf("blind: from %v to %v copies", blindFew.LineCopies, blindMany.LineCopies)
	}
}

// SRM repairs everywhere what is lost anywhere; the traditional protocol sends a copy to each; RMTP repairs where it is lost.
func TestOthers(t *testing.T) {
	found := measure(t, func(g *Grid) { g.Protocols = []string{"srm", "traditional", "rmtp"} })
	if srm := found[1].LineCopies / found[0].LineCopies; srm < 4 {
		t.Errorf("srm: %.2f times the copies with four times the members", srm)
	}
	if traditional := found[3].LineCopiesMost; traditional < 96 {
		t.Errorf("traditional: %v copies on the sender's line, of 96 members elsewhere", traditional)
	}
	if rmtp := found[5].LineCopies; rmtp > 1.1 {
		t.Errorf("rmtp: %v copies", rmtp)
	}
	if scoped := measure(t, func(g *Grid) { g.Protocols, g.Scoped = []string{"srm"}, true })[1]; scoped.LineCopies > found[1].LineCopies/2 || !scoped.Scoped {
		t.Errorf("srm that asks its own site first: %v copies instead of %v", scoped.LineCopies, found[1].LineCopies)
	}
}

func TestEqualSeedsEqualRows(t *testing.T) {
	change := func(g *Grid) { g.Members, g.Seconds = []int{16}, 3 }
	first, second := measure(t, change), measure(t, change)
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("equal seeds: %+v and %+v", first[i], second[i])
		}
	}
	if other := measure(t, func(g *Grid) { change(g); g.Seed = 2 }); other[0].LineCopies == first[0].LineCopies {
		t.Error("another seed gives the same")
	}
}

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	g.Seeds = 2
	if runs, err := g.Runs(); err != nil || len(runs) != 6*3*2 || runs[1].Seed != 2 {
		t.Errorf("%d runs: %v", len(runs), err)
	}
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Protocols = nil }, func(g *Grid) { g.Members = []int{5} }, func(g *Grid) { g.Sites = []int{1} }, func(g *Grid) { g.Sites = []int{11} },
		func(g *Grid) { g.Loss = []float64{0.5} }, func(g *Grid) { g.Views = []string{"bird's"} }, func(g *Grid) { g.Views = nil }, func(g *Grid) { g.Seconds = 1 }, func(g *Grid) { g.Seeds = 0 },
	} {
		g := DefaultGrid()
		wrong(&g)
		if _, err := g.Runs(); err == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}
