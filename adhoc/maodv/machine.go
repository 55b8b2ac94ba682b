package maodv

import (
	"slices"

	"spinglass/adhoc"
	"spinglass/adhoc/aodv"
	"spinglass/protocol"
)

// Machine keeps trees of groups, and routes. See the package documentation.
type Machine struct {
	config Config
	routes *aodv.Machine
	groups []*group // in the order in which they became known

	ids      uint32 // of own requests
	packets  uint32 // own
	requests adhoc.Seen[adhoc.SeenKey]
	hellos   adhoc.Seen[adhoc.SeenKey]
	data     adhoc.Seen[adhoc.SeenKey]
	later    adhoc.Later
	timers   protocol.Deadlines[timer]
	rate     adhoc.Rate // of requests
	stats    Stats
}

var _ adhoc.Routing = (*Machine)(nil)

type timer struct {
	kind  timerKind
	group adhoc.Group
}

type timerKind uint8

const (
	timerSearch timerKind = iota + 1 // what was asked for has not come
	timerTick                        // a hello is due, and silent neighbours are found
	timerPrune                       // a leaf that is no member goes
	timerLead                        // a group hello is due
)

// New returns a machine. It panics on a configuration that Validate refuses.
func New(config Config) *Machine {
	return &Machine{config: config, routes: aodv.New(config), packets: config.Sequence, ids: config.Sequence}
}

// Start implements protocol.Machine.
func (m *Machine) Start(now protocol.Time, out *protocol.Output) { m.routes.Start(now, out) }

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	if from == m.config.Self || from == 0 {
		out.Drop(from, ReasonSelf)
		return
	}
	m.Heard(now, from)
	switch v := message.(type) {
	case *JoinRequest:
		m.receiveRequest(now, from, v, out)
	case *JoinReply:
		m.receiveReply(now, from, v, out)
	case *Activation:
		m.receiveActivation(now, from, v, out)
	case *GroupHello:
		m.receiveGroupHello(now, from, v, out)
	case *TreeHello:
		m.receiveTreeHello(now, from, v, out)
	case *Distance:
		m.receiveDistance(now, from, v, out)
	case *Packet:
		m.receivePacket(now, from, v, out)
	default:
		m.routes.Receive(now, from, message, out)
	}
	m.flush(now, out)
}

// Heard notes that anything was received from a neighbour.
func (m *Machine) Heard(now protocol.Time, from protocol.NodeID) {
	m.routes.Heard(now, from)
	for _, g := range m.groups {
		if e := g.find(from); e != nil {
			e.heard = now
		}
	}
}

// Notify implements protocol.Machine. A link that breaks takes the edges over it with it, whatever was sent.
func (m *Machine) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	m.routes.Notify(now, e, out)
	if broken, ok := e.(protocol.LinkBroken); ok {
		m.lose(now, broken.To, out)
	}
	m.flush(now, out)
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	m.routes.Timeout(now, out)
	if m.later.Broadcast(now, out) {
		m.routes.Broadcasted(now)
	}
	for {
		t, ok := m.timers.Due(now)
		if !ok {
			break
		}
		g := m.known(t.group)
		if g == nil {
			continue
		}
		switch t.kind {
		case timerSearch:
			m.endRing(now, g, out)
		case timerTick:
			m.tick(now, g, out)
		case timerPrune:
			m.pruneLeaf(now, g, out)
		case timerLead:
			m.lead(now, g, out)
		}
	}
	m.flush(now, out)
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time {
	return min(m.timers.Next(), m.later.Next(), m.routes.Deadline())
}

// Join implements adhoc.Routing.
func (m *Machine) Join(now protocol.Time, id adhoc.Group, out *protocol.Output) {
	g := m.group(id)
	if g == nil || g.member {
		return
	}
	g.member, g.dirty = true, true
	m.timers.Cancel(timer{timerPrune, id})
	if len(g.edges) == 0 {
		g.leader, g.attached = 0, false
		m.begin(now, g, purposeJoin, out)
	}
	m.wake(now, g)
	m.flush(now, out)
}

// Leave implements adhoc.Routing. A leaf leaves the tree; others stay on it as routers.
func (m *Machine) Leave(now protocol.Time, id adhoc.Group, out *protocol.Output) {
	g := m.known(id)
	if g == nil || !g.member {
		return
	}
	g.member, g.dirty = false, true
	m.endSearch(g)
	if g.leads(m.config.Self) || g.upstream() == nil {
		m.abdicate(g, 0, out)
	}
	m.pruneLeaf(now, g, out)
	m.flush(now, out)
}

