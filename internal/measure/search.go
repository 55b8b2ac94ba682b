package measure

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Bounds of a search.
const (
	RateMax = 20_000_000 // messages a second
	RateMin = 10         // below which a system counts as not sustaining anything

	stepsMax      = 16   // trials that bracket and bisect
	confirmMax    = 6    // trials of full length
	retreat       = 0.93 // when the full length is not sustained; its power grows
	suspicious    = 0.9  // of the closed loop's rate: below it a failure is looked at twice
	stepShare     = 0.25 // of the duration that a step of the search takes
	stepMin       = 400 * time.Millisecond
	stepMax       = time.Second
	warmUpShare   = 0.2
	warmUpMax     = 500 * time.Millisecond
	windowBytes   = 256 << 10 // of a closed loop's default window: more of them add delay and no rate
	windowDefault = 64        // messages, the least by default
	windowHigh    = 8192      // messages, the most by default
)

// Search says how to look for the highest rate that is sustained.
type Search struct {
	Duration time.Duration // of the trial that confirms it
	Window   int           // of the closed loop, in messages; 0 chooses by the size
	Progress func(text string)
}

// Found is the highest rate that a system sustains.
type Found struct {
	Rate    float64  // messages a second; 0 when none was sustained
	Outcome *Outcome // of the trial of full length at Rate, or of the last one that was not sustained
	Limit   string   // what was amiss at the lowest rate that was not sustained
	Steps   int
}

// WarmUp returns which part of a trial's duration counts for nothing.
func WarmUp(duration time.Duration) time.Duration {
	return min(time.Duration(warmUpShare*float64(duration)), warmUpMax)
}

// Window returns the default window for messages of a size.
func Window(size int) int { return min(max(windowBytes/size, windowDefault), windowHigh) }

// search is one under way.
type search struct {
	Search
	group   *Group
	steps   int
	bracket bracket
	limit   string // what was amiss at the lowest rate that was not sustained
}

// Search finds the highest rate that the group sustains.
func (g *Group) Search(ctx context.Context, options Search) (*Found, error) {
	s := &search{Search: options, group: g}
	guess, err := s.guess(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.narrow(ctx, guess); err != nil {
		return nil, err
	}
	return s.confirm(ctx)
}

// step returns how long a trial of the search lasts.
func (s *search) step() time.Duration {
	return min(s.Duration, max(stepMin, min(stepMax, time.Duration(stepShare*float64(s.Duration)))))
}

// run runs a trial and tells of it.
func (s *search) run(ctx context.Context, t Trial) (*Outcome, error) {
	t.WarmUp = WarmUp(t.Duration)
	if s.Progress != nil {
		text := "a closed loop"
		if t.Rate > 0 {
			text = fmt.Sprintf("%.0f messages/s", t.Rate)
		}
		s.Progress(fmt.Sprintf("step %d: %s", s.steps+1, text))
	}
	s.steps++
	return s.group.Run(ctx, t)
}

// sustained reports whether a trial was, and notes why not: the rates that are not become lower and lower.
func (s *search) sustained(o *Outcome) bool {
	err := o.Sustained()
	if err != nil {
		s.limit = err.Error()
	}
	return err == nil
}

// guess returns what a closed loop reaches.
func (s *search) guess(ctx context.Context) (float64, error) {
	window := s.Window
	if window == 0 {
		window = Window(s.group.options.Size)
	}
	outcome, err := s.run(ctx, Trial{Window: window, Duration: s.step()})
	if err != nil {
		return 0, err
	}
	return min(max(outcome.PerSecond(), RateMin), RateMax), nil
}

// narrow brackets the highest rate, starting from a guess, and bisects. A rate that a closed loop reached clearly gets a second trial, since something
// else on the machine may have spoilt the first.
func (s *search) narrow(ctx context.Context, guess float64) error {
	rate := guess
	for more := true; more && s.steps < stepsMax; {
		sustained := false
		for tries := 1; tries <= 2 && !sustained && (tries == 1 || rate < guess*suspicious); tries++ {
			outcome, err := s.run(ctx, Trial{Rate: rate, Duration: s.step()})
			if err != nil {
				return err
			}
			sustained = s.sustained(outcome)
		}
		rate, more = s.bracket.next(rate, sustained)
	}
	return nil
}

// confirm lowers the rate that was found until it is sustained for the full duration.
func (s *search) confirm(ctx context.Context) (*Found, error) {
	found := &Found{}
	rate := max(s.bracket.sustained, RateMin)
	for failures := 1; failures <= confirmMax; failures++ {
		outcome, err := s.run(ctx, Trial{Rate: rate, Duration: s.Duration})
		if err != nil {
			return nil, err
		}
		sustained := s.sustained(outcome)
		found.Outcome, found.Steps, found.Limit = outcome, s.steps, s.limit
		if sustained {
			found.Rate = rate
			return found, nil
		}
		if rate *= math.Pow(retreat, float64(failures)); rate < RateMin {
			break
		}
	}
	return found, nil
}
