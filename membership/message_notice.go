package membership

import (
	"crypto/sha256"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// partSize is how many bytes of a notice one part carries; the last one may be shorter.
const partSize = 896

// Bounds of notices that come in parts.
const (
	parcelsMax  = 8 // of as many senders
	parcelsLife = 5 * time.Second
)

// NoticeClaim says that the sender holds a notice: a revocation list by its issuer and number, or a proof against an author (Number and Digest 0).
type NoticeClaim struct {
	ID     uint64
	Number uint64
	Digest uint32
}

func (c NoticeClaim) size() int { return 8 + wire.UvarintSize(c.Number) + 4 }

func (c NoticeClaim) append(b []byte) []byte {
	b = wire.AppendUvarint(wire.AppendFixed64(b, c.ID), c.Number)
	return append(b, byte(c.Digest>>24), byte(c.Digest>>16), byte(c.Digest>>8), byte(c.Digest))
}

// Summary says which notices its sender holds. The receiver sends those that are not named, and answers with its own summary if it lacks some.
type Summary struct {
	Answer bool          // answers a summary, and is not answered by one
	Claims []NoticeClaim // ascending by ID
	lent   bool
}

// claimsMax is how many notices a summary names at most.
const claimsMax = listsMax + proofsMax

// Kind implements protocol.Message.
func (s *Summary) Kind() protocol.Kind { return wire.KindNoticeSummary }

// Lent implements protocol.Message.
func (s *Summary) Lent() bool { return s.lent }

// Size implements protocol.Message.
func (s *Summary) Size() int {
	size := 1 + wire.UvarintSize(uint64(len(s.Claims)))
	for _, c := range s.Claims {
		size += c.size()
	}
	return size
}

// Append implements protocol.Message.
func (s *Summary) Append(b []byte) []byte {
	var flags byte
	if s.Answer {
		flags = 1
	}
	b = wire.AppendUvarint(append(b, flags), uint64(len(s.Claims)))
	for _, c := range s.Claims {
		b = c.append(b)
	}
	return b
}

func (s *Summary) decode(body []byte) error {
	r := wire.NewReader(body)
	flags := r.Byte()
	if flags > 1 {
		r.Fail(wire.ErrRange)
	}
	*s = Summary{Answer: flags == 1, Claims: s.Claims[:0], lent: true}
	for range r.Count(claimsMax, 8+1+4) {
		c := NoticeClaim{ID: r.Fixed64(), Number: r.Uvarint()}
		for _, b := range r.Take(4) {
			c.Digest = c.Digest<<8 | uint32(b)
		}
		if last := len(s.Claims) - 1; last >= 0 && c.ID <= s.Claims[last].ID {
			r.Fail(wire.ErrRange)
		}
		if r.Err() != nil {
			break
		}
		s.Claims = append(s.Claims, c)
	}
	return r.Done()
}

// NoticePart carries a part of a notice.
type NoticePart struct {
	Sum    [sha256.Size]byte // of the whole
	Total  int               // bytes of the whole
	Offset int               // a multiple of partSize
	Data   []byte
	lent   bool
}

// Kind implements protocol.Message.
func (p *NoticePart) Kind() protocol.Kind { return wire.KindNoticePart }

// Lent implements protocol.Message.
func (p *NoticePart) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *NoticePart) Size() int {
	return len(p.Sum) + wire.UvarintSize(uint64(p.Total)) + wire.UvarintSize(uint64(p.Offset)) + wire.BytesSize(len(p.Data))
}

// Append implements protocol.Message.
func (p *NoticePart) Append(b []byte) []byte {
	b = append(b, p.Sum[:]...)
	b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(p.Total)), uint64(p.Offset))
	return wire.AppendBytes(b, p.Data)
}

func (p *NoticePart) decode(body []byte) error {
	r := wire.NewReader(body)
	*p = NoticePart{lent: true}
	copy(p.Sum[:], r.Take(len(p.Sum)))
	p.Total, p.Offset = int(r.UvarintMax(noticeSizeMax)), int(r.UvarintMax(noticeSizeMax))
	p.Data = r.Bytes(partSize)
	if r.Err() == nil && (p.Offset%partSize != 0 || p.Offset >= p.Total || len(p.Data) != min(partSize, p.Total-p.Offset)) {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// parcel is a notice that comes in parts.
type parcel struct {
	from  protocol.NodeID
	sum   [sha256.Size]byte
	begun protocol.Time
	total int
	parts [][]byte // nil: not here yet
	left  int
}

// collect adds a part to those that came of the same notice from the same sender, and returns the notice when it is complete; or why the part was dropped. It is
// sent again as long as the notice is lacking.
func (n *notices) collect(now protocol.Time, from protocol.NodeID, p *NoticePart) (whole []byte, dropped protocol.Reason) {
	if p.Total == len(p.Data) {
		return slices.Clone(p.Data), ""
	}
	i := slices.IndexFunc(n.parcels, func(q parcel) bool { return q.from == from })
	if i < 0 && len(n.parcels) == parcelsMax || i >= 0 && (n.parcels[i].sum != p.Sum || n.parcels[i].total != p.Total) { // one at a time from each
		n.giveUp(now)
		if i = slices.IndexFunc(n.parcels, func(q parcel) bool { return q.from == from }); i >= 0 || len(n.parcels) == parcelsMax {
			n.partsDropped++
			return nil, ReasonNoticeParts
		}
	}
	if i < 0 {
		i = n.begin(now, from, p)
	}
	q := &n.parcels[i]
	if k := p.Offset / partSize; q.parts[k] == nil {
		q.parts[k] = slices.Clone(p.Data)
		q.left--
	}
	if q.left > 0 {
		return nil, ""
	}
	whole = slices.Concat(q.parts...)
	n.parcels = slices.Delete(n.parcels, i, i+1)
	return whole, ""
}

// giveUp drops what has not become whole in time.
func (n *notices) giveUp(now protocol.Time) {
	n.parcels = slices.DeleteFunc(n.parcels, func(q parcel) bool {
		late := now.Sub(q.begun) >= parcelsLife
		if late {
			n.partsDropped += uint64(len(q.parts) - q.left)
		}
		return late
	})
}

// begin begins to collect a notice, and returns its position.
func (n *notices) begin(now protocol.Time, from protocol.NodeID, p *NoticePart) int {
	count := (p.Total + partSize - 1) / partSize
	n.parcels = append(n.parcels, parcel{from: from, sum: p.Sum, begun: now, total: p.Total, parts: make([][]byte, count), left: count})
	return len(n.parcels) - 1
}
