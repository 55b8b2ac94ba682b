package traditional

import "spinglass/protocol"

// Send multicasts a message of the application, which it does not copy. It is delivered to the sender as well. Errors: ErrFull, ErrBlocked; Writable tells when to try again.
func (m *Machine) Send(now protocol.Time, payload []byte, out *protocol.Output) error {
	if m.blocked {
		m.wanting = true
		return ErrBlocked
	}
	if window, buffer := m.roomFor(); !window || !buffer {
		m.stats.Full++
		if !window {
			m.stats.FullWindow++
		}
		m.wanting = true
		m.retryAt(now)
		return ErrFull
	}
	m.stats.Sent++
	m.multicast(now, &Message{kind: KindData, View: m.view.ID, Payload: payload}, out)
	return nil
}

// roomFor reports whether the window and the buffer have room for a message. As in Ensemble, one begins as long as there is any.
func (m *Machine) roomFor() (window, buffer bool) {
	s := &m.streams[m.rank]
	window, buffer = true, m.stats.OwnHeld < m.config.Buffer && s.next-s.floor < streamMax
	if m.config.Window > 0 {
		for i := range m.peers {
			if i != m.rank && !m.peers[i].failed && s.total-m.peers[i].acked >= uint64(m.config.Window) {
				window = false
			}
		}
	}
	return window, buffer
}

// multicast numbers a message of this member and sends it.
func (m *Machine) multicast(now protocol.Time, d *Message, out *protocol.Output) {
	s := &m.streams[m.rank]
	d.Origin, d.Low = uint64(m.rank), s.next+1
	s.put(d.Low, d)
	out.Spread(m.others(), d)
	m.advance(now, m.rank, out)
}

// acknowledge tells the sender of a stream that half of its window has arrived. The first time the members do so at different points, so that the acknowledgements of a
// group do not arrive all at once.
func (m *Machine) acknowledge(origin int, out *protocol.Output) {
	s := &m.streams[origin]
	threshold := m.config.Window / 2
	if origin == m.rank || m.config.Window == 0 || s.unsaid < threshold || m.peers[origin].failed {
		return
	}
	s.unsaid %= max(threshold, 1)
	m.sendAck(origin, out)
}

func (m *Machine) sendAck(origin int, out *protocol.Output) {
	m.stats.Acks++
	out.Send(m.view.Members[origin], &Message{kind: KindAck, View: m.view.ID, High: m.streams[origin].next})
}

// staggered returns how many bytes a member counts as arrived at first.
func (m *Machine) staggered(origin int) int {
	return (m.rank + len(m.view.Members) - origin) % len(m.view.Members) * (m.config.Window / 2) / len(m.view.Members)
}

// acked notes that a member has the own stream up to seq.
func (m *Machine) acked(from int, seq uint64, out *protocol.Output) {
	s := &m.streams[m.rank]
	if seq > s.next {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	p := &m.peers[from]
	p.acked = max(p.acked, s.totalAt(seq))
	m.offer(out)
}

// offer tells the application that it can send, if it waits for that.
func (m *Machine) offer(out *protocol.Output) {
	if !m.wanting || m.blocked {
		return
	}
	if window, buffer := m.roomFor(); window && buffer {
		m.wanting = false
		out.Emit(Writable{})
	}
}

// probe asks the members that keep this one from sending for an acknowledgement: the last one, or what it was to be of, may be lost.
func (m *Machine) probe(out *protocol.Output) {
	sent := m.streams[m.rank].total
	var late []protocol.NodeID
	for i := range m.peers {
		if i != m.rank && !m.peers[i].failed && m.config.Window > 0 && sent-m.peers[i].acked >= uint64(m.config.Window) {
			late = append(late, m.view.Members[i])
		}
	}
	if len(late) > 0 {
		out.Spread(late, &Message{kind: KindStatus, View: m.view.ID, High: m.streams[m.rank].next})
	}
}

func (m *Machine) receiveStatus(now protocol.Time, from int, high uint64, out *protocol.Output) {
	s := &m.streams[from]
	if high > s.floor+aheadMax {
		out.Drop(m.view.Members[from], ReasonBeyond)
		return
	}
	if s.high = max(s.high, high); s.high > s.next {
		m.askNew(now, from, out)
	}
	m.sendAck(from, out)
}
