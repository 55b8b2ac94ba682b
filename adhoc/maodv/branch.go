package maodv

import (
	"slices"

	"spinglass/adhoc/aodv"
	"spinglass/protocol"
)

// receiveActivation begins and ends branches.
func (m *Machine) receiveActivation(now protocol.Time, from protocol.NodeID, a *Activation, out *protocol.Output) {
	if a.Action == ActionJoin {
		m.receiveJoin(now, from, a, out)
		return
	}
	g := m.known(a.Group)
	if g == nil || g.find(from) == nil {
		out.Drop(from, ReasonStranger)
		return
	}
	if a.Action == ActionPrune {
		_, up := g.disconnect(from)
		m.afterLoss(now, g, up, false, out)
		return
	}
	if g.attached && !g.find(from).up {
		return // this node has a way to a leader that the sender did not know of
	}
	m.connect(now, g, from, false)
	g.attached = false
	m.endSearch(g)
	m.part(now, g, from, out)
}

// receiveJoin takes the sender as downstream, and goes on with the branch to the tree if this node is not on it.
func (m *Machine) receiveJoin(now protocol.Time, from protocol.NodeID, a *Activation, out *protocol.Output) {
	g := m.group(a.Group)
	if g == nil {
		out.Drop(from, ReasonGroup)
		return
	}
	i := slices.IndexFunc(g.offers, func(o offer) bool { return o.origin == a.Origin && o.id == a.ID && o.until >= now })
	var o *offer
	if i >= 0 {
		o = &g.offers[i]
	}
	here := g.onTree() && (g.attached || g.search != nil) && (o == nil || o.leader == g.leader)
	switch {
	case here && g.upstream() != nil && g.upstream().node == from:
		m.refuse(g, from, out) // it is upstream of this node already: the two would be a loop
	case here:
		if !m.connect(now, g, from, false) {
			m.refuse(g, from, out)
			return
		}
		m.timers.Cancel(timer{timerPrune, g.id})
	case o == nil || o.via == from:
		m.refuse(g, from, out)
	default:
		if !m.connect(now, g, from, false) {
			m.refuse(g, from, out)
			return
		}
		if g.leads(m.config.Self) {
			m.stats.LeadershipsEnded++
			m.timers.Cancel(timer{timerLead, g.id})
		}
		m.endSearch(g)
		m.follow(now, g, o, out)
	}
}

// refuse tells a node that it is not taken on the tree here.
func (m *Machine) refuse(g *group, to protocol.NodeID, out *protocol.Output) {
	m.stats.PrunesSent++
	out.Send(to, &Activation{Action: ActionPrune, Group: g.id})
}

// prune ends an edge and tells the other end.
func (m *Machine) prune(g *group, id protocol.NodeID, out *protocol.Output) {
	g.disconnect(id)
	m.refuse(g, id, out)
}

// lose ends the edges over a link that is no longer there.
func (m *Machine) lose(now protocol.Time, id protocol.NodeID, out *protocol.Output) {
	for _, g := range m.groups {
		if found, up := g.disconnect(id); found {
			m.afterLoss(now, g, up, true, out)
		}
	}
}

// afterLoss does what the loss of an edge asks for. Only the downstream node repairs. Upstream a router waits, if the link broke, for others to come back before it goes.
func (m *Machine) afterLoss(now protocol.Time, g *group, up, broken bool, out *protocol.Output) {
	switch {
	case up:
		m.stats.UpstreamLost++
		g.attached = false
		if g.search != nil {
			return
		}
		if !g.member && len(g.edges) == 0 {
			m.abandon(g)
			return
		}
		m.begin(now, g, purposeRepair, out)
	case broken:
		m.stats.DownstreamLost++
		if m.isLeaf(g) {
			m.timers.Set(timer{timerPrune, g.id}, now.Add(PruneTimeout))
		}
	default:
		m.stats.DownstreamLost++
		m.pruneLeaf(now, g, out)
	}
}

// isLeaf reports whether nobody needs this node on the tree.
func (m *Machine) isLeaf(g *group) bool { return !g.member && len(g.edges) <= 1 && g.search == nil }

// pruneLeaf has a leaf that is no member leave the tree.
func (m *Machine) pruneLeaf(_ protocol.Time, g *group, out *protocol.Output) {
	if !m.isLeaf(g) {
		return
	}
	for len(g.edges) > 0 {
		m.prune(g, g.edges[0].node, out)
	}
	m.abandon(g)
}

// abandon has a node be on no tree any more.
func (m *Machine) abandon(g *group) {
	if g.leads(m.config.Self) {
		m.stats.LeadershipsEnded++
	}
	m.endSearch(g)
	g.leader, g.attached, g.hops, g.dirty, g.strays = 0, false, 0, true, nil
	m.timers.Cancel(timer{timerTick, g.id})
	m.timers.Cancel(timer{timerLead, g.id})
	m.timers.Cancel(timer{timerPrune, g.id})
}

// part finds a leader for a part of the tree that has lost its own: this node, if it is a member, and else the nearest member downstream, but not on the side of who asks for one (0: nobody).
func (m *Machine) part(now protocol.Time, g *group, asks protocol.NodeID, out *protocol.Output) {
	switch {
	case g.member:
		m.rise(now, g)
	case len(g.edges) == 0:
		m.abandon(g)
	default:
		m.abdicate(g, asks, out)
		m.pruneLeaf(now, g, out)
	}
}

// abdicate has a leader found on the side of the nearest member, but not on that of who asks.
func (m *Machine) abdicate(g *group, asks protocol.NodeID, out *protocol.Output) {
	if g.leads(m.config.Self) {
		m.stats.LeadershipsEnded++
	}
	m.timers.Cancel(timer{timerLead, g.id})
	g.leader, g.attached, g.dirty = 0, false, true
	var nearest *edge
	for i := range g.edges {
		e := &g.edges[i]
		if e.up = false; e.node == asks {
			continue
		}
		if nearest == nil || e.distance != 0 && (nearest.distance == 0 || e.distance < nearest.distance) {
			nearest = e
		}
	}
	if nearest == nil {
		return
	}
	nearest.up = true
	m.stats.LeadsSent++
	out.Send(nearest.node, &Activation{Action: ActionLead, Group: g.id})
}

// rise makes this node the leader of its part.
func (m *Machine) rise(now protocol.Time, g *group) {
	if g.known {
		g.sequence++
	} else {
		g.sequence, g.known = 1, true
	}
	for i := range g.edges {
		g.edges[i].up = false
	}
	m.stats.LeadershipsBegun++
	g.leader, g.hops, g.attached, g.heard, g.dirty, g.upset = m.config.Self, 0, true, now, true, true
	m.timers.Set(timer{timerLead, g.id}, now)
	m.wake(now, g)
}

// lead sends the group hello of a leader, each with the next number.
func (m *Machine) lead(now protocol.Time, g *group, out *protocol.Output) {
	if !g.leads(m.config.Self) {
		return
	}
	g.sequence++
	g.heard = now
	m.stats.GroupHellosSent++
	out.Broadcast(&GroupHello{TTL: aodv.NetDiameter, Group: g.id, Leader: m.config.Self, Sequence: g.sequence})
	m.routes.Broadcasted(now)
	m.timers.Set(timer{timerLead, g.id}, now.Add(GroupHelloInterval))
}
