package astrolabe

import (
	"slices"

	"spinglass/membership"
	"spinglass/protocol"
)

// What a member that moves to another zone does with its tables.

const (
	farewellMax = 4 // members of a table that are told that this one represents its former zone no longer
	behindMax   = 8 // rounds in which a member of the former zone, or of one beside it, is told of the new one
)

// moved follows membership into another zone. Tables of zones that are on the own path as before are kept.
func (m *Machine) moved(now protocol.Time, e protocol.Moved, out *protocol.Output) {
	zone := protocol.Zone(e.Name)
	from, to := len(strip(m.name)), len(strip(e.Name))
	m.name = e.Name
	m.own.rename()
	if zone == m.zone {
		return
	}
	if from < to {
		m.stats.MovesDown++
	} else {
		m.stats.MovesUp++
	}
	kept := common(m.zone, zone)
	m.behind = e.Peers[:min(len(e.Peers), behindMax)]
	m.farewell(kept-1, out)
	for _, l := range m.levels[kept:] {
		m.vacate(l, out)
	}
	m.zone = zone
	zones := path(zone)
	m.levels = slices.Clone(m.levels[:kept])
	last := m.levels[kept-1]
	last.own, last.child = zones[kept], newSummed(kept-1, zones[kept])
	last.found(last.own)
	last.met = now // those whom this member has left
	for i := kept; i < len(zones)-1; i++ {
		l := newLevel(i, zones[i], zones[i+1], &m.config)
		l.issued = &issued{epoch: m.epoch(), sequence: m.sequence}
		m.levels = append(m.levels, l)
	}
	m.rescope()
	if m.notary != nil {
		m.notary.auditor.moved(kept - 1)
	}
	m.review(out)
	m.place = place{}
	if to < from {
		m.place.rest = now.Add(restRounds * m.config.Round)
	}
	m.seeds.contact, m.seeds.next, m.seeds.attempts = 0, now, 0
	m.compute(now)
}

// strip returns the zone of a member in which the root is the empty path.
func strip(name string) string {
	if zone := protocol.Zone(name); zone != Root {
		return zone
	}
	return ""
}

func (m *Machine) epoch() uint64 {
	if own := m.config.Hosts.Own(); own != nil {
		return own.Epoch
	}
	return 0
}

// farewell marks the own rows of the tables from a depth on as left, and tells some who have them, so that nothing is sent into the former zone by this member.
func (m *Machine) farewell(from int, out *protocol.Output) {
	d := &Delta{Zone: m.zone}
	var to []protocol.NodeID
	for _, l := range m.levels[from:] {
		if l.issued.current() == nil || m.config.Hosts.Own() == nil {
			continue
		}
		m.resign(l)
		e := l.table.Get(m.config.Self)
		d.Rows = append(d.Rows, membership.RowUpdate{Row: e.Row(), Heartbeat: e.Version().Heartbeat, Proof: e.Proof()})
		for n, other := range m.others(l) {
			if n < farewellMax && !slices.Contains(to, other) {
				to = append(to, other)
			}
		}
	}
	if len(to) > 0 {
		m.stats.DeltasSent += uint64(len(to))
		m.stats.BytesSent += uint64(len(to) * d.Size())
		out.Spread(to, d)
	}
}

// others returns those who have rows in a table besides this member, from a random one on.
func (m *Machine) others(l *level) (others []protocol.NodeID) {
	if l.table.Len() == 0 {
		return nil
	}
	start := m.config.Rand.IntN(l.table.Len())
	for i := range l.table.Len() {
		if e := l.table.At((start + i) % l.table.Len()); e.Owner() != m.config.Self && !e.Row().Left {
			others = append(others, e.Owner())
		}
	}
	return others
}

// vacate drops the table of a zone that this member is not in any longer.
func (m *Machine) vacate(l *level, out *protocol.Output) {
	for _, other := range m.others(l) {
		if len(m.behind) < behindMax && !slices.Contains(m.behind, other) {
			m.behind = append(m.behind, other)
		}
	}
	for i := range l.table.Len() {
		m.viewLost(l.table.At(i), l, out)
	}
}

// review tells siblings anew of the representatives of other zones: they stand elsewhere on the path now.
func (m *Machine) review(out *protocol.Output) {
	for _, l := range m.levels {
		for i := range l.table.Len() {
			switch e := l.table.At(i); {
			case e.Row().Name == l.own:
				m.viewLost(e, l, out)
			case e.State.told && !e.Row().Left && !m.knowsHost(e.Owner()):
				e.State.old = false
				out.Emit(protocol.PeerUp{Peer: m.peerOf(e.Row(), l)}) // perhaps it stood in a table that was dropped as well
			default:
				m.viewed(e, e.Row(), l, out)
			}
		}
	}
}

// reviewMember tells siblings of a member that is a representative in a table, and in their view no longer for another reason.
func (m *Machine) reviewMember(id protocol.NodeID, out *protocol.Output) {
	for _, l := range m.levels {
		if e := l.table.Get(id); e != nil && id != m.config.Self {
			e.State.told = false
			m.viewed(e, nil, l, out)
		}
	}
}

// rescope drops the functions of zones that this member is not in any longer, and has the others evaluated anew.
func (m *Machine) rescope() {
	s := &m.functions
	s.all = slices.DeleteFunc(s.all, func(h *held) bool { return m.scopeOf(h.Function) < 0 })
	for _, h := range s.all {
		h.evaluators = newEvaluators(len(m.levels))
	}
	s.refused = s.refused[:0]
	s.changes++
}

// tellBehind begins an exchange with one of those whom this member has left, so that both sides represent their zones.
func (m *Machine) tellBehind(now protocol.Time, out *protocol.Output) {
	if last := len(m.behind) - 1; last >= 0 {
		m.exchange(now, m.behind[last], len(m.levels), out)
		m.behind = m.behind[:last]
	}
}
