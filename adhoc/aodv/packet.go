package aodv

import (
	"slices"

	"spinglass/adhoc"
	"spinglass/protocol"
)

// Send sends a payload of at most adhoc.PayloadMax bytes to a node, over as many hops as it takes. It must not change afterwards.
func (m *Machine) Send(now protocol.Time, to protocol.NodeID, payload []byte, out *protocol.Output) {
	if len(payload) > adhoc.PayloadMax || to == 0 {
		panic("aodv: a payload that is too large, or for nobody")
	}
	if to == m.config.Self {
		out.Emit(adhoc.UnicastArrival{Origin: to, Payload: payload})
		return
	}
	m.stats.PacketsSent++
	m.deliver(now, &Packet{TTL: NetDiameter, Origin: m.config.Self, Destination: to, Payload: payload}, out)
}

// deliver sends a packet of this node on its way, or has it wait for one.
func (m *Machine) deliver(now protocol.Time, p *Packet, out *protocol.Output) {
	if r := m.active(p.Destination); r != nil && m.discovery(p.Destination) == nil {
		m.dispatch(now, p, r, out)
		return
	}
	m.await(now, p, out)
}

func (m *Machine) dispatch(now protocol.Time, p *Packet, r *route, out *protocol.Output) {
	p.attempts++
	m.use(now, r)
	out.Send(r.next, p)
}

// receivePacket takes a packet that is for this node, and hands on others.
func (m *Machine) receivePacket(now protocol.Time, from protocol.NodeID, p *Packet, out *protocol.Output) {
	m.neighbour(now, from)
	if back := m.active(p.Origin); back != nil {
		m.use(now, back)
	}
	if p.Origin == m.config.Self {
		out.Drop(from, ReasonSelf)
		return
	}
	if p.Destination == m.config.Self {
		m.stats.PacketsArrived++
		out.Emit(adhoc.UnicastArrival{Origin: p.Origin, Hops: p.Hops + 1, Payload: slices.Clone(p.Payload)})
		return
	}
	if p.TTL <= 1 || p.Hops >= NetDiameter {
		out.Drop(from, ReasonTTL)
		return
	}
	r := m.active(p.Destination)
	if r == nil {
		m.stats.PacketsUnroutable++
		out.Drop(from, ReasonUnroutes)
		m.reportMissing(now, from, p.Destination, out)
		return
	}
	m.use(now, r)
	next := &Packet{TTL: p.TTL - 1, Hops: p.Hops + 1, Origin: p.Origin, Destination: p.Destination, Payload: slices.Clone(p.Payload)}
	m.stats.PacketsForwarded++
	out.Send(r.next, next)
}

// rescue looks for another way for a packet that its next hop did not take, if it is of this node. Others are lost: their origin is told by an Error.
func (m *Machine) rescue(now protocol.Time, p *Packet, out *protocol.Output) {
	switch {
	case p.Origin != m.config.Self:
		m.stats.PacketsBroken++
	case p.attempts >= attemptsMax:
		m.stats.PacketsUndelivered++
		out.Emit(adhoc.Undeliverable{To: p.Destination, Payload: p.Payload})
	default:
		m.stats.PacketsResent++
		m.deliver(now, &Packet{TTL: NetDiameter, Origin: p.Origin, Destination: p.Destination, Payload: p.Payload, attempts: p.attempts}, out)
	}
}
