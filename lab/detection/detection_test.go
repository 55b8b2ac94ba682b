package detection

import (
	"reflect"
	"testing"
	"time"

	"spinglass/internal/labtest"
)

func measure(t *testing.T, change func(*Grid)) (found []Result) {
	t.Helper()
	g := DefaultGrid()
	g.Members = []int{48}
	change(&g)
	runs, err := g.Runs()
	found = labtest.Rows(t, runs, err, Run)
	for _, r := range found {
		first, median, all := 0.0, 0.0, 0.0
		if r.Undetected == 0 {
			first, median, all = *r.First, *r.Median, *r.All
		}
		t.Logf("%s, %d missed, %d members, loss %v, slow %v, seed %d: %.1f suspects and %.1f downs (%.1f by healthy ones) a member and hour, %.1f ejections, %.3f apart; crashes: %.1f, %.1f, %.1f s, %d undetected",
			r.Protocol, r.Missed, r.Members, r.Loss, r.Slow, r.Seed, r.Suspects, r.Downs, r.DownsHealthy, r.Ejections, r.Apart, first, median, all, r.Undetected)
	}
	return found
}

// "Zero healthy members declared dead while a quarter of the members are perturbed up to 90 %", also with a fifth of the datagrams lost; and who has crashed is down at all within 15 s, at none before twice T_fail is over.
func TestMembershipIsRight(t *testing.T) {
	for _, r := range measure(t, func(g *Grid) { g.Protocols, g.Loss, g.Seeds = []string{Bimodal}, []float64{0.01, 0.2}, 2 }) {
		if r.Downs > 0 || r.Suspects > 1 || r.Apart > 0 {
			t.Errorf("loss %v, slow %v: %v suspects and %v downs a member and hour, %v apart", r.Loss, r.Slow, r.Suspects, r.Downs, r.Apart)
		}
		if r.Undetected > 0 || *r.First < 7 || *r.All > 15 {
			t.Errorf("loss %v, slow %v: crashes: %+v", r.Loss, r.Slow, r)
		}
	}
}

// Without the judgement of their own health members that wake take others for failed: a control, since the same seeds have none with it.
func TestMembersThatTrustThemselves(t *testing.T) {
	found := measure(t, func(g *Grid) { g.Protocols, g.Loss = []string{Heartbeat}, []float64{0.01} })
	if awake := found[0]; awake.Downs > 0 || awake.Suspects > 0 {
		t.Errorf("nobody sleeps: %+v", awake)
	}
	if asleep := found[1]; asleep.Downs < 100 || asleep.Suspects < 100 || asleep.DownsHealthy > 0 {
		t.Errorf("a quarter sleeps, and there are %v suspects and %v downs a member and hour", asleep.Suspects, asleep.Downs)
	}
}

// Pings that find out crashes as soon as membership make no mistake where a hundredth is lost; in half of that time they do where a fifth is.
func TestPings(t *testing.T) {
	found := measure(t, func(g *Grid) { g.Protocols, g.Loss, g.Slow = []string{Traditional}, []float64{0.01, 0.2}, []float64{0} })
	hurried, lossy, patient := found[0], found[1], found[2]
	if patient.Downs > 0 || patient.Suspects > 0 || patient.Undetected > 0 || *patient.Median < 8.5 || *patient.Median > 11 || *patient.SuspectFirst > *patient.First {
		t.Errorf("10 missed: %+v", patient)
	}
	if hurried.Downs > 0 || hurried.Undetected > 0 || *hurried.Median > 6 {
		t.Errorf("5 missed: %+v", hurried)
	}
	if lossy.Downs < 100 || lossy.Ejections == 0 {
		t.Errorf("5 missed, and a fifth lost: %+v", lossy)
	}
}

func TestEqualSeedsEqualRows(t *testing.T) {
	change := func(g *Grid) {
		g.Members, g.Loss, g.Slow, g.Duration, g.Missed = []int{12}, []float64{0.2}, []float64{0.25}, 10*time.Second, []int{3}
	}
	first, second, other := measure(t, change), measure(t, change), measure(t, func(g *Grid) { change(g); g.Seed = 2 })
	if !reflect.DeepEqual(first, second) {
		t.Errorf("equal seeds: %+v and %+v", first, second)
	}
	for i := range first {
		if first[i].Bytes == other[i].Bytes {
			t.Errorf("another seed gives the same: %+v", first[i])
		}
	}
}

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	g.Seeds = 2
	if runs, err := g.Runs(); err != nil || len(runs) != 4*3*2*2*2 || runs[1].Seed != 2 {
		t.Errorf("%d runs: %v", len(runs), err)
	}
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Protocols = []string{"srm"} }, func(g *Grid) { g.Protocols = nil }, func(g *Grid) { g.Members = []int{7} }, func(g *Grid) { g.Loss = []float64{0.6} },
		func(g *Grid) { g.Slow = []float64{0.6} }, func(g *Grid) { g.Sleep = 1 }, func(g *Grid) { g.Missed = []int{0} }, func(g *Grid) { g.Interval = 0 },
		func(g *Grid) { g.Crashes = 22 }, func(g *Grid) { g.Crashes = 0 }, func(g *Grid) { g.Duration = 0 }, func(g *Grid) { g.Seeds = 0 },
	} {
		g := DefaultGrid()
		wrong(&g)
		if _, err := g.Runs(); err == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}
