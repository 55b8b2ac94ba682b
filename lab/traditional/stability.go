package traditional

import "spinglass/protocol"

// row returns up to where this member has each stream.
func (m *Machine) row() []uint64 {
	row := make([]uint64, len(m.streams))
	for i := range m.streams {
		row[i] = m.streams[i].next
	}
	return row
}

// tellRow tells the others of the own row, and forgets what is known to be everywhere.
func (m *Machine) tellRow(now protocol.Time, out *protocol.Output) {
	m.timers.Set(timerRow, now.Add(m.config.StableInterval))
	m.stats.Rows++
	m.peers[m.rank].row = m.row()
	out.Spread(m.others(), &Message{kind: KindRow, View: m.view.ID, Numbers: m.peers[m.rank].row})
	for origin := range m.streams {
		m.stabilize(origin)
	}
}

func (m *Machine) receiveRow(now protocol.Time, from int, r *Message, out *protocol.Output) {
	if len(r.Numbers) != len(m.streams) {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	p := &m.peers[from]
	for i, seq := range r.Numbers {
		s := &m.streams[i]
		if seq > s.floor+aheadMax || i == m.rank && seq > s.next {
			out.Drop(m.view.Members[from], ReasonMalformed)
			return
		}
		p.row[i] = max(p.row[i], seq)
		if m.peers[i].failed {
			continue
		}
		// What others have may be on its way to this member: it is asked for if it has not come by the next retry.
		if s.high = max(s.high, seq); s.high > s.next {
			m.retryAt(now)
		}
	}
	m.stabilize(m.rank)
	m.acked(from, p.row[m.rank], out)
}

// stabilize forgets the messages of a stream that all members have.
func (m *Machine) stabilize(origin int) {
	stable := m.streams[origin].next
	for i := range m.peers {
		if i != m.rank && !m.peers[i].failed {
			stable = min(stable, m.peers[i].row[origin])
		}
	}
	m.hold(origin, -m.streams[origin].forget(stable))
}
