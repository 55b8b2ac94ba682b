package ratings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"spinglass/lab/compare"
)

// Grid is a series of runs: each protocol with each loss and seed.
type Grid struct {
	Protocols []string
	Members   int       // of all classes together, the publisher included
	Ratings   []float64 // of the classes, descending
	Loss      []float64 // part of the datagrams that are lost
	Rate      int       // messages a second
	Size      int       // bytes of each
	Seconds   int       // for which is published
	Seeds     int
	Seed      uint64 // the first one
}

// Limits of a Grid.
const (
	MembersMax = 2000
	ClassesMax = 32
	LossMax    = 0.5
	RateMax    = 1000
	SizeMin    = 16
	SizeMax    = 1100
	SecondsMax = 3600
	ratingMin  = 0.001
)

// DefaultGrid returns the published group: six classes of 20 members.
func DefaultGrid() Grid {
	return Grid{
		Protocols: []string{"gravitational", "uniform", "gravity", "bimodal"}, Members: 120, Ratings: []float64{0.99, 0.9, 0.7, 0.5, 0.3, 0.1}, Loss: []float64{0, 0.05},
		Rate: 10, Size: 300, Seconds: 300, Seeds: 1, Seed: 1,
	}
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	if err := cmp.Or(compare.Within("members", []int{g.Members}, 2, MembersMax), compare.Within("ratings", g.Ratings, ratingMin, 1), compare.Within("loss", g.Loss, 0, LossMax),
		compare.Within("rate", []int{g.Rate}, 1, RateMax), compare.Within("size", []int{g.Size}, SizeMin, SizeMax), compare.Within("seconds", []int{g.Seconds}, 2, SecondsMax),
		compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return nil, err
	}
	classes := len(g.Ratings)
	if descending := slices.IsSortedFunc(g.Ratings, func(a, b float64) int { return cmp.Compare(b, a) }); !descending || classes > ClassesMax {
		return nil, fmt.Errorf("--ratings: %v are not %d at most, the highest first", g.Ratings, ClassesMax)
	}
	if g.Members%classes != 0 || g.Members/classes < 2 {
		return nil, fmt.Errorf("--members: %d do not make %d classes of equal size, of 2 members or more", g.Members, classes)
	}
	for _, loss := range g.Loss {
		for _, name := range g.Protocols {
			p, err := find(name)
			if err != nil {
				return nil, err
			}
			for i := range g.Seeds {
				runs = append(runs, Config{
					Protocol: p, Members: g.Members, Ratings: g.Ratings, Loss: loss, Rate: g.Rate, Size: g.Size, Seconds: g.Seconds, Seed: g.Seed + uint64(i),
				})
			}
		}
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("--protocol: no value")
	}
	return runs, nil
}

// find returns the protocol that is called so.
func find(name string) (*Protocol, error) {
	for _, p := range protocols {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("--protocol: %q is none of %s", name, strings.Join(ProtocolNames(), ", "))
}

// ProtocolNames returns the names of the protocols that can be compared.
func ProtocolNames() (names []string) {
	for _, p := range protocols {
		names = append(names, p.Name)
	}
	return names
}
