package vsync

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// envelope is what all messages have: they are encoded once, when they are made.
type envelope struct {
	encoded []byte
	lent    bool
}

// Size implements protocol.Message.
func (e *envelope) Size() int { return len(e.encoded) }

// Append implements protocol.Message.
func (e *envelope) Append(b []byte) []byte { return append(b, e.encoded...) }

// Lent implements protocol.Message.
func (e *envelope) Lent() bool { return e.lent }

func (e *envelope) sealed() *envelope { return e }

// message is one of this package.
type message interface {
	protocol.Message
	append(b []byte) []byte
	read(r *wire.Reader)
	sealed() *envelope
}

// seal encodes a message that is complete.
func seal[M message](m M) M {
	m.sealed().encoded = m.append(nil)
	return m
}

// header says which group a message is of, and in which view its sender is.
type header struct {
	Group uint64 // the first eight bytes, most significant first, of the SHA-256 of the name of the group's topic
	View  ViewID
}

func (h *header) append(b []byte) []byte { return h.View.append(wire.AppendFixed64(b, h.Group)) }

func (h *header) read(r *wire.Reader) { h.Group, h.View = r.Fixed64(), readViewID(r) }

// Ballot numbers the attempts to change a view. Of two the one of the higher round is later, then the one of the higher rank.
type Ballot struct {
	Round uint64 // 0 for none
	Rank  uint64 // of the coordinator
}

func (b Ballot) less(other Ballot) bool {
	return b.Round < other.Round || b.Round == other.Round && b.Rank < other.Rank
}

func (b Ballot) append(bytes []byte) []byte {
	return wire.AppendUvarint(wire.AppendUvarint(bytes, b.Round), b.Rank)
}

func readBallot(r *wire.Reader) Ballot {
	return Ballot{Round: r.Uvarint(), Rank: r.UvarintMax(MembersMax - 1)}
}

// Decision is what a change of a view comes to.
type Decision struct {
	Next *View
	Cut  []uint64 // by rank in the view before: up to where its messages belong to that
}

func (d *Decision) append(b []byte) []byte { return appendNumbers(d.Next.append(b), d.Cut) }

func readDecision(r *wire.Reader) *Decision { return &Decision{Next: readView(r), Cut: readNumbers(r)} }

func appendNumbers(b []byte, numbers []uint64) []byte {
	b = wire.AppendUvarint(b, uint64(len(numbers)))
	for _, n := range numbers {
		b = wire.AppendUvarint(b, n)
	}
	return b
}

func readNumbers(r *wire.Reader) (numbers []uint64) {
	for range r.Count(MembersMax, 1) {
		numbers = append(numbers, r.Uvarint())
	}
	return numbers
}

// appendDifferences appends numbers of which each is at least the one of low at its place.
func appendDifferences(b []byte, numbers, low []uint64) []byte {
	for i, n := range numbers {
		b = wire.AppendUvarint(b, n-low[i])
	}
	return b
}

func readDifferences(r *wire.Reader, low []uint64) (numbers []uint64) {
	for _, l := range low {
		n := l + r.Uvarint()
		if n < l {
			r.Fail(wire.ErrRange)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func readBool(r *wire.Reader) bool {
	v := r.Byte()
	if v > 1 {
		r.Fail(wire.ErrRange)
	}
	return v == 1
}

// Kinds returns the kinds of messages of this package.
func Kinds() []protocol.Kind {
	return []protocol.Kind{
		wire.KindGroupCheck, wire.KindGroupStability, wire.KindGroupFlush, wire.KindGroupFlushed, wire.KindGroupProposal, wire.KindGroupAgreed, wire.KindGroupView,
		wire.KindGroupFailed, wire.KindGroupLeave, wire.KindGroupPull, wire.KindGroupPieces, wire.KindGroupSeal, wire.KindGroupSealed, wire.KindGroupPart, wire.KindGroupRecover,
	}
}
