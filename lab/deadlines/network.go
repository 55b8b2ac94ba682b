package deadlines

import (
	"math"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
)

// The network.
const (
	latencyMin   = 5 * time.Millisecond
	latencyMax   = 5 * time.Second
	alpha        = 1.2
	loss         = 0.01
	outage       = 200 * time.Millisecond // while the route changes
	detour       = 8                      // times the least latency, afterwards
	roundTripMax = 100 * time.Millisecond
	region       = 10 // members that one repairs for, in protocols that have such
)

// network is two sides with a path between them. Members stand on them by turns.
type network struct{ near, far *sim.Link }

func newNetwork() *network {
	link := func() *sim.Link {
		return &sim.Link{Latency: sim.Pareto{Min: latencyMin, Alpha: alpha, Max: latencyMax}, Loss: loss}
	}
	return &network{link(), link()}
}

// change changes the route between the sides.
func (n *network) change(w *sim.World, at protocol.Time) {
	w.At(at, func() { n.far.Loss = 1 })
	w.At(at.Add(outage), func() {
		n.far.Loss, n.far.Latency = loss, sim.Pareto{Min: detour * latencyMin, Alpha: alpha, Max: latencyMax}
	})
}

// Route implements sim.Topology.
func (n *network) Route(from, to *sim.Place, hops []sim.Hop) []sim.Hop {
	link := n.near
	if from.Index%2 != to.Index%2 {
		link = n.far
	}
	return append(hops, sim.Hop{Link: link, Key: uint64(from.Index)<<32 | uint64(to.Index)})
}

// Distance implements compare.Layout: the median.
func (n *network) Distance(int, int) time.Duration {
	return time.Duration(float64(latencyMin) * math.Pow(2, 1/alpha))
}

// Apart implements compare.Layout.
func (n *network) Apart(i, j int) int { return (i + j) % 2 }

// Processor implements compare.Layout: members of the same side are a region, ten by ten.
func (n *network) Processor(i int) int {
	if i < 2 {
		return 0
	}
	if first := i%2 + i/2/region*region*2; first != i && first != 0 {
		return first
	}
	return 0
}

// RoundTripMax implements compare.Layout.
func (n *network) RoundTripMax() time.Duration { return roundTripMax }
