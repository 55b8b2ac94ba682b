package membership

import (
	"crypto/sha256"
	"errors"
	"time"

	"spinglass/protocol"
	"spinglass/table"
)

// zoneFullEvery is the shortest time between two ZoneFull events.
const zoneFullEvery = time.Minute

// hear takes a message from a peer as what it is: a sign of life, with a heartbeat from its source. It returns the peer's entry,
// nil for a stranger.
func (m *Machine) hear(now protocol.Time, from protocol.NodeID, evidence *Evidence, out *protocol.Output) *entry {
	m.adoptBeat(now, from, &Beat{Claim: table.Claim{Owner: from, Version: evidence.Version}, Proof: evidence.Proof}, out)
	e := m.table.Get(from)
	if e != nil {
		m.reachable(e, out)
	}
	return e
}

// adopt merges a row. news tells that it comes from its owner or as a rumour, so that it is passed on if it is news here too.
func (m *Machine) adopt(now protocol.Time, from protocol.NodeID, u *RowUpdate, news bool, out *protocol.Output) {
	if m.config.Zoned && !m.concerns(from, u.Row, out) {
		return
	}
	if m.guard != nil {
		m.examineRow(now, from, u, news, out)
		return
	}
	owner, version := u.Row.Owner, u.Row.Version(u.Heartbeat)
	if owner == m.config.Self {
		m.inCirculation(now, version, out)
		return
	}
	if m.gone.covers(owner, version) {
		m.stats.ResurrectionsStopped++
		out.Drop(from, ReasonResurrection)
		return
	}
	m.enter(now, from, u, nil, news, out)
}

// enter merges a row that is not doubted, and returns the owner's entry, if it has one. The credential is nil without an identity.
func (m *Machine) enter(now protocol.Time, from protocol.NodeID, u *RowUpdate, c *credential, news bool, out *protocol.Output) *entry {
	owner, version := u.Row.Owner, u.Row.Version(u.Heartbeat)
	if m.elsewhere(u.Row) && m.table.Get(owner) == nil {
		return nil // its former row went while this one was being verified
	}
	if u.Row.Left && m.table.Get(owner) == nil {
		m.bury(now, record{row: u.Row, version: version, left: true, since: now, proof: u.Proof, credential: c})
		return nil
	}
	if c != nil && news {
		news = !renewedOnly(m.heldRow(owner), u.Row)
	}
	m.makeRoom(owner)
	e, outcome, err := m.table.Merge(m.awake.time, u.Row, u.Heartbeat, u.Proof)
	if err != nil {
		m.refused(now, from, err, out)
		return nil
	}
	switch outcome {
	case table.Added:
		m.arrived(now, e, c, out)
	case table.Replaced:
		m.replaced(now, e, c, out)
	case table.Advanced:
		m.advanced(now, e, out)
	}
	if news && (outcome == table.Added || outcome == table.Replaced) {
		m.changed(now, e)
	}
	return e
}

// comeBackBy brings a vanished member back by a heartbeat, if it is of the row on record.
func (m *Machine) comeBackBy(now protocol.Time, from protocol.NodeID, b *Beat, out *protocol.Output) {
	r := m.gone.get(b.Owner)
	if r == nil || r.left || r.version.CompareRow(b.Version) != 0 {
		return
	}
	update := RowUpdate{Row: r.row, Heartbeat: b.Heartbeat, Proof: b.Proof}
	if m.guard == nil {
		m.adopt(now, b.Owner, &update, false, out)
		return
	}
	c, _, reason := m.credentialOf(now, r.row)
	if reason != "" {
		m.stats.RowsRefused++
		out.Drop(from, reason)
		return
	}
	sum := sha256.Sum256(update.Row.AppendSigned(nil))
	arm(m.enter(now, from, &update, c, false, out), update.Row, sum, c)
}

// refused tells that a row exceeds a limit.
func (m *Machine) refused(now protocol.Time, from protocol.NodeID, err error, out *protocol.Output) {
	if !errors.Is(err, table.ErrZoneFull) {
		out.Drop(from, ReasonRowTooLarge)
		return
	}
	out.Drop(from, ReasonZoneFull)
	if now >= m.zoneFull {
		m.zoneFull = now.Add(zoneFullEvery)
		out.Emit(ZoneFull{Limit: m.config.ZoneLimit})
	}
}

// arrived deals with a member that is new, or back.
func (m *Machine) arrived(now protocol.Time, e *entry, c *credential, out *protocol.Output) {
	e.State = peer{since: now, credential: c}
	if r, ok := m.gone.remove(e.Owner()); ok && !r.left && r.row.Epoch == e.Row().Epoch {
		m.comeBack(now)
	}
	m.up(e, out)
}

// up tells of a member that is new, or back. One that was of the zone that this member has left is in the view still.
func (m *Machine) up(e *entry, out *protocol.Output) {
	m.stats.PeersUp++
	if m.departs(e.Owner()) {
		out.Emit(protocol.PeerChanged{Peer: m.view(e)})
	} else {
		out.Emit(protocol.PeerUp{Peer: m.view(e)})
	}
	m.watchName(e)
}

// replaced deals with a new row of a member that was known.
func (m *Machine) replaced(now protocol.Time, e *entry, c *credential, out *protocol.Output) {
	s := &e.State
	s.credential = c
	switch {
	case m.elsewhere(e.Row()):
		m.movedAway(now, e, out)
	case e.Row().Left && s.state != StateLeft:
		s.state, s.since, s.unreachable = StateLeft, now, false
		m.expected.Cancel(e.Owner())
		m.stats.PeersLeft++
		out.Emit(protocol.PeerLeft{Peer: m.view(e)})
	case e.Row().Left:
	case s.state == StateLeft:
		*s = peer{since: now, credential: c}
		m.up(e, out)
	default:
		m.advanced(now, e, out)
		out.Emit(protocol.PeerChanged{Peer: m.view(e)})
		m.watchName(e)
	}
}

// advanced ends a suspicion.
func (m *Machine) advanced(now protocol.Time, e *entry, out *protocol.Output) {
	if e.State.state == StateSuspect {
		e.State.state, e.State.since = StateUp, now
		out.Emit(protocol.PeerAlive{Peer: m.view(e)})
	}
}

// adoptBeat merges a heartbeat. One that is newer than the record of a vanished member brings it back, when it belongs to the row
// on record.
func (m *Machine) adoptBeat(now protocol.Time, from protocol.NodeID, b *Beat, out *protocol.Output) {
	switch {
	case m.guard != nil && (b.Owner == m.config.Self || !m.beatProven(from, b, out)):
		return
	case b.Owner == m.config.Self:
		m.inCirculation(now, b.Version, out)
		return
	}
	e, outcome := m.table.Beat(m.awake.time, b.Claim, b.Proof)
	switch {
	case outcome == table.Advanced:
		m.advanced(now, e, out)
	case outcome == table.Missing && e == nil:
		m.comeBackBy(now, from, b, out)
	}
}
