package maodv

import (
	"spinglass/adhoc"
	"spinglass/protocol"
	"spinglass/wire"
)

// Flags of a TreeHello, and of its edges.
const (
	flagMember   = 1
	flagAttached = 2
	flagUpstream = 1
)

// TreeHello tells neighbours where its sender stands in the tree of a group.
type TreeHello struct {
	Group    adhoc.Group
	Member   bool
	Attached bool // as far as the sender knows, its way upstream leads to the leader
	Leader   protocol.NodeID
	Sequence uint32
	Hops     int        // to the leader along the tree
	Edges    []EdgeInfo // ascending by node, at most EdgesMax

	lent bool
}

// EdgeInfo is an edge of the sender of a TreeHello.
type EdgeInfo struct {
	Node     protocol.NodeID
	Upstream bool
	Distance int // what the sender tells this neighbour, see Distance
}

const edgeSize = 8 + 2

// Kind implements protocol.Message.
func (m *TreeHello) Kind() protocol.Kind { return wire.KindTreeHello }

// Lent implements protocol.Message.
func (m *TreeHello) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *TreeHello) Size() int {
	return 2 + 8 + 8 + size32(m.Sequence) + wire.UvarintSize(uint64(len(m.Edges))) + edgeSize*len(m.Edges)
}

// Append implements protocol.Message.
func (m *TreeHello) Append(b []byte) []byte {
	flags := flagOf(m.Member) * flagMember
	if m.Attached {
		flags |= flagAttached
	}
	b = wire.AppendFixed64(append(b, flags, byte(m.Hops)), uint64(m.Group))
	b = append32(wire.AppendFixed64(b, uint64(m.Leader)), m.Sequence)
	b = wire.AppendUvarint(b, uint64(len(m.Edges)))
	for _, e := range m.Edges {
		b = append(wire.AppendFixed64(b, uint64(e.Node)), flagOf(e.Upstream)*flagUpstream, byte(e.Distance))
	}
	return b
}

func (m *TreeHello) decode(b []byte) error {
	r := wire.NewReader(b)
	flags, edges := r.Byte(), m.Edges[:0]
	*m = TreeHello{Member: flags&flagMember != 0, Attached: flags&flagAttached != 0, Hops: int(r.Byte()), Group: adhoc.Group(r.Nonzero64()), lent: true}
	m.Leader, m.Sequence = protocol.NodeID(r.Fixed64()), r.Uint32()
	if flags&^(flagMember|flagAttached) != 0 {
		r.Fail(wire.ErrRange)
	}
	for range r.Count(EdgesMax, edgeSize) {
		e := EdgeInfo{Node: protocol.NodeID(r.Nonzero64()), Upstream: r.Bool(), Distance: readDistance(&r)}
		if len(edges) > 0 && edges[len(edges)-1].Node >= e.Node {
			r.Fail(wire.ErrRange)
		}
		edges = append(edges, e)
	}
	m.Edges = edges
	return r.Done()
}

// find returns what a hello says of its sender's edge to a node.
func (m *TreeHello) find(id protocol.NodeID) (EdgeInfo, bool) {
	for _, e := range m.Edges {
		if e.Node == id {
			return e, true
		}
	}
	return EdgeInfo{}, false
}
