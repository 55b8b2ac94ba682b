package frequency

import (
	"fmt"
	"time"
)

// StepMax is the longest step for which the equations are solved at once.
const StepMax = 10 * time.Millisecond

// Swing is how far from its nominal value the frequency can be, as a part of that. Beyond it the model says nothing.
const Swing = 0.1

// Grid is a grid whose masses turn as one.
type Grid struct {
	Nominal   float64 // f0, Hz
	Frequency float64 // f, Hz
	Rated     float64 // S, MW
	Inertia   float64 // H, seconds
	Damping   float64 // D, part of S for f0
	Units     []*Unit
}

// Unit is a generator with its governor.
type Unit struct {
	Rated      float64 // MW, the most that it generates
	Setpoint   float64 // MW
	Correction float64 // MW beside that, by which the frequency is restored
	Output     float64 // MW
	Droop      float64 // part of f0 for which the governor adds Rated
	Reserve    float64 // MW that the governor adds or takes away, at most
	Lag        float64 // seconds
}

// Validate reports the first field that is out of its range.
func (g *Grid) Validate() error {
	if !(g.Nominal > 0 && g.Frequency > 0 && g.Rated > 0 && g.Inertia > 0 && g.Damping >= 0) {
		return fmt.Errorf("frequency: a grid of %v Hz at %v Hz, %v MW, with an inertia of %v s and a damping of %v", g.Nominal, g.Frequency, g.Rated, g.Inertia, g.Damping)
	}
	for i, u := range g.Units {
		if !(u.Rated > 0 && u.Setpoint >= 0 && u.Output >= 0 && u.Droop > 0 && u.Reserve >= 0 && u.Lag > 0) {
			return fmt.Errorf("frequency: unit %d is %+v", i, *u)
		}
	}
	return nil
}

// Deviation returns f - f0, Hz.
func (g *Grid) Deviation() float64 { return g.Frequency - g.Nominal }

// Generation returns what all units generate, MW.
func (g *Grid) Generation() (sum float64) {
	for _, u := range g.Units {
		sum += u.Output
	}
	return sum
}

// Advance lets time pass with a load, MW at nominal frequency.
func (g *Grid) Advance(load float64, d time.Duration) {
	for d > 0 {
		step := min(d, StepMax)
		g.step(load, step.Seconds())
		d -= step
	}
}

func (g *Grid) step(load, seconds float64) {
	imbalance := g.Generation() - load - g.Damping*g.Rated*g.Deviation()/g.Nominal
	for _, u := range g.Units {
		u.step(g.Deviation()/g.Nominal, seconds)
	}
	f := g.Frequency + g.Nominal/(2*g.Inertia*g.Rated)*imbalance*seconds
	g.Frequency = min(max(f, g.Nominal*(1-Swing)), g.Nominal*(1+Swing))
}

// step moves the output towards what setpoint, correction and governor ask for.
func (u *Unit) step(deviation, seconds float64) {
	primary := min(max(-deviation/u.Droop*u.Rated, -u.Reserve), u.Reserve)
	target := min(max(u.Setpoint+u.Correction+primary, 0), u.Rated)
	u.Output += (target - u.Output) * min(1, seconds/u.Lag)
}

// Restore moves the correction for a deviation, in Hz, that lasted for so long, by a gain in MW for each Hz and second.
func (u *Unit) Restore(deviation, gain float64, d time.Duration) {
	u.Correction = min(max(u.Correction-gain*deviation*d.Seconds(), -u.Rated), u.Rated)
}
