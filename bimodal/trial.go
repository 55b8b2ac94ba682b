package bimodal

import (
	"cmp"
	"slices"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Bounds of packets on trial.
const (
	trialsMax     = 1024    // streams with packets on trial
	trialBytesMax = 8 << 20 // of packets on trial, all streams together,
	trialPart     = 4       // and one peer's part of them: one in so many
	trialRounds   = 40      // rounds for which a packet waits for its manifest
)

// suspect is a packet that waits for the manifest that proves it.
type suspect struct {
	arrived
	hop   *peer // who is answerable for it
	round uint32
	cost  int
}

// trial is what waits of a stream.
type trial struct {
	id       StreamID
	suspects []suspect // in the order of their numbers
	asked    uint32    // round in which the manifest sought was last asked for
	sought   uint64    // number of the packet with it
	round    uint32    // in which it was last of use
}

// try finds out whether a packet is its author's that somebody else handed on.
func (m *Machine) try(now protocol.Time, a arrived, out *protocol.Output) {
	p, hop := a.packet, m.peers[a.from]
	s := m.byID[p.Stream]
	if s != nil && (p.Seq < s.next || p.Seq <= s.high && s.at(p.Seq).packet != nil) {
		m.tryDuplicate(now, s, a, out)
		return
	}
	key, known := m.keyOf(p.Stream)
	switch {
	case hop == nil:
		out.Drop(a.from, ReasonStranger)
		return
	case !known:
		m.stats.AuthorsUnknown++
		out.Drop(a.from, ReasonAuthor)
		return
	case s == nil && a.relay == nil && !m.wanted(p.Stream.Topic):
		m.stats.PacketsUnwanted++
		out.Drop(a.from, ReasonUnwanted)
		return
	}
	if p.Manifest != nil {
		m.tryManifest(now, a, hop, key, out)
		return
	}
	if s != nil {
		if c, _ := s.coverOf(p.Seq); c != nil {
			m.match(now, a, hop, c, out)
			return
		}
	}
	m.wait(a, hop, out)
}

func (m *Machine) wanted(id TopicID) bool {
	t := m.topics[id]
	return t != nil && t.subscribed
}

// tryDuplicate counts a packet that is held or was, and hands the one that is held on.
func (m *Machine) tryDuplicate(now protocol.Time, s *stream, a arrived, out *protocol.Output) {
	m.stats.PacketsDuplicate++
	held, use := s.packet(a.packet.Seq)
	if held == nil {
		return
	}
	if held.Manifest != nil && a.packet.Manifest != nil {
		m.compare(s, held, use, a, out)
	}
	if a.relay != nil && m.prove(s, held, use) {
		m.handRelay(now, a.from, a.relay, out)
	}
}

// compare looks whether an author has signed two different packets under one number.
func (m *Machine) compare(s *stream, held *Packet, use *usage, a arrived, out *protocol.Output) {
	key, known := m.keyOf(s.id)
	if held.Manifest.Signature == a.packet.Manifest.Signature || !known || !m.prove(s, held, use) {
		return
	}
	first, second := m.statementOf(held, key), m.statementOf(a.packet, key)
	if first.Digest == second.Digest {
		return
	}
	if valid, _ := m.verify(a.packet, key, m.peers[a.from]); !valid {
		m.blame(m.peers[a.from], a.packet, out)
		return
	}
	if proof, err := identity.NewVerifiedEquivocation(first, second); err == nil {
		m.stats.AuthorsContradictory++
		out.Emit(identity.Contradiction{Peer: s.id.Author, Proof: proof})
	}
}

// tryManifest admits a packet with a manifest, and what it proves, if its signature is good.
func (m *Machine) tryManifest(now protocol.Time, a arrived, hop *peer, key identity.PublicKey, out *protocol.Output) {
	switch valid, refused := m.verify(a.packet, key, hop); {
	case refused:
		m.stats.ManifestsRefused++
		out.Drop(a.from, ReasonVerifications)
	case !valid:
		m.blame(hop, a.packet, out)
	default:
		m.admit(now, a, true, out)
	}
}

// match admits a packet if the manifest of a later one, which is believed, covers it as it is.
func (m *Machine) match(now protocol.Time, a arrived, hop *peer, c *Packet, out *protocol.Output) {
	sum := m.sumOf(a.packet)
	if string(sum[:]) != string(c.Manifest.hashOf(c.Seq, a.packet.Seq)) {
		m.blame(hop, a.packet, out)
		return
	}
	m.admit(now, a, true, out)
}

// wait keeps a packet until its manifest comes.
func (m *Machine) wait(a arrived, hop *peer, out *protocol.Output) {
	v := &m.proving
	t := m.trialOf(a.packet.Stream)
	if t == nil {
		m.stats.SuspectsRefused++
		out.Drop(a.from, ReasonTrials)
		return
	}
	i, waits := t.find(a.packet.Seq)
	cost := a.packet.cost()
	switch {
	case waits:
		m.stats.PacketsDuplicate++
		return
	case v.bytes+cost > trialBytesMax || hop.trialBytes+cost > trialBytesMax/trialPart:
		m.stats.SuspectsRefused++
		out.Drop(a.from, ReasonTrials)
		return
	}
	if a.packet = m.arena.keep(a.packet); a.relay != nil {
		r := *a.relay
		r.Packet, r.lent = a.packet, false
		a.relay = &r
	}
	v.bytes += cost
	hop.trialBytes += cost
	t.round = m.round
	t.suspects = slices.Insert(t.suspects, i, suspect{arrived: a, hop: hop, round: m.round, cost: cost})
}

// find returns where a packet is in suspects, or would be.
func (t *trial) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(t.suspects, seq, func(x suspect, seq uint64) int { return cmp.Compare(x.packet.Seq, seq) })
}

