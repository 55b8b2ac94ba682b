package stream

import (
	"slices"

	"spinglass/protocol"
)

// Group is the members that a member knows, itself not included. The zero value is empty.
type Group struct {
	members []member // by ID, ascending
	all     []protocol.NodeID
	near    []protocol.NodeID
	scope   int
	current bool
}

type member struct {
	id       protocol.NodeID
	distance int
}

// NewGroup returns an empty group. Near are its members whose distance is below scope.
func NewGroup(scope int) Group { return Group{scope: scope} }

// Notify takes in what an event tells of the group, and reports whether it was about that.
func (g *Group) Notify(e protocol.Event) bool {
	switch e := e.(type) {
	case protocol.PeerUp:
		g.put(e.Peer)
	case protocol.PeerChanged:
		g.put(e.Peer)
	case protocol.PeerDown:
		g.remove(e.Peer.ID)
	case protocol.PeerLeft:
		g.remove(e.Peer.ID)
	default:
		return false
	}
	return true
}

func (g *Group) find(id protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(g.members, id, func(m member, id protocol.NodeID) int {
		switch {
		case m.id < id:
			return -1
		case m.id > id:
			return 1
		}
		return 0
	})
}

func (g *Group) put(p *protocol.Peer) {
	i, known := g.find(p.ID)
	if !known {
		g.members = slices.Insert(g.members, i, member{})
	}
	g.members[i] = member{id: p.ID, distance: p.Distance}
	g.current = false
}

func (g *Group) remove(id protocol.NodeID) {
	if i, known := g.find(id); known {
		g.members = slices.Delete(g.members, i, i+1)
		g.current = false
	}
}

// Len returns the number of members.
func (g *Group) Len() int { return len(g.members) }

// Has reports whether a member is in the group.
func (g *Group) Has(id protocol.NodeID) bool {
	_, known := g.find(id)
	return known
}

// All returns the members, ascending. It is never changed afterwards.
func (g *Group) All() []protocol.NodeID {
	g.refresh()
	return g.all
}

// Near returns those whose distance is below the scope. It is never changed afterwards.
func (g *Group) Near() []protocol.NodeID {
	g.refresh()
	return g.near
}

func (g *Group) refresh() {
	if g.current {
		return
	}
	g.current, g.all, g.near = true, make([]protocol.NodeID, 0, len(g.members)), nil
	for _, m := range g.members {
		g.all = append(g.all, m.id)
		if m.distance < g.scope {
			g.near = append(g.near, m.id)
		}
	}
}
