package astrolabe

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Kinds returns the kinds of messages that a Machine receives.
func Kinds() []protocol.Kind {
	return []protocol.Kind{wire.KindZoneDigest, wire.KindZoneDelta, wire.KindFunctionPart, wire.KindZoneAsk, wire.KindZonePiece, wire.KindAccountQuestion, wire.KindAccountPiece}
}

// Decoder decodes the messages of this package. It owns the memory that they are decoded into: a message is lent until the next Decode of the same kind. The
// zero value is ready for use.
type Decoder struct {
	digest Digest
	delta  Delta
	part   FunctionPart
	ask    Ask
	piece  Piece
	asked  AccountQuestion
	told   AccountPiece
}

// Decode implements protocol.Decoder. Only rows and paths of zones are allocated.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	switch kind {
	case wire.KindZoneDigest:
		return &d.digest, d.digest.decode(body)
	case wire.KindZoneDelta:
		return &d.delta, d.delta.decode(body)
	case wire.KindFunctionPart:
		return &d.part, d.part.decode(body)
	case wire.KindZoneAsk:
		return &d.ask, d.ask.decode(body)
	case wire.KindAccountQuestion:
		return &d.asked, d.asked.decode(body)
	case wire.KindAccountPiece:
		return &d.told, d.told.decode(body)
	case wire.KindZonePiece:
		return &d.piece, d.piece.decode(body)
	}
	return nil, wire.ErrKind
}
