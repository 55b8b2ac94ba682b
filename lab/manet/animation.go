package manet

import (
	"slices"
	"time"

	"spinglass/adhoc"
	"spinglass/protocol"
	"spinglass/sim"
)

// Limits of an Animation.
const (
	SampleInterval = 500 * time.Millisecond
	AnimationMax   = 2 * time.Minute // of the run
	StepsMax       = 5000            // of walks that are shown
)

// Animation is a part of a run to be shown: where nodes were, the edges of the tree, and the walks of gossip.
type Animation struct {
	From  time.Duration // after the first packet was sent
	Until time.Duration // at most AnimationMax after From

	config  Config
	begin   protocol.Time
	end     protocol.Time
	samples []sample
	steps   []step
	omitted int // steps beyond StepsMax
	edges   map[protocol.NodeID][]protocol.NodeID
}

// sample is what was at one time.
type sample struct {
	positions []sim.Point
	edges     []edge // ascending
}

// edge is one of the tree, of which both ends know.
type edge struct{ from, to protocol.NodeID }

// step is one of a walk.
type step struct {
	at       protocol.Time
	from, to protocol.NodeID
}

// record has the part of a run recorded.
func (a *Animation) record(r *run) {
	a.config, a.edges = r.config, map[protocol.NodeID][]protocol.NodeID{}
	a.begin = protocol.Time(warmup).Add(a.From)
	a.end = a.begin.Add(min(a.Until-a.From, AnimationMax))
	for at := a.begin; at <= a.end; at = at.Add(SampleInterval) {
		r.world.At(at, func() { a.sample(r.world) })
	}
}

func (a *Animation) sample(w *sim.World) {
	s := sample{}
	for i := range a.config.Nodes {
		s.positions = append(s.positions, w.Position(idOf(i)))
		for _, to := range a.edges[idOf(i)] {
			if idOf(i) < to && slices.Contains(a.edges[to], idOf(i)) {
				s.edges = append(s.edges, edge{idOf(i), to})
			}
		}
	}
	slices.SortFunc(s.edges, compareEdges)
	a.samples = append(a.samples, s)
}

func (a *Animation) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	if tree, ok := e.(adhoc.TreeChanged); ok && tree.Group == group {
		a.edges[id] = tree.Edges
		return
	}
	if a.config.Protocol.walk == nil || now < a.begin || now > a.end {
		return
	}
	if to, ok := a.config.Protocol.walk(e); ok && to != id {
		if len(a.steps) >= StepsMax {
			a.omitted++
			return
		}
		a.steps = append(a.steps, step{now, id, to})
	}
}
