package bimodal

import (
	"spinglass/identity"
	"spinglass/protocol"
)

// try finds out whether a packet is its author's that somebody else handed on.
func (m *Machine) try(now protocol.Time, a arrived, out *protocol.Output) {
	m.awake(now)
	p, by, s := a.packet, m.voiceOf(&a), m.byID[a.packet.Stream]
	if !by.group && m.shunned(by.peer) {
		m.tryShunned(s, a, by, out)
		return
	}
	if a.relay == nil && p.Manifest == nil && m.topics[p.Stream.Topic].sparesPacket(p) {
		m.stats.PacketsSpared++
		return
	}
	if s != nil && s.had(p.Seq) {
		m.tryDuplicate(now, s, a, by, out)
		return
	}
	key, known := m.keyOf(p.Stream)
	switch {
	case s == nil && a.relay == nil && !m.wanted(p.Stream.Topic):
		m.stats.PacketsUnwanted++
		out.Drop(a.from, ReasonUnwanted)
	case !known:
		m.waitForKey(a, by, out)
	case p.Manifest != nil:
		m.tryManifest(now, a, by, key, out)
	case !m.tryCover(now, s, a, by, out):
		m.waitOrDrop(a, by, out)
	}
}

// waitOrDrop keeps a packet until its manifest comes, if there is room.
func (m *Machine) waitOrDrop(a arrived, by *voice, out *protocol.Output) {
	if !m.wait(a, by) {
		m.stats.SuspectsRefused++
		out.Drop(a.from, ReasonTrials)
	}
}

func (m *Machine) wanted(id TopicID) bool {
	t := m.topics[id]
	return t.follows()
}

// had reports whether a packet is held, or is below what is still wanted.
func (s *stream) had(seq uint64) bool {
	return seq < s.next || seq <= s.high && s.at(seq).packet != nil
}

// tryDuplicate counts a packet that is held or was, and hands the one that is held on. One that differs is somebody's fault.
func (m *Machine) tryDuplicate(now protocol.Time, s *stream, a arrived, by *voice, out *protocol.Output) {
	m.stats.PacketsDuplicate++
	held, use := s.packet(a.packet.Seq)
	if held == nil {
		return
	}
	same := held.equals(a.packet)
	switch {
	case same && a.relay == nil:
		return
	case !m.prove(s, held, use, by):
		if a.relay != nil && use.standing == unproven {
			a.packet, a.taken = held, true
			m.waitOrDrop(a, by, out)
		}
		return
	case !same:
		m.compare(s, held, a, by, out)
	}
	if a.relay != nil {
		m.handRelay(now, a.from, m.relayOf(a.relay, held), out)
	}
}

// compare finds out who is to blame for a packet that differs from the one of its number that is held and proven: the author, if it has signed both.
func (m *Machine) compare(s *stream, held *Packet, a arrived, by *voice, out *protocol.Output) {
	p := a.packet
	key, known := m.keyOf(s.id)
	switch {
	case !known:
		return
	case p.Manifest == nil:
		m.blame(by, a.from, p, out)
		return
	}
	valid, refused := m.verify(p, key, by)
	switch {
	case refused:
		out.Drop(a.from, ReasonVerifications)
	case !valid:
		m.refuse(by, a, key, out)
	case held.Manifest != nil:
		m.contradict(m.statementOf(held, key.PublicKey), m.statementOf(p, key.PublicKey), s.id.Author, out)
	}
}

// contradict tells of two different packets under one number, both signed. Who was blamed for a packet of such an author may have had another one of it.
func (m *Machine) contradict(first, second identity.Statement, author protocol.NodeID, out *protocol.Output) {
	if proof, err := identity.NewVerifiedEquivocation(first, second); err == nil {
		m.stats.AuthorsContradictory++
		m.absolve(author)
		out.Emit(identity.Contradiction{Peer: author, Proof: proof})
	}
}

// tryManifest admits a packet with a manifest, and what it proves, if its signature is good.
func (m *Machine) tryManifest(now protocol.Time, a arrived, by *voice, key signingKey, out *protocol.Output) {
	switch valid, refused := m.verify(a.packet, key, by); {
	case refused:
		out.Drop(a.from, ReasonVerifications)
	case !valid:
		m.refuse(by, a, key, out)
	default:
		m.admit(now, a, proven, out)
	}
}

