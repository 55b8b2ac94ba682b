package traditional

import "spinglass/protocol"

// Leave has this member be out of the group: the coordinator changes the view as if it had failed, as Ensemble's Leave layer has it, and Left tells when. Nothing is sent from then on. Join undoes it.
func (m *Machine) Leave(now protocol.Time, out *protocol.Output) {
	if m.leaving || m.joining {
		return
	}
	m.leaving = true
	m.block(now, out)
	m.tellLeave(now, out)
}

// tellLeave tells who coordinates without this member, again and again: who has gone on without it answers by the view.
func (m *Machine) tellLeave(now protocol.Time, out *protocol.Output) {
	m.timers.Set(timerLeave, now.Add(m.config.RetryInterval))
	for i := range m.peers {
		if i != m.rank && !m.peers[i].failed {
			out.Send(m.view.Members[i], &Message{kind: KindSuspect, View: m.view.ID, Numbers: []uint64{uint64(m.rank)}})
			return
		}
	}
	m.left(out) // there is nobody else
}

// left ends the membership that this member has left.
func (m *Machine) left(out *protocol.Output) {
	m.leaving, m.joining, m.lead, m.short, m.next = false, true, nil, false, nil
	m.timers = protocol.Deadlines[timer]{}
	out.Emit(Left{})
}

// Join has a member that has left ask to be in the group again.
func (m *Machine) Join(now protocol.Time) {
	if m.joining {
		m.timers.Set(timerJoin, now)
	}
}
