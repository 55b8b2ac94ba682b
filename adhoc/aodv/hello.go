package aodv

import (
	"cmp"
	"slices"
	"time"

	"spinglass/protocol"
)

// neighbour is a node within one hop that has sent a hello.
type neighbour struct {
	node  protocol.NodeID
	heard protocol.Time // anything
}

// HelloLife is for how long a neighbour may be silent.
const HelloLife = AllowedHelloLoss * HelloInterval

func (m *Machine) findNeighbour(id protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(m.neighbours, id, func(n neighbour, id protocol.NodeID) int { return cmp.Compare(n.node, id) })
}

// Heard notes that anything was received from a neighbour.
func (m *Machine) Heard(now protocol.Time, from protocol.NodeID) {
	if i, found := m.findNeighbour(from); found {
		m.neighbours[i].heard = now
	}
}

// Watch has a neighbour given up once it is silent for HelloLife.
func (m *Machine) Watch(now protocol.Time, id protocol.NodeID) {
	i, found := m.findNeighbour(id)
	switch {
	case found:
		m.neighbours[i].heard = now
		return
	case len(m.neighbours) >= NeighboursMax:
		m.stats.NeighboursRefused++
		return
	}
	m.neighbours = slices.Insert(m.neighbours, i, neighbour{id, now})
	m.timers.Set(timer{kind: timerNeighbour, node: id}, now.Add(HelloLife))
}

// Broadcasted notes that this node has broadcast something, which serves as a hello.
func (m *Machine) Broadcasted(now protocol.Time) { m.lastBroadcast = now }

func (m *Machine) receiveHello(now protocol.Time, from protocol.NodeID, h *Hello) {
	if m.config.Hello {
		m.Watch(now, from)
	}
	m.update(now, news{destination: from, sequence: h.Sequence, next: from, hops: 1, lifetime: HelloLife})
}

func (m *Machine) forgetNeighbour(id protocol.NodeID) {
	if i, found := m.findNeighbour(id); found {
		m.neighbours = slices.Delete(m.neighbours, i, i+1)
		m.timers.Cancel(timer{kind: timerNeighbour, node: id})
	}
}

// missNeighbour gives up a neighbour that was silent for too long.
func (m *Machine) missNeighbour(now protocol.Time, id protocol.NodeID, out *protocol.Output) {
	i, found := m.findNeighbour(id)
	if !found {
		return
	}
	if at := m.neighbours[i].heard.Add(HelloLife); at > now {
		m.timers.Set(timer{kind: timerNeighbour, node: id}, at)
		return
	}
	m.stats.LinksSilent++
	m.Broken(now, id, out)
	out.Emit(NeighbourLost{Node: id})
}

// NeighbourLost tells that a neighbour has been silent for HelloLife.
type NeighbourLost struct {
	protocol.EventMark
	Node protocol.NodeID
}

// sayHello broadcasts a hello if this node is part of a route that is used, and has not broadcast anything else of late (section 6.9).
func (m *Machine) sayHello(now protocol.Time, out *protocol.Output) {
	if now.Sub(m.lastBroadcast) >= HelloInterval-HelloInterval/helloSpread && now.Sub(m.lastUse) <= ActiveRouteTimeout {
		m.stats.HellosSent++
		out.Broadcast(&Hello{Sequence: m.sequence})
		m.Broadcasted(now)
	}
	m.timers.Set(timer{kind: timerHello}, now.Add(m.helloPause()))
}

// helloPause draws the time to the next hello.
func (m *Machine) helloPause() time.Duration {
	return HelloInterval - time.Duration(m.config.Rand.Int64N(int64(HelloInterval/helloSpread)))
}
