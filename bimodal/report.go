package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of the reports in a digest. A decoder refuses more.
const (
	reportersMax     = 64      // members whose reports a digest carries
	sampleReportsMax = 32      // reports of one stream
	reportAgeMax     = 31      // rounds; older reports are dropped
	lagMax           = 1 << 24 // packets; stands for more as well
	growthScale      = 127     // of Lag.Growth
)

// Lag says how far a member is behind with a stream.
type Lag struct {
	// Packets are those that the member knew of four rounds ago and lacks still, and those that it gave up lately; at most lagMax.
	Packets uint32
	// Growth is by how much they became more lately, as a share of the packets that became due meanwhile, in parts of growthScale. It is
	// 0 when they did not, and so when there are none.
	Growth uint8
}

// Report is what a member said of its lag.
type Report struct {
	Reporter int // index into Digest.Reporters
	Age      int // rounds since the member said so, at most reportAgeMax
	Lag      Lag
}

// Sample says how members fare with a stream: the gossiper itself, and others as far as it has heard of them. Streams of a digest without a
// sample are those with which the gossiper does not lag.
type Sample struct {
	Entry   int // index into Digest.Entries
	Own     Lag // of the gossiper
	Reports []Report
}

// falls reports whether the gossiper falls ever further behind with the stream of entry i; at is the first sample that is not before the entry.
func (d *Digest) falls(i, at int) bool {
	return at < len(d.Samples) && d.Samples[at].Entry == i && d.Samples[at].Own.Growth > 0
}

func (l Lag) size() int {
	if l.Packets == 0 {
		return 1
	}
	return wire.UvarintSize(uint64(l.Packets)) + 1
}

func (l Lag) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(l.Packets))
	if l.Packets > 0 {
		b = append(b, l.Growth)
	}
	return b
}

func readLag(r *wire.Reader) (l Lag) {
	l.Packets = uint32(r.UvarintMax(lagMax))
	if l.Packets > 0 {
		if l.Growth = r.Byte(); l.Growth > growthScale {
			r.Fail(wire.ErrRange)
		}
	}
	return l
}

// reportSize returns the size of a report whose reporter has an index up to reportersMax.
func reportSize(l Lag) int { return 2 + l.size() }

// samplesSize returns the size of the part of a digest that holds reports.
func (d *Digest) samplesSize() int {
	size := wire.UvarintSize(uint64(len(d.Reporters))) + 8*len(d.Reporters) + wire.UvarintSize(uint64(len(d.Samples)))
	next := 0
	for i := range d.Samples {
		s := &d.Samples[i]
		size += wire.UvarintSize(uint64(s.Entry-next)) + s.Own.size() + wire.UvarintSize(uint64(len(s.Reports)))
		next = s.Entry + 1
		for _, report := range s.Reports {
			size += reportSize(report.Lag)
		}
	}
	return size
}

func (d *Digest) appendSamples(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(d.Reporters)))
	for _, id := range d.Reporters {
		b = wire.AppendFixed64(b, uint64(id))
	}
	b = wire.AppendUvarint(b, uint64(len(d.Samples)))
	next := 0
	for i := range d.Samples {
		s := &d.Samples[i]
		b = s.Own.append(wire.AppendUvarint(b, uint64(s.Entry-next)))
		next = s.Entry + 1
		b = wire.AppendUvarint(b, uint64(len(s.Reports)))
		for _, report := range s.Reports {
			b = report.Lag.append(append(b, byte(report.Reporter), byte(report.Age)))
		}
	}
	return b
}

// readSamples reads what appendSamples wrote, behind the entries. The reports of all samples share memory.
func (d *Digest) readSamples(r *wire.Reader) {
	for range r.Count(reportersMax, 8) {
		id := protocol.NodeID(r.Fixed64())
		if id == 0 {
			r.Fail(wire.ErrRange)
		}
		d.Reporters = append(d.Reporters, id)
	}
	count := r.Count(len(d.Entries), sampleMin)
	if count == 0 {
		r.Fail(wire.ErrRange) // then there is no such part
	}
	next := 0
	for range count {
		skip := int(r.UvarintMax(digestEntriesMax))
		if skip >= len(d.Entries)-next {
			r.Fail(wire.ErrRange)
			break
		}
		s := Sample{Entry: next + skip, Own: readLag(r)}
		next = s.Entry + 1
		mark := len(d.reports)
		for range r.Count(sampleReportsMax, reportMin) {
			d.readReport(r)
		}
		s.Reports = d.reports[mark:]
		d.Samples = append(d.Samples, s)
	}
	rest := d.reports
	for i := range d.Samples {
		n := len(d.Samples[i].Reports)
		d.Samples[i].Reports, rest = rest[:n:n], rest[n:]
	}
}

// The least bytes of a sample and of a report.
const (
	sampleMin = 3
	reportMin = 3
)

func (d *Digest) readReport(r *wire.Reader) {
	report := Report{Reporter: int(r.Byte()), Age: int(r.Byte()), Lag: readLag(r)}
	if report.Reporter >= len(d.Reporters) || report.Age > reportAgeMax {
		r.Fail(wire.ErrRange)
	}
	d.reports = append(d.reports, report)
}
