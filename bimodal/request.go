package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// RequestNumbersMax is the most packets that one request asks for. A decoder refuses more.
const RequestNumbersMax = 1024

// Request asks the gossiper of a digest for packets that it holds, newest first.
type Request struct {
	Round   uint32 // the gossiper's, from its digest
	Entries []RequestEntry

	lent bool
}

// RequestEntry is what a Request asks for of one stream.
type RequestEntry struct {
	Stream StreamID
	Ranges []Range // newest first, with gaps between them; at least one
}

// Kind implements protocol.Message.
func (q *Request) Kind() protocol.Kind { return wire.KindRequest }

// Lent implements protocol.Message.
func (q *Request) Lent() bool { return q.lent }

// Size implements protocol.Message.
func (q *Request) Size() int {
	size := wire.UvarintSize(uint64(q.Round)) + wire.UvarintSize(uint64(len(q.Entries)))
	for i := range q.Entries {
		size += q.Entries[i].size()
	}
	return size
}

func (e *RequestEntry) size() int {
	top := e.Ranges[0].Last
	return e.Stream.size() + wire.UvarintSize(top) + rangesSize(top, e.Ranges)
}

// Append implements protocol.Message.
func (q *Request) Append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(q.Round))
	b = wire.AppendUvarint(b, uint64(len(q.Entries)))
	for i := range q.Entries {
		e := &q.Entries[i]
		top := e.Ranges[0].Last
		b = wire.AppendUvarint(e.Stream.append(b), top)
		b = appendRanges(b, top, e.Ranges)
	}
	return b
}

const requestEntryMin = 8 + 1 + 8 + 1 + 1 + 2

// decode reads what Append wrote into q, whose memory it reuses, and returns the memory of all ranges for the next time.
func (q *Request) decode(b []byte, ranges []Range) ([]Range, error) {
	r := wire.NewReader(b)
	q.Entries = q.Entries[:0]
	q.Round = uint32(r.UvarintMax(1<<32 - 1))
	numbers := uint64(0)
	for range r.Count(RequestNumbersMax, requestEntryMin) {
		e := RequestEntry{Stream: readStreamID(&r)}
		top := r.UvarintMax(SeqMax)
		mark := len(ranges)
		ranges = readRanges(&r, ranges, top, 1, RequestNumbersMax)
		e.Ranges = ranges[mark:]
		if r.Err() == nil && (len(e.Ranges) == 0 || e.Ranges[0].Last != top) {
			r.Fail(wire.ErrRange)
		}
		for _, asked := range e.Ranges {
			numbers += min(asked.Len(), RequestNumbersMax+1)
		}
		if numbers > RequestNumbersMax {
			r.Fail(wire.ErrOversized)
		}
		if r.Err() != nil {
			break
		}
		q.Entries = append(q.Entries, e)
	}
	if err := r.Done(); err != nil {
		return ranges, err
	}
	rest := ranges
	for i := range q.Entries {
		n := len(q.Entries[i].Ranges)
		q.Entries[i].Ranges, rest = rest[:n:n], rest[n:]
	}
	return ranges, nil
}
