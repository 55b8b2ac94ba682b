package membership

import (
	"cmp"
	"slices"

	"spinglass/protocol"
	"spinglass/table"
)

// Bounds of the answer to one digest or request, in datagrams. A stranger has not proven that it gets what is sent to its
// address.
const (
	answerDatagramsMax      = 4
	answerDatagramsStranger = 1
)

// receiveDigest answers with what the sender lacks, and asks for what it has and this member lacks.
func (m *Machine) receiveDigest(now protocol.Time, from protocol.NodeID, d *Digest, out *protocol.Output) {
	m.stats.DigestsReceived++
	known := m.hear(now, from, &d.Evidence, out)
	m.table.Compare(d.Held, &m.difference)
	m.conflicting(d, &m.difference)
	m.difference.WantRows = m.wanted(now, d.Held.Claims, m.difference.WantRows, false, out)
	m.difference.WantBeats = m.wanted(now, d.Held.Claims, m.difference.WantBeats, true, out)
	if !m.mayAnswer(from) {
		m.stats.AnswersOverBudget++
		out.Drop(from, ReasonAnswerBudget)
		return
	}
	head := Delta{Answer: true, Echo: d.Stamp}
	if r := m.gone.get(from); known == nil && r != nil && m.gone.covers(from, d.Evidence.Version) {
		// It restarted below the versions that it had before it went, and would be taken for dead for ever: let it go above them.
		head.Rows = []RowUpdate{{Row: r.row, Heartbeat: r.version.Heartbeat, Proof: r.proof}}
	}
	m.compareNotices(from, d.Notices, out)
	m.answer(from, head, answerLimit(known), out)
}

// wanted takes out of owners, of whom rows or else heartbeats are wanted, those that are not to be asked for: this member itself, and the dead in a version that they had.
func (m *Machine) wanted(now protocol.Time, claims []table.Claim, owners []protocol.NodeID, beats bool, out *protocol.Output) []protocol.NodeID {
	keep := owners[:0]
	for _, owner := range owners {
		i, _ := slices.BinarySearchFunc(claims, owner, func(c table.Claim, owner protocol.NodeID) int {
			return cmp.Compare(c.Owner, owner)
		})
		switch {
		case owner == m.config.Self && m.guard == nil:
			m.inCirculation(now, claims[i].Version, out)
		case owner == m.config.Self: // a claim proves nothing: the row has to be seen
			if claims[i].CompareRow(m.own.Version()) >= 0 && !beats {
				keep = append(keep, owner)
			}
		case m.gone.covers(owner, claims[i].Version):
			m.stats.ResurrectionsStopped++
		default:
			keep = append(keep, owner)
		}
	}
	return keep
}

// receiveDelta takes over what is news and sends what is asked for.
func (m *Machine) receiveDelta(now protocol.Time, from protocol.NodeID, d *Delta, out *protocol.Output) {
	m.stats.DeltasReceived++
	m.stats.RowsReceived += uint64(len(d.Rows))
	m.stats.BeatsReceived += uint64(len(d.Beats))
	for i := range d.Rows {
		m.adopt(now, from, &d.Rows[i], d.Rumour || d.Rows[i].Row.Owner == from, out)
	}
	for i := range d.Beats {
		m.adoptBeat(now, from, &d.Beats[i], out)
	}
	known := m.hear(now, from, &d.Evidence, out)
	if d.Answer {
		m.answered(now, from, known, d.Echo, out)
	}
	if d.More && (known != nil || m.guard != nil) { // the row of a stranger is being verified, perhaps
		m.follow = from
	}
	if m.guard == nil && !m.config.Zoned || known != nil {
		m.reached(now, out)
	}
	m.requested(d, &m.difference)
	if len(m.difference.Rows)+len(m.difference.Beats) == 0 {
		return
	}
	if !m.mayAnswer(from) {
		m.stats.AnswersOverBudget++
		out.Drop(from, ReasonAnswerBudget)
		return
	}
	m.answer(from, Delta{}, answerLimit(known), out)
}

// answerLimit returns how many datagrams an answer may take; known is nil for a stranger.
func answerLimit(known *entry) int {
	if known == nil {
		return answerDatagramsStranger
	}
	return answerDatagramsMax
}

// requested sets d to the rows and heartbeats that a delta asks for.
func (m *Machine) requested(delta *Delta, d *table.Difference[peer]) {
	d.Rows, d.Beats = d.Rows[:0], d.Beats[:0]
	d.WantRows, d.WantBeats = d.WantRows[:0], d.WantBeats[:0]
	for _, owner := range delta.WantRows {
		if e := m.table.Get(owner); e != nil {
			d.Rows = append(d.Rows, e)
		}
	}
	for _, owner := range delta.WantBeats {
		if e := m.table.Get(owner); e != nil {
			d.Beats = append(d.Beats, e)
		}
	}
}

