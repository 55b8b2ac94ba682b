package maodv

import (
	"slices"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/aodv"
	"spinglass/protocol"
)

// receiveGroupHello hands the word of a leader on. The leader of another tree, if its NodeID is smaller, joins that of the sender.
func (m *Machine) receiveGroupHello(now protocol.Time, from protocol.NodeID, h *GroupHello, out *protocol.Output) {
	if h.Leader == m.config.Self {
		out.Drop(from, ReasonSelf)
		return
	}
	if !m.hellos.Add(adhoc.SeenKey{Origin: h.Leader, About: h.Group, Number: h.Sequence}) {
		out.Drop(from, ReasonSeen)
		return
	}
	if g := m.known(h.Group); g != nil {
		m.hearLeader(now, g, h, out)
	}
	if h.TTL <= 1 || h.Hops >= aodv.NetDiameter {
		out.Drop(from, ReasonTTL)
		return
	}
	next := *h
	next.TTL, next.Hops, next.lent = h.TTL-1, h.Hops+1, false
	if m.handOn(now, &next) {
		m.stats.GroupHellosPassed++
	}
}

// hearLeader begins a merge where this node leads and has to give way.
func (m *Machine) hearLeader(now protocol.Time, g *group, h *GroupHello, out *protocol.Output) {
	if !g.leads(m.config.Self) || h.Leader < m.config.Self || g.search != nil {
		return
	}
	g.search = &search{purpose: purposeMerge, leader: h.Leader, ttl: min(h.Hops+1+aodv.TTLIncrement, aodv.NetDiameter)}
	m.request(now, g, out)
}

// wake sees to it that a node on a tree says hello.
func (m *Machine) wake(now protocol.Time, g *group) {
	if key := (timer{timerTick, g.id}); g.onTree() && m.timers.At(key) == protocol.Never {
		m.timers.Set(key, now.Add(m.pause()))
	}
}

func (m *Machine) pause() time.Duration {
	return aodv.HelloInterval - time.Duration(m.config.Rand.Int64N(int64(aodv.HelloInterval/helloSpread)))
}

// tick tells neighbours where this node stands, and finds edges whose other end is silent, and the leader if it is.
func (m *Machine) tick(now protocol.Time, g *group, out *protocol.Output) {
	for i := 0; i < len(g.edges); {
		e := g.edges[i]
		if now.Sub(e.heard) <= helloLife {
			i++
			continue
		}
		m.stats.LinksSilent++
		m.routes.Broken(now, e.node, out)
		m.lose(now, e.node, out)
		i = 0
	}
	m.checkLeader(now, g, out)
	if !g.onTree() {
		return
	}
	if key := (timer{timerPrune, g.id}); m.isLeaf(g) && m.timers.At(key) == protocol.Never {
		m.timers.Set(key, now.Add(PruneTimeout))
	}
	m.sayHello(now, g, out)
	m.timers.Set(timer{timerTick, g.id}, now.Add(m.pause()))
}

// checkLeader gives up an upstream edge along which the leader is not heard any more, or is farther than it can be: then the tree has a loop, or its root is gone.
func (m *Machine) checkLeader(now protocol.Time, g *group, out *protocol.Output) {
	up := g.upstream()
	if up == nil {
		// A node of a tree that neither leads nor has a way up nor looks for one: whatever brought that about, it looks for one.
		if g.onTree() && !g.leads(m.config.Self) && g.search == nil {
			m.begin(now, g, purposeOf(g), out)
		}
		return
	}
	silent := now.Sub(g.heard) > GroupHelloLoss*GroupHelloInterval+aodv.NetTraversalTime
	if !silent && g.hops <= hopsMax {
		return
	}
	m.stats.LoopsFound++
	id := up.node
	g.heard = now
	m.prune(g, id, out)
	m.afterLoss(now, g, true, true, out)
}

// purposeOf returns why a node that has no way up looks for one.
func purposeOf(g *group) purpose {
	if g.leader != 0 {
		return purposeRepair
	}
	return purposeJoin
}

