package bimodal

import (
	"slices"

	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/wire"
)

// claim is what others than the author say of the end of a stream: that there is a packet with a manifest.
type claim struct {
	asked  uint32          // round in which that packet was last asked for
	sought uint64          // its number
	teller protocol.NodeID // who was asked
	began  protocol.Time   // of a stream that is not known: when it began, as those say that told of it; the latest, since a doubtful packet is wanted
	told   bool            // any of them did
}

// hearSay takes in what a member says of another's stream. That the stream has more packets than this node has heard of is believed when one of them is here, since its
// manifest proves it. Until then just that packet is asked for, and the author for the end if none comes. It returns nil where nothing else can be asked for.
func (m *Machine) hearSay(now protocol.Time, s *stream, id StreamID, e *DigestEntry, o *occasion, out *protocol.Output) *stream {
	if s != nil {
		o.known = s.high
		s.aged = max(s.aged, min(e.Floor, s.high+1))
	}
	if s != nil && e.High <= s.high || s == nil && !m.wanted(id.Topic) {
		return s
	}
	m.awake(now)
	if _, known := m.keyOf(id); !known {
		m.stats.AuthorsUnknown++
		m.wantKey(id.Author, o.from, out)
		return s
	}
	m.doubtEnd(id, s, o.from)
	if s != nil && s.topic.holds != gravity.All {
		return m.hearWanted(s, e, o, out)
	}
	if e.Manifest == 0 || s != nil && e.Manifest <= s.high {
		return s
	}
	t := m.trialOf(id, m.linkOf(o.from))
	if t == nil {
		m.stats.ClaimsRefused++
		return s
	}
	c := &t.claim
	if s == nil && m.dates(c, id, beganAgo(now, e.Age)) {
		return nil
	}
	if c.allows(m.round, e.Manifest, o) && m.askNumber(id, e.Manifest, o) {
		c.asked, c.sought, c.teller = m.round, e.Manifest, o.from
	}
	return s
}

// wantedScan is how many numbers are looked at for one that is wanted, times the rating: of so many each is spared with a probability of e^-16 only.
const wantedScan = 16

// hearWanted does what hearSay does for a stream of which this node wants some packets: it asks for the newest of these, which proves itself, and where the gossiper does not hold it any more, one of its bufferers. Where none is
// among those told of, nothing is missed. Heights that are looked at count as packets found missing do, before they are.
func (m *Machine) hearWanted(s *stream, e *DigestEntry, o *occasion, out *protocol.Output) *stream {
	if s.topic.holds == 0 {
		return s
	}
	if t := m.proving.trials[s.id]; t != nil && !t.claim.allows(m.round, e.High, o) {
		return s
	}
	scan := min(e.High-s.high, uint64(wantedScan/s.topic.holds.Fraction())+1, windowMax)
	if !m.follow(scan, o.from, out) {
		return s
	}
	seq, wanted := s.wantsWithin(e.High-scan+1, e.High)
	if !wanted {
		return s
	}
	t := m.trialOf(s.id, m.linkOf(o.from))
	if t == nil {
		m.stats.ClaimsRefused++
		return s
	}
	c := &t.claim
	if !c.allows(m.round, seq, o) {
		return s
	}
	if m.askWanted(s, seq, e, o, out) {
		c.asked, c.sought, c.teller = m.round, seq, o.from
	}
	return s
}

// askWanted asks for a packet the one who told of it, or one of its bufferers where that does not hold it. It reports whether anybody was asked: who was not may be at the next occasion.
func (m *Machine) askWanted(s *stream, seq uint64, e *DigestEntry, o *occasion, out *protocol.Output) bool {
	if slices.ContainsFunc(e.Ranges, func(r Range) bool { return r.First <= seq && seq <= r.Last }) {
		return m.askNumber(s.id, seq, o)
	}
	if o.answer || m.pollsLeft == 0 {
		return false
	}
	b := m.drawBufferer(s, seq)
	if b != nil {
		m.sendPoll(b.id, PollEntry{Stream: s.id, Ranges: []Range{{seq, seq}}}, out)
	}
	return b != nil
}

// dates takes in when a stream that is not known began, as a member says. Its packets tell how old it was when they were sealed, and nothing of when that was. That it began
// before the subscription, so that not all of it is wanted, its author knows best: while that is here it is asked, since the end is in doubt, and nobody else is believed. It
// reports whether that is so.
func (m *Machine) dates(c *claim, id StreamID, began protocol.Time) bool {
	if !c.told || began > c.began {
		c.began, c.told = began, true
	}
	return m.config.Mode == ModeFull && c.began < m.topics[id.Topic].since && m.present(id) && m.peers[id.Author].reachable
}

// beganBefore returns when the stream of a packet began that is heard of for the first time: by the age that it had when the packet was sealed, and where that was sent again,
// which may be much later, by what those say that told of it.
func (m *Machine) beganBefore(now protocol.Time, p *Packet, way way) protocol.Time {
	began := beganAgo(now, p.Age)
	if t := m.proving.trials[p.Stream]; way == wayRepair && t != nil && t.claim.told {
		return min(began, t.claim.began)
	}
	return began
}

// allows reports whether the packet with a manifest may be asked for because of a digest: after a pause, or where the one asked for before is far behind; and of a
// gossiper that was not the one asked before, since that may have lied.
func (c *claim) allows(round uint32, seq uint64, o *occasion) bool {
	return round-c.asked > o.pause || seq > c.sought+manifestMax || c.teller != o.from
}

// askNumber adds one packet to the request under way, if there is room.
func (m *Machine) askNumber(id StreamID, seq uint64, o *occasion) bool {
	c := &m.scratch
	reserved := id.size() + 4*wire.UvarintSize(seq) + wire.UvarintSize(RequestNumbersMax)
	if o.numbers == 0 || c.reserved+reserved > m.messageRoom() {
		return false
	}
	o.numbers--
	c.reserved += reserved
	c.ranges = append(c.ranges, Range{First: seq, Last: seq})
	c.asked = append(c.asked, RequestEntry{Stream: id, Ranges: c.ranges[len(c.ranges)-1:]})
	return true
}

// newestManifest returns the number of the newest packet of a stream with a manifest, if it is held, else 0.
func (m *Machine) newestManifest(s *stream) uint64 {
	if s.manifest > 0 {
		if p, _ := s.packet(s.manifest); p != nil {
			return s.manifest
		}
	}
	return 0
}
