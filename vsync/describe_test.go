package vsync

import "fmt"

// Debug describes a group, for tests that fail.
func (m *Machine) Debug(name string) string {
	g := m.byTopic[TopicOf(name)]
	if g == nil || g.view == nil {
		return "no view"
	}
	s := fmt.Sprintf("rank %d dead %x failed %x leavers %x promised %v accepted %v rounds %d lead %+v pending %+v decided %v blocked %v outside %v heard %v blocked at %v; round %d represented %x ticks %d settled %v\n",
		g.rank, g.dead[0], g.failed[0], g.leavers[0], g.promised, g.accepted, g.rounds, g.lead, g.pending, g.decided, g.blocked, g.outside, g.heardAt, g.blockedAt, g.round, g.represented[0], g.ticks, g.settled)
	for i := range g.streams {
		x := &g.streams[i]
		s += fmt.Sprintf(" [%d: base %d delivered %d have %d told %d stable %d min %d]", i, x.base, x.delivered, x.have, x.told, x.stable, g.min[i])
	}
	t := &g.total
	s += fmt.Sprintf("\n sealed %d limit %d pending %v index %d of %d known %v", t.sealed, t.limit, t.pending, t.index, len(t.path), t.known)
	for _, x := range t.terms {
		s += fmt.Sprintf(" {term %d prev %d cutoff %d start %d orders %v touched %d}", x.number, x.prev, x.cutoff, x.start, x.orders, x.touched)
	}
	return s
}
