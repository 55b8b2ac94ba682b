package convoys

import (
	"fmt"
	"time"

	"spinglass/lab/traditional"
)

// Limits of runs.
const (
	DepthMax    = 16
	GroupMax    = 64
	DelayMax    = 10 * time.Second
	RateMax     = 1000 // messages a second
	PauseMax    = 0.5
	LossMax     = 0.2
	DurationMax = time.Hour
	SeedsMax    = 1000
)

// Grid is a series of runs: each protocol with each depth, order, remedy and seed. Weak order is for total order only, and bimodal has neither orders nor remedies.
type Grid struct {
	Protocol []string
	Depth    []int
	Order    []string
	Remedy   []string
	Seeds    int
	Seed     uint64
	Config   // the rest, the same for all
}

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocol: []string{Hierarchical, Bimodal}, Depth: []int{1, 2, 3, 4, 5}, Order: []string{"fifo", "total"},
		Remedy: []string{RemedyNone, RemedyWeak, RemedyLayer, RemedyEnd}, Seeds: 1, Seed: 1,
		Config: Config{Group: 8, Delay: 150 * time.Millisecond, Rate: 100, Size: 1000, Pause: 0.02, Loss: 0.001, Duration: time.Minute},
	}
}

// FullGrid returns a grid of deeper cascades and more seeds.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Depth, g.Seeds, g.Duration = []int{1, 2, 3, 4, 5, 6, 7, 8}, 5, 5*time.Minute
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	if g.Seeds < 1 || g.Seeds > SeedsMax {
		return nil, fmt.Errorf("--seeds: %d is not from 1 to %d", g.Seeds, SeedsMax)
	}
	c := g.Config
	for _, c.Protocol = range g.Protocol {
		for k, order := range g.Order {
			if c.Order, err = traditional.ParseOrder(order); err != nil {
				return nil, fmt.Errorf("--order: %w", err)
			}
			for j, remedy := range g.Remedy {
				c.Remedy = remedy
				if c.Protocol == Bimodal && k+j > 0 || remedy == RemedyWeak && c.Order != traditional.OrderTotal && c.Protocol == Hierarchical {
					continue
				}
				for _, c.Depth = range g.Depth {
					for i := range g.Seeds {
						c.Seed = g.Seed + uint64(i)
						if err := c.Validate(); err != nil {
							return nil, err
						}
						runs = append(runs, c)
					}
				}
			}
		}
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("no runs: a flag has no value, or weak order is asked for without total order")
	}
	return runs, nil
}
