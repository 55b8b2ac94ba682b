package maodv

import (
	"spinglass/adhoc"
	"spinglass/adhoc/aodv"
	"spinglass/protocol"
	"spinglass/wire"
)

// Flags of a JoinRequest.
const (
	flagKnown  = 1 // the sequence number of the group is known
	flagRepair = 2 // the sender has lost its upstream edge
)

// JoinRequest is a RREQ with the join flag: who is on the tree of Group?
type JoinRequest struct {
	TTL            int // hops that it may still go, 1 or more
	Hops           int // that it came
	ID             uint32
	Group          adhoc.Group
	Origin         protocol.NodeID
	OriginSequence uint32
	Known          bool
	Sequence       uint32          // least one of the group, if Known
	Leader         protocol.NodeID // whose tree it has to be; 0: any
	Repair         bool            // only nodes that are at most LeaderHops from the leader may answer
	LeaderHops     int

	lent bool
}

// Kind implements protocol.Message.
func (m *JoinRequest) Kind() protocol.Kind { return wire.KindJoinRequest }

// Lent implements protocol.Message.
func (m *JoinRequest) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *JoinRequest) Size() int {
	size := 3 + size32(m.ID) + 8 + 8 + size32(m.OriginSequence) + 8
	if m.Known {
		size += size32(m.Sequence)
	}
	if m.Repair {
		size++
	}
	return size
}

// Append implements protocol.Message.
func (m *JoinRequest) Append(b []byte) []byte {
	var flags byte
	if m.Known {
		flags |= flagKnown
	}
	if m.Repair {
		flags |= flagRepair
	}
	b = append32(append(b, flags, byte(m.TTL), byte(m.Hops)), m.ID)
	b = wire.AppendFixed64(wire.AppendFixed64(b, uint64(m.Group)), uint64(m.Origin))
	b = wire.AppendFixed64(append32(b, m.OriginSequence), uint64(m.Leader))
	if m.Known {
		b = append32(b, m.Sequence)
	}
	if m.Repair {
		b = append(b, byte(m.LeaderHops))
	}
	return b
}

func (m *JoinRequest) decode(b []byte) error {
	r := wire.NewReader(b)
	flags := r.Byte()
	*m = JoinRequest{TTL: int(r.Byte()), Hops: int(r.Byte()), ID: r.Uint32(), Group: adhoc.Group(r.Nonzero64()), Origin: protocol.NodeID(r.Nonzero64()), OriginSequence: r.Uint32(), lent: true}
	m.Leader = protocol.NodeID(r.Fixed64())
	if m.Known = flags&flagKnown != 0; m.Known {
		m.Sequence = r.Uint32()
	}
	if m.Repair = flags&flagRepair != 0; m.Repair {
		m.LeaderHops = int(r.Byte())
	}
	if flags&^(flagKnown|flagRepair) != 0 || m.TTL == 0 {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// JoinReply is a RREP to a JoinRequest: a branch of the tree of Group is offered to Origin.
type JoinReply struct {
	Hops       int // from the sender to the tree
	ID         uint32
	Group      adhoc.Group
	Origin     protocol.NodeID // of the request
	Node       protocol.NodeID // on the tree that answers,
	Member     bool            // which is a member, or not
	Leader     protocol.NodeID
	Sequence   uint32 // of the group
	LeaderHops int    // from the node to the leader

	lent bool
}

// Kind implements protocol.Message.
func (m *JoinReply) Kind() protocol.Kind { return wire.KindJoinReply }

// Lent implements protocol.Message.
func (m *JoinReply) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *JoinReply) Size() int { return 3 + size32(m.ID) + 4*8 + size32(m.Sequence) }

// Append implements protocol.Message.
func (m *JoinReply) Append(b []byte) []byte {
	b = append32(append(b, flagOf(m.Member), byte(m.Hops), byte(m.LeaderHops)), m.ID)
	b = wire.AppendFixed64(wire.AppendFixed64(b, uint64(m.Group)), uint64(m.Origin))
	b = wire.AppendFixed64(wire.AppendFixed64(b, uint64(m.Node)), uint64(m.Leader))
	return append32(b, m.Sequence)
}

func (m *JoinReply) decode(b []byte) error {
	r := wire.NewReader(b)
	*m = JoinReply{Member: r.Bool(), Hops: int(r.Byte()), LeaderHops: int(r.Byte()), ID: r.Uint32(), Group: adhoc.Group(r.Nonzero64()), Origin: protocol.NodeID(r.Nonzero64()), lent: true}
	m.Node, m.Leader, m.Sequence = protocol.NodeID(r.Nonzero64()), protocol.NodeID(r.Nonzero64()), r.Uint32()
	return r.Done()
}

// Action is what an Activation does.
type Action uint8

// The actions.
const (
	ActionJoin  Action = 1 // the sender is downstream of the receiver
	ActionPrune Action = 2 // there is no edge to the sender any more
	ActionLead  Action = 3 // the sender has no way to the leader: one has to be found on the receiver's side
)

// Activation is a MACT.
type Activation struct {
	Action Action
	Group  adhoc.Group
	Origin protocol.NodeID // ActionJoin: whose branch it is,
	ID     uint32          // and the request that found it

	lent bool
}

// Kind implements protocol.Message.
func (m *Activation) Kind() protocol.Kind { return wire.KindActivation }

// Lent implements protocol.Message.
func (m *Activation) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Activation) Size() int {
	if m.Action == ActionJoin {
		return 1 + 8 + 8 + size32(m.ID)
	}
	return 1 + 8
}

