package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// Shares of a digest, and of digests.
const (
	reportsShare  = 4 // one part in so many of a digest is kept for reports, where there are any
	directDigests = 4 // a round that the author of a busy stream gets besides those of gossip, on average and at most,
	directShare   = 4 // and one for so many packets of a round at most: a slow stream is not to cost its author more datagrams than it has packets
)

// sampler builds the part of a digest that holds reports.
type sampler struct {
	reporters []protocol.NodeID
	samples   []Sample
	room      int // bytes
}

// reportsRoom returns how many bytes of a digest are kept for reports.
func (m *Machine) reportsRoom() int {
	for s := m.newest; s != nil; s = s.older {
		if s.tells() {
			return m.messageRoom() / reportsShare
		}
	}
	return 0
}

// tells reports whether a digest that lists s says something of lag with it.
func (s *stream) tells() bool {
	return s.crowd != nil && len(s.crowd.reports) > 0 && s.crowd.lags || s.meter != nil && s.meter.lag.Packets > 0
}

// addSamples adds to a digest what is known of lag with its streams: first of this node's own, with all of them; then that of others, with
// the streams of the receiver first and with the rest in turns, the latest first, as far as there is room.
func (m *Machine) addSamples(d *Digest, to protocol.NodeID) {
	b := sampler{room: m.messageRoom() - d.Size() - samplesOverhead}
	for i := range d.Entries {
		s := m.byID[d.Stream(i)]
		if s == nil || !s.tells() || b.room < sampleOverhead {
			continue
		}
		sample := Sample{Entry: i}
		if s.meter != nil {
			sample.Own = s.meter.lag
		}
		b.room -= sampleOverhead
		b.samples = append(b.samples, sample)
	}
	if len(b.samples) == 0 {
		return
	}
	begin := m.config.Rand.IntN(len(b.samples))
	for _, receivers := range []bool{true, false} {
		for k := range b.samples {
			sample := &b.samples[(begin+k)%len(b.samples)]
			if id := d.Stream(sample.Entry); (id.Author == to) == receivers {
				m.addReports(&b, sample, m.byID[id], to)
			}
		}
	}
	d.Reporters, d.Samples = b.reporters, b.samples
}

// The most bytes that the part with samples takes besides samples and reports, and a sample besides its reports.
const (
	samplesOverhead = 1 + 2
	sampleOverhead  = 2 + 5 + 1
)

func (m *Machine) addReports(b *sampler, sample *Sample, s *stream, to protocol.NodeID) {
	if s.crowd == nil {
		return
	}
	for _, r := range s.crowd.freshest(m.round) {
		if len(sample.Reports) == sampleReportsMax {
			return
		}
		if r.member == to || m.round-r.round > reportAgeMax {
			continue
		}
		size, at := reportSize(r.lag), slices.Index(b.reporters, r.member)
		if at < 0 {
			size += 8
		}
		if size > b.room || at < 0 && len(b.reporters) == reportersMax {
			continue
		}
		if at < 0 {
			at = len(b.reporters)
			b.reporters = append(b.reporters, r.member)
		}
		b.room -= size
		sample.Reports = append(sample.Reports, Report{Reporter: at, Age: int(m.round - r.round), Lag: r.lag})
	}
}

// drawAuthor returns the author of a busy stream, to whom this node is to send a digest besides those of gossip: so often that each author
// hears from a few members each round, whatever their number. It returns nil when this is not the time.
func (m *Machine) drawAuthor() (author *peer) {
	weight := 0.0
	for s := m.newest; s != nil; s = s.older {
		if s.meter == nil || !s.meter.busy {
			continue
		}
		p := m.peers[s.id.Author]
		if p == nil {
			continue
		}
		m.refreshTargets(s.topic)
		// The targets of the author are this node and its own targets but the author.
		each := min(1, s.meter.digests()/float64(max(len(s.topic.targets), 1)))
		if weight += each; m.config.Rand.Float64()*weight < each {
			author = p
		}
	}
	if author == nil || weight < 1 && m.config.Rand.Float64() >= weight {
		return nil
	}
	return author
}

// digests returns how many digests a round the author of the stream is to get besides those of gossip, from all members together.
func (l *lagMeter) digests() float64 {
	latest := (l.rounds + lagWindow) % (lagWindow + 1)
	return min(directDigests, float64(l.worth(latest, lagWindow))/(lagWindow*directShare))
}

// sendAuthorDigest tells the author of streams what this node holds of them, and with it how it lags.
func (m *Machine) sendAuthorDigest(now protocol.Time, author *peer, out *protocol.Output) {
	m.beginDigest(author)
	limit := m.messageRoom() - m.reportsRoom()
	for s := m.newest; s != nil; s = s.older {
		if s.id.Author != author.id {
			continue
		}
		if s.topic.stamp != m.digestStamp {
			s.topic.stamp, s.topic.index = m.digestStamp, -1
		}
		if !m.addEntry(now, s, nil, limit) {
			break
		}
	}
	m.sendEntries(author, out)
}
