package bench

import (
	"fmt"
	"math"
	"time"

	"spinglass/bimodal"
	"spinglass/cmd/spinglass/internal/fleet"
	"spinglass/internal/measure"
	"spinglass/internal/measure/node"
	"spinglass/wire"
)

// Limits of the options.
const (
	SizeMin     = measure.SizeMin // bytes
	SizeMax     = 1 << 20         // bytes
	DurationMin = 100 * time.Millisecond
	DurationMax = 10 * time.Minute
	WindowMax   = 1 << 20 // messages
	SleepMax    = 0.99
)

const sleepSeed = 1 // of the slots that processes sleep through

// Options of a benchmark.
type Options struct {
	Members   int
	Size      int           // bytes of a message
	Duration  time.Duration // of each trial that figures come from
	Spread    string        // as bimodal.ParseSpread reads it
	Open      bool          // without identities: nothing is sealed or signed
	Datagram  int           // bytes of the largest datagram; 0 leaves it to the nodes
	Window    int           // messages, of the closed loop that the search begins with; 0 chooses by the size
	Rate      float64       // messages a second to offer instead of searching; 0 searches
	Perturbed float64       // part of the members that sleep, 0 to 1; the publisher never does
	Sleep     float64       // part of the time that those are asleep
	// Process are the arguments by which this program serves one member in a process of its own. Without them all share this process.
	Process []string
}

// Check reports which option is out of its range.
func (o *Options) Check() error {
	switch {
	case o.Members < 2 || o.Members > fleet.MembersMax:
		return fmt.Errorf("--members: %d is not from 2 to %d", o.Members, fleet.MembersMax)
	case o.Size < SizeMin || o.Size > SizeMax:
		return fmt.Errorf("--size: %d is not from %d to %d bytes", o.Size, SizeMin, SizeMax)
	case o.Duration < DurationMin || o.Duration > DurationMax:
		return fmt.Errorf("--duration: %v is not from %v to %v", o.Duration, DurationMin, DurationMax)
	case o.Datagram != 0 && (o.Datagram < wire.DatagramMin || o.Datagram > wire.DatagramMax):
		return fmt.Errorf("--datagram: %d is not from %d to %d bytes", o.Datagram, wire.DatagramMin, wire.DatagramMax)
	case o.Window < 0 || o.Window > WindowMax:
		return fmt.Errorf("--window: %d is not from 0 to %d messages", o.Window, WindowMax)
	case o.Rate != 0 && !(o.Rate >= measure.RateMin && o.Rate <= measure.RateMax):
		return fmt.Errorf("--rate: %v is not from %d to %d messages per second", o.Rate, measure.RateMin, measure.RateMax)
	case !(o.Perturbed >= 0 && o.Perturbed <= 1):
		return fmt.Errorf("--perturbed: %v is not from 0 to 1", o.Perturbed)
	case o.PerturbedMembers() > o.Members-2 && o.Perturbed > 0:
		return fmt.Errorf("--perturbed: %v of %d members leaves no healthy one besides the publisher", o.Perturbed, o.Members)
	case !(o.Sleep >= 0 && o.Sleep <= SleepMax):
		return fmt.Errorf("--sleep: %v is not from 0 to %v", o.Sleep, SleepMax)
	}
	if _, err := bimodal.ParseSpread(o.Spread); err != nil {
		return fmt.Errorf("--spread: %q is not auto, direct, tree or multicast", o.Spread)
	}
	return nil
}

// setting returns what the nodes are told. The options were checked.
func (o *Options) setting() string {
	means, _ := bimodal.ParseSpread(o.Spread)
	return node.Setting{Spread: means, DatagramSize: o.Datagram, Open: o.Open}.String()
}

// datagram returns the size of the nodes' largest datagrams.
func (o *Options) datagram() int {
	if o.Datagram > 0 {
		return o.Datagram
	}
	return wire.DatagramLoopback // what they choose on loopback
}

// Receivers returns how many members receive.
func (o *Options) Receivers() int { return o.Members - 1 }

// PerturbedMembers returns how many members are perturbed.
func (o *Options) PerturbedMembers() int { return int(math.Round(o.Perturbed * float64(o.Members))) }
