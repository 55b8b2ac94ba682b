package throughput

import (
	"fmt"
	"slices"

	"spinglass/lab/traditional"
	"spinglass/vsync"
)

// Limits of runs.
const (
	MembersMax = 512
	SizeMax    = 60_000 // bytes, so that a message of the traditional protocol fits into a datagram
	RateMax    = 10_000 // messages a second
	BytesMax   = 1 << 30
	MissedMax  = 100_000 // pings, more than a run has
	SamplesMax = 10_000
	SeedsMax   = 1000
)

// Grid is a series of runs: each protocol with each order, size, probability, window, buffer and seed. Windows and buffers are of the traditional protocol, orders of groups with views, and do not multiply the
// runs of others; a protocol has only the runs of the orders that it has.
type Grid struct {
	Protocol []string
	Order    []vsync.Order
	Members  []int
	Perturb  []float64
	Window   []int
	Buffer   []int
	Seeds    int
	Seed     uint64
	Config   // the rest, the same for all
}

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	d := traditional.DefaultConfig()
	return Grid{
		Protocol: []string{Bimodal, Traditional}, Order: []vsync.Order{vsync.OrderFIFO}, Members: []int{32, 96}, Perturb: []float64{0, 0.1, 0.3, 0.6, 0.9},
		Window: []int{d.Window}, Buffer: []int{d.Buffer}, Seeds: 1, Seed: 1,
		Config: Config{Perturbed: 1, Size: 7000, Rate: 100, Cost: CostDefault, Samples: 80, Missed: d.PingsMissed},
	}
}

// FullGrid returns the grid of the published figure, and more sizes.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Members, g.Perturb = []int{32, 64, 96, 128}, []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}
	g.Seeds = 3
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	if g.Seeds < 1 || g.Seeds > SeedsMax {
		return nil, fmt.Errorf("--seeds: %d is not from 1 to %d", g.Seeds, SeedsMax)
	}
	c := g.Config
	for _, c.Protocol = range g.Protocol {
		windows, buffers := g.Window, g.Buffer
		if c.Protocol != Traditional {
			windows, buffers = windows[:min(1, len(windows))], buffers[:min(1, len(buffers))]
		}
		for _, c.Order = range g.orders(c.Protocol) {
			for _, c.Members = range g.Members {
				for _, c.Window = range windows {
					for _, c.Buffer = range buffers {
						if runs, err = g.add(runs, c); err != nil {
							return nil, err
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

// orders returns the orders that a protocol has, of those that are wanted; of bimodal, which has one, that counts as FIFO.
func (g *Grid) orders(protocol string) []vsync.Order {
	switch protocol {
	case Traditional:
		return slices.DeleteFunc(slices.Clone(g.Order), func(o vsync.Order) bool { return o == vsync.OrderCausal })
	case Vsync:
		return g.Order
	}
	return []vsync.Order{vsync.OrderFIFO}
}

// add adds the runs of a group, with each probability and seed.
func (g *Grid) add(runs []Config, c Config) ([]Config, error) {
	for _, c.Perturb = range g.Perturb {
		for i := range g.Seeds {
			c.Seed = g.Seed + uint64(i)
			if err := c.Validate(); err != nil {
				return nil, err
			}
			runs = append(runs, c)
		}
	}
	return runs, nil
}
