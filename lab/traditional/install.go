package traditional

import (
	"slices"

	"spinglass/protocol"
)

// receiveView installs a view that this member has agreed to, or has asked to join; or learns that it is not in it.
func (m *Machine) receiveView(now protocol.Time, from protocol.NodeID, v *Message, out *protocol.Output) {
	if len(v.Numbers) == 0 || len(v.Numbers) > MembersMax {
		out.Drop(from, ReasonMalformed)
		return
	}
	newer := v.View.Number > m.view.ID.Number
	switch inside := slices.Contains(v.Numbers, uint64(m.config.Self)); {
	case inside && m.joining && newer,
		inside && !m.joining && m.view.ID == ViewID{v.Origin, protocol.NodeID(v.High)} && m.agreed == agreement{v.View.Coordinator, v.Low}:
		m.install(now, v, out)
	case !inside && !m.joining && (newer || v.View.Number == m.view.ID.Number && v.View != m.view.ID):
		m.leave(now, out)
	default:
		out.Drop(from, ReasonView)
	}
}

// install begins a view.
func (m *Machine) install(now protocol.Time, v *Message, out *protocol.Output) {
	if !m.joining && m.view.ID.Number > 0 {
		m.deliverRest(out)
	}
	m.latest = v.kept()
	m.view = View{ID: v.View}
	for _, id := range v.Numbers {
		m.view.Members = append(m.view.Members, protocol.NodeID(id))
	}
	m.rank = m.view.Rank(m.config.Self)
	n := len(m.view.Members)
	m.streams, m.peers = make([]stream, n), make([]peer, n)
	for i := range m.peers {
		m.peers[i].row = make([]uint64, n)
		m.streams[i].unsaid = m.staggered(i)
	}
	m.orders, m.unordered = nil, nil
	m.stats.Held, m.stats.OwnHeld, m.stats.Undelivered = 0, 0, 0
	m.lead, m.cut, m.holders, m.next, m.short = nil, nil, nil, nil, false
	m.asked, m.agreed = agreement{}, agreement{}
	m.targets = nil
	m.joiners = slices.DeleteFunc(m.joiners, func(id protocol.NodeID) bool { return m.view.Rank(id) >= 0 })
	stopped := now.Sub(m.since)
	if !m.blocked {
		stopped = 0
	}
	m.blocked, m.joining = false, false
	m.timers = protocol.Deadlines[timer]{}
	// Rows and pings of the members are spread evenly over their intervals.
	m.timers.Set(timerRow, now.Add(share(m.config.StableInterval, m.rank+1, n)))
	m.timers.Set(timerPing, now.Add(share(m.config.PingInterval, m.rank+1, n)))
	if m.leaving {
		m.block(now, out)
		m.timers.Set(timerLeave, now)
	}
	if len(m.joiners) > 0 {
		m.timers.Set(timerJoiners, now)
	}
	if m.view.ID.Number > 1 {
		m.stats.Views++
		out.Emit(&Installed{View: m.view, Stopped: stopped})
	}
	if m.wanting {
		m.wanting = false
		out.Emit(Writable{})
	}
}

// leave gives up the view, in which others have gone on without this member or in which it has no majority, and asks to join theirs.
func (m *Machine) leave(now protocol.Time, out *protocol.Output) {
	if m.leaving {
		m.left(out)
		return
	}
	m.stats.Ejections++
	m.block(now, out)
	m.joining, m.lead, m.short, m.next = true, nil, false, nil
	m.timers = protocol.Deadlines[timer]{}
	m.timers.Set(timerJoin, now)
	out.Emit(Ejected{})
}

// askToJoin asks everybody: who is a member now, and who their coordinator, may have changed.
func (m *Machine) askToJoin(now protocol.Time, out *protocol.Output) {
	m.timers.Set(timerJoin, now.Add(m.config.PingInterval))
	others := slices.DeleteFunc(slices.Clone(m.config.Members), func(id protocol.NodeID) bool { return id == m.config.Self })
	out.Spread(others, &Message{kind: KindJoin, View: m.view.ID})
}

// receiveJoin has the coordinator take in a member.
func (m *Machine) receiveJoin(now protocol.Time, from protocol.NodeID, out *protocol.Output) {
	switch {
	case m.joining || !slices.Contains(m.config.Members, from):
		out.Drop(from, ReasonStranger)
	case m.view.Rank(from) >= 0:
		out.Send(from, m.latest) // it may not have arrived; if the member has left it again, pings find out
	case !slices.Contains(m.joiners, from):
		m.joiners = append(m.joiners, from)
		if m.coordinator() == m.rank && m.lead == nil {
			m.startFlush(now, out)
		}
	}
}

// teach tells a member that is in another view, and not a later one, of the present one.
func (m *Machine) teach(now protocol.Time, from protocol.NodeID, view ViewID, out *protocol.Output) {
	out.Drop(from, ReasonView)
	if m.joining || view.Number > m.view.ID.Number || m.view.ID.Number == 1 || now < m.taught[from] {
		return
	}
	m.taught[from] = now.Add(m.config.RetryInterval)
	out.Send(from, m.latest)
}
