package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of polls. A decoder refuses more.
const (
	// PollStreamsMax is the most streams that one poll asks about.
	PollStreamsMax = 16
	// PollRangesMax is the most ranges of packets that one poll names of a stream, and that an answer to it offers.
	PollRangesMax = 64
)

// Poll asks for a digest of some streams at once.
type Poll struct {
	Entries []PollEntry

	lent bool
}

// PollEntry is a stream that a Poll asks about. Without ranges the answer speaks of all that the other's regular digests speak of; with them,
// of exactly those packets, however old.
type PollEntry struct {
	Stream StreamID
	Ranges []Range // newest first, with gaps between them
}

// Kind implements protocol.Message.
func (q *Poll) Kind() protocol.Kind { return wire.KindPoll }

// Lent implements protocol.Message.
func (q *Poll) Lent() bool { return q.lent }

// Size implements protocol.Message.
func (q *Poll) Size() int {
	size := wire.UvarintSize(uint64(len(q.Entries)))
	for i := range q.Entries {
		e := &q.Entries[i]
		size += e.Stream.size() + wire.UvarintSize(e.top()) + rangesSize(e.top(), e.Ranges)
	}
	return size
}

// top returns what the ranges are measured from.
func (e *PollEntry) top() uint64 {
	if len(e.Ranges) == 0 {
		return 0
	}
	return e.Ranges[0].Last
}

// Append implements protocol.Message.
func (q *Poll) Append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(q.Entries)))
	for i := range q.Entries {
		e := &q.Entries[i]
		b = wire.AppendUvarint(e.Stream.append(b), e.top())
		b = appendRanges(b, e.top(), e.Ranges)
	}
	return b
}

const pollEntryMin = 8 + 1 + 8 + 1 + 1

// decode reads what Append wrote into q, whose memory it reuses, and returns the memory of all ranges for the next time.
func (q *Poll) decode(b []byte, ranges []Range) ([]Range, error) {
	r := wire.NewReader(b)
	q.Entries = q.Entries[:0]
	for range r.Count(PollStreamsMax, pollEntryMin) {
		e := PollEntry{Stream: readStreamID(&r)}
		top := r.UvarintMax(SeqMax)
		mark := len(ranges)
		ranges = readRanges(&r, ranges, top, 1, PollRangesMax)
		e.Ranges = ranges[mark:]
		if r.Err() == nil && e.top() != top {
			r.Fail(wire.ErrRange)
		}
		if r.Err() != nil {
			break
		}
		q.Entries = append(q.Entries, e)
	}
	if err := r.Done(); err != nil {
		return ranges, err
	}
	// Only now is the memory of the ranges known not to move any more.
	rest := ranges
	for i := range q.Entries {
		n := len(q.Entries[i].Ranges)
		q.Entries[i].Ranges, rest = rest[:n:n], rest[n:]
	}
	return ranges, nil
}
