package overhead

import (
	"cmp"

	"spinglass/lab/compare"
)

// Grid is a series of runs: each protocol with each size, loss and seed.
type Grid struct {
	Protocols []string
	Members   []int
	Loss      []float64 // 0 to LossMax
	Rate      int
	Size      int
	Seconds   int // SecondsMin to SecondsMax
	Seeds     int
	Seed      uint64 // the first one
}

// Limits of a Grid.
const (
	LossMax    = 0.1
	SecondsMin = 2
	SecondsMax = 36_000
)

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocols: []string{"bimodal", "srm", "rmtp", "fec"}, Members: []int{10, 20, 40, 80, 160}, Loss: []float64{0.001}, Rate: 100, Size: 210, Seconds: 20, Seeds: 1, Seed: 1,
	}
}

// FullGrid returns a grid of larger groups and more loss.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Protocols = []string{"bimodal", "srm", "srm-adaptive", "rmtp", "fec"}
	g.Members, g.Loss, g.Seconds = []int{10, 20, 50, 100, 200, 500, 1000}, []float64{0.001, 0.01}, 60
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	protocols, err := compare.Named(g.Protocols)
	if err := cmp.Or(err, compare.Within("members", g.Members, 3, compare.MembersMax), compare.Within("loss", g.Loss, 0, LossMax),
		compare.Within("rate", []int{g.Rate}, 1, compare.RateMax), compare.Within("size", []int{g.Size}, compare.SizeMin, compare.SizeMax),
		compare.Within("seconds", []int{g.Seconds}, SecondsMin, SecondsMax), compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return nil, err
	}
	for _, loss := range g.Loss {
		for _, p := range protocols {
			for _, members := range g.Members {
				for i := range g.Seeds {
					runs = append(runs, Config{Protocol: p, Members: members, Loss: loss, Rate: g.Rate, Size: g.Size, Seconds: g.Seconds, Seed: g.Seed + uint64(i)})
				}
			}
		}
	}
	return runs, nil
}
