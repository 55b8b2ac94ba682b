package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of a digest. A decoder refuses more.
const (
	digestTopicsMax  = 256
	digestEntriesMax = 2048
	rangesMax        = 32 // of one stream's window; older ones are left out. Answers have up to PollRangesMax
)

// The first field of a digest is a set of flags. A decoder refuses those that it does not know, so that optional parts can be
// added.
const (
	digestAnswer  = 1 << iota // answers a poll
	digestReports             // holds samples of reports
	digestKnown   = digestAnswer | digestReports
)

// Digest says what a member, the gossiper, holds of some streams.
type Digest struct {
	Answer  bool   // it answers a poll
	Round   uint32 // the gossiper's own, which requests echo
	Topics  []TopicID
	Entries []DigestEntry

	Reporters []protocol.NodeID // members whose reports the samples hold
	Samples   []Sample          // in the order of entries

	reports []Report // of all samples, when decoded
	lent    bool
}

// DigestEntry says what the gossiper holds of one stream.
type DigestEntry struct {
	Author   protocol.NodeID
	Epoch    uint64
	Topic    int     // index into Topics
	Age      uint64  // of the stream, in milliseconds, at most AgeMax
	High     uint64  // highest packet that the gossiper has heard of, at least 1
	Messages uint64  // messages of the stream that are complete with packet High
	Manifest uint64  // newest packet held that carries a manifest, at most High; 0 when there is none
	Floor    uint64  // the entry says nothing of packets below it; at most High+1
	Ranges   []Range // held, newest first, with gaps between them, none below Floor
}

// Stream returns the stream that entry i speaks of.
func (d *Digest) Stream(i int) StreamID {
	e := &d.Entries[i]
	return StreamID{Author: e.Author, Epoch: e.Epoch, Topic: d.Topics[e.Topic]}
}

// Kind implements protocol.Message.
func (d *Digest) Kind() protocol.Kind { return wire.KindDigest }

// Lent implements protocol.Message.
func (d *Digest) Lent() bool { return d.lent }

// Size implements protocol.Message.
func (d *Digest) Size() int {
	size := digestSize(d.Round, len(d.Topics), len(d.Entries))
	for i := range d.Entries {
		size += d.Entries[i].size()
	}
	if len(d.Samples) > 0 {
		size += d.samplesSize()
	}
	return size
}

// digestSize returns the size of a digest without its entries.
func digestSize(round uint32, topics, entries int) int {
	return wire.UvarintSize(digestKnown) + wire.UvarintSize(uint64(round)) + wire.UvarintSize(uint64(topics)) + 8*topics +
		wire.UvarintSize(uint64(entries))
}

func (e *DigestEntry) size() int {
	return 8 + wire.UvarintSize(e.Epoch) + wire.UvarintSize(uint64(e.Topic)) + wire.UvarintSize(e.Age) +
		wire.UvarintSize(e.High) + wire.UvarintSize(e.Messages) + wire.UvarintSize(e.manifest()) + wire.UvarintSize(e.High+1-e.Floor) + rangesSize(e.High, e.Ranges)
}

// Append implements protocol.Message.
func (d *Digest) Append(b []byte) []byte {
	flags := uint64(0)
	if d.Answer {
		flags |= digestAnswer
	}
	if len(d.Samples) > 0 {
		flags |= digestReports
	}
	b = wire.AppendUvarint(b, flags)
	b = wire.AppendUvarint(b, uint64(d.Round))
	b = wire.AppendUvarint(b, uint64(len(d.Topics)))
	for _, topic := range d.Topics {
		b = wire.AppendFixed64(b, uint64(topic))
	}
	b = wire.AppendUvarint(b, uint64(len(d.Entries)))
	for i := range d.Entries {
		b = d.Entries[i].append(b)
	}
	if len(d.Samples) > 0 {
		b = d.appendSamples(b)
	}
	return b
}

func (e *DigestEntry) append(b []byte) []byte {
	b = wire.AppendFixed64(b, uint64(e.Author))
	b = wire.AppendUvarint(b, e.Epoch)
	b = wire.AppendUvarint(b, uint64(e.Topic))
	b = wire.AppendUvarint(b, e.Age)
	b = wire.AppendUvarint(b, e.High)
	b = wire.AppendUvarint(b, e.Messages)
	b = wire.AppendUvarint(b, e.manifest())
	b = wire.AppendUvarint(b, e.High+1-e.Floor)
	return appendRanges(b, e.High, e.Ranges)
}

// decode reads what Append wrote into d, whose memory it reuses, and returns the memory of all ranges for the next time.
func (d *Digest) decode(b []byte, ranges []Range) ([]Range, error) {
	r := wire.NewReader(b)
	d.Topics, d.Entries = d.Topics[:0], d.Entries[:0]
	d.Reporters, d.Samples, d.reports = d.Reporters[:0], d.Samples[:0], d.reports[:0]
	flags := r.Uvarint()
	if flags&^digestKnown != 0 {
		r.Fail(wire.ErrVersion)
	}
	d.Answer = flags&digestAnswer != 0
	d.Round = uint32(r.UvarintMax(1<<32 - 1))
	for range r.Count(digestTopicsMax, 8) {
		d.Topics = append(d.Topics, TopicID(r.Fixed64()))
	}
	for range r.Count(digestEntriesMax, digestEntryMin) {
		ranges = d.readEntry(&r, ranges)
		if r.Err() != nil {
			break
		}
	}
	if flags&digestReports != 0 {
		d.readSamples(&r)
	}
	if err := r.Done(); err != nil {
		return ranges, err
	}
	// Only now is the memory of the ranges known not to move any more.
	rest := ranges
	for i := range d.Entries {
		n := len(d.Entries[i].Ranges)
		d.Entries[i].Ranges, rest = rest[:n:n], rest[n:]
	}
	return ranges, nil
}

// manifest returns how far before High the newest manifest is, plus 1; 0 when there is none.
func (e *DigestEntry) manifest() uint64 {
	if e.Manifest == 0 {
		return 0
	}
	return e.High + 1 - e.Manifest
}

const digestEntryMin = 8 + 8 // author, and one byte for each other field

func (d *Digest) readEntry(r *wire.Reader, ranges []Range) []Range {
	e := DigestEntry{Author: protocol.NodeID(r.Fixed64()), Epoch: r.Uvarint()}
	topic := r.Uvarint()
	if e.Author == 0 || topic >= uint64(len(d.Topics)) {
		r.Fail(wire.ErrRange)
		return ranges
	}
	e.Topic = int(topic)
	e.Age = r.UvarintMax(AgeMax)
	e.High = r.UvarintMax(SeqMax)
	e.Messages = r.UvarintMax(2 * SeqMax)
	if back := r.UvarintMax(e.High); back > 0 {
		e.Manifest = e.High + 1 - back
	}
	e.Floor = e.High + 1 - r.UvarintMax(e.High)
	if e.High == 0 {
		r.Fail(wire.ErrRange)
		return ranges
	}
	mark := len(ranges)
	ranges = readRanges(r, ranges, e.High, e.Floor, PollRangesMax)
	e.Ranges = ranges[mark:]
	d.Entries = append(d.Entries, e)
	return ranges
}
