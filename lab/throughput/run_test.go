package throughput

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"spinglass/internal/labtest"
	"spinglass/vsync"
)

// rows makes the runs of a grid.
func rows(t *testing.T, change func(*Grid)) (found []Result) {
	t.Helper()
	g := DefaultGrid()
	g.Perturb, g.Samples = []float64{0, 0.1, 0.3, 0.9}, 40
	change(&g)
	runs, err := g.Runs()
	found = labtest.Rows(t, runs, err, labtest.Silent(Run))
	for _, r := range found {
		t.Logf("%s, %d members, %s %v: %v messages/s, at least %v, deviation %v", r.Protocol, r.Members, r.Fault, r.Perturb, r.Mean, r.Min, r.Stddev)
	}
	return found
}

// "With one member asleep, throughput falls at all members, and it falls the sooner the larger the group."
func TestTraditionalFalls(t *testing.T) {
	found := rows(t, func(g *Grid) { g.Protocol = []string{Traditional} })
	small, large := found[:4], found[4:]
	for _, group := range [][]Result{small, large} {
		if base := group[0]; base.SenderBusy < 0.95 {
			t.Errorf("%d members: unperturbed, the sender is busy for %v of the time only: something else than its host holds it up", base.Members, base.SenderBusy)
		} else if group[2].Mean >= 0.8*base.Mean || group[3].Mean >= 0.25*base.Mean {
			t.Errorf("%d members: %v, %v and %v messages/s with 0, 0.3 and 0.9 of the intervals asleep", base.Members, base.Mean, group[2].Mean, group[3].Mean)
		}
	}
	for i := range small {
		if large[i].Mean >= small[i].Mean {
			t.Errorf("perturbed %v: %v messages/s with 96 members and %v with 32", small[i].Perturb, large[i].Mean, small[i].Mean)
		}
	}
}

func TestBimodalStaysSteady(t *testing.T) {
	for _, test := range []struct {
		fault   Fault
		members int
		perturb []float64
	}{
		{FaultSleep, 32, []float64{0, 0.3, 0.9}},
		{FaultSleep, 96, []float64{0, 0.9}},
		{FaultDelay, 32, []float64{0, 0.9}},
		{FaultLoss, 32, []float64{0, 0.9}},
	} {
		found := rows(t, func(g *Grid) {
			g.Protocol, g.Fault, g.Members, g.Perturb = []string{Bimodal}, test.fault, []int{test.members}, test.perturb
		})
		for _, r := range found {
			if base := found[0].Mean; r.Mean < 0.98*base || r.Min < 0.9*r.Mean {
				t.Errorf("%d members, %v %v: %v messages/s, at least %v; unperturbed %v", r.Members, r.Fault, r.Perturb, r.Mean, r.Min, base)
			}
		}
	}
}

// "The same with packet delay or loss injected instead of sleep, and with several members perturbed."
func TestOtherFaults(t *testing.T) {
	for _, fault := range []Fault{FaultDelay, FaultLoss} {
		found := rows(t, func(g *Grid) {
			g.Protocol, g.Fault, g.Members, g.Perturb = []string{Traditional}, fault, []int{32}, []float64{0, 0.3, 0.6}
		})
		if base := found[0].Mean; found[1].Mean >= 0.8*base || found[2].Mean >= 0.5*base {
			t.Errorf("%v: %v, %v and %v messages/s", fault, base, found[1].Mean, found[2].Mean)
		}
	}
	one := rows(t, func(g *Grid) { g.Protocol, g.Members, g.Perturb = []string{Traditional}, []int{32}, []float64{0.3} })[0]
	eight := rows(t, func(g *Grid) {
		g.Protocol, g.Members, g.Perturb, g.Perturbed = []string{Traditional}, []int{32}, []float64{0.3}, 8
	})[0]
	if eight.Mean >= one.Mean/2 {
		t.Errorf("%v messages/s with one member asleep and %v with eight", one.Mean, eight.Mean)
	}
}