// sayHello tells where this node stands.
func (m *Machine) sayHello(now protocol.Time, g *group, out *protocol.Output) {
	h := &TreeHello{Group: g.id, Member: g.member, Attached: g.attached && g.search == nil || g.leads(m.config.Self), Leader: g.leader, Sequence: g.sequence, Hops: min(g.hops, hopsMax+1)}
	for i := range g.edges {
		e := &g.edges[i]
		e.told = g.advertised(e.node)
		h.Edges = append(h.Edges, EdgeInfo{Node: e.node, Upstream: e.up, Distance: e.told})
	}
	g.helloAt = now
	m.stats.TreeHellosSent++
	out.Broadcast(h)
	m.routes.Broadcasted(now)
}

// receiveTreeHello compares what a neighbour says of the edge to this node with what is believed here.
func (m *Machine) receiveTreeHello(now protocol.Time, from protocol.NodeID, h *TreeHello, out *protocol.Output) {
	g := m.known(h.Group)
	if g == nil {
		return
	}
	if h.Member {
		out.Emit(adhoc.MemberSeen{Group: h.Group, Node: from, Hops: 1})
	}
	e := g.find(from)
	theirs, listed := h.find(m.config.Self)
	switch {
	case e == nil && listed:
		m.countStray(g, from, out)
	case e == nil:
		g.strays = slices.DeleteFunc(g.strays, func(s stray) bool { return s.node == from })
	case !listed || e.up == theirs.Upstream:
		m.missEdge(now, g, e, out)
	default:
		e.missing = 0
		e.distance = theirs.Distance
		if e.up {
			m.hearUpstream(now, g, h)
		}
	}
}

// countStray ends, at its other end, an edge that this node does not have.
func (m *Machine) countStray(g *group, from protocol.NodeID, out *protocol.Output) {
	i := slices.IndexFunc(g.strays, func(s stray) bool { return s.node == from })
	if i < 0 {
		if len(g.strays) >= StraysMax {
			m.stats.StraysRefused++
			return
		}
		g.strays = append(g.strays, stray{from, 1})
		return
	}
	if g.strays[i].count++; g.strays[i].count >= StrayHellos {
		g.strays = slices.Delete(g.strays, i, i+1)
		m.stats.StraysPruned++
		m.refuse(g, from, out)
	}
}

// missEdge ends an edge that the other end does not have, or has in the same direction.
func (m *Machine) missEdge(now protocol.Time, g *group, e *edge, out *protocol.Output) {
	if e.missing++; e.missing < StrayHellos {
		return
	}
	m.stats.StraysPruned++
	up := e.up
	m.prune(g, e.node, out)
	m.afterLoss(now, g, up, true, out)
}

// hearUpstream takes in what the upstream neighbour says of the leader.
func (m *Machine) hearUpstream(now protocol.Time, g *group, h *TreeHello) {
	if g.search != nil && g.search.purpose == purposeRepair {
		return
	}
	hops := min(h.Hops+1, hopsMax+1)
	if h.Leader != g.leader || h.Attached != g.attached || hops != g.hops {
		g.upset = true
	}
	if h.Leader != g.leader || !g.known || aodv.Newer(h.Sequence, g.sequence) {
		g.sequence, g.known, g.heard = h.Sequence, true, now
	}
	if h.Leader != g.leader {
		g.dirty = true
	}
	g.leader, g.attached, g.hops = h.Leader, h.Attached, hops
}

// receiveDistance takes in how near members are on a neighbour's side.
func (m *Machine) receiveDistance(_ protocol.Time, from protocol.NodeID, d *Distance, out *protocol.Output) {
	g := m.known(d.Group)
	if g == nil || g.find(from) == nil {
		out.Drop(from, ReasonStranger)
		return
	}
	g.find(from).distance = d.Distance
}

// tellDistances tells each neighbour whose side sees members nearer or farther than it was told.
func (m *Machine) tellDistances(g *group, out *protocol.Output) {
	for i := range g.edges {
		e := &g.edges[i]
		if d := g.advertised(e.node); d != e.told {
			e.told = d
			m.stats.DistancesSent++
			out.Send(e.node, &Distance{Group: g.id, Distance: d})
		}
	}
}
