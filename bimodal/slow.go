package bimodal

import "spinglass/protocol"

// trouble is what is wrong with a peer, as far as this node knows: each is a reason to have nobody depend on it.
type trouble uint8

const (
	troubleUnreachable trouble = 1 << iota // it does not answer
	troubleSuspect                         // its heartbeat stands still
	troubleLagging                         // it says that it does not keep up
	troubleCorrupt                         // it has sent corrupt packets
	troubleSilent                          // packets enter its zone through it, and it says nothing
)

// setTrouble notes that something is wrong with a peer, or is no more.
func (m *Machine) setTrouble(id protocol.NodeID, what trouble, present bool) {
	p := m.peers[id]
	if p == nil || present == (p.trouble&what != 0) {
		return
	}
	p.trouble ^= what
	if !present {
		p.troubled, p.recovered = true, m.round
		m.settled = m.round + slowMemory
	}
	for _, topic := range p.topics {
		if t := m.topics[topic]; t != nil {
			t.reorder()
			t.known = t.known && p.regional // a zone may have to be entered by another contact
		}
	}
}

// Reports of lag that make a member one to have nobody depend on.
const (
	laggingLeast  = 4  // packets that it lags behind, and as many as come in a round: more than loss explains
	laggingMemory = 30 // rounds for which a report counts
)

// accuse takes in what members say of their lag with a stream of this node's own, while the crowd keeps up with it: a crowd that is overrun is no
// reason to rely on some of it less than on others.
func (m *Machine) accuse(s *stream) {
	for _, r := range s.crowd.reports {
		if uint64(r.lag.Packets) > laggingLeast+s.pace {
			if p := m.peers[r.member]; p != nil {
				p.lagged = r.round
				m.laggards++
				m.setTrouble(r.member, troubleLagging, true)
			}
		}
	}
}

// pardon takes back what nobody has said again for some time.
func (m *Machine) pardon() {
	if m.laggards == 0 || m.round%orderReview != 0 {
		return
	}
	m.laggards = 0
	for _, p := range m.peerOrder {
		if p.trouble&troubleLagging == 0 {
			continue
		}
		if m.round-p.lagged > laggingMemory {
			m.setTrouble(p.id, troubleLagging, false)
			continue
		}
		m.laggards++
	}
}

// reorder has the orders of a topic looked at again.
func (t *topic) reorder() {
	for _, d := range t.dispatches {
		d.outdated, d.known = true, false
	}
}

// slow reports whether packets for others should not depend on a peer. Who was slow counts as slow for some time more, since most that
// were slow will be so again, and each change costs an order.
func (m *Machine) slow(p *peer) bool {
	return p.trouble != 0 || p.troubled && m.round-p.recovered < slowMemory
}
