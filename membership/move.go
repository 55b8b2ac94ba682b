package membership

import (
	"slices"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// Moving. A member whose row gets a name in another zone is in that zone from then on. Members of the zone that it was in hear so by that row, which they keep, and hand on, as that of a
// member that has left, until it has been silent for as long as any. Both sides keep each other in the view for some time more: messages go on between them while the tables of zones
// find the new ways.

const (
	// departedLife is how long members of the zone that this one has left, and those that have left its zone, stay in the view.
	departedLife = 30 * time.Second
	// moveFanout is how many members of the former zone are told at once, and named to siblings.
	moveFanout = 8
)

// departed is a member of another zone that is in the view because it was of the same one as this.
type departed struct {
	peer  *protocol.Peer
	until protocol.Time
}

// zone returns the own zone.
func (m *Machine) zone() string { return protocol.Zone(m.own.Row().Name) }

// elsewhere reports whether a row puts its owner into another zone than the own one.
func (m *Machine) elsewhere(row *table.Row) bool {
	return m.config.Zoned && protocol.Zone(row.Name) != m.zone()
}

// placed reports whether a member with a certificate for a name may have a row of a name: the same, or the one of an automatic zone that the hash of its name leads to.
func placed(certified, name string) bool {
	return certified == name && !protocol.Reserved(name) || protocol.Zone(certified) == "/" && protocol.ConfiguredName(name) == certified && protocol.CheckPlace(name) == nil
}

// check reports why a row cannot be that of this member: it has to fit in whatever zone the member may come.
func (m *Machine) check(row *table.Row) error {
	longest := *row
	if m.config.Zoned {
		if name := protocol.LongestName(row.Name); len(name) <= protocol.NameMax {
			longest.Name = name
		}
	}
	return longest.Check(m.config.RowLimit)
}

// concerns reports whether a row is for the table: of the own zone, or of a member that was of it and has moved.
func (m *Machine) concerns(from protocol.NodeID, row *table.Row, out *protocol.Output) bool {
	if protocol.CheckPlace(row.Name) != nil {
		m.stats.RowsMisplaced++
		out.Drop(from, ReasonRowPlace)
		return false
	}
	if !m.elsewhere(row) || row.Owner == m.config.Self {
		return true
	}
	if e := m.table.Get(row.Owner); e != nil && row.Version(0).CompareRow(e.Version()) > 0 {
		return true
	}
	m.stats.RowsOfOtherZones++
	return false
}

// move asks for the row that puts this member into another zone.
func (m *Machine) move(now protocol.Time, name string, out *protocol.Output) {
	if m.stage != stageRunning || !m.config.Zoned || m.draft().Name == name {
		return
	}
	next := *m.draft()
	next.Name = name
	if next.Check(m.config.RowLimit) != nil {
		m.stats.MovesRefused++
		return
	}
	m.change(now, &next, out)
}

// relocate follows the own row into another zone, if the one before was of another. Who of the former zone has moved to the new one already is of it at once.
func (m *Machine) relocate(now protocol.Time, before *table.Row, out *protocol.Output) {
	if !m.elsewhere(before) {
		return
	}
	m.stats.Moves++
	told := m.tellFormer(out)
	var former []*entry
	for i := range m.table.Len() {
		if e := m.table.At(i); e != m.own {
			former = append(former, e)
		}
	}
	for _, e := range former {
		m.table.Remove(e.Owner())
		m.expected.Cancel(e.Owner())
		if m.elsewhere(e.Row()) && e.State.state != StateLeft {
			m.depart(now, e, out)
		}
	}
	m.forgetElsewhere()
	m.follow, m.namesakes = 0, nil
	out.Emit(protocol.Moved{Name: m.own.Row().Name, Peers: told})
	for _, e := range former {
		if !m.elsewhere(e.Row()) && !e.Row().Left {
			m.rejoin(now, e, out)
		}
	}
	m.own.State.rumoured = nil // the new zone is to hear of it now
}

// tellFormer pushes the own row to members of the zone that it was in, and returns them.
func (m *Machine) tellFormer(out *protocol.Output) []protocol.NodeID {
	update := RowUpdate{Row: m.own.Row(), Heartbeat: m.own.Version().Heartbeat, Proof: m.own.Proof()}
	targets := m.targets(moveFanout)
	if len(targets) > 0 {
		delta := &Delta{Rumour: true, Evidence: m.evidence(), Rows: []RowUpdate{update}}
		m.stats.RumoursSent += uint64(len(targets))
		m.stats.BytesSent += uint64(len(targets) * delta.Size())
		out.Spread(targets, delta)
	}
	return targets
}

// rejoin takes a member into the table that moved to this zone before. Its silence begins anew, since its heartbeats did not reach this member.
func (m *Machine) rejoin(now protocol.Time, former *entry, out *protocol.Output) {
	e, _, err := m.table.Merge(m.awake.time, former.Row(), former.Version().Heartbeat, former.Proof())
	if err != nil {
		return // exchanges bring it again
	}
	s := &former.State
	e.State = peer{since: now, roundTrip: s.roundTrip, credential: s.credential, sum: s.sum, rows: s.rows}
	m.up(e, out)
}

// movedAway deals with the row of a member that is of another zone now.
func (m *Machine) movedAway(now protocol.Time, e *entry, out *protocol.Output) {
	s := &e.State
	if s.state == StateLeft {
		return
	}
	s.state, s.since, s.unreachable = StateLeft, now, false
	m.expected.Cancel(e.Owner())
	m.stats.PeersMoved++
	if e.Row().Left {
		m.stats.PeersLeft++
		out.Emit(protocol.PeerLeft{Peer: m.view(e)})
		return
	}
	m.depart(now, e, out)
}

// depart keeps a member of another zone in the view for a while. The first one makes room.
func (m *Machine) depart(now protocol.Time, e *entry, out *protocol.Output) {
	if len(m.departed) >= m.config.ZoneLimit {
		out.Emit(protocol.PeerDropped{Peer: m.departed[0].peer})
		m.departed = slices.Delete(m.departed, 0, 1)
	}
	m.departed = append(m.departed, departed{m.view(e), now.Add(departedLife)})
}

// departs reports whether a member is in the view as one of another zone, and ends that: it is in the view for another reason.
func (m *Machine) departs(id protocol.NodeID) bool {
	before := len(m.departed)
	m.departed = slices.DeleteFunc(m.departed, func(d departed) bool { return d.peer.ID == id })
	return len(m.departed) < before
}

// dropDeparted takes those out of the view whose time is over.
func (m *Machine) dropDeparted(now protocol.Time, out *protocol.Output) {
	for len(m.departed) > 0 && now >= m.departed[0].until {
		peer := m.departed[0].peer
		m.departed = slices.Delete(m.departed, 0, 1)
		out.Emit(protocol.PeerDropped{Peer: peer})
	}
}

// judgeDeparted takes those out of the view whose word counts no longer.
func (m *Machine) judgeDeparted(policy identity.Policy, out *protocol.Output) {
	for _, d := range slices.Clone(m.departed) {
		if c, ok := d.peer.Credential.(*credential); ok && m.guard.distrust(policy, c) != "" && m.departs(d.peer.ID) {
			out.Emit(protocol.PeerDropped{Peer: d.peer})
		}
	}
}

// forgetElsewhere forgets members of other zones that are down or have left. Those whose word does not count are remembered.
func (m *Machine) forgetElsewhere() {
	var owners []protocol.NodeID
	for i := range m.gone.records {
		if r := &m.gone.records[i]; !r.barred && m.elsewhere(r.row) {
			owners = append(owners, r.row.Owner)
		}
	}
	for _, owner := range owners {
		m.gone.remove(owner)
	}
}

// makeRoom takes a member that has moved out of a full table, so that a new one of the zone finds room.
func (m *Machine) makeRoom(owner protocol.NodeID) {
	if !m.config.Zoned || m.table.Len() < m.config.ZoneLimit || m.table.Get(owner) != nil {
		return
	}
	for i := range m.table.Len() {
		if e := m.table.At(i); e != m.own && m.elsewhere(e.Row()) {
			m.table.Remove(e.Owner())
			return
		}
	}
}
