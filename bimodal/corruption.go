package bimodal

import "spinglass/protocol"

// Constants of how who corrupts packets is avoided.
const (
	corruptRounds    = 50 // rounds for which a peer is shunned after the first time,
	corruptDoublings = 8  // twice as many after each further one, up to so often
	corruptAgain     = 10 // rounds before the next counts
	shunnedChecks    = 4  // signatures of a peer that is shunned that are verified a round
)

// record is what a peer has against it.
type record struct {
	corrupt uint32          // round in which it last sent a corrupt packet, as far as that counted
	times   uint8           // how often that counted; at most corruptDoublings
	author  protocol.NodeID // of that packet
}

// blame notes that a peer has sent a packet that its author has not made. What came by a group may be anybody's, and of who is no peer nothing is remembered.
func (m *Machine) blame(by *voice, from protocol.NodeID, p *Packet, out *protocol.Output) {
	m.stats.PacketsCorrupt++
	out.Drop(from, ReasonCorrupt)
	if by.group {
		return
	}
	hop := by.peer
	r := &hop.record
	if m.round-r.corrupt < corruptAgain && r.times > 0 {
		return
	}
	*r = record{corrupt: m.round, times: min(r.times+1, corruptDoublings), author: p.Stream.Author}
	if hop.trouble&troubleCorrupt == 0 {
		m.proving.shunned++
		m.setTrouble(hop.id, troubleCorrupt, true)
	}
	out.Emit(&Corruption{Peer: hop.id, Author: p.Stream.Author, Epoch: p.Stream.Epoch, Seq: p.Seq})
}

// shunned reports whether a peer has sent corrupt packets of late. Nothing is asked of it, nothing that it hands on is looked at, and nobody is made to depend on it.
func (m *Machine) shunned(p *peer) bool {
	r := &p.record
	return r.times > 0 && m.round-r.corrupt < corruptRounds<<(r.times-1)
}

// shuns is shunned of who may be a peer.
func (m *Machine) shuns(id protocol.NodeID) bool {
	if m.proving.shunned == 0 {
		return false
	}
	p := m.peers[id]
	return p != nil && m.shunned(p)
}

// absolve takes back what peers are blamed for that have handed on packets of an author, which has signed different ones.
func (m *Machine) absolve(author protocol.NodeID) {
	for _, p := range m.peerOrder {
		if p.record.author == author {
			p.record = record{}
			m.readmit(p)
		}
	}
}

// readmit ends that nobody is made to depend on a peer because it is shunned.
func (m *Machine) readmit(p *peer) {
	if p.trouble&troubleCorrupt != 0 {
		m.proving.shunned--
		m.setTrouble(p.id, troubleCorrupt, false)
	}
}

// reviewShunned readmits who is shunned no longer.
func (m *Machine) reviewShunned() {
	if m.proving.shunned == 0 || m.round%orderReview != 0 {
		return
	}
	for _, p := range m.peerOrder {
		if !m.shunned(p) {
			m.readmit(p)
		}
	}
}

// tryShunned drops a packet of a peer that is shunned. Only whether its author has signed another one under the number is looked at: that would explain it.
func (m *Machine) tryShunned(s *stream, a arrived, by *voice, out *protocol.Output) {
	m.stats.PacketsShunned++
	out.Drop(a.from, ReasonShunned)
	if s == nil || a.packet.Manifest == nil || by.verifiedAt == m.round && by.verified >= shunnedChecks {
		return
	}
	held, use := s.packet(a.packet.Seq)
	if held != nil && held.Manifest != nil && !held.equals(a.packet) && m.prove(s, held, use, by) {
		m.compare(s, held, a, by, out)
	}
}
