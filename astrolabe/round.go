package astrolabe

import (
	"errors"
	"slices"
	"time"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// silentTimeouts is after how many T_fail of silence a row is removed.
const silentTimeouts = 2

// memoryTimeouts is for how many T_fail versions that were removed are remembered, and for as long as their zones are expected.
const memoryTimeouts = 10

// round is what happens in each round: silence is judged, summaries are computed, the own rows brought up to date, tables exchanged.
func (m *Machine) round(now protocol.Time, out *protocol.Output) {
	if m.config.Hosts.Own() == nil {
		return
	}
	m.stats.Rounds++
	m.answers.refill(m.config.AnswerBytes, m.config.AnswerBytes/answersShare)
	m.functions.checks.refill(checksPerRound, checksOfSender)
	m.functions.parts.sent.refill(functionsSent, functionsOfPeer)
	m.serving.refill(m.stats.Rounds)
	if m.notary != nil {
		m.notary.refill()
	}
	var held bool
	m.awake, held = m.config.Hosts.Awake()
	if !held {
		m.expire(now, out)
	}
	m.expireFunctions(now)
	m.keepFunctions(out)
	m.summarizeOwn(out)
	m.compute(now)
	for _, l := range m.levels {
		m.issue(now, l)
	}
	m.audit(now, out)
	m.gossip(now, out)
	m.seek(now, out)
	m.settleDown(now, out)
}

// FailTimeout returns T_fail of the rows of a table with so many of them.
func (m *Machine) failTimeout(rows int) time.Duration {
	if m.config.FailTimeout > 0 {
		return m.config.FailTimeout
	}
	return m.config.FailModel.Timeout(rows, m.config.payload()/table.ClaimSizeTypical, m.config.Round, m.config.Round)
}

// expire removes the rows that have been silent for too long.
func (m *Machine) expire(now protocol.Time, out *protocol.Output) {
	for _, l := range m.levels {
		fail := m.failTimeout(l.table.Len())
		for e := l.table.Silent(); e != nil && m.awake.Sub(e.Advanced()) >= silentTimeouts*fail; e = l.table.Silent() {
			m.remove(now, l, e, out)
		}
		l.gone.forget(m.awake.Add(-max(memoryTimeouts*fail, m.config.Expect)))
		l.expire(now.Add(-m.config.Expect))
	}
}

// remove removes a row. The last one of a child zone takes that with it.
func (m *Machine) remove(now protocol.Time, l *level, e *entry, out *protocol.Output) {
	l.remember(e.Owner(), e.Version(), m.awake)
	m.stats.RowsExpired++
	row := e.Row()
	if m.drop(l, e, out) && row.Name != l.own && !row.Left {
		m.stats.ZonesLost++
		l.lose(row, now, m.config.Children)
	}
}

// drop takes a row out of a table. It reports whether it was the last one of its zone.
func (m *Machine) drop(l *level, e *entry, out *protocol.Output) (last bool) {
	l.table.Remove(e.Owner())
	last = l.leave(e, e.Row().Name)
	m.viewLost(e, l, out)
	return last
}

// represents reports whether this member is a representative of the own child zone of a table, and anybody is there to hear it.
func (m *Machine) represents(now protocol.Time, l *level) bool {
	if m.silent(now) {
		return false
	}
	met := l.met != 0 && now.Sub(l.met) <= silentTimeouts*m.failTimeout(l.table.Len())
	if c := l.childOf(l.own); met && (len(c) == 0 || len(c) == 1 && c[0] == l.issued.current()) {
		return true // whose turn it is has not heard of the others yet
	}
	if !l.others() && !met || m.givesWay(l) {
		return false
	}
	return m.speaksFor(l)
}

// givesWay reports whether this member, which knows no other host of its zone, leaves it to somebody else to represent a zone on its path: of all that have not found each other yet one does, so that when
// many start at once those who are found first are not asked by all of them in each round.
func (m *Machine) givesWay(l *level) bool {
	if m.config.Hosts.Len() > 1 {
		return false
	}
	own := &table.Row{Owner: m.config.Self, Attributes: l.child.summary.attributes()}
	fail := m.failTimeout(l.table.Len())
	return slices.ContainsFunc(l.childOf(l.own), func(e *entry) bool {
		return e.Owner() != m.config.Self && !e.Row().Left && m.awake.Sub(e.Advanced()) < fail && weaker(own, e.Row())
	})
}

// silent reports whether this member says nothing of its zone: it goes, or is still looking for it.
func (m *Machine) silent(now protocol.Time) bool {
	return m.leaving || now < m.seeds.until && m.config.Hosts.Len() < 2
}

// speaksFor reports whether this member is among the contacts of the own child zone of a table.
func (m *Machine) speaksFor(l *level) bool {
	return slices.ContainsFunc(l.child.summary.Contacts, func(c Contact) bool { return c.ID == m.config.Self })
}

// issue brings the row that this member makes of the own child zone up to date: a new one when the summary has changed, else a heartbeat.
func (m *Machine) issue(now protocol.Time, l *level) {
	own := m.config.Hosts.Own()
	e := l.issued.current()
	if !m.represents(now, l) {
		if e != nil || l.issued != nil && l.issued.stale {
			m.resign(l)
		}
		return
	}
	row := &table.Row{Owner: m.config.Self, Name: l.own, Addresses: own.Addresses}
	dropped := fitAttributes(row, l.child.summary, m.config.RowLimit, m.notary != nil)
	if e != nil && !l.issued.stale && own.Epoch == l.issued.epoch && sameContent(e.Row(), row) {
		if proof, ok := m.proof(l); ok {
			claim := e.Claim()
			claim.Heartbeat = l.issued.beat
			l.table.Beat(m.awake, claim, proof)
			return
		}
	}
	m.stats.OutputsDropped += dropped
	m.publish(l, row)
}

// resign says that this member represents the own child zone of a table no longer.
func (m *Machine) resign(l *level) {
	m.publish(l, &table.Row{Owner: m.config.Self, Name: l.own, Left: true})
	m.withdraw(l)
}

// publish makes row the own one of a table.
func (m *Machine) publish(l *level, row *table.Row) {
	m.number(l, row)
	l.issued.stale = false
	if m.notary != nil {
		m.sign(l, row)
	}
	proof, _ := m.proof(l) // a chain that runs out is renewed long before
	var before *table.Row
	if e := l.table.Get(m.config.Self); e != nil {
		before = e.Row()
	}
	e, outcome, err := l.table.Merge(m.awake, row, l.issued.beat, proof)
	if err != nil {
		m.stats.RowsRefused++ // it is too large, or there is no room for it
		return
	}
	switch {
	case outcome == table.Added:
		l.enter(e)
	case outcome == table.Replaced && row.Name != before.Name: // this member has moved
		l.leave(e, before.Name)
		l.enter(e)
	default:
		l.age(e)
	}
	l.issued.entry = e
	l.issued.keep(l.child.account)
	l.table.Exempt(m.config.Self)
	m.stats.Issued++
}

// number gives a row that this member makes of the own child zone a version that none has had.
func (m *Machine) number(l *level, row *table.Row) {
	if l.issued == nil {
		l.issued = new(issued)
	}
	if epoch := m.config.Hosts.Own().Epoch; epoch != l.issued.epoch {
		l.issued.epoch, l.issued.sequence = epoch, 0
	}
	l.issued.sequence++
	m.sequence = max(m.sequence, l.issued.sequence)
	row.Epoch, row.Sequence = l.issued.epoch, l.issued.sequence
}

// withdraw ends the care for the own row, which says that it is the last: it is removed when all that have it have heard so.
func (m *Machine) withdraw(l *level) {
	l.table.Watch(m.config.Self)
	l.issued.entry, l.issued.accounts = nil, nil
}

// sameContent reports whether two rows of one owner say the same.
func sameContent(a, b *table.Row) bool {
	return a.Left == b.Left && a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses) &&
		slices.EqualFunc(a.Attributes, b.Attributes, func(a, b protocol.Attribute) bool { return a.Name == b.Name && string(a.Value) == string(b.Value) })
}

