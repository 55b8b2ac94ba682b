package aodv

import (
	"time"

	"spinglass/adhoc"
	"spinglass/protocol"
)

// receiveRequest does what RFC 3561, section 6.5 asks for.
func (m *Machine) receiveRequest(now protocol.Time, from protocol.NodeID, q *Request, out *protocol.Output) {
	if q.Origin == m.config.Self {
		out.Drop(from, ReasonSelf)
		return
	}
	if m.isBarred(now, from) {
		out.Drop(from, ReasonBlackList)
		return
	}
	m.neighbour(now, from)
	if !m.seen.Add(adhoc.SeenKey{Origin: q.Origin, Number: q.ID}) {
		out.Drop(from, ReasonSeen)
		return
	}
	m.Reverse(now, q.Origin, q.OriginSequence, from, q.Hops+1)
	if q.Destination == m.config.Self {
		m.replyForSelf(q, from, out)
		return
	}
	if r := m.active(q.Destination); r != nil && r.known && !q.DestinationOnly && (q.Unknown || !newer(q.DestinationSequence, r.sequence)) {
		m.replyFor(now, q, r, from, out)
		return
	}
	m.forwardRequest(now, from, q, out)
}

// Reverse keeps a route back to the origin of a request that came over so many hops.
func (m *Machine) Reverse(now protocol.Time, origin protocol.NodeID, sequence uint32, from protocol.NodeID, hops int) bool {
	lifetime := max(ActiveRouteTimeout, 2*NetTraversalTime-2*time.Duration(hops)*NodeTraversalTime)
	return m.update(now, news{destination: origin, sequence: sequence, next: from, hops: hops, lifetime: lifetime})
}

// forwardRequest hands a request on, with the freshest number of the destination that is known.
func (m *Machine) forwardRequest(now protocol.Time, from protocol.NodeID, q *Request, out *protocol.Output) {
	if q.TTL <= 1 || q.Hops >= NetDiameter {
		out.Drop(from, ReasonTTL)
		return
	}
	next := *q
	next.TTL, next.Hops, next.lent = q.TTL-1, q.Hops+1, false
	if r := m.table.find(q.Destination); r != nil && r.known {
		if q.Unknown {
			next.DestinationSequence = r.sequence
		} else {
			next.DestinationSequence = later(q.DestinationSequence, r.sequence)
		}
		next.Unknown = false
	}
	if m.handOn(now, &next, out) {
		m.stats.RequestsForwarded++
	}
}

// replyForSelf answers as the destination (section 6.6.1).
func (m *Machine) replyForSelf(q *Request, from protocol.NodeID, out *protocol.Output) {
	if !q.Unknown {
		m.sequence = later(m.sequence, q.DestinationSequence)
	}
	m.stats.RepliesSent++
	out.Send(from, &Reply{Destination: m.config.Self, DestinationSequence: m.sequence, Origin: q.Origin, Lifetime: MyRouteTimeout})
}

// replyFor answers for the destination, with a route that is fresh enough (section 6.6.2).
func (m *Machine) replyFor(now protocol.Time, q *Request, r *route, from protocol.NodeID, out *protocol.Output) {
	m.precursor(r, from)
	if back := m.active(q.Origin); back != nil {
		m.precursor(back, r.next)
	}
	m.stats.RepliesSent++
	lifetime := min(r.expires.Sub(now), DeletePeriod).Truncate(time.Millisecond)
	out.Send(from, &Reply{Hops: r.hops, Destination: r.destination, DestinationSequence: r.sequence, Origin: q.Origin, Lifetime: lifetime})
}

// receiveReply does what section 6.7 asks for.
func (m *Machine) receiveReply(now protocol.Time, from protocol.NodeID, p *Reply, out *protocol.Output) {
	// The route first: were the sender, if it is the destination, noted as a neighbour before, the reply would bring nothing new, and end here.
	taken := m.update(now, news{destination: p.Destination, sequence: p.DestinationSequence, next: from, hops: p.Hops + 1, lifetime: p.Lifetime})
	m.neighbour(now, from)
	if p.Origin == m.config.Self {
		m.found(now, p.Destination, out)
		return
	}
	back := m.active(p.Origin)
	switch {
	case back == nil:
		out.Drop(from, ReasonReverse)
		return
	case !taken:
		out.Drop(from, ReasonSeen)
		return
	case p.Hops >= NetDiameter:
		out.Drop(from, ReasonTTL)
		return
	}
	forth := m.table.find(p.Destination)
	m.precursor(forth, back.next)
	if next := m.table.find(forth.next); next != nil {
		m.precursor(next, back.next)
	}
	m.extend(now, back, ActiveRouteTimeout)
	reply := *p
	reply.Hops, reply.lent = p.Hops+1, false
	m.stats.RepliesForwarded++
	out.Send(back.next, &reply)
}