// answer sends m.difference to a peer, in at most limit datagrams like head; what head brings itself goes into the first. Which
// rows come first is random, so that a newcomer that asks several members hears different parts from them.
func (m *Machine) answer(to protocol.NodeID, head Delta, limit int, out *protocol.Output) {
	d := m.difference
	if n := len(d.Rows); n > 1 {
		start := m.config.Rand.IntN(n)
		slices.Reverse(d.Rows[:start])
		slices.Reverse(d.Rows[start:])
		slices.Reverse(d.Rows)
	}
	for sent := 0; sent < limit && m.mayAnswer(to); sent++ {
		delta := new(head)
		delta.Evidence = m.evidence()
		m.fill(delta, &d)
		left := len(d.Rows) + len(d.Beats) + len(d.WantRows) + len(d.WantBeats)
		m.answers(to, delta.Size())
		delta.More = len(d.Rows) > 0 && (sent+1 == limit || !m.mayAnswer(to))
		m.send(to, delta, out)
		head.Rows = nil
		if left == 0 {
			return
		}
	}
}

// send sends a delta and counts it.
func (m *Machine) send(to protocol.NodeID, delta *Delta, out *protocol.Output) {
	m.stats.DeltasSent++
	m.stats.RowsSent += uint64(len(delta.Rows))
	m.stats.BeatsSent += uint64(len(delta.Beats))
	m.stats.BytesSent += uint64(delta.Size())
	out.Send(to, delta)
}

// fill moves as much of d into delta as fits into a datagram. Wishes get up to a quarter of the room and rows up to half of it
// while other things wait, so that neither a flood of rows keeps heartbeats out nor the other way round.
func (m *Machine) fill(delta *Delta, d *table.Difference[peer]) {
	room := m.config.payload() - delta.Size() - 4*2
	delta.WantRows, d.WantRows = m.take(d.WantRows, room/4/8)
	room -= 8 * len(delta.WantRows)
	delta.WantBeats, d.WantBeats = m.take(d.WantBeats, room/4/8)
	room -= 8 * len(delta.WantBeats)
	rowRoom := room
	if len(d.Beats) > 0 {
		rowRoom = max(room/2, room-len(d.Beats)*(table.ClaimSizeTypical+1))
	}
	room -= m.fillRows(delta, d, rowRoom)
	m.fillBeats(delta, d, room)
}

// take cuts at most n owners off from, copied: messages keep them.
func (m *Machine) take(from []protocol.NodeID, n int) (taken, rest []protocol.NodeID) {
	n = min(n, len(from))
	if n == 0 {
		return nil, from
	}
	return slices.Clone(from[:n]), from[n:]
}

// fillRows moves rows of at most room bytes into delta and returns how many bytes they take. The first one goes in though it is
// larger than half of a datagram.
func (m *Machine) fillRows(delta *Delta, d *table.Difference[peer], room int) (used int) {
	for len(d.Rows) > 0 {
		e := d.Rows[0]
		update := RowUpdate{Row: e.Row(), Heartbeat: e.Version().Heartbeat, Proof: e.Proof()}
		size := update.size()
		if used+size > room && (len(delta.Rows) > 0 || delta.Size()+size > m.config.payload()-4) {
			return used
		}
		delta.Rows = append(delta.Rows, update)
		d.Rows = d.Rows[1:]
		used += size
	}
	return used
}

// fillBeats moves heartbeats of at most room bytes into delta.
func (m *Machine) fillBeats(delta *Delta, d *table.Difference[peer], room int) {
	n := min(len(d.Beats), max(0, room)/(table.ClaimSizeMin+1))
	if n == 0 {
		return
	}
	beats := make([]Beat, 0, n)
	for len(d.Beats) > 0 && len(beats) < n {
		e := d.Beats[0]
		beat := Beat{Claim: e.Claim(), Proof: e.Proof()}
		if room -= beat.size(); room < 0 {
			break
		}
		beats = append(beats, beat)
		d.Beats = d.Beats[1:]
	}
	delta.Beats = beats
}

// digestAddress sends a digest to an address whose owner is not known or not a member now.
func (m *Machine) digestAddress(now protocol.Time, to protocol.Address, out *protocol.Output) {
	out.SendAddress(to, m.digest(now))
}