// Append implements protocol.Message.
func (m *Activation) Append(b []byte) []byte {
	b = wire.AppendFixed64(append(b, byte(m.Action)), uint64(m.Group))
	if m.Action == ActionJoin {
		b = append32(wire.AppendFixed64(b, uint64(m.Origin)), m.ID)
	}
	return b
}

func (m *Activation) decode(b []byte) error {
	r := wire.NewReader(b)
	*m = Activation{Action: Action(r.Byte()), Group: adhoc.Group(r.Nonzero64()), lent: true}
	if m.Action == ActionJoin {
		m.Origin, m.ID = protocol.NodeID(r.Nonzero64()), r.Uint32()
	}
	if m.Action < ActionJoin || m.Action > ActionLead {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// GroupHello is a GRPH: Leader leads Group.
type GroupHello struct {
	TTL      int
	Hops     int
	Group    adhoc.Group
	Leader   protocol.NodeID
	Sequence uint32

	lent bool
}

// Kind implements protocol.Message.
func (m *GroupHello) Kind() protocol.Kind { return wire.KindGroupHello }

// Lent implements protocol.Message.
func (m *GroupHello) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *GroupHello) Size() int { return 2 + 8 + 8 + size32(m.Sequence) }

// Append implements protocol.Message.
func (m *GroupHello) Append(b []byte) []byte {
	b = wire.AppendFixed64(append(b, byte(m.TTL), byte(m.Hops)), uint64(m.Group))
	return append32(wire.AppendFixed64(b, uint64(m.Leader)), m.Sequence)
}

func (m *GroupHello) decode(b []byte) error {
	r := wire.NewReader(b)
	*m = GroupHello{TTL: int(r.Byte()), Hops: int(r.Byte()), Group: adhoc.Group(r.Nonzero64()), Leader: protocol.NodeID(r.Nonzero64()), Sequence: r.Uint32(), lent: true}
	if m.TTL == 0 {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// Distance tells one neighbour how many hops it is from it to the nearest member on the sender's side.
type Distance struct {
	Group    adhoc.Group
	Distance int // adhoc.DistanceNone: none is known

	lent bool
}

// Kind implements protocol.Message.
func (m *Distance) Kind() protocol.Kind { return wire.KindDistance }

// Lent implements protocol.Message.
func (m *Distance) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Distance) Size() int { return 8 + 1 }

// Append implements protocol.Message.
func (m *Distance) Append(b []byte) []byte {
	return append(wire.AppendFixed64(b, uint64(m.Group)), byte(m.Distance))
}

func (m *Distance) decode(b []byte) error {
	r := wire.NewReader(b)
	*m = Distance{Group: adhoc.Group(r.Nonzero64()), Distance: readDistance(&r), lent: true}
	return r.Done()
}

// Packet carries a payload along the tree of Group.
type Packet struct {
	TTL     int // hops that it may still go, 1 or more
	Hops    int // that it came
	Group   adhoc.Group
	Origin  protocol.NodeID
	Number  uint32 // of the packets of Origin, for any group
	Payload []byte // at most adhoc.PayloadMax

	lent bool
}

// Kind implements protocol.Message.
func (m *Packet) Kind() protocol.Kind { return wire.KindTreePacket }

// Lent implements protocol.Message.
func (m *Packet) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Packet) Size() int { return 2 + 8 + 8 + size32(m.Number) + len(m.Payload) }

// Append implements protocol.Message.
func (m *Packet) Append(b []byte) []byte {
	b = wire.AppendFixed64(append(b, byte(m.TTL), byte(m.Hops)), uint64(m.Group))
	b = append32(wire.AppendFixed64(b, uint64(m.Origin)), m.Number)
	return append(b, m.Payload...)
}

func (m *Packet) decode(b []byte) error {
	r := wire.NewReader(b)
	*m = Packet{TTL: int(r.Byte()), Hops: int(r.Byte()), Group: adhoc.Group(r.Nonzero64()), Origin: protocol.NodeID(r.Nonzero64()), Number: r.Uint32(), lent: true}
	m.Payload = r.Rest()
	if m.TTL == 0 {
		r.Fail(wire.ErrRange)
	}
	if len(m.Payload) > adhoc.PayloadMax {
		r.Fail(wire.ErrOversized)
	}
	return r.Done()
}

func size32(v uint32) int                { return wire.UvarintSize(uint64(v)) }
func append32(b []byte, v uint32) []byte { return wire.AppendUvarint(b, uint64(v)) }

func flagOf(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// readDistance reads a distance, at most NET_DIAMETER.
func readDistance(r *wire.Reader) int {
	d := r.Byte()
	if d > aodv.NetDiameter {
		r.Fail(wire.ErrRange)
	}
	return int(d)
}
