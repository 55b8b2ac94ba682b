package bimodal

import (
	"cmp"
	"slices"

	"spinglass/protocol"
)

// Reports that a node keeps.
const (
	crowdKept  = sampleReportsMax // of a stream of another author
	crowdHeard = 128              // of a stream of its own
	quietKept  = sampleReportsMax // of gossipers that lagged with nothing
	quietAge   = 10               // rounds for which these count
)

// crowd is what a node knows of how others fare with one stream: the latest report of each of some members.
type crowd struct {
	reports []report
	lags    bool // one of them told of a lag when they were looked at last
}

// report is what a member said of its lag with a stream.
type report struct {
	member protocol.NodeID
	round  uint32 // of this node, in which the member said so
	lag    Lag
}

// quiet is a gossiper that had no lag to tell of.
type quiet struct {
	member protocol.NodeID
	round  uint32
}

// add takes in a report, if it is news; the oldest makes room.
func (c *crowd) add(r report, kept int) {
	oldest := 0
	for i := range c.reports {
		known := &c.reports[i]
		if known.member == r.member {
			if int32(r.round-known.round) >= 0 {
				*known = r
			}
			return
		}
		if int32(known.round-c.reports[oldest].round) < 0 {
			oldest = i
		}
	}
	switch {
	case len(c.reports) < kept:
		c.reports = append(c.reports, r)
	case int32(r.round-c.reports[oldest].round) > 0:
		c.reports[oldest] = r
	}
}

// age drops the reports that are too old to be passed on.
func (c *crowd) age(round uint32) {
	c.reports = slices.DeleteFunc(c.reports, func(r report) bool { return round-r.round > reportAgeMax })
	c.lags = slices.ContainsFunc(c.reports, func(r report) bool { return r.lag.Packets > 0 })
}

// freshest sorts the reports, the latest first.
func (c *crowd) freshest(round uint32) []report {
	slices.SortFunc(c.reports, func(a, b report) int {
		return cmp.Or(cmp.Compare(round-a.round, round-b.round), cmp.Compare(a.member, b.member))
	})
	return c.reports
}

// crowdLimit returns how many reports of a stream this node keeps.
func (m *Machine) crowdLimit(s *stream) int {
	if m.writes(s.id) {
		return crowdHeard
	}
	return crowdKept
}

// heed takes in what a digest says of the lag with the stream of entry i. Digests without samples are from gossipers that lag with nothing.
// next is the first sample that is not behind the entry; heed returns the next one.
func (m *Machine) heed(s *stream, d *Digest, i, next int, from *peer) int {
	for next < len(d.Samples) && d.Samples[next].Entry < i {
		next++
	}
	var sample *Sample
	if next < len(d.Samples) && d.Samples[next].Entry == i {
		sample = &d.Samples[next]
	}
	if from == nil || m.config.Mode != ModeFull || !s.listed || sample == nil && s.crowd == nil {
		return next
	}
	m.gather(s)
	limit, said := m.crowdLimit(s), m.round
	if s.meter != nil {
		said -= uint32(s.meter.late) // the digest has waited in the same queue as packets do
	}
	if sample == nil {
		s.crowd.add(report{member: from.id, round: said}, limit)
		return next
	}
	s.crowd.add(report{member: from.id, round: said, lag: sample.Own}, limit)
	for _, r := range sample.Reports {
		if id := d.Reporters[r.Reporter]; id != m.config.Self && id != s.id.Author {
			m.stats.ReportsReceived++
			s.crowd.add(report{member: id, round: said - uint32(r.Age), lag: r.Lag}, limit)
		}
	}
	return next
}

// gather makes the crowd of a stream known that there is a lag to tell of. Those who had none to tell of lately are part of it.
func (m *Machine) gather(s *stream) {
	if s.crowd != nil {
		return
	}
	s.crowd = &crowd{}
	for _, q := range m.quiet {
		if p := m.peers[q.member]; p != nil && p.wants(s.topic.id) && p.id != s.id.Author && m.round-q.round <= quietAge {
			s.crowd.add(report{member: q.member, round: q.round}, m.crowdLimit(s))
		}
	}
}

// hush notes that a gossiper has no lag to tell of.
func (m *Machine) hush(from *peer) {
	q := quiet{member: from.id, round: m.round}
	if len(m.quiet) < quietKept {
		m.quiet = append(m.quiet, q)
		return
	}
	m.quiet[m.quietAt] = q
	m.quietAt = (m.quietAt + 1) % quietKept
}

// regard brings what is known of the lag with a stream up to the present round. Where nobody lags there is nothing to keep, but for the author,
// who wants to know that.
func (m *Machine) regard(s *stream) {
	if m.config.Mode != ModeFull {
		return
	}
	m.measure(s)
	lags := s.meter != nil && s.meter.lag.Packets > 0
	if s.crowd != nil {
		s.crowd.age(m.round)
		lags = lags || s.crowd.lags
	}
	if lags || m.writes(s.id) {
		m.gather(s)
	} else {
		s.crowd = nil
	}
}
