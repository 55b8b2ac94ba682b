package detection

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
	MembersMin  = 8
	MembersMax  = 1000
	LossMax     = 0.5
	SlowMax     = 0.5
	SleepMax    = 0.95
	MissedMax   = 1000
	IntervalMin = 10 * time.Millisecond
	IntervalMax = 10 * time.Second
	DurationMin = time.Second
	DurationMax = 24 * time.Hour
)

// Grid is a series of runs: each protocol with each size, loss, part of slow members and seed; the traditional one with each number of missed pings.
type Grid struct {
	Protocols []string
	Members   []int     // MembersMin to MembersMax
	Loss      []float64 // 0 to LossMax
	Slow      []float64 // part of the members that sleep: 0 to SlowMax
	Sleep     float64   // probability that such a member spends an interval asleep: 0 to SleepMax
	Interval  time.Duration
	Missed    []int // pings after which the traditional protocol suspects a member
	Crashes   int   // members that crash at the end: 1 to what leaves three healthy ones
	Duration  time.Duration
	Seeds     int
	Seed      uint64 // the first one
}

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocols: []string{Bimodal, Heartbeat, Traditional}, Members: []int{32, 96}, Loss: []float64{0.01, 0.2, 0.4}, Slow: []float64{0, 0.25}, Sleep: 0.9, Interval: 500 * time.Millisecond,
		Missed: []int{5, 10}, Crashes: 3, Duration: 2 * time.Minute, Seeds: 1, Seed: 1,
	}
}

// FullGrid returns a grid of larger groups, more loss and longer runs.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Members, g.Loss, g.Slow, g.Duration, g.Seeds = []int{16, 32, 64, 128, 256}, []float64{0, 0.01, 0.05, 0.1, 0.2, 0.3}, []float64{0, 0.1, 0.25}, 10*time.Minute, 3
	return g
}

var protocols = []string{Bimodal, Heartbeat, Traditional}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	for _, protocol := range g.Protocols {
		missed := g.Missed
		if protocol != Traditional {
			missed = []int{0}
		}
		for _, missed := range missed {
			for _, loss := range g.Loss {
				for _, slow := range g.Slow {
					for _, members := range g.Members {
						for i := range g.Seeds {
							runs = append(runs, Config{
								Protocol: protocol, Members: members, Loss: loss, Slow: slow, Sleep: g.Sleep, Interval: g.Interval, Missed: missed, Crashes: g.Crashes,
								Duration: g.Duration, Seed: g.Seed + uint64(i),
							})
						}
					}
				}
			}
		}
	}
	return runs, nil
}

func (g *Grid) check() error {
	if err := cmp.Or(compare.Within("members", g.Members, MembersMin, MembersMax), compare.Within("loss", g.Loss, 0, LossMax), compare.Within("slow", g.Slow, 0, SlowMax),
		compare.Within("sleep", []float64{g.Sleep}, 0, SleepMax), compare.Within("missed", g.Missed, 1, MissedMax), compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return err
	}
	if len(g.Protocols) == 0 {
		return fmt.Errorf("--protocol: no value")
	}
	for _, p := range g.Protocols {
		if !slices.Contains(protocols, p) {
			return fmt.Errorf("--protocol: %q is none of %s", p, strings.Join(protocols, ", "))
		}
	}
	least := slices.Min(g.Members)
	switch most := least - int(float64(least)*slices.Max(g.Slow)) - healthyLeast; {
	case g.Crashes < 1 || g.Crashes > most:
		return fmt.Errorf("--crashes: %d is not from 1 to %d, which leaves %d healthy members", g.Crashes, most, healthyLeast)
	case g.Interval < IntervalMin || g.Interval > IntervalMax:
		return fmt.Errorf("--interval: %v is not from %v to %v", g.Interval, IntervalMin, IntervalMax)
	case g.Duration < DurationMin || g.Duration > DurationMax:
		return fmt.Errorf("--duration: %v is not from %v to %v", g.Duration, DurationMin, DurationMax)
	}
	return nil
}

// healthyLeast is how many healthy members are left after the crashes.
const healthyLeast = 3
