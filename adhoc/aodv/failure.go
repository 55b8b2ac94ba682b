package aodv

import (
	"slices"

	"spinglass/protocol"
)

// Broken ends all routes over a neighbour that is no longer there, and tells those that use them (RFC 3561, section 6.11).
func (m *Machine) Broken(now protocol.Time, id protocol.NodeID, out *protocol.Output) {
	m.forgetNeighbour(id)
	var lost []*route
	for _, r := range m.table.order {
		if r.valid && r.next == id {
			if r.known {
				r.sequence++
			}
			m.invalidate(now, r)
			lost = append(lost, r)
		}
	}
	m.report(now, lost, out)
}

// receiveError ends the routes over the sender of an Error that it says are no more.
func (m *Machine) receiveError(now protocol.Time, from protocol.NodeID, e *Error, out *protocol.Output) {
	var lost []*route
	for _, u := range e.Unreachable {
		r := m.active(u.Destination)
		if r == nil || r.next != from {
			continue
		}
		r.sequence, r.known = later(u.Sequence, r.sequence), true
		m.invalidate(now, r)
		lost = append(lost, r)
	}
	m.report(now, lost, out)
}

// report tells the precursors of lost routes, with as many Errors as these take.
func (m *Machine) report(now protocol.Time, lost []*route, out *protocol.Output) {
	used := slices.DeleteFunc(lost, func(r *route) bool { return len(r.precursors) == 0 })
	for some := range slices.Chunk(used, ErrorMax) {
		m.reportSome(now, some, out)
	}
}

// reportSome tells the precursors of at most ErrorMax lost routes: by unicast when there is one, else by a broadcast.
func (m *Machine) reportSome(now protocol.Time, lost []*route, out *protocol.Output) {
	e := &Error{}
	var precursors []protocol.NodeID
	for _, r := range lost {
		e.Unreachable = append(e.Unreachable, Unreachable{r.destination, r.sequence})
		precursors = append(precursors, r.precursors...)
		r.precursors = nil
	}
	slices.Sort(precursors)
	precursors = slices.Compact(precursors)
	if len(precursors) == 1 {
		m.sendError(now, precursors[0], e, out)
	} else {
		m.sendError(now, 0, e, out)
	}
}

// reportMissing tells a neighbour that there is no route for what it has sent.
func (m *Machine) reportMissing(now protocol.Time, to, destination protocol.NodeID, out *protocol.Output) {
	u := Unreachable{Destination: destination}
	if r := m.table.find(destination); r != nil && r.known {
		u.Sequence = r.sequence
	}
	m.sendError(now, to, &Error{Unreachable: []Unreachable{u}}, out)
}

// sendError sends an Error to one neighbour, or to all (0).
func (m *Machine) sendError(now protocol.Time, to protocol.NodeID, e *Error, out *protocol.Output) {
	if ok, _ := m.errors.Take(now, 1, ErrorRateLimit); !ok {
		m.stats.ErrorsSuppressed++
		return
	}
	m.stats.ErrorsSent++
	if to != 0 {
		out.Send(to, e)
		return
	}
	out.Broadcast(e)
	m.Broadcasted(now)
}
