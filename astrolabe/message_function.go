package astrolabe

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// FunctionPart is a piece of a function.
type FunctionPart struct {
	Zone   string // the zone whose host the sender is
	ID     uint64 // the first bytes of the hash of the whole
	Whole  int    // bytes of the whole, 1 to FunctionSizeMax
	Number int    // of the piece: it begins at partSize times that
	Bytes  []byte // partSize, but for the last piece
	lent   bool
}

// partSize is how many bytes a piece has: with all else it fits into a datagram of the least size that there is.
const partSize = 768

// partsMax is how many pieces a function has at most.
const partsMax = (FunctionSizeMax + partSize - 1) / partSize

// Kind implements protocol.Message.
func (p *FunctionPart) Kind() protocol.Kind { return wire.KindFunctionPart }

// Lent implements protocol.Message.
func (p *FunctionPart) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *FunctionPart) Size() int {
	return wire.BytesSize(len(p.Zone)) + 8 + wire.UvarintSize(uint64(p.Whole)) + wire.UvarintSize(uint64(p.Number)) + wire.BytesSize(len(p.Bytes))
}

// Append implements protocol.Message.
func (p *FunctionPart) Append(b []byte) []byte {
	b = wire.AppendFixed64(wire.AppendBytes(b, p.Zone), p.ID)
	b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(p.Whole)), uint64(p.Number))
	return wire.AppendBytes(b, p.Bytes)
}

// decode reads a piece in place of p.
func (p *FunctionPart) decode(body []byte) error {
	r := wire.NewReader(body)
	*p = FunctionPart{Zone: readZone(&r), ID: r.Fixed64(), Whole: int(r.UvarintMax(FunctionSizeMax)), Number: int(r.UvarintMax(partsMax - 1)), lent: true}
	p.Bytes = r.Bytes(partSize)
	if r.Err() == nil && (p.Number*partSize >= p.Whole || len(p.Bytes) != min(partSize, p.Whole-p.Number*partSize)) {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}
