package micropartitions

import (
	"fmt"
	"slices"
	"time"
)

// Limits of runs.
const (
	MembersMin  = 4
	MembersMax  = 256
	IntervalMin = time.Millisecond
	IntervalMax = time.Minute
	MissedMax   = 1000
	LossMax     = 0.5
	DurationMax = 24 * time.Hour
	SeedsMax    = 1000
)

// Grid is a series of runs: each protocol with each size, number of missed pings and seed.
type Grid struct {
	Protocol []string
	Members  []int
	Missed   []int
	Interval time.Duration
	Loss     float64
	Duration time.Duration // of the largest group; smaller ones run longer, so that as much happens
	Seeds    int
	Seed     uint64
}

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocol: []string{Traditional, Bimodal}, Members: []int{8, 16, 32, 64}, Missed: []int{2}, Interval: 100 * time.Millisecond, Loss: 0.003, Duration: time.Minute,
		Seeds: 3, Seed: 1,
	}
}

// FullGrid returns a grid of larger groups and less hurry.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Members, g.Missed, g.Duration, g.Seeds = []int{8, 16, 32, 64, 128}, []int{2, 3}, 3*time.Minute, 5
	return g
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	most := slices.Max(g.Members)
	for _, protocol := range g.Protocol {
		missed := g.Missed
		if protocol == Bimodal {
			missed = missed[:1] // its membership has no such number
		}
		for _, missed := range missed {
			for _, members := range g.Members {
				longer := min(float64(most)/float64(members), 8)
				for i := range g.Seeds {
					runs = append(runs, Config{
						Protocol: protocol, Members: members, Interval: g.Interval, Missed: missed, Loss: g.Loss,
						Duration: time.Duration(float64(g.Duration) * longer * longer).Round(time.Second), Seed: g.Seed + uint64(i),
					})
				}
			}
		}
	}
	return runs, nil
}

func (g *Grid) check() error {
	for _, p := range g.Protocol {
		if p != Traditional && p != Bimodal {
			return fmt.Errorf("--protocol: %q is neither traditional nor bimodal", p)
		}
	}
	for _, m := range g.Members {
		if m < MembersMin || m > MembersMax {
			return fmt.Errorf("--members: %d is not from %d to %d", m, MembersMin, MembersMax)
		}
	}
	for _, m := range g.Missed {
		if m < 1 || m > MissedMax {
			return fmt.Errorf("--missed: %d is not from 1 to %d", m, MissedMax)
		}
	}
	switch {
	case len(g.Protocol) == 0 || len(g.Members) == 0 || len(g.Missed) == 0:
		return fmt.Errorf("no runs: a flag has no value")
	case g.Interval < IntervalMin || g.Interval > IntervalMax:
		return fmt.Errorf("--interval: %v is not from %v to %v", g.Interval, IntervalMin, IntervalMax)
	case !(g.Loss >= 0 && g.Loss <= LossMax):
		return fmt.Errorf("--loss: %v is not from 0 to %v", g.Loss, LossMax)
	case g.Duration < time.Second || g.Duration > DurationMax:
		return fmt.Errorf("--duration: %v is not from 1s to %v", g.Duration, DurationMax)
	case g.Seeds < 1 || g.Seeds > SeedsMax:
		return fmt.Errorf("--seeds: %d is not from 1 to %d", g.Seeds, SeedsMax)
	}
	return nil
}