// refuse drops a packet whose signature is none.
func (m *Machine) refuse(by *voice, a arrived, key signingKey, out *protocol.Output) {
	if key.binds(a.from) {
		m.blame(by, a.from, a.packet, out)
		return
	}
	if key.vouchers != nil {
		m.wantKey(a.packet.Stream.Author, a.from, out)
	}
	m.stats.AuthorsUnknown++
	out.Drop(a.from, ReasonAuthor)
}

// tryCover judges a packet by the manifest of a later one, if that is here and proven. It reports whether it did.
func (m *Machine) tryCover(now protocol.Time, s *stream, a arrived, by *voice, out *protocol.Output) bool {
	if s == nil {
		return false
	}
	c, use := s.coverOf(a.packet.Seq)
	if c == nil {
		return false
	}
	if !m.prove(s, c, use, by) {
		if use.standing == unproven {
			m.checkLater(c)
		}
		return false
	}
	m.match(now, a, by, c, out)
	return true
}

// match admits a packet if the manifest of c, which is proven, covers it as it is.
func (m *Machine) match(now protocol.Time, a arrived, by *voice, c *Packet, out *protocol.Output) {
	// One without a manifest under the number of c itself is not the author's.
	good := a.packet.Seq != c.Seq && m.fits(a.packet, c)
	switch {
	case a.taken:
		m.matchTaken(now, a, good, out)
	case good:
		m.admit(now, a, proven, out)
	default:
		m.blame(by, a.from, a.packet, out)
	}
}

// matchTaken hands on a packet that was taken in when it came, as its author itself has sent it, if that has signed it too.
func (m *Machine) matchTaken(now protocol.Time, a arrived, good bool, out *protocol.Output) {
	if s := m.byID[a.packet.Stream]; s != nil {
		if held, use := s.packet(a.packet.Seq); held == a.packet && use.standing == unproven {
			m.judgeOwn(use, good)
		}
	}
	if good {
		m.handRelay(now, a.from, a.relay, out)
	}
}

// acquit judges the packets on trial that the manifest of c covers, which is proven, in their order.
func (m *Machine) acquit(now protocol.Time, c *Packet, out *protocol.Output) {
	t := m.proving.trials[c.Stream]
	if t == nil {
		return
	}
	for seq := c.Seq - c.Manifest.covers(); seq <= c.Seq && len(t.suspects) > 0; seq++ {
		m.release(t, seq, func(x *suspect) { m.match(now, x.arrived, x.voice, c, out) })
	}
}

// acquitBy judges the packets on trial that a manifest covers, of which only the author's own link vouches so far. It returns what was found out about it.
func (m *Machine) acquitBy(now protocol.Time, a arrived, out *protocol.Output) standing {
	c := a.packet
	if !m.suspectsOf(c) {
		return unproven
	}
	key, known := m.keyOf(c.Stream)
	if !known {
		return unproven
	}
	switch valid, refused := m.verify(c, key, m.linkOf(a.from)); {
	case refused:
		m.checkLater(c)
		return unproven
	case !valid:
		m.stats.PacketsContrary++
		return disproven
	}
	m.acquit(now, c, out)
	return proven
}

// place is that of a packet.
type place struct {
	stream StreamID
	seq    uint64
}

// uncheckedMax bounds how many manifests are verified later for which there was no time.
const uncheckedMax = 256

// checkLater notes that a manifest is to be verified in the next round.
func (m *Machine) checkLater(c *Packet) {
	v, at := &m.proving, place{c.Stream, c.Seq}
	for _, other := range v.unchecked {
		if other == at {
			return
		}
	}
	if len(v.unchecked) < uncheckedMax {
		v.unchecked = append(v.unchecked, at)
	}
}

// checkUnchecked verifies what there was no time for in the round before.
func (m *Machine) checkUnchecked(now protocol.Time, out *protocol.Output) {
	v := &m.proving
	list := v.unchecked
	v.unchecked = nil
	for _, at := range list {
		s := m.byID[at.stream]
		if s == nil {
			continue
		}
		c, use := s.packet(at.seq)
		switch {
		case c == nil || c.Manifest == nil:
		case m.prove(s, c, use, m.linkOf(at.stream.Author)):
			m.acquit(now, c, out)
		case use.standing == unproven:
			m.checkLater(c)
		}
	}
}
