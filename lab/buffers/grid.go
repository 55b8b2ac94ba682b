package buffers

import (
	"cmp"
	"fmt"
	"slices"

	"spinglass/lab/compare"
)

// Limits of a Grid.
const (
	MembersMin = 4
	LossMax    = 0.1
	PerturbMax = 0.95
	SecondsMin = 1
	SecondsMax = 36_000
)

// Grid is a series of runs: each protocol with each size, loss, probability and seed.
type Grid struct {
	Protocols []string
	Members   []int     // MembersMin to compare.MembersMax
	Loss      []float64 // on every link: 0 to LossMax
	Perturb   []float64 // probability that an interval is spent asleep: 0 to PerturbMax
	Perturbed int       // members that are: 0 to two less than there are
	Rate      int
	Size      int
	Seconds   int // SecondsMin to SecondsMax
	Seeds     int
	Seed      uint64 // the first one
}

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocols: []string{"bimodal", "traditional", "fec"}, Members: []int{16, 32, 64, 128}, Loss: []float64{0.01}, Perturb: []float64{0, 0.6, 0.9}, Perturbed: 1,
		Rate: 100, Size: 1000, Seconds: 20, Seeds: 3, Seed: 1,
	}
}

// FullGrid returns a grid of larger groups, more loss and more seeds.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Members, g.Loss, g.Perturb, g.Seconds, g.Seeds = []int{16, 32, 64, 128, 256}, []float64{0, 0.001, 0.01, 0.05}, []float64{0, 0.3, 0.6, 0.9}, 60, 5
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	protocols, err := compare.Named(g.Protocols)
	if err := cmp.Or(err, compare.Within("members", g.Members, MembersMin, compare.MembersMax), compare.Within("loss", g.Loss, 0, LossMax),
		compare.Within("perturb", g.Perturb, 0, PerturbMax), compare.Within("rate", []int{g.Rate}, 1, compare.RateMax),
		compare.Within("size", []int{g.Size}, compare.SizeMin, compare.SizeMax), compare.Within("seconds", []int{g.Seconds}, SecondsMin, SecondsMax),
		compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return nil, err
	}
	if most := slices.Min(g.Members) - 2; g.Perturbed < 0 || g.Perturbed > most {
		return nil, fmt.Errorf("--perturbed-members: %d is not from 0 to %d, which leaves a sender and one more", g.Perturbed, most)
	}
	for _, p := range protocols {
		for _, loss := range g.Loss {
			for _, perturb := range g.Perturb {
				for _, members := range g.Members {
					for i := range g.Seeds {
						runs = append(runs, Config{
							Protocol: p, Members: members, Loss: loss, Perturb: perturb, Perturbed: g.Perturbed, Rate: g.Rate, Size: g.Size, Seconds: g.Seconds, Seed: g.Seed + uint64(i),
						})
					}
				}
			}
		}
	}
	return runs, nil
}