// trialOf returns the trial of a stream, a new one if need be; nil when there are too many.
func (m *Machine) trialOf(id StreamID) *trial {
	v := &m.proving
	t := v.trials[id]
	if t == nil && len(v.order) < trialsMax {
		t = &trial{id: id, asked: m.round - neverAsked, round: m.round}
		v.trials[id] = t
		v.order = append(v.order, t)
	}
	return t
}

// acquit admits those packets on trial that a manifest covers, in their order, and blames who sent those that it does not cover as they are.
func (m *Machine) acquit(now protocol.Time, c *Packet, out *protocol.Output) {
	t := m.proving.trials[c.Stream]
	if t == nil || len(t.suspects) == 0 {
		return
	}
	first, _ := t.find(c.Seq - c.Manifest.covers())
	behind, _ := t.find(c.Seq + 1)
	for _, x := range m.release(t, first, behind) {
		if x.packet.Seq == c.Seq { // without a manifest, in place of the one that is here
			m.blame(x.hop, x.packet, out)
			continue
		}
		m.match(now, x.arrived, x.hop, c, out)
	}
}

// release ends that a run of packets waits, and returns them.
func (m *Machine) release(t *trial, first, behind int) []suspect {
	if first == behind {
		return nil
	}
	m.proving.released = append(m.proving.released[:0], t.suspects[first:behind]...)
	for _, x := range m.proving.released {
		m.proving.bytes -= x.cost
		x.hop.trialBytes -= x.cost
	}
	t.suspects = slices.Delete(t.suspects, first, behind)
	return m.proving.released
}

// onTrial reports whether a packet that a stream misses is here, and waits for its manifest.
func (m *Machine) onTrial(s *stream, seq uint64) bool {
	if m.proving.bytes == 0 {
		return false
	}
	t := m.proving.trials[s.id]
	if t == nil {
		return false
	}
	_, waits := t.find(seq)
	return waits
}

// suspectsUpTo returns how many of the packets that a stream misses, up to a number, are here and wait for their manifest. The network has brought them.
func (m *Machine) suspectsUpTo(s *stream, seq uint64) uint64 {
	t := m.proving.trials[s.id]
	if t == nil {
		return 0
	}
	from, _ := t.find(s.next)
	to, _ := t.find(min(seq, s.high) + 1)
	return uint64(max(0, to-from))
}

// sweepTrials gives up what has waited for too long, and trials of which nothing is left.
func (m *Machine) sweepTrials() {
	v := &m.proving
	kept := v.order[:0]
	for _, t := range v.order {
		m.expire(t)
		if len(t.suspects) == 0 && m.round-t.round > trialRounds {
			delete(v.trials, t.id)
			continue
		}
		kept = append(kept, t)
	}
	clear(v.order[len(kept):])
	v.order = kept
	m.sweepPostponed()
}

