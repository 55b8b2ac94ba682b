package aodv

import (
	"spinglass/adhoc"
	"spinglass/protocol"
)

// Route is a row of the routing table, as others may see it.
type Route struct {
	Destination   protocol.NodeID
	Next          protocol.NodeID
	Hops          int
	Sequence      uint32
	SequenceKnown bool
	Valid         bool
	Expires       protocol.Time // when it becomes invalid, or an invalid one is forgotten
	Precursors    []protocol.NodeID
}

// Route returns the row of a destination, which must not be changed, false when there is none.
func (m *Machine) Route(id protocol.NodeID) (Route, bool) {
	r := m.table.find(id)
	if r == nil {
		return Route{}, false
	}
	return Route{r.destination, r.next, r.hops, r.sequence, r.known, r.valid, r.expires, r.precursors}, true
}

// NextHop returns the neighbour by which a node is reached, and how far away it is; false without a valid route.
func (m *Machine) NextHop(id protocol.NodeID) (next protocol.NodeID, hops int, ok bool) {
	if r := m.active(id); r != nil {
		return r.next, r.hops, true
	}
	return 0, 0, false
}

// Freshness returns a new sequence number of this node, for what others learn of the way to it.
func (m *Machine) Freshness() uint32 {
	m.sequence++
	return m.sequence
}

// Learn takes what a message of another protocol says of the way to its origin, under the rules of reverse routes, and sends what waits for it with the next Timeout. It reports whether that was fresher than
// what was known.
func (m *Machine) Learn(now protocol.Time, h adhoc.Hint) bool {
	if h.Hops < 1 || h.Hops > NetDiameter || h.Node == m.config.Self {
		return false
	}
	m.neighbour(now, h.Via)
	if !m.update(now, news{destination: h.Node, sequence: h.Sequence, next: h.Via, hops: h.Hops, lifetime: ActiveRouteTimeout}) {
		m.stats.HintsRefused++
		return false
	}
	m.stats.HintsTaken++
	if m.discovery(h.Node) != nil {
		m.timers.Set(timer{kind: timerDiscovery, node: h.Node}, now)
	}
	return true
}
