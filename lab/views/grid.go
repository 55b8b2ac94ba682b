package views

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"spinglass/lab/compare"
	"spinglass/vsync"
)

// Limits of a Grid.
const (
	MembersMin  = 2 // of whom a change leaves no majority, so that there is none
	MembersMax  = vsync.MembersMax
	LossMax     = 0.5
	PerturbMax  = 0.95
	MissedMax   = 1000
	RateMax     = 1000
	SizeMin     = 8
	SizeMax     = 8 << 10
	CyclesMax   = 100
	IntervalMin = time.Second
	IntervalMax = time.Hour
)

// Grid is a series of runs: each protocol with each order that it has, loss, part of the time that a member is asleep, size and seed.
type Grid struct {
	Protocol []string
	Order    []vsync.Order
	Members  []int     // MembersMin to MembersMax
	Loss     []float64 // of each datagram: 0 to LossMax
	Perturb  []float64 // probability that one member is asleep, in intervals of 100 ms: 0 to PerturbMax
	Seeds    int
	Seed     uint64 // the first one
	Config          // the rest, the same for all
}

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocol: []string{Vsync, Traditional}, Order: []vsync.Order{vsync.OrderTotal}, Members: []int{2, 4, 8, 16, 32, 64, 96}, Loss: []float64{0.01}, Perturb: []float64{0}, Seeds: 2, Seed: 1,
		Config: Config{Missed: 10, Rate: 20, Size: 1000, Cycles: 1, Interval: 20 * time.Second},
	}
}

// FullGrid returns a grid of more losses, a member that sleeps, and more seeds.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Members = []int{2, 3, 4, 6, 8, 16, 32, 64, 96, 128}
	g.Loss, g.Perturb, g.Seeds, g.Cycles = []float64{0, 0.01, 0.05}, []float64{0, 0.9}, 3, 2
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	c := g.Config
	for _, c.Protocol = range g.Protocol {
		for _, c.Order = range g.Order {
			if c.Protocol == Traditional && c.Order == vsync.OrderCausal {
				continue // it has none
			}
			for _, c.Loss = range g.Loss {
				for _, c.Perturb = range g.Perturb {
					for _, c.Members = range g.Members {
						for i := range g.Seeds {
							c.Seed = g.Seed + uint64(i)
							runs = append(runs, c)
						}
					}
				}
			}
		}
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("no runs: a flag has no value")
	}
	return runs, nil
}

func (g *Grid) check() error {
	for _, p := range g.Protocol {
		if !slices.Contains(Protocols(), p) {
			return fmt.Errorf("--protocol: %q is none of %s", p, strings.Join(Protocols(), ", "))
		}
	}
	if err := cmp.Or(compare.Within("members", g.Members, MembersMin, MembersMax), compare.Within("loss", g.Loss, 0, LossMax), compare.Within("perturb", g.Perturb, 0, PerturbMax),
		compare.Within("missed", []int{g.Missed}, 1, MissedMax), compare.Within("rate", []int{g.Rate}, 1, RateMax), compare.Within("size", []int{g.Size}, SizeMin, SizeMax),
		compare.Within("cycles", []int{g.Cycles}, 1, CyclesMax), compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return err
	}
	if g.Interval < IntervalMin || g.Interval > IntervalMax {
		return fmt.Errorf("--interval: %v is not from %v to %v", g.Interval, IntervalMin, IntervalMax)
	}
	return nil
}
