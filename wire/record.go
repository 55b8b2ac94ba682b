package wire

// MessageMax is the largest application message by default, in bytes.
const MessageMax = 1 << 20

// RecordKind tells the records of a packet body apart.
type RecordKind uint8

// The kinds of records. The pieces of a cut message follow one another in the stream, without other records between them.
const (
	RecordWhole  RecordKind = 0 // a message
	RecordFirst  RecordKind = 1 // the first piece of a message, with the length of the whole
	RecordMiddle RecordKind = 2 // a further piece
	RecordLast   RecordKind = 3 // the last piece; it completes the message
)

// Record is one entry of a packet body.
type Record struct {
	Kind  RecordKind
	Total int    // RecordFirst: bytes of the whole message
	Data  []byte // aliases the body
}

// Completes reports whether a message ends with this record.
func (r Record) Completes() bool { return r.Kind == RecordWhole || r.Kind == RecordLast }

// AppendRecord appends a record to a packet body.
func AppendRecord(body []byte, r Record) []byte {
	body = AppendUvarint(body, uint64(len(r.Data))<<2|uint64(r.Kind))
	if r.Kind == RecordFirst {
		body = AppendUvarint(body, uint64(r.Total))
	}
	return append(body, r.Data...)
}

// RecordSize returns the number of bytes that AppendRecord adds for a whole message of n bytes.
func RecordSize(n int) int { return UvarintSize(uint64(n)<<2) + n }

// NextRecord takes the first record off body, which must not be empty. Messages of more than max bytes are refused.
func NextRecord(body []byte, max int) (record Record, rest []byte, err error) {
	r := NewReader(body)
	head := r.Uvarint()
	record.Kind = RecordKind(head & 3)
	length := head >> 2
	if length > uint64(max) {
		r.Fail(ErrOversized)
	}
	if record.Kind == RecordFirst {
		record.Total = int(r.UvarintMax(uint64(max)))
		if r.err == nil && uint64(record.Total) <= length {
			r.Fail(ErrRecord)
		}
	}
	if record.Kind != RecordWhole && length == 0 {
		r.Fail(ErrRecord)
	}
	record.Data = r.Take(int(length))
	if r.err != nil {
		return Record{}, nil, r.err
	}
	return record, r.rest, nil
}

// CheckBody reports whether body is a sequence of well-formed records in a possible order, and how many messages it completes.
// continues tells that its first record is a further piece of a message begun in an earlier packet, whole that it holds no pieces.
func CheckBody(body []byte, max int) (completed int, continues, whole bool, err error) {
	if len(body) == 0 {
		return 0, false, false, ErrRecord
	}
	completed, body = SkipMessages(body, max)
	whole = true
	for first, open := completed == 0, false; len(body) > 0; first = false {
		record, rest, err := NextRecord(body, max)
		if err != nil {
			return 0, false, false, err
		}
		whole = whole && record.Kind == RecordWhole
		piece := record.Kind == RecordMiddle || record.Kind == RecordLast
		if first && piece {
			continues, open = true, true
		}
		if piece != open {
			return 0, false, false, ErrRecord
		}
		open = record.Kind == RecordFirst || record.Kind == RecordMiddle
		if record.Completes() {
			completed++
		}
		body = rest
	}
	return completed, continues, whole, nil
}

// pieceMin is the fewest bytes of room that make it worth beginning a cut message in a packet that holds other records.
const pieceMin = 128

// Packer fills packet bodies with messages: several small ones to a body, a large one over several bodies. A message that fits into a
// body is never cut, so that a lost packet costs as few messages as possible.
type Packer struct {
	limit int // bytes of a body
}

// NewPacker returns a Packer of bodies of at most limit bytes, which is at least 256.
func NewPacker(limit int) Packer {
	if limit < 2*pieceMin {
		panic("wire: packet bodies too small to pack into")
	}
	return Packer{limit: limit}
}

// Limit returns the largest body, in bytes.
func (p Packer) Limit() int { return p.limit }

// Fits reports whether a whole message of n bytes can be added to a body of size bytes.
func (p Packer) Fits(size, n int) bool { return size+RecordSize(n) <= p.limit }

// Cuts reports whether a message of n bytes is cut into pieces.
func (p Packer) Cuts(n int) bool { return RecordSize(n) > p.limit }

// Room returns how many bytes of a cut message of n bytes, of which done are already placed, go into a body of size bytes.
// Zero says that the body is too full to begin with.
func (p Packer) Room(size, n, done int) int {
	head := UvarintSize(uint64(p.limit) << 2)
	if done == 0 {
		head += UvarintSize(uint64(n))
	}
	room := p.limit - size - head
	if room < pieceMin {
		return 0
	}
	return min(room, n-done)
}

// AppendPiece appends the piece message[done:done+room] of a cut message to body.
func AppendPiece(body, message []byte, done, room int) []byte {
	record := Record{Kind: RecordMiddle, Data: message[done : done+room]}
	switch {
	case done == 0:
		record.Kind, record.Total = RecordFirst, len(message)
	case done+room == len(message):
		record.Kind = RecordLast
	}
	return AppendRecord(body, record)
}
