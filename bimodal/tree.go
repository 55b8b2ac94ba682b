package bimodal

import (
	"math/bits"
	"slices"

	"spinglass/protocol"
)

// Constants of trees that are not for configuration.
const (
	stripes    = 16           // ways by which successive packets go
	turnLength = 64 * stripes // packets after which the ways are moved, so that over time all fast members relay as much
	arity      = 8            // copies of a packet that a sender or relay sends, at most
	arityMax   = 64           // the same where too few members are fast

	stripeStep = 1 << 63 / (stripes / 2) // one part in stripes of a whole turn
	golden     = 0x9e3779b97f4a7c15      // of a whole turn, the golden section: its multiples are evenly spaced
)

// tree is an order as relays use it: who hands which packet on to whom. It is immutable.
//
// Positions in the tree are numbered from 0, which is the sender; so many of the first positions are parents, and their children are
// runs of positions, one after the other, of equal length but for one. A child's position is higher than that of its parent, so that no
// packet can come back. Positions are taken by the fast members, by the slow ones behind them, which relay nothing unless too few are
// fast, and by other zones, each of which stands for whichever contact of it the parent chooses.
//
// Which fast member takes which position changes from stripe to stripe: they are rotated by evenly spaced offsets. Since the members inside
// are one run of positions, each fast member is inside in nearly as many stripes as any other.
type tree struct {
	key     orderKey
	number  uint64
	members []protocol.NodeID // the fast ones first
	zones   []protocol.NodeID // ZoneIDs
	fast    int
	parents int // positions from 0 on that have children
	self    int // index of this node in members; -1 of the sender, -2 of who is not in the order
	phase   uint64
	parts   []*Order
}

const (
	selfSender = -1
	selfNobody = -2
)

// newTree makes a tree of all the parts of an order. Their ids share memory from then on.
func newTree(parts []*Order, self protocol.NodeID) *tree {
	o := parts[0]
	ids := o.IDs
	if len(parts) > 1 {
		ids = make([]protocol.NodeID, 0, o.Total)
		shared := make([]*Order, len(parts))
		for i, part := range parts {
			c := *part
			ids = append(ids, part.IDs...)
			c.IDs = ids[c.First:len(ids):len(ids)]
			shared[i] = &c
		}
		parts = shared
	}
	members := o.Total - o.Zones
	t := &tree{
		key: orderKey{o.Owner, o.Topic}, number: o.Number, members: ids[:members:members], zones: ids[members:], fast: o.Fast,
		parents: parentsOf(o.Arity, o.Fast, members, o.Zones), phase: mix(uint64(o.Owner) ^ o.Number*golden), parts: parts,
	}
	switch t.self = slices.Index(t.members, self); {
	case self == o.Owner:
		t.self = selfSender
	case t.self < 0:
		t.self = selfNobody
	}
	return t
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// size returns how many ids the order has.
func (t *tree) size() int { return len(t.members) + len(t.zones) }

// parentsOf returns how many parents a tree has: as few as the arity allows, and no slow ones unless arityMax demands it.
func parentsOf(arity, fast, members, zones int) int {
	n := members + zones
	p := min((n+arity-1)/arity, fast+1)
	p = max(p, (n+arityMax-1)/arityMax)
	return max(1, min(p, members+1))
}

// offset returns by how much the fast members are rotated for a packet. Offsets of the stripes are evenly spaced, and so are those of one
// stripe over its turns.
func (t *tree) offset(seq uint64) int {
	if t.parents == 1 {
		return 0
	}
	turn := seq / turnLength
	x := t.phase + seq%stripes*stripeStep + turn*golden/stripes
	high, _ := bits.Mul64(x, uint64(t.fast))
	return int(high)
}

// position returns where this node stands for a packet.
func (t *tree) position(seq uint64) int {
	if t.self < 0 || t.self >= t.fast {
		return t.self + 1
	}
	p := t.self - t.offset(seq)
	if p < 0 {
		p += t.fast
	}
	return p + 1
}

// relays reports whether this node hands a packet on.
func (t *tree) relays(seq uint64) bool {
	at := t.position(seq)
	return at >= 0 && at < t.parents
}

// children are whom a node hands a packet on to: up to three runs of members, some empty, and some zones.
type children struct {
	members [3][]protocol.NodeID
	zones   []protocol.NodeID
}

// count returns how many members there are among the children.
func (c *children) count() int { return len(c.members[0]) + len(c.members[1]) + len(c.members[2]) }

// children returns whom this node hands a packet on to.
func (t *tree) children(seq uint64) (c children) {
	at := t.position(seq)
	if at < 0 || at >= t.parents {
		return c
	}
	n, fast, members := len(t.members)+len(t.zones), t.fast, len(t.members)
	// Indexes from here on: a position less one.
	from, to := at*n/t.parents, (at+1)*n/t.parents
	if a, b := min(from, fast), min(to, fast); a < b {
		o := t.offset(seq)
		a, b = a+o, b+o
		c.members[0] = t.members[min(a, fast):min(b, fast):min(b, fast)]
		a, b = max(a-fast, 0), max(b-fast, 0)
		c.members[1] = t.members[a:b:b]
	}
	if a, b := min(max(from, fast), members), min(to, members); a < b {
		c.members[2] = t.members[a:b:b]
	}
	if a, b := max(from, members)-members, to-members; a < b {
		c.zones = t.zones[a:b:b]
	}
	return c
}