// A member that loses what it is sent and sends in nine of ten intervals stays in the group where nobody is suspected, and holds it up as a sleeper does. With Ensemble's pings it is ejected after
// 15 s, and until then the rate is as low; who sleeps, or whose datagrams are late, answers in time and stays.
func TestEjection(t *testing.T) {
	of := func(fault Fault, missed int) Result {
		return rows(t, func(g *Grid) {
			g.Protocol, g.Fault, g.Members, g.Perturb, g.Missed = []string{Traditional}, fault, []int{32}, []float64{0.9}, missed
		})[0]
	}
	const unperturbed = 498 // TestOtherFaults
	for _, fault := range []Fault{FaultSleep, FaultDelay, FaultLoss} {
		if r := of(fault, 0); r.Mean >= 0.25*unperturbed || r.EjectedAt != nil || r.UntilEjection != nil || r.Views != 0 {
			t.Errorf("%v, nobody suspected: %+v", fault, r)
		}
		r := of(fault, 15)
		if fault != FaultLoss {
			if r.EjectedAt != nil || r.Mean >= 0.25*unperturbed {
				t.Errorf("%v: %+v", fault, r)
			}
			continue
		}
		if r.EjectedAt == nil || *r.EjectedAt < 15 || *r.EjectedAt > 20 || r.UntilEjection == nil || *r.UntilEjection >= 0.25*unperturbed || r.Mean < 2**r.UntilEjection {
			t.Errorf("loss: %+v", r)
		}
	}
}

// In a small group that nobody disturbs, and with a buffer that does not stop it, the traditional sender is faster, and takes fewer datagrams and bytes for each message; the shipping one keeps its
// rate when a member sleeps.
func TestSmallGroups(t *testing.T) {
	found := rows(t, func(g *Grid) {
		g.Members, g.Buffer, g.Rate, g.Perturb, g.Samples = []int{4}, []int{64 << 20}, 0, []float64{0, 0.6}, 20
	})
	ours, oursAsleep, theirs, theirsAsleep := found[0], found[1], found[2], found[3]
	if theirs.Mean <= 1.2*ours.Mean || theirs.Datagrams >= ours.Datagrams || theirs.Bytes >= ours.Bytes || ours.Lost > 0 {
		t.Errorf("nobody asleep: %+v and %+v", ours, theirs)
	}
	if oursAsleep.Mean < 0.85*ours.Mean || theirsAsleep.Mean > 0.5*theirs.Mean {
		t.Errorf("asleep 0.6 of the time: %+v and %+v", oursAsleep, theirsAsleep)
	}
	two := rows(t, func(g *Grid) { g.Members, g.Perturbed, g.Perturb, g.Samples = []int{2}, 0, []float64{0}, 4 })
	if two[0].Mean < 99 || two[1].Mean < 500 {
		t.Errorf("two members: %+v", two)
	}
}

// Over shorter windows rates are less steady. A rest that fills no window does not count.
func TestWindows(t *testing.T) {
	ticks := []int{2, 0, 1, 1, 0, 2, 9}
	for length, want := range map[int][2]float64{1: {0, 289.97}, 2: {100, 0}, 3: {100, 0}} {
		least, stddev := windows(ticks, length)
		if math.Abs(least-want[0]) > 0.01 || math.Abs(stddev-want[1]) > 0.01 {
			t.Errorf("windows of %d: at least %v, deviation %v, want %v", length, least, stddev, want)
		}
	}
	r := rows(t, func(g *Grid) { g.Protocol, g.Members, g.Perturb = []string{Traditional}, []int{16}, []float64{0.3} })[0]
	if r.Min1000ms != r.Min || r.Min100ms > r.Min1000ms || r.Min10ms > r.Min100ms || r.Stddev10ms < r.Stddev100ms || r.Stddev100ms < r.Stddev1000ms {
		t.Errorf("%+v", r)
	}
}

