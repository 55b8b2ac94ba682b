package astrolabe

import (
	"bytes"
	"errors"
	"slices"

	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// examination is a question for what a row was made of.
type examination struct {
	row      *table.Row
	digest   inputsDigest
	since    uint64
	account  *account // nil as long as the index has not come
	claims   []table.Claim
	missing  int // parts that have not come
	have     []bool
	partials []partial
}

// partial is a section that comes in pieces.
type partial struct {
	section uint16
	bytes   []byte
	there   []bool
	missing int
}

// doubt is something in an account that this member should soon know as well, if it is so.
type doubt struct {
	owner   protocol.NodeID // of an input; 0 for a function
	version table.Version   // that this member waits for, or that the account should come to
	leaf    inputsDigest
	kind    doubtKind
	since   uint64
	last    uint64 // when it was there last,
	named   bool   // and that it is in the account that is looked into
}

type doubtKind byte

const (
	doubtAhead    doubtKind = iota // a version that is not known here
	doubtOther                     // another content than is known here under the version
	doubtLeftOut                   // the own row is not there, or an old one is
	doubtStranger                  // of an owner that is not known here
	doubtFunction                  // a function that is not known here
)

// patience returns for how many rounds a doubt may stand.
func (k doubtKind) patience() uint64 {
	if k == doubtOther || k == doubtLeftOut {
		return newsRounds
	}
	return driftRounds // this member may have refused what others have taken in: a certificate that has expired by one clock may hold by another
}

// inquire asks the maker of a row what it was made of, with a probability by which few ask at a time.
func (m *Machine) inquire(now protocol.Time, s *speaker, alive bool, out *protocol.Output) {
	round, digest := m.stats.Rounds, digestIn(s.row)
	if q := s.question; q != nil && q.digest != digest && round-q.since > staleRounds {
		s.question = nil
	}
	if !alive {
		return
	}
	if s.question == nil {
		if !m.asks(s, digest) {
			return
		}
		s.question = &examination{row: s.row, digest: digest, since: round}
	}
	if s.tries++; s.tries > triesMax {
		m.bar(s, ReasonUnanswered, out)
		return
	}
	m.stats.AuditQuestions++
	q := s.question
	message := &AccountQuestion{Zone: m.zone, Of: s.level.own, Digest: q.digest, Sections: q.wanted()}
	m.stats.BytesSent += uint64(message.Size())
	out.Send(s.owner, message)
}

// asks decides whether to ask in this round. Where the own account stands still, each member of the zone asks with a probability of 8 in the number of them, 1 in 8 at least; where it
// changes all the time, all together ask once in two rounds.
func (m *Machine) asks(s *speaker, digest inputsDigest) bool {
	round, members := m.stats.Rounds, max(1, s.level.child.summary.Hosts)
	quiet := round-m.notary.auditor.changed[s.level.depth] >= quietRounds
	switch {
	case len(s.doubts) > 0:
		return round-s.concluded >= doubtRounds
	case s.accounted == digest:
		return false
	case quiet && s.unlike >= unlikeRounds:
		return members <= 8 || m.config.Rand.IntN(min(members, 64)) < 8
	case s.unlike >= unlikeBusy:
		return m.config.Rand.IntN(2*members) == 0
	}
	return false
}

// wanted returns the sections that are to be asked for.
func (q *examination) wanted() (sections []uint16) {
	if q.account == nil {
		return []uint16{0}
	}
	for i, have := range q.have {
		if !have && len(sections) < sectionsMax {
			sections = append(sections, uint16(i+1))
		}
	}
	return sections
}

// receiveAccountQuestion answers with what a row of this member was made of, as far as the round's room goes.
func (m *Machine) receiveAccountQuestion(from protocol.NodeID, q *AccountQuestion, out *protocol.Output) {
	i := slices.IndexFunc(m.levels, func(l *level) bool { return l.own == q.Of })
	if i < 0 || m.notary == nil {
		out.Drop(from, ReasonAccount)
		return
	}
	l := m.levels[i]
	var accounts []*account
	if l.issued != nil {
		accounts = l.issued.accounts
	}
	j := slices.IndexFunc(accounts, func(a *account) bool { return a.digest == q.Digest })
	if j < 0 {
		m.stats.AccountsGone++
		out.Drop(from, ReasonAccount)
		return
	}
	a := accounts[j]
	for _, section := range q.Sections {
		switch {
		case section == 0:
			m.sendSection(from, a, 0, m.appendClaims(wire.AppendBytes(nil, a.appendIndex(nil)), l, a), out)
		case int(section) <= len(a.leaves):
			m.sendSection(from, a, section, a.part(int(section)-1), out)
		}
	}
}

// appendClaims appends the versions that the inputs had. They are no part of what was signed; they tell who asks what to hold against what it has.
func (m *Machine) appendClaims(b []byte, l *level, a *account) []byte {
	for i := range a.inputs {
		row := a.inputs[i].row
		if row.Epoch == 0 && l.depth+1 < len(m.levels) { // the own child zone: as this member has told others of it
			if e := m.levels[l.depth+1].issued.current(); e != nil && sameStatement(e.Row().Attributes, row.Attributes) {
				row = e.Row()
			}
		}
		b = wire.AppendUvarint(wire.AppendUvarint(wire.AppendFixed64(b, uint64(row.Owner)), row.Epoch), row.Sequence)
	}
	return b
}

// sendSection sends a section of an account in pieces.
func (m *Machine) sendSection(to protocol.NodeID, a *account, section uint16, bytes []byte, out *protocol.Output) {
	if len(bytes) > AccountSizeMax || len(bytes) == 0 {
		return
	}
	for number, rest := 0, bytes; len(rest) > 0; number++ {
		if !m.answers.has(to) {
			m.stats.AnswersRefused++
			return
		}
		n := min(partSize, len(rest))
		piece := &AccountPiece{Digest: a.digest, Section: section, Whole: len(bytes), Number: number, Bytes: rest[:n:n]}
		m.answers.spend(to, piece.Size())
		m.stats.BytesSent += uint64(piece.Size())
		m.stats.AccountPiecesSent++
		out.Send(to, piece)
		rest = rest[n:]
	}
}

// receiveAccountPiece takes a piece of an answer.
func (m *Machine) receiveAccountPiece(from protocol.NodeID, p *AccountPiece, out *protocol.Output) {
	m.stats.AccountPiecesReceived++
	s := m.asked(from, p.Digest)
	if s == nil {
		out.Drop(from, ReasonAccount)
		return
	}
	q := s.question
	section := q.collect(p)
	if section == nil {
		return
	}
	if p.Section == 0 {
		m.takeIndex(s, section, out)
	} else {
		m.takePart(s, int(p.Section)-1, section, out)
	}
	if s.question == q && q.account != nil && q.missing == 0 {
		m.conclude(s, out)
	}
}

// asked returns the row of a member that it was asked about, nil if it was not.
func (m *Machine) asked(from protocol.NodeID, digest inputsDigest) *speaker {
	if m.notary == nil {
		return nil
	}
	for _, s := range m.notary.auditor.speakers {
		if s.owner == from && s.question != nil && s.question.digest == digest {
			return s
		}
	}
	return nil
}

// collect adds a piece, and returns the section when it is complete.
func (q *examination) collect(p *AccountPiece) []byte {
	if q.account == nil && p.Section != 0 || q.account != nil && (p.Section == 0 || int(p.Section) > len(q.have) || q.have[p.Section-1] || p.Whole > accountPartMax) {
		return nil // it is not asked for
	}
	i := slices.IndexFunc(q.partials, func(c partial) bool { return c.section == p.Section })
	if i >= 0 && len(q.partials[i].bytes) != p.Whole {
		q.partials, i = slices.Delete(q.partials, i, i+1), -1
	}
	if i < 0 {
		if len(q.partials) >= sectionsMax {
			return nil
		}
		count := (p.Whole + partSize - 1) / partSize
		q.partials = append(q.partials, partial{section: p.Section, bytes: make([]byte, p.Whole), there: make([]bool, count), missing: count})
		i = len(q.partials) - 1
	}
	c := &q.partials[i]
	if !c.there[p.Number] {
		copy(c.bytes[p.Number*partSize:], p.Bytes)
		c.there[p.Number] = true
		c.missing--
	}
	if c.missing > 0 {
		return nil
	}
	whole := c.bytes
	q.partials = slices.Delete(q.partials, i, i+1)
	return whole
}

// takeIndex takes the index of an account: what it names by another hash than the row does is no answer. Parts that are known here need not come.
func (m *Machine) takeIndex(s *speaker, section []byte, out *protocol.Output) {
	q := s.question
	r := wire.NewReader(section)
	encoding := r.Bytes(AccountSizeMax)
	if r.Err() != nil || digestOf(accountText, encoding) != q.digest {
		m.bar(s, ReasonAccountFalse, out)
		return
	}
	a, err := readIndex(encoding)
	if errors.Is(err, errRules) {
		m.stats.AuditsUnlike++
		s.accounted, s.question, s.tries = q.digest, nil, 0
		return
	}
	if err == nil {
		for range a.inputs {
			q.claims = append(q.claims, table.Claim{Owner: protocol.NodeID(r.Fixed64()), Version: table.Version{Epoch: r.Uvarint(), Sequence: r.Uvarint()}})
		}
		err = r.Done()
	}
	if err != nil {
		m.bar(s, ReasonAccountFalse, out)
		return
	}
	q.account, q.have, q.missing = a, make([]bool, len(a.leaves)), len(a.leaves)
	known := s.level.child.account
	for i, leaf := range a.leaves {
		if j := slices.Index(known.leaves, leaf); j >= 0 {
			m.takePart(s, i, known.part(j), out)
		}
	}
}

// takePart takes a part of an account.
func (m *Machine) takePart(s *speaker, i int, part []byte, out *protocol.Output) {
	q := s.question
	if q == nil || q.account == nil || i >= len(q.have) || q.have[i] {
		return
	}
	if err := q.account.setPart(i, bytes.Clone(part)); err != nil {
		m.bar(s, ReasonAccountFalse, out)
		return
	}
	q.have[i] = true
	q.missing--
}

// conclude looks into an account that is complete: whether the row follows from it, and whether it agrees with what is known here.
func (m *Machine) conclude(s *speaker, out *protocol.Output) {
	q := s.question
	s.question, s.tries, s.concluded = nil, 0, m.stats.Rounds
	m.stats.Audits++
	m.stats.AuditAnswers++
	if err := q.account.check(); err != nil {
		m.bar(s, ReasonAccountFalse, out)
		return
	}
	if so, err := q.account.says(q.row); err == nil && !so {
		s.row = q.row
		m.falsified(s, q.account, out)
		return
	} else if err != nil {
		m.stats.AuditsUnlike++
	}
	s.accounted = q.digest
	m.doubtAccount(s, q)
	for _, d := range s.doubts {
		if m.stats.Rounds-d.since > d.kind.patience() {
			m.bar(s, ReasonInputs, out)
			return
		}
	}
}
