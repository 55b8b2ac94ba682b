package views

import (
	"context"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass/internal/labtest"
	"spinglass/vsync"
)

// rows makes the runs of a grid, and returns the results of all.
func rows(t *testing.T, change func(*Grid)) (found []Result) {
	t.Helper()
	g := DefaultGrid()
	g.Seeds, g.Interval, g.Missed = 1, 14*time.Second, 6
	change(&g)
	runs, err := g.Runs()
	for _, results := range labtest.Rows(t, runs, err, Run) {
		found = append(found, results...)
	}
	for _, r := range found {
		t.Logf("%s, %s, %d members, loss %v, asleep %v, %v: %d, change %v ms, from the proposal %v, held %v, share %v, casts wait %v, %v ms, p99 %v", r.Protocol, r.Order, r.Members, r.Loss, r.Perturb, r.Change, r.Changes,
			of(r.ChangeMean), of(r.Flush), of(r.Held), r.HeldFraction, r.WaitFraction, r.CastMedian, r.CastP99)
	}
	return found
}

func of(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func find(t *testing.T, found []Result, protocol string, members int, kind Kind) *Result {
	t.Helper()
	i := slices.IndexFunc(found, func(r Result) bool { return r.Protocol == protocol && r.Members == members && r.Change == kind })
	if i < 0 {
		t.Fatalf("no row of %s, %d members, %v", protocol, members, kind)
	}
	return &found[i]
}

// All changes are made, and hold casts back for no longer than they take; without a change nothing does.
func TestChangesAreDone(t *testing.T) {
	for _, loss := range []float64{0, 0.02} {
		found := rows(t, func(g *Grid) { g.Members, g.Loss = []int{4, 12}, []float64{loss} })
		for _, r := range found {
			if r.Change == KindNone {
				if r.HeldFraction != 0 || r.WaitFraction != 0 || r.Changes != 0 || r.ChangeMean != nil || r.CastMedian <= 0 || r.CastMedian > 2 {
					t.Errorf("%+v", r)
				}
				continue
			}
			changes := map[Kind]int{KindReturn: 2, KindAll: 6}[r.Change]
			if r.Unfinished != 0 || r.Changes != max(1, changes) || of(r.Flush) > of(r.ChangeMean) || of(r.Held) > of(r.ChangeMax)+1 || of(r.Held) <= 0 || r.HeldFraction <= 0 {
				t.Errorf("%+v", r)
			}
			if loss == 0 && of(r.ChangeMax) > 100 {
				t.Errorf("nothing is lost, and a change takes %v ms", of(r.ChangeMax))
			}
			if crash := r.Change == KindCrash || r.Change == KindCoordinator; crash && (of(r.Found) < 3000 || of(r.Found) > 12_000) || !crash && r.Change != KindAll && of(r.Found) > 1000 {
				t.Errorf("%v found after %v ms", r.Change, of(r.Found))
			}
		}
	}
}

// Before anybody knows of a crash the traditional sender stops, since the window of who crashed is full; over gossip casts go on.
func TestCastsGoOnAfterACrash(t *testing.T) {
	found := rows(t, func(g *Grid) { g.Members, g.Loss = []int{8}, []float64{0} })
	for _, kind := range []Kind{KindCrash, KindCoordinator} {
		ours, theirs := find(t, found, Vsync, 8, kind), find(t, found, Traditional, 8, kind)
		if ours.WaitFraction > 0.01 || ours.CastMax > 1000 || theirs.WaitFraction < 0.1 || theirs.CastMax < 2000 {
			t.Errorf("%v: casts wait for %v and %v of the time, for %v and %v ms", kind, ours.WaitFraction, theirs.WaitFraction, ours.CastMax, theirs.CastMax)
		}
	}
}

// Who sleeps does not hold up a change for longer than the flush takes at its limits, twice two seconds, in each order.
func TestSleeperIsLeftBehind(t *testing.T) {
	found := rows(t, func(g *Grid) {
		g.Protocol, g.Order, g.Members, g.Perturb, g.Loss = []string{Vsync}, []vsync.Order{vsync.OrderFIFO, vsync.OrderCausal, vsync.OrderTotal}, []int{8}, []float64{0.9}, []float64{0}
		g.Seeds = 2
	})
	longest := 0.0
	for _, r := range found {
		if longest = max(longest, of(r.ChangeMax)); r.Unfinished > 0 || of(r.ChangeMax) > 5000 {
			t.Errorf("%+v", r)
		}
	}
	if longest < 500 {
		t.Errorf("a member that sleeps for a second in the mean holds nothing up: %v ms at most", longest)
	}
}

// Of a change for which there is nobody, since one casts and one sleeps, is told that it was not made.
func TestSkippedChangesAreTold(t *testing.T) {
	told := rows(t, func(g *Grid) {
		g.Protocol, g.Members, g.Perturb, g.Loss, g.Cycles = []string{Vsync}, []int{3}, []float64{0.9}, []float64{0}, 2
	})
	made := find(t, told, Vsync, 3, KindAll)
	if made.Skipped == 0 || made.Changes+made.Unfinished+2*made.Skipped != 2*6 { // with what follows on it
		t.Errorf("%+v", made)
	}
	for _, kind := range []Kind{KindCrash, KindCoordinator, KindLeave} {
		if r := find(t, told, Vsync, 3, kind); r.Changes+r.Unfinished+r.Skipped != 2 {
			t.Errorf("%+v", r)
		}
	}
	only := (&run{config: Config{Members: 3}, found: [kinds]found{KindCrash: {skipped: 2}}}).results()
	if text, err := json.Marshal(only); err != nil || len(only) != 2 || only[0].Change != KindCrash || only[1].Skipped != 2 {
		t.Errorf("%s, %v", text, err)
	}
}

// In small groups a cast takes as long with the traditional protocol, or less. Groups of two have no changes.
func TestSmallGroups(t *testing.T) {
	found := rows(t, func(g *Grid) { g.Members, g.Loss = []int{2, 3, 6}, []float64{0} })
	for _, members := range []int{2, 3, 6} {
		ours, theirs := find(t, found, Vsync, members, KindNone), find(t, found, Traditional, members, KindNone)
		if theirs.CastMedian > ours.CastMedian*1.01 || theirs.CastMedian <= 0 {
			t.Errorf("%d members: a cast takes %v ms, %v with the traditional protocol", members, ours.CastMedian, theirs.CastMedian)
		}
	}
	if n := slices.IndexFunc(found, func(r Result) bool { return r.Members == 2 && r.Change != KindNone }); n >= 0 {
		t.Errorf("%+v", found[n])
	}
}

// Every member that is well is delivered every cast, in every order: what is told of casts is of all of them.
func TestAllCastsAreDelivered(t *testing.T) {
	for _, protocol := range Protocols() {
		for _, order := range []vsync.Order{vsync.OrderFIFO, vsync.OrderTotal} {
			g := DefaultGrid()
			g.Protocol, g.Order, g.Members, g.Loss, g.Seeds = []string{protocol}, []vsync.Order{order}, []int{5}, []float64{0.05}, 1
			runs, err := g.Runs()
			if err != nil {
				t.Fatal(err)
			}
			r := newRun(runs[0])
			if err := r.form(t.Context(), func(string) {}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.measure(t.Context(), func(string) {}); err != nil {
				t.Fatal(err)
			}
			none := r.found[KindNone]
			if want := 5 * (int(none.time.Seconds())*g.Rate + int(settling.Seconds())*g.Rate); len(none.latencies) < want-5 || len(none.latencies) > want+5 {
				t.Errorf("%s, %v: %d deliveries, want %d", protocol, order, len(none.latencies), want)
			}
		}
	}
}

func TestEqualSeedsEqualRows(t *testing.T) {
	for _, protocol := range Protocols() {
		change := func(g *Grid) {
			g.Protocol, g.Members, g.Perturb, g.Loss = []string{protocol}, []int{5}, []float64{0.5}, []float64{0.05}
		}
		a, b := rows(t, change), rows(t, change)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("equal seeds: %+v and %+v", a, b)
		}
		if c := rows(t, func(g *Grid) { change(g); g.Seed = 2 }); reflect.DeepEqual(a[1].ChangeMean, c[1].ChangeMean) && a[1].CastP99 == c[1].CastP99 {
			t.Errorf("another seed gives the same: %+v", c[1])
		}
	}
}

func TestInterrupted(t *testing.T) {
	g := DefaultGrid()
	runs, err := g.Runs()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, runs[len(runs)-1], func(string) {}); err != context.Canceled {
		t.Error(err)
	}
}

func TestGridSaysWhatIsWrong(t *testing.T) {
	for flag, change := range map[string]func(*Grid){
		"--protocol": func(g *Grid) { g.Protocol = []string{"srm"} },
		"--members":  func(g *Grid) { g.Members = []int{8, 129} },
		"--loss":     func(g *Grid) { g.Loss = []float64{math.NaN()} },
		"--perturb":  func(g *Grid) { g.Perturb = []float64{1} },
		"--missed":   func(g *Grid) { g.Missed = 0 },
		"--rate":     func(g *Grid) { g.Rate = 0 },
		"--size":     func(g *Grid) { g.Size = 7 },
		"--cycles":   func(g *Grid) { g.Cycles = 0 },
		"--seeds":    func(g *Grid) { g.Seeds = 1001 },
		"--interval": func(g *Grid) { g.Interval = 0 },
		"no runs":    func(g *Grid) { g.Protocol = []string{Traditional}; g.Order = []vsync.Order{vsync.OrderCausal} },
	} {
		g := DefaultGrid()
		change(&g)
		if _, err := g.Runs(); err == nil || !strings.HasPrefix(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