// What more room does: harm comes later, and comes.
func TestMoreRoomPostponesTheHarm(t *testing.T) {
	found := rows(t, func(g *Grid) {
		g.Protocol, g.Members, g.Window, g.Perturb = []string{Traditional}, []int{32}, []int{50_000, 200_000}, []float64{0, 0.3, 0.9}
	})
	if found[4].Mean <= found[1].Mean || found[5].Mean >= 0.5*found[3].Mean {
		t.Errorf("with four times the window %v and %v of %v messages/s", found[4].Mean, found[5].Mean, found[3].Mean)
	}
	// Without a window the buffer, which is as large as what is sent in a second, is all that can stop the sender: sleepers of tenths of a second do not fill it.
	alone := rows(t, func(g *Grid) {
		g.Protocol, g.Members, g.Window, g.Buffer, g.Perturb = []string{Traditional}, []int{32}, []int{0}, []int{4 << 20, 16 << 20}, []float64{0.3, 0.9}
	})
	if alone[0].Mean < 0.9*found[0].Mean || alone[1].Mean >= 0.7*found[0].Mean || alone[3].Mean <= alone[1].Mean {
		t.Errorf("without a window %v, %v, and with four times the buffer %v, %v", alone[0].Mean, alone[1].Mean, alone[2].Mean, alone[3].Mean)
	}
}

// Virtual synchrony over gossip is as steady as gossip, in each order, with an ordinary member asleep and with the one that orders, for which no view changes. (One that is cut off, and runs, orders what others do not hear of, and has to join
// again.) The traditional protocol with total order falls as it does without.
func TestViewsOverGossipStaySteady(t *testing.T) {
	for _, test := range []struct {
		fault   Fault
		ranks   Ranks
		orders  []vsync.Order
		perturb []float64
	}{
		{FaultSleep, RanksSender, []vsync.Order{vsync.OrderFIFO, vsync.OrderCausal}, []float64{0, 0.9}},
		{FaultSleep, RanksPerturbed, []vsync.Order{vsync.OrderTotal}, []float64{0, 0.3, 0.9}},
		{FaultDelay, RanksPerturbed, []vsync.Order{vsync.OrderTotal}, []float64{0, 0.9}},
		{FaultLoss, RanksSender, []vsync.Order{vsync.OrderFIFO}, []float64{0, 0.9}},
	} {
		found := rows(t, func(g *Grid) {
			g.Protocol, g.Members, g.Order, g.Perturb = []string{Vsync}, []int{16}, test.orders, test.perturb
			g.Fault, g.Ranks, g.Samples = test.fault, test.ranks, 20
		})
		base := 0.0
		for _, r := range found {
			if r.Perturb == 0 {
				base = r.Mean
			}
			if r.Mean < 0.98*base || base < 99 || r.Min < 0.9*r.Mean || r.Fault == FaultSleep && (r.Views > 0 || r.Blocked > 0) {
				t.Errorf("%s, %s first, %v %v: %v messages/s, at least %v, %d views; unperturbed %v", r.Order, r.Ranks, r.Fault, r.Perturb, r.Mean, r.Min, r.Views, base)
			}
		}
	}
	for _, ranks := range []Ranks{RanksSender, RanksPerturbed} {
		found := rows(t, func(g *Grid) {
			g.Protocol, g.Members, g.Order, g.Perturb, g.Ranks = []string{Traditional}, []int{16}, []vsync.Order{vsync.OrderTotal}, []float64{0, 0.9}, ranks
		})
		if found[1].Mean > 0.4*found[0].Mean {
			t.Errorf("traditional, total order, %v first: %v messages/s, and %v undisturbed", ranks, found[1].Mean, found[0].Mean)
		}
	}
}

// With total order an ordinary member that sleeps for long may find on waking that what it has was not ordered, and take over: since it goes on to sleep, another one has to take over from it. That happens in some runs, once, and costs a second
// some of its messages, which the next one makes up for: seconds with fewer than 0.9 of the rate are in fewer than half of the runs, and have 0.5 of it all the same.
func TestSleepersSeldomTakeOver(t *testing.T) {
	found := rows(t, func(g *Grid) {
		g.Protocol, g.Members, g.Order, g.Perturb = []string{Vsync}, []int{16}, []vsync.Order{vsync.OrderTotal}, []float64{0, 0.9}
		g.Samples, g.Seeds = 20, 6
	})
	short := 0
	for _, r := range found {
		if r.Mean < 98 || r.Min < 0.5*r.Mean || r.Views > 0 || r.Blocked > 0 || r.Perturb == 0 && r.Min < 0.9*r.Mean {
			t.Errorf("asleep %v, seed %d: %v messages/s, at least %v, %d views", r.Perturb, r.Seed, r.Mean, r.Min, r.Views)
		}
		if r.Min < 0.9*r.Mean {
			short++
		}
	}
	if short > 2 {
		t.Errorf("%d runs of 6 with a sleeper have short seconds", short)
	}
}

