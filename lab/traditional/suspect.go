package traditional

import (
	"spinglass/protocol"
)

// ping tells the others which of their pings were heard, and looks which of them have not heard this member's for too long. A member that was asleep has sent none meanwhile,
// and so suspects nobody for that.
func (m *Machine) ping(now protocol.Time, out *protocol.Output) {
	m.timers.Set(timerPing, now.Add(m.config.PingInterval))
	m.stats.Pings++
	me := &m.peers[m.rank]
	me.heard++
	heard := make([]uint64, len(m.peers))
	for i := range m.peers {
		heard[i] = m.peers[i].heard
	}
	out.Spread(m.others(), &Message{kind: KindPing, View: m.view.ID, Numbers: heard})
	fresh := false
	for i := range m.peers {
		if p := &m.peers[i]; i != m.rank && !p.failed && me.heard > p.echoed+uint64(m.config.PingsMissed) {
			m.stats.Suspicions++
			p.failed, fresh = true, true
			out.Emit(Suspected{Member: m.view.Members[i]})
		}
	}
	if fresh || m.anyFailed() {
		m.suspected(now, fresh, out)
	}
}

func (m *Machine) receivePing(from int, p *Message, out *protocol.Output) {
	if len(p.Numbers) != len(m.peers) {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	peer := &m.peers[from]
	peer.heard = max(peer.heard, p.Numbers[from])
	peer.echoed = max(peer.echoed, min(p.Numbers[m.rank], m.peers[m.rank].heard))
}

func (m *Machine) anyFailed() bool {
	for i := range m.peers {
		if m.peers[i].failed {
			return true
		}
	}
	return false
}

// failed returns the ranks that are taken for failed.
func (m *Machine) failed() (ranks []uint64) {
	for i := range m.peers {
		if m.peers[i].failed {
			ranks = append(ranks, uint64(i))
		}
	}
	return ranks
}

// coordinator returns the lowest rank that is not taken for failed.
func (m *Machine) coordinator() int {
	for i := range m.peers {
		if !m.peers[i].failed {
			return i
		}
	}
	return m.rank // unreachable: a member never takes itself for failed
}

// suspected has the coordinator change the view without who is taken for failed. Suspicions are shared, as by Ensemble's Slander layer: one member's suffices.
func (m *Machine) suspected(now protocol.Time, fresh bool, out *protocol.Output) {
	c := m.coordinator()
	if c == m.rank {
		if fresh || m.lead == nil {
			m.startFlush(now, out)
		}
		return
	}
	m.lead = nil
	out.Send(m.view.Members[c], &Message{kind: KindSuspect, View: m.view.ID, Numbers: m.failed()})
}

// adopt takes over suspicions of others; false if they are malformed or of this member itself.
func (m *Machine) adopt(ranks []uint64) (fresh, ok bool) {
	for _, r := range ranks {
		if r >= uint64(len(m.peers)) || int(r) == m.rank {
			return false, false
		}
	}
	for _, r := range ranks {
		fresh = fresh || !m.peers[r].failed
		m.peers[r].failed = true
	}
	return fresh, true
}

func (m *Machine) receiveSuspect(now protocol.Time, from int, s *Message, out *protocol.Output) {
	fresh, ok := m.adopt(s.Numbers)
	if !ok {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	if fresh {
		m.suspected(now, true, out)
	}
}
