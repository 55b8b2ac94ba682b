package bimodal

import (
	"slices"

	"spinglass/gravity"
	"spinglass/protocol"
)

// What follows shows what is missing before it. The last packet before a pause only gossip tells of, and members hear that in proportion to their ratings: who wants little may not hear of it as long as anybody holds it.
// So each level of a topic has **endings**: some rounds after the last packet that it wants, each member that wants it tells one of those of that level that are told less than others, twice. Members stand in a ring by identifier, and
// each tells the one that stands as many places further as a hash of the packet says, so that everybody is told by one other, if all have the packet.
const (
	endingFirst = 4  // rounds after the last packet in which it is told of
	endingAgain = 3  // rounds until it is told of again, by another member
	endingTells = 2  // times
	endingRound = 16 // tells a round; what is beyond waits
)

// ending is the last packet of a stream that members of a level of its topic want.
type ending struct {
	level gravity.Rating
	seq   uint64
	round uint32 // in which this node heard of it
	told  uint8
}

// noteEndings takes in that a stream goes on behind a number.
func (m *Machine) noteEndings(s *stream, before uint64) {
	t := s.topic
	if m.refreshTargets(t); t.levels == nil || t.background || !t.follows() {
		return
	}
	s.matchEndings()
	open := len(s.endings) // levels that are wanted higher up have their last packet
	for seq := s.high; seq > before && open > 0; seq-- {
		h := s.height(seq)
		for open > 0 && s.endings[open-1].level.Wants(h) {
			open--
			s.endings[open] = ending{level: s.endings[open].level, seq: seq, round: m.round}
		}
	}
	if open < len(s.endings) && !s.ends {
		s.ends = true
		m.endings = append(m.endings, s)
	}
}

// matchEndings makes the endings of a stream those of the levels that its topic has now.
func (s *stream) matchEndings() {
	levels := s.topic.levels
	if slices.EqualFunc(s.endings, levels, func(e ending, a audience) bool { return e.level == a.level }) {
		return
	}
	before := s.endings
	s.endings = make([]ending, len(levels))
	for i := range levels {
		s.endings[i] = s.endingAmong(before, levels[i].level)
	}
}

// endingAmong returns the ending of a level as far as those of others show it: the latest of their packets that it wants. Ratings change while members still have to be told of what came before.
func (s *stream) endingAmong(before []ending, level gravity.Rating) ending {
	latest := ending{level: level, told: endingTells}
	for _, e := range before {
		if e.seq > latest.seq && level.Wants(s.height(e.seq)) {
			latest = ending{level: level, seq: e.seq, round: e.round, told: e.told}
		}
	}
	return latest
}

// tellEndings tells of the endings that are due.
func (m *Machine) tellEndings(now protocol.Time, out *protocol.Output) {
	left := endingRound
	m.endings = slices.DeleteFunc(m.endings, func(s *stream) bool {
		s.ends = !s.departed && m.endingsOf(now, s, &left, out)
		return !s.ends
	})
}

// endingsOf tells of those of a stream, and reports whether any are to come.
func (m *Machine) endingsOf(now protocol.Time, s *stream, left *int, out *protocol.Output) (more bool) {
	t := s.topic
	if m.refreshTargets(t); t.levels == nil {
		return false
	}
	s.matchEndings()
	for i := range s.endings {
		e := &s.endings[i]
		if e.told >= endingTells || e.level >= t.local || e.level > t.holds {
			continue
		}
		if m.round-e.round >= endingFirst+uint32(e.told)*endingAgain {
			if *left == 0 {
				m.stats.EndingsDelayed++
				return true
			}
			if m.tellEnding(now, s, &t.levels[i], e, out) {
				*left--
			}
			e.told++
		}
		more = more || e.told < endingTells
	}
	return more
}

// tellEnding tells the member whose turn it is of an ending, if it is one that is told less than others.
func (m *Machine) tellEnding(now protocol.Time, s *stream, to *audience, e *ending, out *protocol.Output) bool {
	ring := m.ringOf(to)
	if len(ring) == 1 {
		return false
	}
	at, _ := slices.BinarySearch(ring, m.config.Self)
	step := 1 + mix(s.key^e.seq+uint64(e.told)<<62)%uint64(len(ring)-1)
	p := m.peers[ring[(uint64(at)+step)%uint64(len(ring))]]
	if p == nil || p.id == s.id.Author || m.ratingOf(p, s.topic) > to.level {
		return false
	}
	m.stats.EndingsTold++
	m.beginDigest(p)
	s.topic.stamp, s.topic.index = m.digestStamp, -1
	m.addEntry(now, s, nil, m.messageRoom())
	m.sendEntries(p, out)
	return true
}

// ringOf returns the ring of those that want packets of a level, made once for as long as they are the same.
func (m *Machine) ringOf(a *audience) []protocol.NodeID {
	if a.ring == nil {
		a.ring = append(make([]protocol.NodeID, 0, len(a.region)+1), m.config.Self)
		a.ring = append(a.ring, a.region...)
		slices.Sort(a.ring)
	}
	return a.ring
}