// gossip begins the exchanges of a round.
func (m *Machine) gossip(now protocol.Time, out *protocol.Output) {
	m.tellBehind(now, out)
	if m.worthTelling() {
		if partner := m.partner(); partner != 0 {
			m.exchange(now, partner, len(m.levels), out)
		}
	}
	for i, l := range m.levels {
		if l.issued.current() == nil {
			continue
		}
		if other := m.representative(l); other != nil {
			m.exchange(now, other.Owner(), i+1, out)
		}
	}
}

// worthTelling reports whether there is anything in the tables, or a function: a fleet of one zone has no rows there, and its members need not ask each other.
func (m *Machine) worthTelling() bool { return len(m.functions.all) > 0 || m.holdsRows() }

// holdsRows reports whether there is anything in the tables.
func (m *Machine) holdsRows() bool {
	for _, l := range m.levels {
		if l.table.Len() > 0 {
			return true
		}
	}
	return false
}

// partnerTries is how many hosts are drawn at random before a round goes without.
const partnerTries = 16

// partner returns a random host of the own zone to exchange tables with, 0 when there is none. Membership that is not of one zone knows others as well.
func (m *Machine) partner() protocol.NodeID {
	table := m.config.Hosts
	for range partnerTries {
		h := table.Host(m.config.Rand.IntN(table.Len()))
		if h.Row.Owner != m.config.Self && h.State != membership.StateLeft && !h.Unreachable && protocol.Zone(h.Row.Name) == m.zone {
			return h.Row.Owner
		}
	}
	return 0
}

