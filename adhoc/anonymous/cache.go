package anonymous

import (
	"slices"

	"spinglass/protocol"
)

// cached is a node that was found to be a member.
type cached struct {
	node     protocol.NodeID
	hops     int
	gossiped protocol.Time // when it was sent a request last; never at first
}

// never is before every instant.
const never = -protocol.Never

// cache is the member cache of a group.
type cache struct {
	limit   int
	members []cached // in the order in which they came
}

// add notes that a node is a member, so many hops away. If there is no room the farthest goes, of equally far ones the one that was sent a request last, which may be the new one.
func (c *cache) add(id protocol.NodeID, hops int) {
	if i := c.find(id); i >= 0 {
		c.members[i].hops = hops
		return
	}
	c.members = append(c.members, cached{id, hops, never})
	if len(c.members) <= c.limit {
		return
	}
	worst := len(c.members) - 1
	for i := worst - 1; i >= 0; i-- {
		if c.members[i].worse(&c.members[worst]) {
			worst = i
		}
	}
	c.members = slices.Delete(c.members, worst, worst+1)
}

// worse reports whether a is to go rather than b.
func (a *cached) worse(b *cached) bool {
	return a.hops > b.hops || a.hops == b.hops && a.gossiped > b.gossiped
}

func (c *cache) find(id protocol.NodeID) int {
	return slices.IndexFunc(c.members, func(m cached) bool { return m.node == id })
}

// remove forgets a node.
func (c *cache) remove(id protocol.NodeID) {
	if i := c.find(id); i >= 0 {
		c.members = slices.Delete(c.members, i, i+1)
	}
}
