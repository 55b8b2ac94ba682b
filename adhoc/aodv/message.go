package aodv

import (
	"time"

	"spinglass/adhoc"
	"spinglass/protocol"
	"spinglass/wire"
)

// Flags of a Request.
const (
	flagUnknown     = 1 // U: no sequence number of the destination is known
	flagDestination = 2 // D: only the destination answers
)

// Request is a RREQ: who knows the way to Destination?
type Request struct {
	TTL                 int // hops that it may still go, 1 or more
	Hops                int // that it came
	ID                  uint32
	Destination         protocol.NodeID
	DestinationSequence uint32 // 0 with Unknown
	Unknown             bool
	DestinationOnly     bool
	Origin              protocol.NodeID
	OriginSequence      uint32

	lent bool
}

// Kind implements protocol.Message.
func (m *Request) Kind() protocol.Kind { return wire.KindRouteRequest }

// Lent implements protocol.Message.
func (m *Request) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Request) Size() int {
	return 3 + 8 + 8 + size32(m.ID) + size32(m.DestinationSequence) + size32(m.OriginSequence)
}

// Append implements protocol.Message.
func (m *Request) Append(b []byte) []byte {
	var flags byte
	if m.Unknown {
		flags |= flagUnknown
	}
	if m.DestinationOnly {
		flags |= flagDestination
	}
	b = append(b, flags, byte(m.TTL), byte(m.Hops))
	b = append32(b, m.ID)
	b = append32(wire.AppendFixed64(b, uint64(m.Destination)), m.DestinationSequence)
	return append32(wire.AppendFixed64(b, uint64(m.Origin)), m.OriginSequence)
}

func (m *Request) decode(b []byte) error {
	r := wire.NewReader(b)
	flags := r.Byte()
	*m = Request{TTL: int(r.Byte()), Hops: int(r.Byte()), ID: r.Uint32(), Destination: protocol.NodeID(r.Nonzero64()), DestinationSequence: r.Uint32(), lent: true}
	m.Origin, m.OriginSequence = protocol.NodeID(r.Nonzero64()), r.Uint32()
	m.Unknown, m.DestinationOnly = flags&flagUnknown != 0, flags&flagDestination != 0
	if flags&^(flagUnknown|flagDestination) != 0 || m.TTL == 0 || m.Unknown && m.DestinationSequence != 0 {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// Reply is a RREP: the way to Destination, for Origin, who asked.
type Reply struct {
	Hops                int // from the sender to the destination
	Destination         protocol.NodeID
	DestinationSequence uint32
	Origin              protocol.NodeID
	Lifetime            time.Duration // of the route, in whole milliseconds

	lent bool
}

// Kind implements protocol.Message.
func (m *Reply) Kind() protocol.Kind { return wire.KindRouteReply }

// Lent implements protocol.Message.
func (m *Reply) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Reply) Size() int {
	return 1 + 8 + 8 + size32(m.DestinationSequence) + wire.UvarintSize(uint64(m.Lifetime/time.Millisecond))
}

// Append implements protocol.Message.
func (m *Reply) Append(b []byte) []byte {
	b = append(b, byte(m.Hops))
	b = append32(wire.AppendFixed64(b, uint64(m.Destination)), m.DestinationSequence)
	return wire.AppendUvarint(wire.AppendFixed64(b, uint64(m.Origin)), uint64(m.Lifetime/time.Millisecond))
}

// lifetimeMax bounds lifetimes in messages, in milliseconds.
const lifetimeMax = uint64(DeletePeriod / time.Millisecond)

func (m *Reply) decode(b []byte) error {
	r := wire.NewReader(b)
	*m = Reply{Hops: int(r.Byte()), Destination: protocol.NodeID(r.Nonzero64()), DestinationSequence: r.Uint32(), Origin: protocol.NodeID(r.Nonzero64()), lent: true}
	m.Lifetime = time.Duration(r.UvarintMax(lifetimeMax)) * time.Millisecond
	return r.Done()
}

// Unreachable is a destination of an Error.
type Unreachable struct {
	Destination protocol.NodeID
	Sequence    uint32
}

// Error is a RERR: these destinations are no longer reached through the sender.
type Error struct {
	Unreachable []Unreachable // 1 to ErrorMax

	lent bool
}

// Kind implements protocol.Message.
func (m *Error) Kind() protocol.Kind { return wire.KindRouteError }

// Lent implements protocol.Message.
func (m *Error) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Error) Size() int {
	size := wire.UvarintSize(uint64(len(m.Unreachable)))
	for _, u := range m.Unreachable {
		size += 8 + size32(u.Sequence)
	}
	return size
}

// Append implements protocol.Message.
func (m *Error) Append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(m.Unreachable)))
	for _, u := range m.Unreachable {
		b = append32(wire.AppendFixed64(b, uint64(u.Destination)), u.Sequence)
	}
	return b
}

func (m *Error) decode(b []byte) error {
	r := wire.NewReader(b)
	m.Unreachable, m.lent = m.Unreachable[:0], true
	for range r.Count(ErrorMax, 9) {
		m.Unreachable = append(m.Unreachable, Unreachable{protocol.NodeID(r.Nonzero64()), r.Uint32()})
	}
	if len(m.Unreachable) == 0 {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// Hello is a hello message: the sender is within one hop. The RFC sends a RREP in this role.
type Hello struct {
	Sequence uint32 // of the sender

	lent bool
}

// Kind implements protocol.Message.
func (m *Hello) Kind() protocol.Kind { return wire.KindRouteHello }

// Lent implements protocol.Message.
func (m *Hello) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Hello) Size() int { return size32(m.Sequence) }

// Append implements protocol.Message.
func (m *Hello) Append(b []byte) []byte { return append32(b, m.Sequence) }

func (m *Hello) decode(b []byte) error {
	r := wire.NewReader(b)
	*m = Hello{Sequence: r.Uint32(), lent: true}
	return r.Done()
}

// Packet carries a payload from Origin to Destination.
type Packet struct {
	TTL         int // hops that it may still go, 1 or more
	Hops        int // that it came
	Origin      protocol.NodeID
	Destination protocol.NodeID
	Payload     []byte // at most adhoc.PayloadMax

	lent     bool
	attempts int // at its origin: how often it was sent
}

// Kind implements protocol.Message.
func (m *Packet) Kind() protocol.Kind { return wire.KindRoutedPacket }

// Lent implements protocol.Message.
func (m *Packet) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Packet) Size() int { return 2 + 8 + 8 + len(m.Payload) }

// Append implements protocol.Message.
func (m *Packet) Append(b []byte) []byte {
	b = append(b, byte(m.TTL), byte(m.Hops))
	b = wire.AppendFixed64(wire.AppendFixed64(b, uint64(m.Origin)), uint64(m.Destination))
	return append(b, m.Payload...)
}

func (m *Packet) decode(b []byte) error {
	r := wire.NewReader(b)
	*m = Packet{TTL: int(r.Byte()), Hops: int(r.Byte()), Origin: protocol.NodeID(r.Nonzero64()), Destination: protocol.NodeID(r.Nonzero64()), lent: true}
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
