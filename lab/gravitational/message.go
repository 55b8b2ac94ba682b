package gravitational

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// KindGossip is the kind of the only message. It is the laboratory's: no shipping node knows it.
const KindGossip protocol.Kind = 64

// Item is one message of the group, as it is gossiped.
type Item struct {
	Source  protocol.NodeID
	Number  uint64 // from 1
	Age     int    // rounds in which it was gossiped, this one included: 1 to LifeMax
	Payload []byte
}

func (i *Item) size() int {
	return 8 + wire.UvarintSize(i.Number) + wire.UvarintSize(uint64(i.Age)) + wire.BytesSize(len(i.Payload))
}

// Message is what a member sends to a partner: some of what it holds.
type Message struct {
	Items []Item // 1 at least

	size int
	lent bool
}

// Kind implements protocol.Message.
func (m *Message) Kind() protocol.Kind { return KindGossip }

// Lent implements protocol.Message.
func (m *Message) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Message) Size() int { return m.size }

func (m *Message) add(i Item) {
	m.Items = append(m.Items, i)
	m.size += i.size()
}

// Append implements protocol.Message.
func (m *Message) Append(b []byte) []byte {
	for i := range m.Items {
		v := &m.Items[i]
		b = wire.AppendUvarint(wire.AppendUvarint(wire.AppendFixed64(b, uint64(v.Source)), v.Number), uint64(v.Age))
		b = wire.AppendBytes(b, v.Payload)
	}
	return b
}

// numberMax bounds numbers.
const numberMax = 1<<62 - 1

// Decoder turns bodies into messages, which are lent. The zero value is ready for use.
type Decoder struct{ message Message }

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	if kind != KindGossip {
		return nil, wire.ErrKind
	}
	r, m := wire.NewReader(body), &d.message
	*m = Message{Items: m.Items[:0], lent: true}
	for r.Len() > 0 || len(m.Items) == 0 && r.Err() == nil {
		if len(m.Items) == EventsMax {
			return nil, wire.ErrOversized
		}
		v := Item{Source: protocol.NodeID(r.Fixed64()), Number: r.UvarintMax(numberMax), Age: int(r.UvarintMax(LifeMax))}
		v.Payload = r.Bytes(PayloadMax)
		if v.Source == 0 || v.Number == 0 || v.Age == 0 {
			r.Fail(wire.ErrRange)
		}
		if r.Err() != nil {
			break
		}
		m.add(v)
	}
	if err := r.Done(); err != nil {
		return nil, err
	}
	return m, nil
}
