package sim

import (
	"math/rand/v2"

	"spinglass/protocol"
)

// purpose names what a random draw is for. Each purpose has streams of its own, so that adding a fault does not shift the draws of
// anything else.
type purpose uint64

const (
	purposeMachine purpose = iota + 1
	purposeLatency
	purposeLoss
	purposeDuplicate
	purposeDuplicateLatency
	purposeReorder
	purposeCorrupt
	purposeSleep
	purposeStream
	purposeKey
	purposeFault
	purposeTrial
	purposeMobility
	purposeBackoff
)

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figure 15).
func mix(v uint64) uint64 {
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// golden is the odd number nearest to 2^64 divided by the golden ratio, SplitMix64's increment.
const golden = 0x9e3779b97f4a7c15

func combine(seed uint64, p purpose, a, b, c uint64) uint64 {
	h := mix(seed + golden*uint64(p))
	h = mix(h ^ a*golden)
	h = mix(h + b*golden)
	return mix(h ^ c*golden)
}

// source is SplitMix64. The world has a single one, set anew for each draw from what the draw is about (purpose, sender, count,
// link): a stream costs no memory, and one datagram more or less shifts the draws of no other.
type source struct{ state uint64 }

// Uint64 implements rand.Source.
func (s *source) Uint64() uint64 {
	s.state += golden
	return mix(s.state)
}

// draw returns the stream of a purpose about (a, b, c). It is valid until the next call.
func (w *World) draw(p purpose, a, b, c uint64) *rand.Rand {
	w.source.state = combine(w.config.Seed, p, a, b, c)
	return w.random
}

// chance reports whether something of the given probability happens. It draws nothing when the probability is zero.
func (w *World) chance(probability float64, p purpose, a, b, c uint64) bool {
	return probability > 0 && w.draw(p, a, b, c).Float64() < probability
}

// machineRand returns the randomness of a machine: its own generator, new at each start.
func (w *World) machineRand(id protocol.NodeID, incarnation int) *rand.Rand {
	high := combine(w.config.Seed, purposeMachine, uint64(id), uint64(incarnation), 0)
	low := combine(w.config.Seed, purposeMachine, uint64(id), uint64(incarnation), 1)
	return rand.New(rand.NewPCG(high, low))
}
