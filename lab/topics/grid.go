package topics

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"spinglass/lab/compare"
)

// Limits of a Grid.
const (
	MembersMin = 2
	TopicsMin  = 8
	SecondsMin = 1
	SecondsMax = 3600
)

// Grid is a series of runs: each protocol with each number of members, topics and seed, but for those whose worlds are too large.
type Grid struct {
	Protocols []string
	Members   []int // MembersMin to MembersMax
	Topics    []int // TopicsMin to TopicsMax
	Seconds   int   // SecondsMin to SecondsMax
	Seeds     int
	Seed      uint64 // the first one
}

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{Protocols: Names(), Members: []int{100}, Topics: []int{10, 100, 1000, 10_000}, Seconds: 30, Seeds: 1, Seed: 1}
}

// FullGrid returns a grid of a larger group, and long samples.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Protocols, g.Members, g.Seconds = []string{string(Gravity)}, []int{1000}, 200
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag, or what is too large where all worlds are.
func (g *Grid) Runs() (runs []Config, err error) {
	if err := cmp.Or(compare.Within("members", g.Members, MembersMin, MembersMax), compare.Within("topics", g.Topics, TopicsMin, TopicsMax),
		compare.Within("seconds", []int{g.Seconds}, SecondsMin, SecondsMax), compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return nil, err
	}
	for _, name := range g.Protocols {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("--protocol: %q is none of %s", name, strings.Join(Names(), ", "))
		}
		for _, members := range g.Members {
			for _, topics := range g.Topics {
				c := DefaultConfig(members, topics)
				c.Protocol, c.Duration = Protocol(name), time.Duration(g.Seconds)*time.Second
				if large := c.Fits(); large != nil {
					err = large
					continue
				}
				for i := range g.Seeds {
					c.Seed = g.Seed + uint64(i)
					runs = append(runs, c)
				}
			}
		}
	}
	if len(runs) > 0 {
		err = nil
	}
	return runs, err
}
