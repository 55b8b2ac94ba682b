package vsync

import (
	"spinglass/protocol"
)

// check compares views with a random other member of one of the groups: of all groups that both are in, up to entriesMax at once. So it costs one message, however many groups there are.
func (m *Machine) check(now protocol.Time, out *protocol.Output) {
	if len(m.groups) == 0 {
		return
	}
	m.timers.Set(timer{nil, taskCheck}, now.Add(m.jitter(m.config.Check)))
	m.dropStale(now, out)
	for range m.groups {
		m.checked++
		g := m.groups[m.checked%len(m.groups)]
		if g.view == nil || len(g.view.Members) == 1 {
			continue
		}
		others := g.others(ranks{})
		m.checkWith(g, others[m.config.Rand.IntN(len(others))], out)
		return
	}
}

// checkWith tells a node which views this one has of the groups that both are in, from one of them on.
func (m *Machine) checkWith(first *group, to protocol.NodeID, out *protocol.Output) {
	c := &Check{}
	at := m.checked % len(m.groups)
	for i := range m.groups {
		g := m.groups[(at+i)%len(m.groups)]
		if g == first || g.rankOf(to) >= 0 {
			c.Entries = append(c.Entries, g.entry())
		}
		if len(c.Entries) == entriesMax {
			break
		}
	}
	m.stats.ChecksSent++
	m.post(out, to, seal(c))
}

// entry returns what this member has of the group.
func (g *group) entry() CheckEntry {
	e := CheckEntry{header: header{Group: g.id}, Incarnation: g.incarnation}
	if g.view != nil {
		e.View, e.Primary = g.view.ID, !g.outside && !g.blocked
	}
	return e
}

// answerCheck tells a node which view this one has of a group.
func (m *Machine) answerCheck(_ protocol.Time, to protocol.NodeID, g *group, out *protocol.Output) {
	m.post(out, to, seal(&Check{Answer: true, Entries: []CheckEntry{g.entry()}}))
}

// ask has a member that seems to be ahead tell of its view.
func (g *group) ask(now protocol.Time, to protocol.NodeID, out *protocol.Output) {
	if now.Sub(g.askedAt) < g.m.config.Retry && g.askedAt != 0 {
		return
	}
	g.askedAt = now
	g.m.stats.ChecksSent++
	g.m.post(out, to, seal(&Check{Entries: []CheckEntry{g.entry()}}))
}

// askAny does so with a random member of the view.
func (g *group) askAny(now protocol.Time, out *protocol.Output) {
	if others := g.others(ranks{}); len(others) > 0 {
		g.ask(now, others[g.m.config.Rand.IntN(len(others))], out)
	}
}

// teach tells a member that is behind of the present view.
func (g *group) teach(now protocol.Time, to protocol.NodeID, out *protocol.Output) {
	if g.taughtA != 0 && now.Sub(g.taughtA) < g.m.config.Retry/4 {
		return
	}
	g.taughtA = now
	g.m.send(to, g.latest, out)
}

// receiveCheck compares what another node has of groups.
func (m *Machine) receiveCheck(now protocol.Time, from protocol.NodeID, c *Check, out *protocol.Output) {
	answer := &Check{Answer: true}
	for i := range c.Entries {
		e := &c.Entries[i]
		g := m.byID[e.Group]
		if g == nil {
			answer.Entries = append(answer.Entries, CheckEntry{header: header{Group: e.Group}})
			continue
		}
		if g.compare(now, from, e, out) && m.byID[e.Group] == g {
			answer.Entries = append(answer.Entries, g.entry())
		}
	}
	if !c.Answer && len(answer.Entries) > 0 {
		m.stats.ChecksSent++
		m.post(out, from, seal(answer))
	}
}

// compare compares what another node has of the group. It reports whether that one should hear what this one has.
func (g *group) compare(now protocol.Time, from protocol.NodeID, e *CheckEntry, out *protocol.Output) bool {
	none := e.View == ViewID{}
	if g.view == nil {
		if !none {
			g.heard = now
		}
		return e.Incarnation != 0
	}
	if rank := g.rankOf(from); rank >= 0 && rank != g.rank {
		listed := g.view.Members[rank].Incarnation
		switch {
		case e.Incarnation == 0:
			g.dead.add(rank)
			g.suspect(now, rank, SuspectGone, out)
			return false
		case e.Incarnation > listed:
			g.dead.add(rank)
			g.suspect(now, rank, SuspectRestart, out)
			return false
		case e.Incarnation < listed:
			return false
		}
	}
	switch {
	case e.View == g.view.ID || e.Incarnation == 0:
		return false
	case none || e.View.Epoch == g.view.ID.Epoch && e.View.Number < g.view.ID.Number:
		g.m.send(from, g.latest, out)
		return false
	case e.View.Epoch == g.view.ID.Epoch:
		return true // it is ahead, and tells
	case e.View.Epoch < g.view.ID.Epoch && e.Primary:
		g.m.stats.Merges++
		g.eject(now, EjectMerged, out)
		return false
	}
	return true
}
