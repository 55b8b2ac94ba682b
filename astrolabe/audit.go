package astrolabe

import (
	"slices"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// Bounds of audits, in rounds where nothing else is said.
const (
	quietRounds    = 4    // for which the own account has stood still when a row that names another one is looked into
	unlikeRounds   = 2    // for which the row has to do so,
	unlikeBusy     = 8    // and where the own account changes all the time
	newsRounds     = 32   // after which news has reached everybody who is up
	doubtRounds    = 8    // between questions as long as there are doubts
	driftRounds    = 1200 // after which clocks that differ have made their peace: 10 minutes
	triesMax       = 32   // rounds in which a question was asked in vain
	staleRounds    = 6    // after which a question for what the row says no longer is given up
	livingRounds   = 6    // for which the heartbeat of a row may stand still while its maker is asked
	barredRounds   = 240  // for which who does not account for its rows is left out
	accountsKept   = 8    // what the last rows that were issued were made of
	formerMax      = 4096 // parts of former accounts that are remembered
	doubtsMax      = 64   // of one representative
	hostsAuditable = 128  // hosts of a zone in which all are known to all: table.RowsDefault
)

// audited is what a summary was made of, where rows are signed.
type audited struct {
	account *account
	leaves  knownLeaves
}

// accountFor notes what a summary was made of.
func (m *Machine) accountFor(z *summed, inputs []input) {
	if m.notary == nil {
		return
	}
	a := &account{zone: z.zone, representatives: m.config.Representatives, limit: m.config.RowLimit, barred: m.barred(), inputs: slices.Clone(inputs)}
	for _, h := range m.inForce(min(z.depth, len(m.levels)-1)) {
		if h.program != nil {
			a.functions = append(a.functions, accountFunction{
				version: h.Version, steps: h.Steps, size: h.Size, text: h.Program, program: h.program,
			})
		}
	}
	a.seal(&z.leaves)
	z.account, z.summary.Inputs = a, a.digest
}

// auditor holds representatives of the own zones to what they sign.
type auditor struct {
	speakers []*speaker
	bars     []bar
	accounts []*account    // of the levels in the last round
	changed  []uint64      // rounds in which they changed
	former   []former      // parts of former accounts, those that went first first
	own      table.Version // of the row of this member, lately
	aged     table.Version // and at least newsRounds ago
}

// former is a part of an account, and the round from which on the account was without it.
type former struct {
	leaf  inputsDigest
	round uint64
}

// speaker is a representative with its row of a zone.
type speaker struct {
	level     *level
	owner     protocol.NodeID
	row       *table.Row
	done      bool         // nothing is left to find out about the row
	accounted inputsDigest // the last account of it that was looked into, and holds
	unlike    uint64       // rounds since the row and the own summary were last made of the same
	tries     uint64
	concluded uint64 // when it last gave a complete answer
	question  *examination
	doubts    []doubt
	present   bool
}

// bar is a representative that has not accounted for its rows.
type bar struct {
	owner protocol.NodeID
	since uint64
}

// Unaccounted tells that a representative of an own zone does not account for a row. That is this member's finding, and proves nothing to others.
type Unaccounted struct {
	protocol.EventMark
	Peer   protocol.NodeID
	Zone   string
	Reason protocol.Reason
}

// keep keeps what a row was made of, for those who ask.
func (i *issued) keep(a *account) {
	if last := len(i.accounts) - 1; a == nil || last >= 0 && i.accounts[last].digest == a.digest {
		return
	}
	if len(i.accounts) == accountsKept {
		i.accounts = slices.Delete(i.accounts, 0, 1)
	}
	i.accounts = append(i.accounts, a)
}

// barred returns who is no contact, ascending.
func (m *Machine) barred() []protocol.NodeID {
	if m.notary == nil || len(m.notary.auditor.bars) == 0 {
		return nil
	}
	var all []protocol.NodeID
	for _, b := range m.notary.auditor.bars {
		all = append(all, b.owner)
	}
	slices.Sort(all)
	return all
}

// isBarred reports whether the rows of a member are refused.
func (m *Machine) isBarred(id protocol.NodeID) bool {
	return m.notary != nil && slices.ContainsFunc(m.notary.auditor.bars, func(b bar) bool { return b.owner == id })
}

// audit looks at the rows that others have made of the zones that this member is in.
func (m *Machine) audit(now protocol.Time, out *protocol.Output) {
	if m.notary == nil || m.config.AuditsOff {
		return
	}
	a := &m.notary.auditor
	a.observe(m)
	if before := len(a.bars); before > 0 {
		a.bars = slices.DeleteFunc(a.bars, func(b bar) bool { return m.stats.Rounds-b.since > barredRounds })
		if len(a.bars) != before {
			m.functions.changes++ // summaries are made anew
		}
	}
	for _, s := range a.speakers {
		s.present = false
	}
	for _, l := range m.levels {
		if l.child.account == nil {
			continue
		}
		for _, e := range slices.Clone(l.childOf(l.own)) {
			if e.Owner() != m.config.Self && !e.Row().Left {
				m.auditRow(now, l, e, out)
			}
		}
	}
	a.speakers = slices.DeleteFunc(a.speakers, func(s *speaker) bool { return !s.present })
}

// observe keeps the memory of what this member's own summaries were made of.
func (a *auditor) observe(m *Machine) {
	round := m.stats.Rounds
	a.fit(len(m.levels), round)
	for i, l := range m.levels {
		before, now := a.accounts[i], l.child.account
		if a.accounts[i] = now; before == now || before != nil && now != nil && before.digest == now.digest {
			continue
		}
		a.changed[i] = round
		for j := 0; before != nil && now != nil && j < len(before.leaves); j++ {
			if !slices.Contains(now.leaves, before.leaves[j]) {
				a.former = append(a.former, former{before.leaves[j], round})
			}
		}
	}
	if round%newsRounds == 0 {
		a.own, a.aged = m.config.Hosts.Own().Version(0), a.own
	}
	old := max(0, len(a.former)-formerMax)
	for old < len(a.former) && round-a.former[old].round > driftRounds {
		old++
	}
	a.former = slices.Delete(a.former, 0, old)
}

// fit makes room for the accounts of so many levels. Those that are new have changed just now.
func (a *auditor) fit(levels int, round uint64) {
	for len(a.accounts) < levels {
		a.accounts, a.changed = append(a.accounts, nil), append(a.changed, round)
	}
}

// moved follows this member into another zone: the first levels are as before, and in the others nothing is known of what was. Nor has the row of the own host been there for long.
func (a *auditor) moved(levels int) {
	levels = min(levels, len(a.accounts))
	a.accounts, a.changed = a.accounts[:levels], a.changed[:levels]
	a.own, a.aged = table.Version{}, table.Version{}
}

// speakerOf returns what is known of a representative's rows of a zone.
func (a *auditor) speakerOf(l *level, owner protocol.NodeID) *speaker {
	i := slices.IndexFunc(a.speakers, func(s *speaker) bool { return s.level == l && s.owner == owner })
	if i < 0 {
		a.speakers = append(a.speakers, &speaker{level: l, owner: owner})
		i = len(a.speakers) - 1
	}
	return a.speakers[i]
}

// auditRow holds a row against the own summary. Where both were made of the same, that is all that it takes; where they were not for longer than is usual, its maker is asked.
func (m *Machine) auditRow(now protocol.Time, l *level, e *entry, out *protocol.Output) {
	s := m.notary.auditor.speakerOf(l, e.Owner())
	s.present = true
	row, own := e.Row(), l.child.account
	if s.row != row {
		s.row, s.done = row, false
		if digestIn(row) == (inputsDigest{}) {
			m.stats.RowsUnaudited++
		}
	}
	switch digest := digestIn(row); {
	case digest == (inputsDigest{}): // of an earlier build
		s.done = true
	case digest == own.digest:
		s.unlike, s.tries, s.question, s.doubts = 0, 0, nil, nil
		if !s.done {
			s.done = true
			m.compare(l, s, out)
		}
	default:
		s.unlike++
		alive := m.awake.Sub(e.Advanced()) <= livingRounds*m.config.Round
		m.inquire(now, s, alive, out)
	}
}

// compare holds a row against the own summary, which was made of the same.
func (m *Machine) compare(l *level, s *speaker, out *protocol.Output) {
	m.stats.Audits++
	fitted := table.Row{Name: l.own, Addresses: s.row.Addresses}
	fitAttributes(&fitted, l.child.summary, l.child.account.limit, true)
	if !sameStatement(fitted.Attributes, s.row.Attributes) {
		m.falsified(s, l.child.account, out)
	}
}

// falsified deals with a row that says something else than what follows from what it was made of.
func (m *Machine) falsified(s *speaker, a *account, out *protocol.Output) {
	if err := convicts(s.row, a); err != nil {
		if err != ErrNoProof { // nothing more is to be said of what depends on clocks
			m.stats.AuditsUnlike++
		}
		return
	}
	m.stats.AuditMismatches++
	if a.size() > AccountSizeMax {
		m.stats.ProofsTooLarge++
	} else {
		m.stats.ProofsMade++
		out.Emit(identity.FalseStatement{Peer: s.owner, Proof: appendProof(nil, s.row, a)})
	}
	m.bar(s, ReasonFalseSummary, out)
}

// bar leaves a representative out of what this member computes, and refuses its rows.
func (m *Machine) bar(s *speaker, reason protocol.Reason, out *protocol.Output) {
	a := &m.notary.auditor
	s.question, s.doubts, s.tries = nil, nil, 0
	switch {
	case m.isBarred(s.owner):
		return
	case len(a.bars) >= barredMax:
		m.stats.BarsFull++
		return
	}
	a.bars = append(a.bars, bar{s.owner, m.stats.Rounds})
	m.stats.Unaccounted++
	m.functions.changes++ // summaries are made anew
	out.Emit(Unaccounted{Peer: s.owner, Zone: s.level.own, Reason: reason})
	out.Drop(s.owner, reason)
	for _, l := range m.levels {
		if e := l.table.Get(s.owner); e != nil {
			m.drop(l, e, out)
		}
	}
}
