package sim

import "strings"

// Flat puts one link of the same class between every two hosts.
type Flat struct{ Link *Link }

// Route implements Topology.
func (f Flat) Route(from, to *Place, hops []Hop) []Hop {
	return append(hops, Hop{Link: f.Link, Key: pairKey(from, to)})
}

// Zones puts one link between every two hosts, whose class depends on the distance of their zones: the number of levels between the
// deeper of the two zones and the zone that both have in common, 0 within one zone. Distances beyond the last class use the last.
type Zones struct{ Links []*Link }

// Route implements Topology.
func (z Zones) Route(from, to *Place, hops []Hop) []Hop {
	class := min(zoneDistance(from.Zone, to.Zone), len(z.Links)-1)
	return append(hops, Hop{Link: z.Links[class], Key: pairKey(from, to)})
}

// Tree arranges the hosts as the nodes of a complete tree: the first host is the root, and each has up to Degree children, numbered
// level by level. A route passes each link on the way up to the common ancestor and down again, so that latency and loss add up; a host
// on the way forwards without cost, whatever its state. A Degree of the number of hosts makes a star around the first host.
type Tree struct {
	Degree int
	Link   *Link
}

// Route implements Topology.
func (t Tree) Route(from, to *Place, hops []Hop) []Hop {
	a, b := from.Index, to.Index
	if a == b {
		return hops
	}
	var down [64]int
	n := 0
	for a != b {
		if a > b {
			hops = append(hops, Hop{Link: t.Link, Key: uint64(a) << 1})
			a = (a - 1) / t.Degree
		} else {
			if n == len(down) {
				panic("sim: a tree of degree 1 is too deep")
			}
			down[n] = b
			n++
			b = (b - 1) / t.Degree
		}
	}
	for n > 0 {
		n--
		hops = append(hops, Hop{Link: t.Link, Key: uint64(down[n])<<1 | 1})
	}
	return hops
}

// pairKey names the link from one host to another, one for each direction.
func pairKey(from, to *Place) uint64 { return uint64(from.Index)<<32 | uint64(to.Index) }

// zoneDistance counts the levels from the deeper of two zones up to the zone that they have in common.
func zoneDistance(a, b string) int {
	if a == b {
		return 0
	}
	common := 0 // bytes of the common part, which ends at a component
	for i := 0; ; i++ {
		endA, endB := i >= len(a) || a[i] == '/', i >= len(b) || b[i] == '/'
		if endA && endB {
			common = i
		}
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			break
		}
	}
	return max(levels(a[common:]), levels(b[common:]))
}

func levels(path string) int {
	if path == "" || path == "/" {
		return 0
	}
	return strings.Count(path, "/")
}
