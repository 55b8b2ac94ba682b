package traditional

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// The kinds of messages. They are the laboratory's: no shipping node knows them.
const (
	KindData    protocol.Kind = 64 + iota // message Low of the stream Origin; High is 1 if Numbers are an order
	KindRepair                            // the same, sent again
	KindNak                               // asks for the Numbers of the stream Origin
	KindAck                               // the receiver's stream has arrived up to High
	KindStatus                            // the sender's stream goes up to High; asks for an Ack
	KindRow                               // up to where the sender has each stream, by rank
	KindPing                              // the latest ping heard of each member, by rank; at the own rank this one's number
	KindSuspect                           // ranks that the sender takes for failed
	KindFlush                             // round Low of a flush without the ranks in Numbers
	KindFlushOk                           // up to where the sender has each stream
	KindCut                               // up to where each stream goes in this view, then who has it, by rank
	KindCutOk                             // the sender has all of it
	KindView                              // the new view View with the members Numbers, after view (Origin, High) and round Low
	KindJoin                              // asks to become a member
)

// NumbersMax bounds the numbers of a message.
const NumbersMax = 4 * MembersMax

// Message is what members say to each other. What the fields mean depends on the kind.
type Message struct {
	View              ViewID
	Origin, Low, High uint64
	Numbers           []uint64
	Payload           []byte

	kind protocol.Kind
	lent bool
}

// Kind implements protocol.Message.
func (m *Message) Kind() protocol.Kind { return m.kind }

// Lent implements protocol.Message.
func (m *Message) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Message) Size() int {
	size := wire.UvarintSize(m.View.Number) + wire.UvarintSize(uint64(m.View.Coordinator)) +
		wire.UvarintSize(m.Origin) + wire.UvarintSize(m.Low) + wire.UvarintSize(m.High) + wire.UvarintSize(uint64(len(m.Numbers))) + len(m.Payload)
	for _, n := range m.Numbers {
		size += wire.UvarintSize(n)
	}
	return size
}

// Append implements protocol.Message.
func (m *Message) Append(b []byte) []byte {
	for _, n := range [...]uint64{m.View.Number, uint64(m.View.Coordinator), m.Origin, m.Low, m.High, uint64(len(m.Numbers))} {
		b = wire.AppendUvarint(b, n)
	}
	for _, n := range m.Numbers {
		b = wire.AppendUvarint(b, n)
	}
	return append(b, m.Payload...)
}

// Decoder turns bodies into messages, which are lent.
type Decoder struct{ message Message }

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	if kind < KindData || kind > KindJoin {
		return nil, wire.ErrKind
	}
	r := wire.NewReader(body)
	m := &d.message
	*m = Message{kind: kind, lent: true, Numbers: m.Numbers[:0]}
	m.View.Number, m.View.Coordinator = r.Uvarint(), protocol.NodeID(r.Uvarint())
	m.Origin, m.Low, m.High = r.Uvarint(), r.Uvarint(), r.Uvarint()
	for range r.Count(NumbersMax, 1) {
		m.Numbers = append(m.Numbers, r.Uvarint())
	}
	m.Payload = r.Rest()
	if err := r.Done(); err != nil {
		return nil, err
	}
	return m, nil
}

// kept returns a message that may be kept.
func (m *Message) kept() *Message {
	if !m.lent {
		return m
	}
	c := *m
	c.lent, c.Numbers, c.Payload = false, append([]uint64(nil), m.Numbers...), append([]byte(nil), m.Payload...)
	return &c
}