// expire gives up the packets of a trial that have waited for too long.
func (m *Machine) expire(t *trial) {
	for i := len(t.suspects) - 1; i >= 0; i-- {
		if m.round-t.suspects[i].round > trialRounds {
			m.release(t, i, i+1)
			m.stats.SuspectsExpired++
		}
	}
}

// blame notes that a peer has sent a packet that its author has not made, and asks it for nothing for a while.
func (m *Machine) blame(hop *peer, p *Packet, out *protocol.Output) {
	m.stats.PacketsCorrupt++
	out.Drop(hop.id, ReasonCorrupt)
	if m.round-hop.accused < corruptAgain && hop.accusations > 0 {
		return
	}
	hop.accused = m.round
	hop.accusations = min(hop.accusations+1, corruptDoublings)
	out.Emit(&Corruption{Peer: hop.id, Author: p.Stream.Author, Epoch: p.Stream.Epoch, Seq: p.Seq})
}

// Constants of how who corrupts packets is avoided.
const (
	corruptRounds    = 50 // rounds for which nothing is asked of a peer after the first time,
	corruptDoublings = 8  // twice as many after each further one, up to so often
	corruptAgain     = 10 // rounds before the next counts
)

// shunned reports whether a peer has sent corrupt packets of late.
func (m *Machine) shunned(p *peer) bool {
	return p != nil && p.accusations > 0 && m.round-p.accused < corruptRounds<<(p.accusations-1)
}

// postponedMax bounds how many packets wait to be sent again until they can be proven.
const postponedMax = 1024

// postpone keeps a request for a packet whose manifest is still to come. It reports whether there is such a chance.
func (m *Machine) postpone(r repair) bool {
	v := &m.proving
	if r.seq+manifestMax < r.stream.high || len(v.postponed) == postponedMax {
		return false
	}
	v.postponed = append(v.postponed, r)
	return true
}

// grantPostponed queues what was asked for and can be proven by the manifest of a packet.
func (m *Machine) grantPostponed(s *stream, c *Packet, out *protocol.Output) {
	v := &m.proving
	if len(v.postponed) == 0 {
		return
	}
	granted := false
	kept := v.postponed[:0]
	for _, r := range v.postponed {
		p, use := r.stream.packet(r.seq)
		if r.stream != s || r.seq+c.Manifest.covers() < c.Seq || r.seq > c.Seq || p == nil || !m.prove(s, p, use) {
			kept = append(kept, r)
			continue
		}
		granted = true
		m.enqueue(r, out)
	}
	v.postponed = kept
	if granted {
		m.repair(out)
	}
}

// sweepPostponed gives up requests that have waited for as long as repairs do.
func (m *Machine) sweepPostponed() {
	v := &m.proving
	before := len(v.postponed)
	v.postponed = slices.DeleteFunc(v.postponed, func(r repair) bool { return m.round-r.round > repairWait || m.peers[r.to.id] != r.to })
	m.stats.NumbersUnproven += uint64(before - len(v.postponed))
}

// newestManifest returns the number of the newest packet that is held of a stream with a manifest, 0 when there is none.
func (m *Machine) newestManifest(s *stream) uint64 {
	if s.manifest > 0 {
		if p, _ := s.packet(s.manifest); p == nil {
			s.manifest = 0
		}
	}
	return s.manifest
}

// hearSay takes in what a member says of another's stream. That the stream has more packets than this node has heard of is believed when one of them is here, since its
// manifest proves it. Until then just that packet is asked for. It returns nil where nothing else can be asked for.
func (m *Machine) hearSay(s *stream, id StreamID, e *DigestEntry, o *occasion) *stream {
	if s != nil {
		o.known = s.high
		s.aged = max(s.aged, min(e.Floor, s.high+1))
	}
	if e.Manifest == 0 || s != nil && e.Manifest <= s.high || s == nil && !m.wanted(id.Topic) {
		return s
	}
	if _, known := m.keyOf(id); !known {
		m.stats.AuthorsUnknown++
		return s
	}
	if t := m.trialOf(id); t != nil && m.mayAskManifest(t, e.Manifest, o) {
		t.asked, t.sought, t.round = m.round, e.Manifest, m.round
		m.askNumber(id, e.Manifest, o)
	}
	return s
}

// mayAskManifest reports whether the packet with a manifest may be asked for because of a digest.
func (m *Machine) mayAskManifest(t *trial, seq uint64, o *occasion) bool {
	return m.round-t.asked > o.pause || seq > t.sought+manifestMax
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
