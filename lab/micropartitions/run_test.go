package micropartitions

import (
	"math"
	"strings"
	"testing"
	"time"

	"spinglass/internal/labtest"
)

func results(t *testing.T, g Grid) (found []Result) {
	t.Helper()
	runs, err := g.Runs()
	found = labtest.Rows(t, runs, err, labtest.Silent(Run))
	for _, r := range found {
		t.Logf("%s, %d members, %d missed: in %v s %.4f ejections/s, %.4f views/s, %.5f of the time lost", r.Protocol, r.Members, r.Missed, r.Seconds, r.Ejections, r.Views, r.Lost)
	}
	return found
}

// "An O(n²) phenomenon."
func TestEjectionsGrowFasterThanTheGroup(t *testing.T) {
	g := DefaultGrid()
	g.Protocol, g.Members, g.Loss, g.Duration, g.Seeds = []string{Traditional}, []int{8, 16, 32}, 0.005, time.Minute, 4
	var members, ejections, lost []float64
	for _, r := range results(t, g) {
		members, ejections, lost = append(members, float64(r.Members)), append(ejections, r.Ejections), append(lost, r.Lost)
	}
	for name, y := range map[string][]float64{"ejections": ejections, "time lost": lost} {
		slope, ok := Fit(members, y)
		if !ok || slope.Low <= 1.2 {
			t.Errorf("%s grow with exponent %+v", name, slope)
		}
		t.Logf("%s: exponent %.2f, from %.2f to %.2f", name, slope.Value, slope.Low, slope.High)
	}
}

// With the patience of its defaults the same group ejects nobody, and membership does not either.
func TestPatienceEjectsNobody(t *testing.T) {
	g := DefaultGrid()
	g.Members, g.Missed, g.Duration, g.Seeds = []int{32}, []int{15}, 20*time.Second, 1
	for _, r := range results(t, g) {
		if r.Ejections != 0 || r.Lost != 0 || r.DetectMs < 1000 {
			t.Errorf("%s: %+v", r.Protocol, r)
		}
	}
}

func TestFit(t *testing.T) {
	x := []float64{2, 4, 8, 16, 32}
	y := make([]float64, len(x))
	for i := range x {
		y[i] = 3 * math.Pow(x[i], 1.7)
	}
	if s, ok := Fit(x, y); !ok || math.Abs(s.Value-1.7) > 1e-9 || s.High-s.Low > 1e-6 {
		t.Errorf("an exact law of 1.7 is fitted as %+v", s)
	}
	// By hand: logarithms 0, 1, 2 and 0, 2, 1 (in units of ln 2) have slope 0.5 and residuals of 1.5 in all with one degree of freedom.
	s, ok := Fit([]float64{1, 2, 4}, []float64{1, 4, 2})
	if half := 12.706 * math.Sqrt(1.5/2); !ok || math.Abs(s.Value-0.5) > 1e-9 || math.Abs(s.High-0.5-half) > 1e-9 || math.Abs(0.5-half-s.Low) > 1e-9 {
		t.Errorf("fitted as %+v, want 0.5 +- %v", s, half)
	}
	for _, y := range [][]float64{{0, 0, 0, 0, 0}, {1, 2, 0, 0, 0}} {
		if s, ok := Fit(x, y); ok {
			t.Errorf("%v is fitted as %+v", y, s)
		}
	}
	if s, ok := Fit([]float64{4, 4, 4}, []float64{1, 2, 3}); ok {
		t.Errorf("points at one x are fitted as %+v", s)
	}
}

func TestGridSaysWhatIsWrong(t *testing.T) {
	for flag, change := range map[string]func(*Grid){
		"--protocol": func(g *Grid) { g.Protocol = []string{"srm"} },
		"--members":  func(g *Grid) { g.Members = []int{2} },
		"--missed":   func(g *Grid) { g.Missed = []int{0} },
		"--interval": func(g *Grid) { g.Interval = 0 },
		"--loss":     func(g *Grid) { g.Loss = math.NaN() },
		"--duration": func(g *Grid) { g.Duration = 0 },
		"--seeds":    func(g *Grid) { g.Seeds = 1001 },
		"no runs":    func(g *Grid) { g.Members = nil },
	} {
		g := DefaultGrid()
		change(&g)
		if _, err := g.Runs(); err == nil || !strings.HasPrefix(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
