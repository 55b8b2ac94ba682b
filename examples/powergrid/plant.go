package main

import (
	"math/rand/v2"
	"time"

	"spinglass/examples/powergrid/frequency"
)

// Constants of the grid.
const (
	nominal = 50.0 // Hz
	losses  = 0.02 // of what is used, on the lines
	margin  = 1.6  // rated power of a producer, of what its contracts use at first
	inertia = 4.0  // seconds
	damping = 1.0
	droop   = 0.05
	lag     = 0.5  // seconds
	reserve = 0.03 // of a producer's rated power that its governor adds of itself
	gain    = 0.02 // of a producer's rated power that is added for each Hz and second by which the frequency is off
	tick    = 20 * time.Millisecond

	// What the grid stands, as European operators have it: beyond the first, loads are cut off; the second is the range of normal operation.
	deviationMax    = 0.8 // Hz
	deviationNormal = 0.2
)

// plant is the grid itself, as it is whether anybody knows or not.
type plant struct {
	topology *topology
	grid     *frequency.Grid
	units    map[int]*frequency.Unit // by member
	loads    []float64               // MW, by contract
	wander   []float64               // of these, part of what is used at first, beside the level
	random   *rand.Rand              // of the loads
}

// newPlant makes a grid in balance.
func newPlant(t *topology, r *rand.Rand) *plant {
	p := &plant{topology: t, grid: &frequency.Grid{Nominal: nominal, Frequency: nominal, Inertia: inertia, Damping: damping}, units: make(map[int]*frequency.Unit), wander: make([]float64, len(t.contracts)), random: r}
	for _, c := range t.contracts {
		p.loads = append(p.loads, c.base)
	}
	for m, who := range t.members {
		if who.role != producer {
			continue
		}
		used := 0.0
		for _, c := range t.contracts {
			if c.producer == m {
				used += c.base
			}
		}
		if used == 0 {
			continue // without a contract it stands still
		}
		u := &frequency.Unit{
			Rated: margin * used, Setpoint: used, Correction: losses * used, Output: (1 + losses) * used, Droop: droop, Reserve: reserve * margin * used, Lag: lag,
		}
		p.units[m] = u
		p.grid.Units = append(p.grid.Units, u)
		p.grid.Rated += u.Rated
	}
	return p
}

// load returns what is used and lost, MW.
func (p *plant) load() (sum float64) {
	for _, l := range p.loads {
		sum += l * (1 + losses)
	}
	return sum
}

// persistence is what is left of a change of load after the next one.
const persistence = 0.9

// event changes what a contract uses: about level times what it used at first. Each change is about as large as deviation.
func (p *plant) event(c int, level, deviation float64) {
	p.wander[c] = persistence*p.wander[c] + deviation*p.random.NormFloat64()
	p.loads[c] = p.topology.contracts[c].base * max(0.2, level+p.wander[c])
}
