package srm

import (
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// The kinds of messages. They are the laboratory's: no shipping node knows them.
const (
	KindData    protocol.Kind = 64 + iota // packet Number of Source
	KindRepair                            // the same again, for Requester, by a member at Distance from it
	KindRequest                           // asks for packet Number of Source, by a member at Distance from that
	KindSession                           // what the sender has heard of
)

// Extent says that a source has published packets up to a number.
type Extent struct {
	Source protocol.NodeID
	Number uint64
}

// Echo says that a clock came from a member, and how long before.
type Echo struct {
	Member protocol.NodeID
	Clock  protocol.Time
	Delay  time.Duration
}

// Message is what members say to each other. Which fields count depends on the kind.
type Message struct {
	Source    protocol.NodeID
	Number    uint64
	First     bool // a first request for the packet, or a repair, not one after the interval had grown
	Scoped    bool // sent to members near by only
	Requester protocol.NodeID
	Distance  time.Duration
	Payload   []byte

	Clock   protocol.Time
	Extents []Extent
	Echoes  []Echo

	kind protocol.Kind
	lent bool
}

// Kind implements protocol.Message.
func (m *Message) Kind() protocol.Kind { return m.kind }

// Lent implements protocol.Message.
func (m *Message) Lent() bool { return m.lent }

// flags is what the first byte of a request or repair says.
func (m *Message) flags() (flags uint64) {
	if m.First {
		flags |= 1
	}
	if m.Scoped {
		flags |= 2
	}
	return flags
}

// Size implements protocol.Message.
func (m *Message) Size() int {
	if m.kind == KindSession {
		size := wire.UvarintSize(uint64(m.Clock)) + wire.UvarintSize(uint64(len(m.Extents))) + wire.UvarintSize(uint64(len(m.Echoes)))
		for _, e := range m.Extents {
			size += 8 + wire.UvarintSize(e.Number)
		}
		for _, e := range m.Echoes {
			size += 8 + wire.UvarintSize(uint64(e.Clock)) + wire.UvarintSize(uint64(e.Delay))
		}
		return size
	}
	size := 8 + wire.UvarintSize(m.Number) + len(m.Payload)
	if m.kind != KindData {
		size += 1 + wire.UvarintSize(uint64(m.Distance))
	}
	if m.kind == KindRepair {
		size += 8
	}
	return size
}

// Append implements protocol.Message.
func (m *Message) Append(b []byte) []byte {
	if m.kind == KindSession {
		return m.appendSession(b)
	}
	b = wire.AppendUvarint(wire.AppendFixed64(b, uint64(m.Source)), m.Number)
	if m.kind != KindData {
		b = wire.AppendUvarint(wire.AppendUvarint(b, m.flags()), uint64(m.Distance))
	}
	if m.kind == KindRepair {
		b = wire.AppendFixed64(b, uint64(m.Requester))
	}
	return append(b, m.Payload...)
}

func (m *Message) appendSession(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(m.Clock))
	b = wire.AppendUvarint(b, uint64(len(m.Extents)))
	b = wire.AppendUvarint(b, uint64(len(m.Echoes)))
	for _, e := range m.Extents {
		b = wire.AppendUvarint(wire.AppendFixed64(b, uint64(e.Source)), e.Number)
	}
	for _, e := range m.Echoes {
		b = wire.AppendUvarint(wire.AppendUvarint(wire.AppendFixed64(b, uint64(e.Member)), uint64(e.Clock)), uint64(e.Delay))
	}
	return b
}

// numberMax bounds numbers, clocks and durations.
const numberMax = 1<<62 - 1

// Decoder turns bodies into messages, which are lent. The zero value is ready for use.
type Decoder struct{ message Message }

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	r, m := wire.NewReader(body), &d.message
	*m = Message{kind: kind, lent: true, Extents: m.Extents[:0], Echoes: m.Echoes[:0]}
	switch kind {
	case KindSession:
		m.decodeSession(&r)
	case KindData, KindRepair, KindRequest:
		m.decodePacket(&r)
	default:
		return nil, wire.ErrKind
	}
	if err := r.Done(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Message) decodePacket(r *wire.Reader) {
	m.Source, m.Number = protocol.NodeID(r.Fixed64()), r.UvarintMax(numberMax)
	if m.Source == 0 || m.Number == 0 {
		r.Fail(wire.ErrRange)
	}
	if m.kind != KindData {
		flags := r.UvarintMax(3)
		m.First, m.Scoped = flags&1 != 0, flags&2 != 0
		m.Distance = time.Duration(r.UvarintMax(numberMax))
	}
	if m.kind == KindRepair {
		m.Requester = protocol.NodeID(r.Fixed64())
	}
	if m.kind != KindRequest {
		m.Payload = r.Rest()
	}
}

func (m *Message) decodeSession(r *wire.Reader) {
	m.Clock = protocol.Time(r.UvarintMax(numberMax))
	extents, echoes := r.Count(ExtentsMax, 1), r.Count(EchoesMax, 1)
	for range extents {
		m.Extents = append(m.Extents, Extent{protocol.NodeID(r.Fixed64()), r.UvarintMax(numberMax)})
	}
	for range echoes {
		m.Echoes = append(m.Echoes, Echo{protocol.NodeID(r.Fixed64()), protocol.Time(r.UvarintMax(numberMax)), time.Duration(r.UvarintMax(numberMax))})
	}
}

// kept returns the payload in memory that may be kept.
func (m *Message) kept() []byte {
	if m.lent {
		return slices.Clone(m.Payload)
	}
	return m.Payload
}
