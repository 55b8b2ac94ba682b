package membership

import (
	"slices"

	"spinglass/protocol"
)

// namesakesMax bounds how many members of the own name are watched.
const namesakesMax = 8

// namesake is another member with the own name. It may be an earlier run of this member, without its NodeID; then its heartbeat
// falls silent soon. One that has lived on for twice T_fail next to this member is another one.
type namesake struct {
	id    protocol.NodeID
	since protocol.Time // awake time
}

// watchName watches a member that has the own name.
func (m *Machine) watchName(e *entry) {
	if e.Row().Name != m.own.Row().Name || len(m.namesakes) == namesakesMax {
		return
	}
	if !slices.ContainsFunc(m.namesakes, func(n namesake) bool { return n.id == e.Owner() }) {
		m.namesakes = append(m.namesakes, namesake{id: e.Owner(), since: m.awake.time})
	}
}

// findNamesakes tells of watched members that live.
func (m *Machine) findNamesakes(out *protocol.Output) {
	due := m.awake.time - protocol.Time(downTimeouts*m.FailTimeout())
	m.namesakes = slices.DeleteFunc(m.namesakes, func(n namesake) bool {
		if n.since > due {
			return false
		}
		if e := m.table.Get(n.id); e != nil && e.State.state == StateUp && e.Row().Name == m.own.Row().Name {
			m.stats.NameConflicts++
			out.Emit(NameConflict{Name: e.Row().Name, Peer: n.id})
		}
		return true
	})
}