// Multicast implements adhoc.Routing.
func (m *Machine) Multicast(now protocol.Time, id adhoc.Group, payload []byte, out *protocol.Output) {
	g := m.known(id)
	if len(payload) > adhoc.PayloadMax {
		panic("maodv: a payload that is too large")
	}
	m.packets++
	m.stats.Sent++
	if g == nil || !g.member || len(g.edges) == 0 {
		m.stats.Alone++
		return
	}
	p := &Packet{TTL: aodv.NetDiameter, Group: id, Origin: m.config.Self, Number: m.packets, Payload: payload}
	out.Broadcast(p)
	m.routes.Broadcasted(now)
}

// Unicast implements adhoc.Routing.
func (m *Machine) Unicast(now protocol.Time, to protocol.NodeID, payload []byte, out *protocol.Output) {
	m.routes.Send(now, to, payload, out)
}

// Reaches implements adhoc.Routing.
func (m *Machine) Reaches(_ protocol.Time, to protocol.NodeID) bool {
	_, _, ok := m.routes.NextHop(to)
	return ok
}

// NextHops implements adhoc.Routing.
func (m *Machine) NextHops(_ protocol.Time, id adhoc.Group, hops []adhoc.NextHop) []adhoc.NextHop {
	if g := m.known(id); g != nil {
		for i := range g.edges {
			hops = append(hops, adhoc.NextHop{Node: g.edges[i].node, Distance: g.edges[i].distance})
		}
	}
	return hops
}

// Freshness implements adhoc.Routing.
func (m *Machine) Freshness() uint32 { return m.routes.Freshness() }

// Learn implements adhoc.Routing.
func (m *Machine) Learn(now protocol.Time, h adhoc.Hint) bool {
	taken := m.routes.Learn(now, h)
	if taken {
		m.stats.HintsTaken++
	}
	return taken
}

// Routes returns the machine of the routes to single nodes, to look at.
func (m *Machine) Routes() *aodv.Machine { return m.routes }

// receivePacket takes what comes along the tree.
func (m *Machine) receivePacket(now protocol.Time, from protocol.NodeID, p *Packet, out *protocol.Output) {
	g := m.known(p.Group)
	switch {
	case p.Origin == m.config.Self:
		out.Drop(from, ReasonSelf)
		return
	case g == nil || g.find(from) == nil:
		m.stats.OffTree++
		out.Drop(from, ReasonOffTree)
		return
	case !m.data.Add(adhoc.SeenKey{Origin: p.Origin, Number: p.Number}):
		out.Drop(from, ReasonSeen)
		return
	}
	payload := slices.Clone(p.Payload)
	if g.member {
		m.stats.Arrived++
		out.Emit(adhoc.MulticastArrival{Group: p.Group, Origin: p.Origin, Hops: p.Hops + 1, Payload: payload})
		out.Emit(adhoc.MemberSeen{Group: p.Group, Node: p.Origin, Hops: p.Hops + 1})
	}
	if len(g.edges) < 2 {
		return
	}
	if p.TTL <= 1 || p.Hops >= aodv.NetDiameter {
		m.stats.Expired++
		out.Drop(from, ReasonTTL)
		return
	}
	next := &Packet{TTL: p.TTL - 1, Hops: p.Hops + 1, Group: p.Group, Origin: p.Origin, Number: p.Number, Payload: payload}
	if m.handOn(now, next) {
		m.stats.Forwarded++
	}
}

// handOn broadcasts a message of another node after a short wait.
func (m *Machine) handOn(now protocol.Time, message protocol.Message) bool {
	if !m.later.Add(now.Add(m.routes.Jitter()), message) {
		m.stats.BroadcastsRefused++
		return false
	}
	return true
}

// flush tells what the input has changed.
func (m *Machine) flush(now protocol.Time, out *protocol.Output) {
	for _, g := range m.groups {
		m.tellDistances(g, out)
		if g.upset {
			g.upset = false
			m.timers.Set(timer{timerTick, g.id}, min(m.timers.At(timer{timerTick, g.id}), max(now, g.helloAt.Add(triggeredPause))))
		}
		if !g.dirty {
			continue
		}
		g.dirty = false
		changed := adhoc.TreeChanged{Group: g.id, Member: g.member, Leader: g.leader}
		for i := range g.edges {
			changed.Edges = append(changed.Edges, g.edges[i].node)
			if g.edges[i].up {
				changed.Upstream = g.edges[i].node
			}
		}
		out.Emit(changed)
	}
}
