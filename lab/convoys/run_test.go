package convoys

import (
	"math"
	"strings"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/internal/labtest"
)

// spreads returns the result of each depth.
func spreads(t *testing.T, change func(*Grid)) (found []Result) {
	t.Helper()
	g := DefaultGrid()
	g.Depth, g.Order, g.Remedy = []int{1, 2, 3, 4}, []string{"fifo"}, []string{RemedyNone}
	change(&g)
	runs, err := g.Runs()
	found = labtest.Rows(t, runs, err, labtest.Silent(Run))
	for _, r := range found {
		if r.Delivered < 0.999 && r.Protocol == Hierarchical {
			t.Errorf("%v of the messages arrived: %+v", r.Delivered, r)
		}
		t.Logf("%s, %s, %s, depth %d: deviation %v ms, latency %v ms, %d bytes wait", r.Protocol, r.Order, r.Remedy, r.Depth, r.Stddev, r.Latency, r.Waiting)
	}
	return found
}

// "The spread of inter-arrival times grows with each level, and total order is worse."
func TestSpreadGrowsWithDepth(t *testing.T) {
	fifo := spreads(t, func(g *Grid) { g.Protocol = []string{Hierarchical} })
	total := spreads(t, func(g *Grid) { g.Protocol, g.Order = []string{Hierarchical}, []string{"total"} })
	for _, rows := range [][]Result{fifo, total} {
		for i := 1; i < len(rows); i++ {
			if rows[i].Stddev <= rows[i-1].Stddev {
				t.Errorf("%s: deviation %v ms at depth %d, and %v at depth %d", rows[i].Order, rows[i].Stddev, rows[i].Depth, rows[i-1].Stddev, rows[i-1].Depth)
			}
		}
	}
	for i := range fifo {
		if total[i].Stddev <= fifo[i].Stddev {
			t.Errorf("depth %d: deviation %v ms in total order, and %v in FIFO order", fifo[i].Depth, total[i].Stddev, fifo[i].Stddev)
		}
	}
}

func TestBimodalSpreadDoesNotGrow(t *testing.T) {
	direct := spreads(t, func(g *Grid) {
		g.Protocol, g.Depth, g.Spread, g.Duration = []string{Bimodal}, []int{1, 4, 12}, bimodal.SpreadDirect, 30*time.Second
	})
	for _, r := range direct {
		if r.Stddev > 1.1*direct[0].Stddev {
			t.Errorf("deviation %v ms with %d members, and %v with %d", r.Stddev, r.Members, direct[0].Stddev, direct[0].Members)
		}
	}
	// Trees have relays: a step, and not one for each level.
	trees := spreads(t, func(g *Grid) { g.Protocol, g.Depth, g.Duration = []string{Bimodal}, []int{5, 12}, 30*time.Second })
	for _, r := range trees {
		if r.Stddev > 1.6*direct[0].Stddev {
			t.Errorf("by trees, deviation %v ms with %d members, and %v directly with %d", r.Stddev, r.Members, direct[0].Stddev, direct[0].Members)
		}
	}
}

// Remedies smooth, and cost buffers.
func TestRemediesHaveTheirPrice(t *testing.T) {
	deep := func(order, remedy string) Result {
		return spreads(t, func(g *Grid) {
			g.Protocol, g.Depth, g.Order, g.Remedy = []string{Hierarchical}, []int{4}, []string{order}, []string{remedy}
		})[0]
	}
	none := deep("total", RemedyNone)
	if weak := deep("total", RemedyWeak); weak.Stddev >= none.Stddev {
		t.Errorf("weak order: deviation %v ms, and %v without", weak.Stddev, none.Stddev)
	}
	none = deep("fifo", RemedyNone)
	for _, remedy := range []string{RemedyLayer, RemedyEnd} {
		r := deep("fifo", remedy)
		if r.Stddev >= 0.6*none.Stddev {
			t.Errorf("%s: deviation %v ms, and %v without", remedy, r.Stddev, none.Stddev)
		}
		if r.Waiting <= 10*none.Waiting || r.Latency <= 10*none.Latency {
			t.Errorf("%s costs little: %d bytes wait, and %d without; latency %v ms, and %v without", remedy, r.Waiting, none.Waiting, r.Latency, none.Latency)
		}
	}
}

func TestEqualSeedsEqualRows(t *testing.T) {
	change := func(g *Grid) {
		g.Depth, g.Duration, g.Order, g.Remedy = []int{2}, 5*time.Second, []string{"total"}, []string{RemedyLayer}
	}
	a, b := spreads(t, change), spreads(t, change)
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("equal seeds: %+v and %+v", a[i], b[i])
		}
	}
	if c := spreads(t, func(g *Grid) { change(g); g.Seed = 2 }); c[0].Stddev == a[0].Stddev {
		t.Errorf("another seed gives the same: %+v", c[0])
	}
}

func TestDistribution(t *testing.T) {
	values := make([]float64, 200)
	for i := range values {
		values[i] = float64(200 - i)
	}
	mean, stddev, p99 := distribution(values)
	if mean != 100.5 || p99 != 198 || math.Abs(stddev-math.Sqrt((200*200-1)/12.0)) > 1e-3 {
		t.Errorf("of 1 to 200: mean %v, deviation %v, 99th percentile %v", mean, stddev, p99)
	}
}

func TestGridSaysWhatIsWrong(t *testing.T) {
	for flag, change := range map[string]func(*Grid){
		"--protocol": func(g *Grid) { g.Protocol = []string{"traditional"} },
		"--depth":    func(g *Grid) { g.Depth = []int{0} },
		"--order":    func(g *Grid) { g.Order = []string{"causal"} },
		"--remedy":   func(g *Grid) { g.Remedy = []string{"hope"} },
		"--group":    func(g *Grid) { g.Group = 2 },
		"--delay":    func(g *Grid) { g.Delay = -1 },
		"--rate":     func(g *Grid) { g.Rate = 0 },
		"--size":     func(g *Grid) { g.Size = 15 },
		"--pause":    func(g *Grid) { g.Pause = 1 },
		"--loss":     func(g *Grid) { g.Loss = -1 },
		"--duration": func(g *Grid) { g.Duration = 0 },
		"--seeds":    func(g *Grid) { g.Seeds = 0 },
		"no runs": func(g *Grid) {
			g.Protocol, g.Order, g.Remedy = []string{Hierarchical}, []string{"fifo"}, []string{RemedyWeak}
		},
	} {
		g := DefaultGrid()
		change(&g)
		if _, err := g.Runs(); err == nil || !strings.HasPrefix(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
