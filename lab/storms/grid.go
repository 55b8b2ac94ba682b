package storms

import (
	"cmp"
	"fmt"

	"spinglass/lab/compare"
	"spinglass/lab/throughput"
)

// Grid is a series of runs: each protocol with each size, topology, loss and seed.
type Grid struct {
	Protocols  []string
	Members    []int
	Topologies []string
	Loss       []float64 // LossMin to LossMax
	Cost       string
	Losses     int // that each run waits for
	Seconds    int // that each run takes at least
	Seeds      int
	Seed       uint64 // the first one
}

// CostNone is the name of hosts that take no time.
const CostNone = "none"

// Limits of a Grid.
const (
	LossMin    = 1e-5
	LossMax    = 0.1
	LossesMax  = 10_000_000
	SecondsMax = 1_000_000
)

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocols: []string{"srm", "srm-adaptive", "bimodal"}, Members: []int{10, 20, 40, 80}, Topologies: []string{"tree"}, Loss: []float64{0.001}, Cost: CostNone, Losses: 2000, Seconds: 10, Seeds: 1, Seed: 1,
	}
}

// FullGrid returns the grid of the published figure, and beyond. Runs of large groups take longer than their losses do, for the sake of those near the root, which are few.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Members, g.Topologies, g.Losses, g.Seconds = []int{10, 20, 40, 60, 80, 100, 200, 500, 1000}, []string{"tree", "star"}, 10_500, 100
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	protocols, err := compare.Named(g.Protocols)
	if err := cmp.Or(err, compare.Within("members", g.Members, 3, compare.MembersMax), compare.Within("loss", g.Loss, LossMin, LossMax),
		compare.Within("losses", []int{g.Losses}, 1, LossesMax),
		compare.Within("seconds", []int{g.Seconds}, 1, SecondsMax), compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return nil, err
	}
	if _, err := throughput.CostNamed(g.Cost); err != nil && g.Cost != CostNone {
		return nil, fmt.Errorf("--cost: %w, or %s", err, CostNone)
	}
	for _, topology := range g.Topologies {
		if topology != "tree" && topology != "star" {
			return nil, fmt.Errorf("--topology: %q is neither tree nor star", topology)
		}
		for _, loss := range g.Loss {
			for _, p := range protocols {
				for _, members := range g.Members {
					for i := range g.Seeds {
						runs = append(runs, Config{
							Protocol: p, Members: members, Topology: topology, Loss: loss, Cost: g.Cost, Losses: g.Losses, Seconds: g.Seconds, Seed: g.Seed + uint64(i),
						})
					}
				}
			}
		}
	}
	return runs, nil
}
