package measure

import "time"

// Trial is one run of the publisher.
type Trial struct {
	Rate     float64       // messages a second that are offered, in an open loop; 0 for a closed loop
	Window   int           // messages that a closed loop may be ahead of the slowest receiver
	Duration time.Duration // of publishing
	WarmUp   time.Duration // at the beginning that counts for nothing
	// Perturbed is how many receivers, the last ones, are asleep in each slot with a probability of Sleep. They do not end a trial early.
	Perturbed int
	Sleep     float64
	Seed      uint64 // of the slots slept through, when members have processes of their own
}

// SlotDefault is for how long a perturbed receiver sleeps or not.
const SlotDefault = 100 * time.Millisecond

// order is a trial as members are told of it.
type order struct {
	Number   uint64        `json:"number"` // of the trial in its group
	Rate     float64       `json:"rate"`
	Window   uint64        `json:"window"`
	Begin    time.Duration `json:"begin"` // by the common clock; only the publisher is told
	Duration time.Duration `json:"duration"`
	WarmUp   time.Duration `json:"warm_up"`
	Sample   uint64        `json:"sample"` // a message with a number divisible by it is looked at closely
	Last     int           `json:"last"`   // the last receiver that a closed loop waits for
}

const (
	sampleCoarse = 31     // no divisor of how many messages a packet holds, as a rule
	sampleAbove  = 50_000 // messages a second
	binDuration  = 50 * time.Millisecond
	binsOfWorst  = 10 // the shortest time that the worst is looked for in: 500 ms
)

// sampleFor returns the sample for a rate, or for a closed loop's window.
func sampleFor(rate float64, window int) uint64 {
	if rate > sampleAbove || rate == 0 && window >= 8*sampleCoarse {
		return sampleCoarse
	}
	return 1
}

// after returns how long after the beginning a message is due, as far as that follows from the rate.
func (o *order) after(number uint64) time.Duration {
	if o.Rate == 0 {
		return 0
	}
	return time.Duration(float64(number) / o.Rate * float64(time.Second))
}

// due returns when a message is due.
func (o *order) due(number uint64) time.Duration { return o.Begin + o.after(number) }

// total returns how many messages an open loop publishes.
func (o *order) total() uint64 { return uint64(o.Rate * o.Duration.Seconds()) }
