package frequency

import (
	"math"
	"testing"
	"time"
)

// plant is a grid of 1000 MW in balance at a load of 600 MW, with four units.
func plant() *Grid {
	g := &Grid{Nominal: 50, Frequency: 50, Rated: 1000, Inertia: 5, Damping: 1}
	for range 4 {
		g.Units = append(g.Units, &Unit{Rated: 250, Setpoint: 150, Output: 150, Droop: 0.05, Reserve: 250, Lag: 0.5})
	}
	return g
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, not %v", what, got, want)
	}
}

func TestBalance(t *testing.T) {
	g := plant()
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	g.Advance(600, time.Minute)
	near(t, "the frequency in balance", g.Frequency, 50, 1e-9)
}

// At first only the masses feel a step of the load: df/dt = -f0 / (2 H S) * step.
func TestRateOfChange(t *testing.T) {
	g := plant()
	g.Advance(620, 10*time.Millisecond)
	near(t, "the first slope, Hz/s", g.Deviation()/0.01, -50.0/(2*5*1000)*20, 1e-6)
}

// "A step in load makes the frequency sag": primary control stops that, where what the droop adds and what the load takes less make up for the step.
func TestStepSags(t *testing.T) {
	g, lowest := plant(), 50.0
	for range 3000 {
		g.Advance(620, 10*time.Millisecond)
		lowest = min(lowest, g.Frequency)
	}
	stiffness := 1000/(0.05*50) + 1*1000/50.0 // MW for each Hz
	near(t, "the deviation after a step of 20 MW", g.Deviation(), -20/stiffness, 1e-6)
	if lowest > g.Frequency-0.002 {
		t.Errorf("the lowest frequency was %v, where it settled at %v", lowest, g.Frequency)
	}
}

// "... and the governor restore it": secondary control brings it back to the nominal frequency, and the units generate the step.
func TestGovernorRestores(t *testing.T) {
	g := plant()
	for range 12000 {
		g.Advance(620, 10*time.Millisecond)
		for _, u := range g.Units {
			u.Restore(g.Deviation(), 10, 10*time.Millisecond)
		}
	}
	near(t, "the frequency after two minutes", g.Frequency, 50, 1e-3)
	near(t, "the generation", g.Generation(), 620, 0.5)
}

// A step beyond the reserve is not caught: what is missing is left to the damping of the load.
func TestReserveEnds(t *testing.T) {
	g := plant()
	for _, u := range g.Units {
		u.Reserve = 5
	}
	g.Advance(650, 2*time.Minute)
	near(t, "the deviation 30 MW beyond the reserve", g.Deviation(), -30/(1*1000/50.0), 1e-3)

	g.Advance(2000, time.Minute) // and beyond what the model knows
	near(t, "the frequency", g.Frequency, 45, 1e-9)
}

// Units generate neither less than nothing nor more than they are rated for.
func TestUnitsAreLimited(t *testing.T) {
	g := plant()
	g.Units[0].Setpoint, g.Units[1].Setpoint, g.Units[2].Correction = 900, 0, -500
	g.Advance(600, time.Minute)
	near(t, "a unit that should generate too much", g.Units[0].Output, 250, 1)
	for i, u := range g.Units {
		if u.Output < 0 || u.Output > u.Rated+1e-9 {
			t.Errorf("unit %d generates %v", i, u.Output)
		}
	}
	g.Units[0].Restore(-1, 1000, time.Hour)
	near(t, "the greatest correction", g.Units[0].Correction, 250, 0)
}

// Steps of any length are the same as many short ones.
func TestSteps(t *testing.T) {
	a, b := plant(), plant()
	a.Advance(630, 3*time.Second)
	for range 300 {
		b.Advance(630, 10*time.Millisecond)
	}
	if a.Frequency != b.Frequency || a.Generation() != b.Generation() {
		t.Errorf("%v and %v Hz", a.Frequency, b.Frequency)
	}
}

func TestValidate(t *testing.T) {
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Nominal = 0 }, func(g *Grid) { g.Frequency = math.NaN() }, func(g *Grid) { g.Inertia = 0 }, func(g *Grid) { g.Damping = -1 },
		func(g *Grid) { g.Units[1].Lag = 0 }, func(g *Grid) { g.Units[1].Droop = 0 }, func(g *Grid) { g.Units[1].Reserve = -1 }, func(g *Grid) { g.Units[1].Output = math.NaN() },
	} {
		g := plant()
		wrong(g)
		if g.Validate() == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}
