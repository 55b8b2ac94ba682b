package maodv

import (
	"cmp"
	"slices"

	"spinglass/adhoc"
	"spinglass/adhoc/aodv"
	"spinglass/protocol"
)

// group is what a node knows of one group.
type group struct {
	id     adhoc.Group
	member bool

	leader   protocol.NodeID // of the tree that this node is on; 0: none
	sequence uint32          // of the group
	known    bool            // sequence is
	hops     int             // to the leader along the tree
	attached bool            // as far as is known here, the way upstream leads to the leader
	heard    protocol.Time   // when sequence rose last
	edges    []edge          // ascending by node
	search   *search         // nil: none
	offers   []offer         // to others, through this node
	strays   []stray

	helloAt protocol.Time // of the last tree hello
	dirty   bool          // the edges, the leader or membership have changed since told
	upset   bool          // neighbours have to be told soon
}

// edge is a neighbour on the tree.
type edge struct {
	node     protocol.NodeID
	up       bool
	heard    protocol.Time // anything of it
	missing  int           // tree hellos of it in a row that do not list this node
	distance int           // to the nearest member on its side
	told     int           // the distance that it was told
}

// stray is a neighbour that lists this node as its neighbour on the tree, which it is not.
type stray struct {
	node  protocol.NodeID
	count int
}

func (g *group) onTree() bool { return g.member || len(g.edges) > 0 }

func (g *group) leads(self protocol.NodeID) bool { return g.leader == self }

func (g *group) find(id protocol.NodeID) *edge {
	if i, found := g.at(id); found {
		return &g.edges[i]
	}
	return nil
}

func (g *group) at(id protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(g.edges, id, func(e edge, id protocol.NodeID) int { return cmp.Compare(e.node, id) })
}

// upstream returns the edge towards the leader, nil without one.
func (g *group) upstream() *edge {
	for i := range g.edges {
		if g.edges[i].up {
			return &g.edges[i]
		}
	}
	return nil
}

// connect makes an edge, or changes its direction. It reports false when there is no room for one.
func (m *Machine) connect(now protocol.Time, g *group, id protocol.NodeID, up bool) bool {
	i, found := g.at(id)
	if !found {
		if len(g.edges) >= EdgesMax {
			m.stats.EdgesRefused++
			return false
		}
		g.edges = slices.Insert(g.edges, i, edge{node: id})
		g.strays = slices.DeleteFunc(g.strays, func(s stray) bool { return s.node == id })
	}
	e := &g.edges[i]
	e.up, e.heard, e.missing = up, now, 0
	g.dirty, g.upset = true, true
	m.wake(now, g)
	return true
}

// disconnect ends an edge and reports whether there was one, and whether it was upstream.
func (g *group) disconnect(id protocol.NodeID) (found, up bool) {
	i, found := g.at(id)
	if !found {
		return false, false
	}
	up = g.edges[i].up
	g.edges = slices.Delete(g.edges, i, i+1)
	g.dirty, g.upset = true, true
	return true, up
}

// answers reports whether this node can offer a branch of its tree, for which it has room.
func (g *group) answers(self protocol.NodeID) bool {
	return g.onTree() && len(g.edges) < EdgesMax && g.attached && g.leader != 0 && g.search == nil && (g.leads(self) || g.upstream() != nil)
}

// advertised returns the distance to tell a neighbour: that of the nearest member elsewhere, and one hop more.
func (g *group) advertised(to protocol.NodeID) int {
	nearest := aodv.NetDiameter
	if g.member {
		nearest = 0
	}
	for i := range g.edges {
		if e := &g.edges[i]; e.node != to && e.distance != adhoc.DistanceNone {
			nearest = min(nearest, e.distance)
		}
	}
	if nearest >= aodv.NetDiameter {
		return adhoc.DistanceNone
	}
	return nearest + 1
}

// group returns what is known of a group, nil when there are too many.
func (m *Machine) group(id adhoc.Group) *group {
	for _, g := range m.groups {
		if g.id == id {
			return g
		}
	}
	if len(m.groups) >= GroupsMax && !m.forgetIdle() {
		m.stats.GroupsRefused++
		return nil
	}
	g := &group{id: id}
	m.groups = append(m.groups, g)
	return g
}

// known returns what is known of a group, nil when nothing is.
func (m *Machine) known(id adhoc.Group) *group {
	for _, g := range m.groups {
		if g.id == id {
			return g
		}
	}
	return nil
}

// forgetIdle makes room for a group: one that this node has no part in goes.
func (m *Machine) forgetIdle() bool {
	for i, g := range m.groups {
		if !g.onTree() && g.search == nil {
			m.timers.Cancel(timer{timerTick, g.id})
			m.timers.Cancel(timer{timerPrune, g.id})
			m.groups = slices.Delete(m.groups, i, i+1)
			return true
		}
	}
	return false
}
