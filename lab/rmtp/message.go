package rmtp

import (
	"slices"

	"spinglass/lab/stream"
	"spinglass/protocol"
	"spinglass/wire"
)

// The kinds of messages. They are the laboratory's: no shipping node knows them.
const (
	KindData   protocol.Kind = 64 + iota // packet Number
	KindRepair                           // the same, sent again
	KindStatus                           // what lies below Number is there, and the Bits say what of the rest, up to End
	KindExtent                           // the stream goes up to Number
)

// Message is what members say to each other.
type Message struct {
	Number uint64
	End    uint64 // status: the highest number heard of, Number - 1 at least
	Bits   []byte // status: bit i, from the lowest of the first byte on, is packet Number + 1 + i
	Body   []byte // data and repair

	kind protocol.Kind
	lent bool
}

// Kind implements protocol.Message.
func (m *Message) Kind() protocol.Kind { return m.kind }

// Lent implements protocol.Message.
func (m *Message) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Message) Size() int {
	size := wire.UvarintSize(m.Number) + len(m.Bits) + len(m.Body)
	if m.kind == KindStatus {
		size += wire.UvarintSize(m.End + 1 - m.Number)
	}
	return size
}

// Append implements protocol.Message.
func (m *Message) Append(b []byte) []byte {
	b = wire.AppendUvarint(b, m.Number)
	if m.kind == KindStatus {
		b = wire.AppendUvarint(b, m.End+1-m.Number)
	}
	return append(append(b, m.Bits...), m.Body...)
}

// has reports whether a status says that a packet is there.
func (m *Message) has(number uint64) bool {
	if number <= m.Number {
		return number < m.Number
	}
	i := number - m.Number - 1
	return i/8 < uint64(len(m.Bits)) && m.Bits[i/8]>>(i%8)&1 == 1
}

// status says what a window lacks.
func status(w *stream.Window) *Message {
	m := &Message{kind: KindStatus, Number: w.Next(), End: w.End()}
	for i := uint64(0); i < 8*BitmapMax && m.Number+1+i <= m.End; i++ {
		if i%8 == 0 {
			m.Bits = append(m.Bits, 0)
		}
		if !w.Missing(m.Number + 1 + i) {
			m.Bits[i/8] |= 1 << (i % 8)
		}
	}
	return m
}

// numberMax bounds numbers.
const numberMax = 1<<62 - 1

// Decoder turns bodies into messages, which are lent. The zero value is ready for use.
type Decoder struct{ message Message }

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	r, m := wire.NewReader(body), &d.message
	*m = Message{kind: kind, lent: true, Number: r.UvarintMax(numberMax)}
	if m.Number == 0 && kind != KindExtent {
		r.Fail(wire.ErrRange)
	}
	switch kind {
	case KindData, KindRepair:
		m.Body = r.Rest()
	case KindStatus:
		m.End = m.Number + r.UvarintMax(numberMax) - 1
		if r.Len() > BitmapMax {
			return nil, wire.ErrOversized
		}
		m.Bits = r.Rest()
	case KindExtent:
	default:
		return nil, wire.ErrKind
	}
	if err := r.Done(); err != nil {
		return nil, err
	}
	return m, nil
}

// kept returns the body in memory that may be kept.
func (m *Message) kept() []byte {
	if m.lent {
		return slices.Clone(m.Body)
	}
	return m.Body
}
