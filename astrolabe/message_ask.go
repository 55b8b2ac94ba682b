package astrolabe

import (
	"crypto/sha256"

	"spinglass/protocol"
	"spinglass/wire"
)

// Subject is what a question is about.
type Subject byte

// The subjects.
const (
	SubjectTable Subject = iota + 1 // the rows of the table of a zone, or of a host
	SubjectRow                      // one row, by its name
	SubjectBlob                     // a value, by its hash
)

// Hash names a blob: the SHA-256 of it.
type Hash [sha256.Size]byte

// Ask asks for one piece of what answers a question. It is answered by a Piece, or, where that is too much for the present round, by nothing.
type Ask struct {
	Number  uint64 // by which the asker knows the question, and which the answer repeats
	Subject Subject
	Path    string // of the zone, the host or the row
	Hash    Hash   // of the blob
	Sum     uint64 // the first bytes of the hash of what the piece is to be of; 0 while that is not known
	Piece   int    // which one is wanted
	lent    bool
}

// Piece is a piece of an answer.
type Piece struct {
	Number uint64
	Sum    uint64 // the first bytes of the hash of the whole
	Whole  int    // bytes of the whole; 0 when it is not held
	Piece  int    // it begins at pieceSize times that
	Bytes  []byte // pieceSize, but for the last piece
	lent   bool
}

// pieceSize is how many bytes a piece has: with all else it fits into a datagram of the least size that there is.
const pieceSize = 1024

// answerSizeMax is the most that answers a question, in bytes: a table of as many rows as there may be.
const answerSizeMax = 2 << 20

// piecesMax is how many pieces an answer has at most.
const piecesMax = answerSizeMax / pieceSize

// Kind implements protocol.Message.
func (a *Ask) Kind() protocol.Kind { return wire.KindZoneAsk }

// Lent implements protocol.Message.
func (a *Ask) Lent() bool { return a.lent }

// Size implements protocol.Message.
func (a *Ask) Size() int {
	size := 8 + 1 + 8 + wire.UvarintSize(uint64(a.Piece))
	if a.Subject == SubjectBlob {
		return size + len(a.Hash)
	}
	return size + wire.BytesSize(len(a.Path))
}

// Append implements protocol.Message.
func (a *Ask) Append(b []byte) []byte {
	b = append(wire.AppendFixed64(b, a.Number), byte(a.Subject))
	b = wire.AppendUvarint(wire.AppendFixed64(b, a.Sum), uint64(a.Piece))
	if a.Subject == SubjectBlob {
		return append(b, a.Hash[:]...)
	}
	return wire.AppendBytes(b, a.Path)
}

// decode reads a question in place of a.
func (a *Ask) decode(body []byte) error {
	r := wire.NewReader(body)
	*a = Ask{Number: r.Fixed64(), Subject: Subject(r.Byte()), Sum: r.Fixed64(), Piece: int(r.UvarintMax(piecesMax - 1)), lent: true}
	switch a.Subject {
	case SubjectBlob:
		copy(a.Hash[:], r.Take(len(a.Hash)))
	case SubjectTable, SubjectRow:
		a.Path = readZone(&r)
	default:
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// Kind implements protocol.Message.
func (p *Piece) Kind() protocol.Kind { return wire.KindZonePiece }

// Lent implements protocol.Message.
func (p *Piece) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *Piece) Size() int {
	return 8 + 8 + wire.UvarintSize(uint64(p.Whole)) + wire.UvarintSize(uint64(p.Piece)) + wire.BytesSize(len(p.Bytes))
}

// Append implements protocol.Message.
func (p *Piece) Append(b []byte) []byte {
	b = wire.AppendFixed64(wire.AppendFixed64(b, p.Number), p.Sum)
	b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(p.Whole)), uint64(p.Piece))
	return wire.AppendBytes(b, p.Bytes)
}

// decode reads a piece in place of p.
func (p *Piece) decode(body []byte) error {
	r := wire.NewReader(body)
	*p = Piece{Number: r.Fixed64(), Sum: r.Fixed64(), Whole: int(r.UvarintMax(answerSizeMax)), Piece: int(r.UvarintMax(piecesMax - 1)), lent: true}
	p.Bytes = r.Bytes(pieceSize)
	if r.Err() == nil && len(p.Bytes) != lengthOf(p.Whole, p.Piece) {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// lengthOf returns how many bytes a piece of a whole has, -1 when there is no such piece. Of nothing there is the piece 0.
func lengthOf(whole, piece int) int {
	if rest := whole - piece*pieceSize; rest > 0 || piece == 0 {
		return min(rest, pieceSize)
	}
	return -1
}