// representative returns a random row of a random other child zone of a table, nil when there is none.
func (m *Machine) representative(l *level) *entry {
	zones := l.zones()
	for range partnerTries {
		c := l.childNumber(m.config.Rand.IntN(zones))
		if c.zone() == l.own {
			continue
		}
		if e := c[m.config.Rand.IntN(len(c))]; !e.Row().Left {
			return e
		}
	}
	return nil
}

// adopt takes over a row of another member.
func (m *Machine) adopt(from protocol.NodeID, u *membership.RowUpdate, out *protocol.Output) {
	l := m.levelOf(u.Row.Name)
	switch {
	case l == nil:
		m.refuse(from, ReasonRowForeign, out)
		return
	case u.Row.Sequence > sequenceMax:
		m.refuse(from, ReasonRowSequence, out)
		return
	case u.Row.Owner == m.config.Self:
		m.inCirculation(from, l, u, out)
		return
	case m.isBarred(u.Row.Owner):
		m.stats.RowsBarred++
		m.refuse(from, ReasonRowUnaccounted, out)
		return
	case l.gone.covers(u.Row.Owner, u.Row.Version(u.Heartbeat)):
		m.stats.RowsGone++
		out.Drop(from, ReasonRowGone)
		return
	}
	held := l.table.Get(u.Row.Owner)
	switch {
	case u.Row.Left && held == nil:
		return // nobody has to hear of it any longer
	case held != nil && u.Row.Version(0).CompareRow(held.Version()) < 0:
		return
	case held != nil && m.notary != nil && string(held.Row().Signature) == string(u.Row.Signature) && u.Row.Compare(held.Row()) == 0:
		m.beat(l, from, &membership.Beat{Claim: table.Claim{Owner: u.Row.Owner, Version: u.Row.Version(u.Heartbeat)}, Proof: u.Proof})
		return
	}
	if m.notary != nil {
		if !m.trusts(from, u, out) || held != nil && m.contradicts(held.Row(), u.Row, out) {
			return
		}
		m.prove(l, from, u)
	}
	if held == nil {
		if u.Row.Name != l.own && len(l.childOf(u.Row.Name)) == 0 && l.present() >= m.config.Children {
			m.refuse(from, ReasonZoneFull, out)
			return
		}
		if weakest := l.weakest(u.Row.Name, m.config.Self, m.config.Representatives+rowsBeyond); weakest != nil {
			if m.stats.RowsDisplaced++; weaker(u.Row, weakest.Row()) {
				l.remember(u.Row.Owner, u.Row.Version(u.Heartbeat), m.awake)
				return
			}
			l.remember(weakest.Owner(), weakest.Version(), m.awake)
			m.drop(l, weakest, out)
		}
	}
	var before *table.Row
	if held != nil {
		before = held.Row()
	}
	e, outcome, err := l.table.Merge(m.awake, u.Row, u.Heartbeat, u.Proof)
	if err != nil {
		reason := ReasonRowTooLarge
		if errors.Is(err, table.ErrZoneFull) {
			reason = ReasonZoneFull
		}
		m.refuse(from, reason, out)
		return
	}
	switch outcome {
	case table.Added:
		m.stats.RowsAdded++
		l.enter(e)
		m.viewed(e, nil, l, out)
	case table.Replaced:
		m.stats.RowsReplaced++
		if e.Row().Name != before.Name {
			l.leave(e, before.Name)
			l.enter(e)
		}
		l.age(e)
		m.viewed(e, before, l, out)
	}
}

