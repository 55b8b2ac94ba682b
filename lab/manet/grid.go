package manet

import (
	"cmp"
	"fmt"
	"slices"

	"spinglass/lab/compare"
)

// Limits of a Grid.
const (
	NodesMin   = 6
	NodesMax   = 500
	RangeMin   = 1
	RangeMax   = 1000
	SpeedMin   = 0.01
	SpeedMax   = 100
	SideMin    = 10
	SideMax    = 10_000
	PauseMax   = 3600
	HistoryMax = 5000
	SizeMin    = 16
	SizeMax    = 1000
	SecondsMin = 1
	SecondsMax = 36_000
)

// speedLeast is the least speed that is drawn where the greatest allows it: the published one.
const speedLeast = 0.2

// Grid is a series of runs: each protocol with each setting and seed. Range, speed and number of nodes are swept one at a time: while one takes all of its values, the others have their first one.
type Grid struct {
	Protocols []string
	Ranges    []float64 // metres, RangeMin to RangeMax
	Speeds    []float64 // the greatest that is drawn, in m/s, SpeedMin to SpeedMax
	Nodes     []int     // NodesMin to NodesMax
	Side      float64   // of the square, in metres, SideMin to SideMax
	Pause     int       // the longest, in seconds; 0 to PauseMax
	History   int       // messages that members keep for gossip, 1 to HistoryMax; 0: as many as their protocol has it
	Size      int       // bytes of a payload, SizeMin to SizeMax
	Seconds   int       // for which is published, SecondsMin to SecondsMax
	Seeds     int
	Seed      uint64 // the first one
}

// DefaultGrid returns the published setting, with some values of what is swept: it takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocols: []string{"flood", "maodv", "maodv-gossip"}, Ranges: []float64{75, 45, 55, 65, 85}, Speeds: []float64{0.2, 2, 10}, Nodes: []int{40, 80},
		Side: 200, Pause: 80, Size: 64, Seconds: 440, Seeds: 1, Seed: 1,
	}
}

// FullGrid returns more speeds and numbers of nodes, each with ten seeds.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Speeds, g.Nodes = []float64{0.2, 0.5, 1, 2, 5, 10}, []int{40, 60, 80, 100}
	g.Seeds = 10
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	if err := cmp.Or(compare.Within("range", g.Ranges, RangeMin, RangeMax), compare.Within("speed", g.Speeds, SpeedMin, SpeedMax), compare.Within("nodes", g.Nodes, NodesMin, NodesMax),
		compare.Within("side", []float64{g.Side}, SideMin, SideMax), compare.Within("pause", []int{g.Pause}, 0, PauseMax), compare.Within("history", []int{g.History}, 0, HistoryMax), compare.Within("size", []int{g.Size}, SizeMin, SizeMax),
		compare.Within("seconds", []int{g.Seconds}, SecondsMin, SecondsMax), compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return nil, err
	}
	if len(g.Protocols) == 0 {
		return nil, fmt.Errorf("--protocol: no value")
	}
	for _, s := range g.settings() {
		for i := range g.Seeds {
			for _, name := range g.Protocols {
				p, err := find(name)
				if err != nil {
					return nil, err
				}
				s.Protocol, s.Seed = p, g.Seed+uint64(i)
				runs = append(runs, s)
			}
		}
	}
	return runs, nil
}

// settings returns the settings of a grid, each once.
func (g *Grid) settings() (settings []Config) {
	base := Config{Nodes: g.Nodes[0], Range: g.Ranges[0], SpeedMax: g.Speeds[0], Side: g.Side, Pause: g.Pause, History: g.History, Size: g.Size, Seconds: g.Seconds}
	add := func(change func(*Config)) {
		s := base
		change(&s)
		s.SpeedMin = min(speedLeast, s.SpeedMax)
		if !slices.Contains(settings, s) {
			settings = append(settings, s)
		}
	}
	for _, v := range slices.Sorted(slices.Values(g.Ranges)) {
		add(func(s *Config) { s.Range = v })
	}
	for _, v := range slices.Sorted(slices.Values(g.Speeds)) {
		add(func(s *Config) { s.SpeedMax = v })
	}
	for _, v := range slices.Sorted(slices.Values(g.Nodes)) {
		add(func(s *Config) { s.Nodes = v })
	}
	return settings
}