// Who is cut off for longer than a group of views waits is out of its views, and the others go on meanwhile and after.
func TestViewsOverGossipLeaveOutTheLost(t *testing.T) {
	r := rows(t, func(g *Grid) {
		g.Protocol, g.Members, g.Perturb, g.Fault, g.Samples = []string{Vsync}, []int{8}, []float64{0.999}, FaultLoss, 80
	})[0]
	if r.EjectedAt == nil || *r.EjectedAt > 25 || r.UntilEjection == nil || *r.UntilEjection < 99 || r.Views == 0 || r.Mean < 98 {
		t.Errorf("%+v", r)
	}
}

// A grid has the runs of the orders that a protocol has.
func TestOrders(t *testing.T) {
	g := DefaultGrid()
	g.Protocol, g.Members, g.Perturb = Protocols(), []int{4}, []float64{0}
	g.Order = []vsync.Order{vsync.OrderFIFO, vsync.OrderCausal, vsync.OrderTotal}
	runs, err := g.Runs()
	if err != nil || len(runs) != 1+2+3 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	for _, r := range []Ranks{RanksSender, RanksPerturbed} {
		if got, err := ParseRanks(r.String()); got != r || err != nil {
			t.Errorf("%v is read as %v: %v", r, got, err)
		}
	}
	if _, err := ParseRanks("first"); err == nil {
		t.Error("ranks that there are not")
	}
}

func TestEqualSeedsEqualRows(t *testing.T) {
	for _, protocol := range Protocols() {
		change := func(g *Grid) {
			g.Protocol, g.Members, g.Perturb, g.Fault, g.Samples = []string{protocol}, []int{12}, []float64{0.3}, FaultLoss, 10
		}
		a, b := rows(t, change)[0], rows(t, change)[0]
		if !reflect.DeepEqual(a, b) {
			t.Errorf("equal seeds: %+v and %+v", a, b)
		}
		if c := rows(t, func(g *Grid) { change(g); g.Seed = 2 })[0]; c.PerturbedMean == a.PerturbedMean && c.Stddev == a.Stddev {
			t.Errorf("another seed gives the same: %+v", c)
		}
	}
}

func TestGridSaysWhatIsWrong(t *testing.T) {
	for flag, change := range map[string]func(*Grid){
		"--protocol":          func(g *Grid) { g.Protocol = []string{"carrier-pigeon"} },
		"--members":           func(g *Grid) { g.Members = []int{32, 1} },
		"--members: 129 ":     func(g *Grid) { g.Protocol, g.Members = Protocols(), []int{129} },
		"--perturb":           func(g *Grid) { g.Perturb = []float64{1} },
		"--perturbed-members": func(g *Grid) { g.Perturbed = 31 },
		"--seeds":             func(g *Grid) { g.Seeds = 0 },
		"--window":            func(g *Grid) { g.Window = []int{-1} },
		"--buffer":            func(g *Grid) { g.Buffer = []int{10} },
		"--cost":              func(g *Grid) { g.Cost = "free" },
		"--rate":              func(g *Grid) { g.Rate = -1 },
		"--pings-missed":      func(g *Grid) { g.Missed = -1 },
		"--samples":           func(g *Grid) { g.Samples = 1 },
		"no runs":             func(g *Grid) { g.Members = nil },
	} {
		g := DefaultGrid()
		change(&g)
		if _, err := g.Runs(); err == nil || !strings.HasPrefix(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	for _, name := range Costs() {
		if _, err := CostNamed(name); err != nil {
			t.Error(err)
		}
	}
	for _, f := range []Fault{FaultSleep, FaultDelay, FaultLoss} {
		if got, err := ParseFault(f.String()); got != f || err != nil {
			t.Errorf("%v is read as %v: %v", f, got, err)
		}
	}
}
