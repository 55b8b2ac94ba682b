package bimodal

import (
	"iter"

	"spinglass/gravity"
	"spinglass/protocol"
)

// Constants of hearing groups that are not for configuration.
const (
	probeAnswersMax  = 256 // probes answered a round
	probeSilence     = 3   // rounds without a probe after which who misses packets complains
	complaintsMax    = 3   // complaints about one silence
	complaintsSpread = 256 // members of which about so many complain in a round
)

// hearing is what a receiver knows of the probes of a stream's author.
type hearing struct {
	heard      bool
	repaired   bool   // packets have come by repair since
	at         uint32 // round in which the last one came
	round      uint32 // that it carried
	complaints uint8  // since then
}

// receiveProbe answers a probe that asks this member.
func (m *Machine) receiveProbe(from protocol.NodeID, q *MulticastProbe, out *protocol.Output) {
	m.stats.ProbesHeard++
	if m.stranger(from, out) {
		return
	}
	t, band := m.bandNamed(q.Topic)
	if t == nil || !t.subscribed || t.rating <= band.Floor() && t.bandsDiffer() {
		out.Drop(from, ReasonUnwanted)
		return
	}
	if !m.peers[from].regional {
		return // packets come into this zone by a way of their own
	}
	if s := m.byID[StreamID{Author: from, Epoch: m.peers[from].epoch, Topic: t.id}]; s != nil {
		*s.hearingOf(band) = hearing{heard: true, at: m.round, round: q.Round}
	}
	if !q.sampled(m.config.Self) {
		return
	}
	if m.favours.probes.Take(&m.portions(from).probes, 1) != protocol.Granted {
		out.Drop(from, ReasonProbes)
		return
	}
	out.Send(from, &MulticastHeard{Topic: q.Topic, Round: q.Round})
}

// complain tells authors whose probes have ceased while packets are missing that this node does not hear them any more. Samples would find
// that out, but in a large group not soon.
func (m *Machine) complain(out *protocol.Output) {
	for s := m.newest; s != nil; s = s.older {
		for band := range s.hearings() {
			m.complainOf(s, band, out)
		}
	}
}

// complainOf does that for a band of a stream.
func (m *Machine) complainOf(s *stream, band gravity.Band, out *protocol.Output) {
	h := s.hearingOf(band)
	if !h.heard || m.round-h.at < probeSilence || s.missing() == 0 && !h.repaired {
		return
	}
	m.refreshTargets(s.topic)
	if n := len(s.topic.region); n > complaintsSpread && m.config.Rand.IntN(n) >= complaintsSpread {
		return
	}
	h.at = m.round
	if h.complaints++; h.complaints == complaintsMax {
		h.heard = false
	}
	m.stats.ComplaintsSent++
	out.Send(s.id.Author, &MulticastHeard{Lost: true, Topic: s.topic.bandID(band), Round: h.round})
}

// hearingOf returns what is known of the probes of a band.
func (s *stream) hearingOf(band gravity.Band) *hearing {
	if band == gravity.BandLast {
		return &s.hearing
	}
	if s.below == nil {
		s.below = new([gravity.BandLast]hearing)
	}
	return &s.below[band]
}

// hearings yields the bands of which probes may have been heard, the highest first.
func (s *stream) hearings() iter.Seq[gravity.Band] {
	return func(yield func(gravity.Band) bool) {
		if !yield(gravity.BandLast) || s.below == nil {
			return
		}
		for band := range gravity.Band(gravity.BandLast) {
			if !yield(band) {
				return
			}
		}
	}
}

// heardRepaired notes that a packet has come by repair.
func (s *stream) heardRepaired(seq uint64) {
	if s.below == nil {
		s.hearing.repaired = true
		return
	}
	s.hearingOf(s.height(seq).Band()).repaired = true
}
