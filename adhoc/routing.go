package adhoc

import (
	"crypto/sha256"
	"encoding/binary"

	"spinglass/protocol"
)

// PayloadMax bounds the payload of one multicast or unicast, in bytes: with the headers around it, it fits into a datagram of wire.DatagramDefault.
const PayloadMax = 1200

// GroupNameMax bounds the name of a group, in bytes.
const GroupNameMax = protocol.TopicMax

// Group names a group on the air. Zero names none.
type Group uint64

// GroupOf returns the group of a name: the first eight bytes of the SHA-256 of it.
func GroupOf(name string) Group {
	sum := sha256.Sum256([]byte(name))
	return Group(binary.BigEndian.Uint64(sum[:]))
}

// DistanceNone is the distance of a next hop beyond which no member is known.
const DistanceNone = 0

// NextHop is a neighbour in the direction of members of a group.
type NextHop struct {
	Node     protocol.NodeID
	Distance int // hops from this node to the nearest member on that side, 1 if the neighbour is one; DistanceNone if none is known
}

// Hint is what somebody learned about the way to a node, as a message came from it.
type Hint struct {
	Node     protocol.NodeID
	Sequence uint32 // of the node, from its Routing.Freshness
	Via      protocol.NodeID
	Hops     int
}

// Routing is what carries payloads under a protocol of groups.
type Routing interface {
	protocol.Machine
	// Join makes this node a member of a group, Leave ends that.
	Join(now protocol.Time, group Group, out *protocol.Output)
	Leave(now protocol.Time, group Group, out *protocol.Output)
	// Multicast sends a payload of at most PayloadMax bytes to the members of a group. This node has to be one. It does not arrive here.
	Multicast(now protocol.Time, group Group, payload []byte, out *protocol.Output)
	// Unicast sends a payload of at most PayloadMax bytes to one node.
	Unicast(now protocol.Time, to protocol.NodeID, payload []byte, out *protocol.Output)
	// Reaches reports whether a unicast to a node can go on its way at once, without a search for a route.
	Reaches(now protocol.Time, to protocol.NodeID) bool
	// NextHops appends the next hops of a group to hops, in an order that is the same in equal runs.
	NextHops(now protocol.Time, group Group, hops []NextHop) []NextHop
	// Freshness returns a new sequence number of the routes to this node, for hints that others give to theirs.
	Freshness() uint32
	// Learn offers a hint. The routing takes it if it is fresher than what it has, and reports whether it did.
	Learn(now protocol.Time, h Hint) bool
}

// MulticastArrival tells that a multicast of another node has arrived at this one, which is a member.
type MulticastArrival struct {
	protocol.EventMark
	Group   Group
	Origin  protocol.NodeID
	Hops    int // that it came, 1 from a neighbour
	Payload []byte
}

// UnicastArrival tells that a unicast has arrived.
type UnicastArrival struct {
	protocol.EventMark
	Origin  protocol.NodeID
	Hops    int
	Payload []byte
}

// MemberSeen tells that a node was found to be a member of a group, so many hops away.
type MemberSeen struct {
	protocol.EventMark
	Group Group
	Node  protocol.NodeID
	Hops  int
}

// Undeliverable tells that a unicast was given up before it left this node.
type Undeliverable struct {
	protocol.EventMark
	To      protocol.NodeID
	Payload []byte
}

// TreeChanged tells of the edges that this node keeps in the tree of a group, for pictures and tests. Edges is not changed afterwards.
type TreeChanged struct {
	protocol.EventMark
	Group    Group
	Member   bool
	Leader   protocol.NodeID // 0: none known
	Upstream protocol.NodeID // 0: none
	Edges    []protocol.NodeID
}
