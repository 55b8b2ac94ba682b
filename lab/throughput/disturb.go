package throughput

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
)

// Fault is what happens to a perturbed member in its intervals.
type Fault uint8

// The faults.
const (
	FaultSleep Fault = iota // its process is not run
	FaultDelay              // what it sends and is sent waits until the interval, or the last of several in a row, is over
	FaultLoss               // what it sends and is sent is lost
)

var faultNames = [...]string{"sleep", "delay", "loss"}

// String returns sleep, delay or loss.
func (f Fault) String() string { return faultNames[f] }

// MarshalText implements encoding.TextMarshaler.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// ParseFault reads what String returns.
func ParseFault(text string) (Fault, error) {
	for i, name := range faultNames {
		if text == name {
			return Fault(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of sleep, delay, loss", text)
}

// Interval is the length of the intervals, each of which is perturbed or not.
const Interval = 100 * time.Millisecond

// Disturb perturbs a member from now on: in each interval with the given probability, the intervals beginning at a random phase.
func Disturb(w *sim.World, id protocol.NodeID, f Fault, probability float64, r *rand.Rand) {
	if probability == 0 {
		return
	}
	if f == FaultSleep {
		w.Sleep(id, probability, Interval)
		return
	}
	others := make([]protocol.NodeID, 0, len(w.Hosts()))
	for _, other := range w.Hosts() {
		if other != id {
			others = append(others, other)
		}
	}
	d := &disturbance{w, []protocol.NodeID{id}, others, f, probability, r}
	w.At(w.Now().Add(time.Duration(r.Int64N(int64(Interval)))), func() { d.next(r.Float64() < probability) })
}

type disturbance struct {
	world       *sim.World
	one, others []protocol.NodeID
	fault       Fault
	probability float64
	random      *rand.Rand
}

// next spends a run of intervals that are all perturbed, or all not.
func (d *disturbance) next(perturbed bool) {
	stay := d.probability
	if !perturbed {
		stay = 1 - stay
	}
	length := Interval
	for length < time.Hour && d.random.Float64() < stay {
		length += Interval
	}
	end := d.world.Now().Add(length)
	switch {
	case perturbed && d.fault == FaultLoss:
		cut := d.world.Cut(d.one, d.others, true)
		d.world.At(end, cut.Heal)
	case perturbed:
		d.world.Clog(d.one, d.others, length)
		d.world.Clog(d.others, d.one, length)
	}
	d.world.At(end, func() { d.next(!perturbed) })
}
