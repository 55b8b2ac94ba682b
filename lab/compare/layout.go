package compare

import (
	"fmt"
	"math"
	"time"

	"spinglass/sim"
)

// Layout is where the members of a group stand. Place.Index is the number of a member.
type Layout interface {
	sim.Topology
	// Distance returns how long a datagram is on its way between two members, as they know it before they have measured anything.
	Distance(i, j int) time.Duration
	// Apart returns how many levels of a hierarchy lie between two members: 0 for neighbours.
	Apart(i, j int) int
	// Processor returns the member that repairs for a member, in protocols that have such; that of member 0 is itself.
	Processor(i int) int
	// RoundTripMax is that of the two members that are farthest apart.
	RoundTripMax() time.Duration
}

// treeLevels is the number of levels of a Tree below the root.
const treeLevels = 4

// Tree is a tree of four levels. Member 0 is its root and the others are its leaves, four links below; the nodes in between are routers. All nodes of a level have about as many
// children, so that all levels multiply alike, whatever the size of the group.
type Tree struct {
	link  *sim.Link
	delay time.Duration
	nodes [][treeLevels]uint32 // by member: the nodes that lead to it, from the top down
	width [treeLevels]int
}

// NewTree returns the tree of so many members, 2 or more, whose links have a constant delay and lose datagrams with the same probability.
func NewTree(members int, delay time.Duration, loss float64) *Tree {
	leaves := members - 1
	t := &Tree{link: &sim.Link{Latency: sim.Constant(delay), Loss: loss}, delay: delay, nodes: make([][treeLevels]uint32, members)}
	for level := range t.width {
		t.width[level] = max(1, int(math.Round(math.Pow(float64(leaves), float64(level+1)/treeLevels))))
	}
	for i := 1; i < members; i++ {
		node := i - 1
		for level := treeLevels - 1; level >= 0; level-- {
			if level < treeLevels-1 {
				node = node * t.width[level] / t.width[level+1]
			}
			t.nodes[i][level] = uint32(node)
		}
	}
	return t
}

// common returns how many nodes the ways from the root to two members have in common.
func (t *Tree) common(i, j int) int {
	if i == 0 || j == 0 {
		return 0
	}
	level := 0
	for level < treeLevels && t.nodes[i][level] == t.nodes[j][level] {
		level++
	}
	return level
}

// Route implements sim.Topology.
func (t *Tree) Route(from, to *sim.Place, hops []sim.Hop) []sim.Hop {
	i, j := from.Index, to.Index
	common := t.common(i, j)
	if i != 0 {
		for level := treeLevels - 1; level >= common; level-- {
			hops = append(hops, sim.Hop{Link: t.link, Key: t.key(i, level) | 1})
		}
	}
	if j != 0 {
		for level := common; level < treeLevels; level++ {
			hops = append(hops, sim.Hop{Link: t.link, Key: t.key(j, level)})
		}
	}
	return hops
}

// key names the link above a node, one for each direction.
func (t *Tree) key(member, level int) uint64 {
	return (uint64(level)<<32 | uint64(t.nodes[member][level])) << 1
}

func (t *Tree) links(i, j int) int {
	links := 0
	for _, member := range [2]int{i, j} {
		if member != 0 {
			links += treeLevels - t.common(i, j)
		}
	}
	return links
}

// Distance implements Layout.
func (t *Tree) Distance(i, j int) time.Duration { return time.Duration(t.links(i, j)) * t.delay }

// Apart implements Layout: 0 for leaves below the same node.
func (t *Tree) Apart(i, j int) int { return max(0, treeLevels-1-t.common(i, j)) }

// Processor implements Layout: the regions are the subtrees of the second level, about as many as each has leaves, and the first leaf of each is its representative.
func (t *Tree) Processor(i int) int {
	if i == 0 {
		return 0
	}
	region := t.nodes[i][1]
	for first := i; ; first-- {
		if first == 1 || t.nodes[first-1][1] != region {
			if first == i {
				return 0
			}
			return first
		}
	}
}

// RoundTripMax implements Layout.
func (t *Tree) RoundTripMax() time.Duration { return 2 * 2 * treeLevels * t.delay }

// Star has a link from each member to a router in the middle.
type Star struct {
	link    *sim.Link
	delay   time.Duration
	regions regions
}

// NewStar returns the star of so many members, whose links have a constant delay and lose datagrams with the same probability.
func NewStar(members int, delay time.Duration, loss float64) *Star {
	return &Star{link: &sim.Link{Latency: sim.Constant(delay), Loss: loss}, delay: delay, regions: newRegions(members)}
}

// Route implements sim.Topology.
func (s *Star) Route(from, to *sim.Place, hops []sim.Hop) []sim.Hop {
	return append(hops, sim.Hop{Link: s.link, Key: uint64(from.Index)<<1 | 1}, sim.Hop{Link: s.link, Key: uint64(to.Index) << 1})
}

// Distance implements Layout.
func (s *Star) Distance(int, int) time.Duration { return 2 * s.delay }

// Apart implements Layout.
func (s *Star) Apart(int, int) int { return 0 }

// Processor implements Layout.
func (s *Star) Processor(i int) int { return s.regions.processor(i) }

// RoundTripMax implements Layout.
func (s *Star) RoundTripMax() time.Duration { return 4 * s.delay }

// regions divides members into runs, about as many as each has members.
type regions int

func newRegions(members int) regions {
	return regions(max(1, int(math.Round(math.Sqrt(float64(members-1))))))
}

func (r regions) processor(i int) int {
	first := 1 + (i-1)/int(r)*int(r)
	if i == 0 || first == i {
		return 0
	}
	return first
}

// NewLayout returns the layout that is called so, tree or star.
func NewLayout(name string, members int, delay time.Duration, loss float64) (Layout, error) {
	switch name {
	case "tree":
		return NewTree(members, delay, loss), nil
	case "star":
		return NewStar(members, delay, loss), nil
	}
	return nil, fmt.Errorf("%q is neither tree nor star", name)
}
