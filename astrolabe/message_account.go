package astrolabe

import (
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// AccountQuestion asks a representative what a row of it was made of.
type AccountQuestion struct {
	Zone     string // the zone whose host the sender is
	Of       string // the zone that the row is of
	Digest   [DigestSize]byte
	Sections []uint16 // that are wanted, ascending: 0 is the index, the others are the parts
	lent     bool
}

// sectionsMax is how many sections a question may ask for.
const sectionsMax = 32

// Kind implements protocol.Message.
func (q *AccountQuestion) Kind() protocol.Kind { return wire.KindAccountQuestion }

// Lent implements protocol.Message.
func (q *AccountQuestion) Lent() bool { return q.lent }

// Size implements protocol.Message.
func (q *AccountQuestion) Size() int {
	return wire.BytesSize(len(q.Zone)) + wire.BytesSize(len(q.Of)) + DigestSize + 1 + 2*len(q.Sections)
}

// Append implements protocol.Message.
func (q *AccountQuestion) Append(b []byte) []byte {
	b = append(wire.AppendBytes(wire.AppendBytes(b, q.Zone), q.Of), q.Digest[:]...)
	b = append(b, byte(len(q.Sections)))
	for _, section := range q.Sections {
		b = append(b, byte(section>>8), byte(section))
	}
	return b
}

// decode reads a question in place of q, reusing its memory.
func (q *AccountQuestion) decode(body []byte) error {
	r := wire.NewReader(body)
	*q = AccountQuestion{Zone: readZone(&r), Of: string(r.Bytes(protocol.NameMax + 2)), Sections: q.Sections[:0], lent: true}
	copy(q.Digest[:], r.Take(DigestSize))
	count := int(r.Byte())
	if count > sectionsMax {
		r.Fail(wire.ErrRange)
	}
	for range count {
		high, low := r.Byte(), r.Byte()
		section := uint16(high)<<8 | uint16(low)
		if last := len(q.Sections) - 1; last >= 0 && section <= q.Sections[last] {
			r.Fail(table.ErrOrder)
		}
		if r.Err() != nil {
			break
		}
		q.Sections = append(q.Sections, section)
	}
	return r.Done()
}

// AccountPiece is a piece of the answer.
type AccountPiece struct {
	Digest  [DigestSize]byte
	Section uint16
	Whole   int    // bytes of the section, 1 to AccountSizeMax
	Number  int    // of the piece: it begins at partSize times that
	Bytes   []byte // partSize, but for the last piece
	lent    bool
}

// Kind implements protocol.Message.
func (p *AccountPiece) Kind() protocol.Kind { return wire.KindAccountPiece }

// Lent implements protocol.Message.
func (p *AccountPiece) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *AccountPiece) Size() int {
	return DigestSize + 2 + wire.UvarintSize(uint64(p.Whole)) + wire.UvarintSize(uint64(p.Number)) + wire.BytesSize(len(p.Bytes))
}

// Append implements protocol.Message.
func (p *AccountPiece) Append(b []byte) []byte {
	b = append(append(b, p.Digest[:]...), byte(p.Section>>8), byte(p.Section))
	b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(p.Whole)), uint64(p.Number))
	return wire.AppendBytes(b, p.Bytes)
}

// decode reads a piece in place of p.
func (p *AccountPiece) decode(body []byte) error {
	r := wire.NewReader(body)
	*p = AccountPiece{lent: true}
	copy(p.Digest[:], r.Take(DigestSize))
	high, low := r.Byte(), r.Byte()
	p.Section = uint16(high)<<8 | uint16(low)
	p.Whole, p.Number = int(r.UvarintMax(AccountSizeMax)), int(r.UvarintMax(AccountSizeMax/partSize))
	p.Bytes = r.Bytes(partSize)
	if r.Err() == nil && (p.Number*partSize >= p.Whole || len(p.Bytes) != min(partSize, p.Whole-p.Number*partSize)) {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}