func (m *Machine) refuse(from protocol.NodeID, reason protocol.Reason, out *protocol.Output) {
	m.stats.RowsRefused++
	out.Drop(from, reason)
}

// levelOf returns the table in which a zone has rows, nil when it is not on the own path.
func (m *Machine) levelOf(zone string) *level {
	for _, l := range m.levels {
		if l.contains(zone) {
			return l
		}
	}
	return nil
}

// sequenceMax is the greatest sequence that is taken from others: it leaves room to go above one that somebody else has put into circulation.
const sequenceMax = 1 << 62

// inCirculation meets a row that this member is said to have made. One of a version that this run has not made yet is of an earlier one: it is gone above. Who could say so
// without its signature could have it use a version twice.
func (m *Machine) inCirculation(from protocol.NodeID, l *level, u *membership.RowUpdate, out *protocol.Output) {
	issued := l.issued
	if issued == nil || u.Row.Epoch != issued.epoch || u.Row.Sequence < issued.sequence || issued.entry != nil && u.Row.Compare(issued.entry.Row()) == 0 {
		return
	}
	if m.notary != nil && !m.ownHand(from, u.Row, out) {
		return
	}
	issued.sequence, issued.stale = u.Row.Sequence, true
	m.sequence = max(m.sequence, issued.sequence)
}

// Leave tells others at once that this member represents no zone any longer.
func (m *Machine) Leave(now protocol.Time, out *protocol.Output) {
	if m.config.Hosts.Own() == nil || m.leaving {
		return
	}
	m.leaving = true
	d := &Delta{Zone: m.zone}
	var to []protocol.NodeID
	for _, l := range m.levels {
		if l.issued.current() == nil {
			continue
		}
		m.issue(now, l)
		if e := l.table.Get(m.config.Self); e != nil {
			d.Rows = append(d.Rows, membership.RowUpdate{Row: e.Row(), Heartbeat: e.Version().Heartbeat, Proof: e.Proof()})
		}
		if l.others() {
			if other := m.representative(l); other != nil && !slices.Contains(to, other.Owner()) {
				to = append(to, other.Owner())
			}
		}
	}
	if partner := m.partner(); partner != 0 {
		to = append(to, partner)
	}
	if len(d.Rows) > 0 && len(to) > 0 {
		m.stats.DeltasSent += uint64(len(to))
		m.stats.BytesSent += uint64(len(to) * d.Size())
		out.Spread(to, d)
	}
}
