package bench

import (
	"fmt"
	"time"

	"spinglass/cmd/spinglass/internal/fleet"
)

// Limits of the options.
const (
	SizeMin     = 16      // bytes: the first 8 hold the time of sending
	SizeMax     = 1 << 20 // bytes
	DurationMin = 100 * time.Millisecond
	DurationMax = 10 * time.Minute
	WindowMax   = 1 << 20 // messages
)

const (
	topic        = "bench"
	formTimeout  = 20 * time.Second
	stallTimeout = 10 * time.Second // without progress at a receiver, after which a measurement fails
	queueBytes   = 64 << 20         // of a receiver's subscription
	windowBytes  = 128 << 10        // of the default window: more of them add delay and no rate
	windowLow    = 8                // messages, of the default window
	windowHigh   = 4096             // messages, of the default window
)

// Spread is how packets reach the receivers.
type Spread string

// Ways to spread.
const (
	SpreadAuto      Spread = "auto"      // what the node chooses
	SpreadDirect    Spread = "direct"    // a datagram to each receiver
	SpreadTree      Spread = "tree"      // receivers pass packets on
	SpreadMulticast Spread = "multicast" // one datagram to all
)

// Options of a benchmark.
type Options struct {
	Members  int
	Size     int // bytes of a message
	Duration time.Duration
	WarmUp   time.Duration // before the measurement
	Spread   Spread
	Window   int // messages; 0 chooses by the size
}

// Check reports which option is out of its range, or not available.
func (o *Options) Check() error {
	switch {
	case o.Members < 2 || o.Members > fleet.MembersMax:
		return fmt.Errorf("--members: %d is not from 2 to %d", o.Members, fleet.MembersMax)
	case o.Size < SizeMin || o.Size > SizeMax:
		return fmt.Errorf("--size: %d is not from %d to %d bytes", o.Size, SizeMin, SizeMax)
	case o.Duration < DurationMin || o.Duration > DurationMax:
		return fmt.Errorf("--duration: %v is not from %v to %v", o.Duration, DurationMin, DurationMax)
	case o.Window < 0 || o.Window > WindowMax:
		return fmt.Errorf("--window: %d is not from 0 to %d messages", o.Window, WindowMax)
	}
	switch o.Spread {
	case SpreadAuto, SpreadDirect:
		return nil
	case SpreadTree:
		return fmt.Errorf("--spread tree: not available yet: needs dissemination trees")
	case SpreadMulticast:
		return fmt.Errorf("--spread multicast: not available yet: needs IP multicast links")
	}
	return fmt.Errorf("--spread: %q is not auto, direct, tree or multicast", o.Spread)
}

// Receivers returns how many members receive.
func (o *Options) Receivers() int { return o.Members - 1 }

// window returns how many messages the publisher may be ahead.
func (o *Options) window() int {
	if o.Window > 0 {
		return o.Window
	}
	return min(max(windowBytes/o.Size, windowLow), windowHigh)
}
