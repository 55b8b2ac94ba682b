package fec

import (
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// The kinds of messages. They are the laboratory's: no shipping node knows them.
const (
	KindData   protocol.Kind = 64 + iota // symbol Index of Block, a packet on its first way
	KindParity                           // symbol Index, sent unasked
	KindRepair                           // symbol Index, sent because it was needed
	KindNak                              // Needs
	KindFlush                            // Block is the last one, and over
)

// Need says how many symbols of a block are needed.
type Need struct {
	Block uint64
	Count int
}

// Message is what members say to each other.
type Message struct {
	Block uint64 // from 1
	First uint64 // number of the block's first packet
	Count int    // packets of the block; 0 while that is open
	Index int    // symbol: from the number k of a full block on parity
	Body  []byte // of a packet; of parity the encoded length and body
	Needs []Need // NAK

	kind protocol.Kind
	lent bool
}

// Kind implements protocol.Message.
func (m *Message) Kind() protocol.Kind { return m.kind }

// Lent implements protocol.Message.
func (m *Message) Lent() bool { return m.lent }

// Size implements protocol.Message.
func (m *Message) Size() int {
	if m.kind == KindNak {
		size := 0
		for _, n := range m.Needs {
			size += wire.UvarintSize(n.Block) + wire.UvarintSize(uint64(n.Count))
		}
		return size
	}
	return wire.UvarintSize(m.Block) + wire.UvarintSize(m.First) + wire.UvarintSize(uint64(m.Count)) + wire.UvarintSize(uint64(m.Index)) + len(m.Body)
}

// Append implements protocol.Message.
func (m *Message) Append(b []byte) []byte {
	if m.kind == KindNak {
		for _, n := range m.Needs {
			b = wire.AppendUvarint(wire.AppendUvarint(b, n.Block), uint64(n.Count))
		}
		return b
	}
	for _, v := range [...]uint64{m.Block, m.First, uint64(m.Count), uint64(m.Index)} {
		b = wire.AppendUvarint(b, v)
	}
	return append(b, m.Body...)
}

// numberMax bounds numbers.
const numberMax = 1<<62 - 1

// Decoder turns bodies into messages, which are lent. The zero value is ready for use.
type Decoder struct{ message Message }

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	r, m := wire.NewReader(body), &d.message
	*m = Message{kind: kind, lent: true, Needs: m.Needs[:0]}
	switch kind {
	case KindNak:
		for r.Len() > 0 {
			if len(m.Needs) == NeedsMax {
				return nil, wire.ErrOversized
			}
			m.Needs = append(m.Needs, Need{r.UvarintMax(numberMax), int(r.UvarintMax(SymbolsMax))})
		}
	case KindData, KindParity, KindRepair, KindFlush:
		m.Block, m.First = r.UvarintMax(numberMax), r.UvarintMax(numberMax)
		m.Count, m.Index = int(r.UvarintMax(SymbolsMax)), int(r.UvarintMax(SymbolsMax-1))
		m.Body = r.Rest()
		if m.Block == 0 || m.First == 0 || kind != KindData && m.Count == 0 || kind == KindFlush && len(m.Body) > 0 {
			r.Fail(wire.ErrRange)
		}
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
