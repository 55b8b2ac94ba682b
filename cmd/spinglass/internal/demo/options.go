package demo

import (
	"fmt"
	"math"
	"time"

	"spinglass/cmd/spinglass/internal/fleet"
)

// Limits of the options.
const (
	DurationMax = 10 * time.Minute
	RateMax     = 100_000 // messages per second
	SizeMax     = 1 << 20 // bytes of a message
	SleepMax    = 0.99
)

// Slot is how long a perturbed member stays asleep or awake at a time.
const Slot = 100 * time.Millisecond

const (
	topic        = "demo"
	rateLow      = 4 << 20          // bytes per second of the topic's limit, at least
	formTimeout  = 20 * time.Second // for the members to find each other
	drainTimeout = 5 * time.Second  // for the receivers to catch up in the end
)

// Options of a demonstration.
type Options struct {
	Members   int
	Perturbed float64       // part of the members that sleep, 0 to 1; the publisher never does
	Sleep     float64       // part of the time that those are asleep
	Duration  time.Duration // of publishing
	Rate      float64       // messages per second
	Size      int           // bytes of a message
}

// Check reports which option is out of its range.
func (o *Options) Check() error {
	switch {
	case o.Members < 2 || o.Members > fleet.MembersMax:
		return fmt.Errorf("--members: %d is not from 2 to %d", o.Members, fleet.MembersMax)
	case !(o.Perturbed >= 0 && o.Perturbed <= 1):
		return fmt.Errorf("--perturbed: %v is not from 0 to 1", o.Perturbed)
	case o.PerturbedMembers() > o.Members-2:
		return fmt.Errorf("--perturbed: %v of %d members leaves no healthy one besides the publisher", o.Perturbed, o.Members)
	case !(o.Sleep >= 0 && o.Sleep <= SleepMax):
		return fmt.Errorf("--sleep: %v is not from 0 to %v", o.Sleep, SleepMax)
	case o.Duration < time.Second || o.Duration > DurationMax:
		return fmt.Errorf("--duration: %v is not from 1s to %v", o.Duration, DurationMax)
	case !(o.Rate >= 1 && o.Rate <= RateMax):
		return fmt.Errorf("--rate: %v is not from 1 to %d messages per second", o.Rate, RateMax)
	case o.Size < 1 || o.Size > SizeMax:
		return fmt.Errorf("--size: %d is not from 1 to %d bytes", o.Size, SizeMax)
	}
	return nil
}

// PerturbedMembers returns how many members are perturbed.
func (o *Options) PerturbedMembers() int { return int(math.Round(o.Perturbed * float64(o.Members))) }

// HealthyReceivers returns how many members receive and are not perturbed.
func (o *Options) HealthyReceivers() int { return o.Members - 1 - o.PerturbedMembers() }
