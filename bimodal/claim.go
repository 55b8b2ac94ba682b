package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// claim is what others than the author say of the end of a stream: that there is a packet with a manifest.
type claim struct {
	asked  uint32          // round in which that packet was last asked for
	sought uint64          // its number
	teller protocol.NodeID // who was asked
}

// hearSay takes in what a member says of another's stream. That the stream has more packets than this node has heard of is believed when one of them is here, since its
// manifest proves it. Until then just that packet is asked for, and the author for the end if none comes. It returns nil where nothing else can be asked for.
func (m *Machine) hearSay(now protocol.Time, s *stream, id StreamID, e *DigestEntry, o *occasion) *stream {
	if s != nil {
		o.known = s.high
		s.aged = max(s.aged, min(e.Floor, s.high+1))
	}
	if s != nil && e.High <= s.high || s == nil && !m.wanted(id.Topic) {
		return s
	}
	if _, known := m.keyOf(id); !known {
		m.stats.AuthorsUnknown++
		return s
	}
	m.awake(now)
	m.doubtEnd(id, s, o.from)
	if e.Manifest == 0 || s != nil && e.Manifest <= s.high {
		return s
	}
	t := m.trialOf(id, m.linkOf(o.from))
	if t == nil {
		m.stats.ClaimsRefused++
		return s
	}
	if t.claim.allows(m.round, e.Manifest, o) {
		t.claim = claim{asked: m.round, sought: e.Manifest, teller: o.from}
		m.askNumber(id, e.Manifest, o)
	}
	return s
}

// allows reports whether the packet with a manifest may be asked for because of a digest: after a pause, or where the one asked for before is far behind; and of a
// gossiper that was not the one asked before, since that may have lied.
func (c *claim) allows(round uint32, seq uint64, o *occasion) bool {
	return round-c.asked > o.pause || seq > c.sought+manifestMax || c.teller != o.from
}

// askNumber adds one packet to the request under way.
func (m *Machine) askNumber(id StreamID, seq uint64, o *occasion) {
	c := &m.scratch
	reserved := id.size() + 4*wire.UvarintSize(seq) + wire.UvarintSize(RequestNumbersMax)
	if o.numbers == 0 || c.reserved+reserved > m.messageRoom() {
		return
	}
	o.numbers--
	c.reserved += reserved
	c.ranges = append(c.ranges, Range{First: seq, Last: seq})
	c.asked = append(c.asked, RequestEntry{Stream: id, Ranges: c.ranges[len(c.ranges)-1:]})
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
