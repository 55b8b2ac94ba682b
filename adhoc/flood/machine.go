package flood

import (
	"slices"
	"time"

	"spinglass/adhoc"
	"spinglass/protocol"
)

// Machine floods. See the package documentation.
type Machine struct {
	config   Config
	sequence uint32
	groups   []adhoc.Group // of which this node is a member
	seen     adhoc.Seen[adhoc.SeenKey]
	later    adhoc.Later
	sides    []side  // in the order in which they were first heard
	routes   []route // likewise
	stats    Stats
}

var _ adhoc.Routing = (*Machine)(nil)

// New returns a machine. It panics on a configuration that Validate refuses.
func New(config Config) *Machine {
	if err := config.Validate(); err != nil {
		panic(err)
	}
	return &Machine{config: config, sequence: config.Sequence}
}

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Start implements protocol.Machine.
func (m *Machine) Start(protocol.Time, *protocol.Output) {}

// Notify implements protocol.Machine.
func (m *Machine) Notify(_ protocol.Time, e protocol.Event, out *protocol.Output) {
	broken, ok := e.(protocol.LinkBroken)
	if !ok {
		return
	}
	m.sides = slices.DeleteFunc(m.sides, func(s side) bool { return s.node == broken.To })
	m.routes = slices.DeleteFunc(m.routes, func(r route) bool { return r.next == broken.To })
	if p, ok := broken.Message.(*Packet); ok {
		m.stats.Broken++
		flooded := *p
		flooded.Routed = false
		out.Broadcast(&flooded)
	}
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return m.later.Next() }

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) { m.later.Broadcast(now, out) }

// Join implements adhoc.Routing.
func (m *Machine) Join(_ protocol.Time, group adhoc.Group, _ *protocol.Output) {
	if slices.Contains(m.groups, group) {
		return
	}
	if len(m.groups) >= GroupsMax {
		m.stats.GroupsRefused++
		return
	}
	m.groups = append(m.groups, group)
}

// Leave implements adhoc.Routing.
func (m *Machine) Leave(_ protocol.Time, group adhoc.Group, _ *protocol.Output) {
	m.groups = slices.DeleteFunc(m.groups, func(g adhoc.Group) bool { return g == group })
}

// Multicast implements adhoc.Routing. It panics where this node is no member.
func (m *Machine) Multicast(now protocol.Time, group adhoc.Group, payload []byte, out *protocol.Output) {
	if !slices.Contains(m.groups, group) {
		panic("flood: a multicast of no member")
	}
	m.send(now, &Packet{Group: group, Payload: payload}, out)
}

// Unicast implements adhoc.Routing.
func (m *Machine) Unicast(now protocol.Time, to protocol.NodeID, payload []byte, out *protocol.Output) {
	if to == m.config.Self {
		out.Emit(adhoc.UnicastArrival{Origin: to, Payload: payload})
		return
	}
	m.send(now, &Packet{Destination: to, Payload: payload}, out)
}

// send sends a packet of this node.
func (m *Machine) send(now protocol.Time, p *Packet, out *protocol.Output) {
	if len(p.Payload) > adhoc.PayloadMax || p.Group == 0 && p.Destination == 0 {
		panic("flood: a payload that is too large, or for nobody")
	}
	m.sequence++
	p.TTL, p.Origin, p.Number = m.config.TTL, m.config.Self, m.sequence
	m.stats.Sent++
	if !m.follow(now, p, out) {
		out.Broadcast(p)
	}
}

// follow sends a unicast along a route, and reports whether there was one.
func (m *Machine) follow(now protocol.Time, p *Packet, out *protocol.Output) bool {
	if p.Group != 0 {
		return false
	}
	next, ok := m.route(now, p.Destination)
	if ok {
		p.Routed = true
		m.stats.Routed++
		out.Send(next, p)
	}
	return ok
}

// Reaches implements adhoc.Routing.
func (m *Machine) Reaches(now protocol.Time, to protocol.NodeID) bool {
	_, ok := m.route(now, to)
	return ok
}

// Freshness implements adhoc.Routing. Any number does: of the ways back to a node the latest is taken.
func (m *Machine) Freshness() uint32 { return m.sequence }

// Learn implements adhoc.Routing.
func (m *Machine) Learn(now protocol.Time, h adhoc.Hint) bool { return m.learn(now, h.Node, h.Via) }

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	p, ok := message.(*Packet)
	switch {
	case !ok:
		out.Drop(from, ReasonKind)
		return
	case from == m.config.Self:
		out.Drop(from, ReasonSelf)
		return
	}
	if p.Group != 0 && p.Origin != m.config.Self {
		m.hear(now, from, p)
	}
	if p.Origin == m.config.Self || !m.seen.Add(m.key(p)) {
		m.stats.Duplicates++
		out.Drop(from, ReasonDuplicate)
		return
	}
	m.learn(now, p.Origin, from)
	payload := p.Payload
	if p.Lent() {
		payload = slices.Clone(payload)
	}
	m.take(p, payload, out)
	if p.Destination == m.config.Self {
		return
	}
	m.pass(now, from, p, payload, out)
}

// key returns what a packet is remembered by. What goes along a route may come again as a flood, if a link breaks, and is passed on again; but it arrives once.
func (m *Machine) key(p *Packet) adhoc.SeenKey {
	key := adhoc.SeenKey{Origin: p.Origin, Number: p.Number}
	if p.Routed && p.Destination != m.config.Self {
		key.About = keyRouted
	}
	return key
}

// keyRouted marks what has gone along a route.
const keyRouted = 1

// take tells of a packet that is for this node.
func (m *Machine) take(p *Packet, payload []byte, out *protocol.Output) {
	switch {
	case p.Group == 0 && p.Destination == m.config.Self:
		m.stats.Arrived++
		out.Emit(adhoc.UnicastArrival{Origin: p.Origin, Hops: p.Hops + 1, Payload: payload})
	case slices.Contains(m.groups, p.Group):
		m.stats.Arrived++
		out.Emit(adhoc.MulticastArrival{Group: p.Group, Origin: p.Origin, Hops: p.Hops + 1, Payload: payload})
		out.Emit(adhoc.MemberSeen{Group: p.Group, Node: p.Origin, Hops: p.Hops + 1})
	}
}

// pass has a packet broadcast by this node, after a while, or sends it along its route.
func (m *Machine) pass(now protocol.Time, from protocol.NodeID, p *Packet, payload []byte, out *protocol.Output) {
	if p.TTL <= 1 {
		m.stats.Expired++
		return
	}
	next := &Packet{TTL: p.TTL - 1, Hops: min(p.Hops+1, TTLMax), Group: p.Group, Destination: p.Destination, Origin: p.Origin, Number: p.Number, Payload: payload}
	if p.Routed && m.follow(now, next, out) {
		return
	}
	at := now.Add(time.Duration(m.config.Rand.Int64N(int64(m.config.Jitter) + 1)))
	if !m.later.Add(at, next) {
		m.stats.Waiting++
		out.Drop(from, ReasonWaiting)
		return
	}
	m.stats.Forwarded++
}
