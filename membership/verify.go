package membership

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// Bounds of what waits for its signatures to be checked.
const (
	verifiesMax       = 256 // rows, notices, beacons and certificates that wait or are being checked
	verifiesSenderMax = 32  // of them from one sender
	verifiesUnderMax  = 16  // of them being checked
	verifyBurst       = 100 * time.Millisecond
	// forgeryCost is how many checks a sender is behind others for each forgery that came from it.
	forgeryCost = 16
	// senderBuckets is over how many numbers senders are spread to see what each of them costs.
	senderBuckets = 64
)

// bucketOf returns the number that a sender shares with few others.
func bucketOf(from protocol.NodeID) int {
	return int(uint64(from) * 0x9e3779b97f4a7c15 >> 58) // the first six bits
}

// suspect is a row, a notice, a beacon or a member's certificates whose signatures have to be checked before anything is done with it.
type suspect struct {
	from      protocol.NodeID // the hop that it came from
	sum       [sha256.Size]byte
	checks    []protocol.Check
	number    uint64 // of the Verify; 0 while it waits
	ownZone   bool
	update    RowUpdate         // a row
	rowSum    [sha256.Size]byte // of the row without its signature
	author    *credential
	rumoured  bool
	notice    *notice          // or a notice
	beacon    *identity.Beacon // or a beacon
	foreigner *foreigner       // or the certificates of a member that has no row here
}

// verifier is the queue of what is to be verified. Who costs least comes first, and what is of the own zone before that, so that a member that floods
// delays itself.
type verifier struct {
	self    protocol.NodeID // what it offered itself is not displaced
	queue   []suspect
	under   int
	spent   [senderBuckets]uint32 // checks for each sender, lately
	horizon protocol.Time         // up to when the rate of checks is used up
}

// decay forgets half of what senders cost; once a round.
func (v *verifier) decay() {
	for i := range v.spent {
		v.spent[i] /= 2
	}
}

// put queues s. It reports false when there is no room for it. A newer row of one owner takes the place of an older one of the same sender. displaced is the hop
// of what made room for s, 0 when nothing had to.
func (v *verifier) put(s suspect) (displaced protocol.NodeID, ok bool) {
	fromSender, last := 0, -1
	for i := range v.queue {
		q := &v.queue[i]
		if q.sum == s.sum {
			return 0, true
		}
		if q.from == s.from {
			fromSender++
			if q.number == 0 && q.update.Row != nil && s.update.Row != nil && q.update.Row.Owner == s.update.Row.Owner {
				last = i
			}
		}
	}
	if last >= 0 {
		if s.update.Row.Version(0).CompareRow(v.queue[last].update.Row.Version(0)) >= 0 {
			v.queue[last] = s
		}
		return 0, true
	}
	if fromSender >= verifiesSenderMax {
		return 0, false
	}
	if len(v.queue) >= verifiesMax {
		if displaced = v.makeRoom(fromSender); displaced == 0 {
			return 0, false
		}
	}
	v.queue = append(v.queue, s)
	return displaced, true
}

// makeRoom takes the latest waiting suspect of the sender that has most, if that has more than few and one, and returns the sender; 0 when there is none.
func (v *verifier) makeRoom(few int) protocol.NodeID {
	var held [senderBuckets]int
	most := 0
	for i := range v.queue {
		if v.queue[i].from == v.self {
			continue
		}
		b := bucketOf(v.queue[i].from)
		if held[b]++; held[b] > held[most] {
			most = b
		}
	}
	if held[most] <= few+1 {
		return 0
	}
	for i := len(v.queue) - 1; i >= 0; i-- {
		if from := v.queue[i].from; v.queue[i].number == 0 && from != v.self && bucketOf(from) == most {
			v.queue = slices.Delete(v.queue, i, i+1)
			return from
		}
	}
	return 0
}

// next returns the position of what is to be checked next, -1 when nothing waits.
func (v *verifier) next() int {
	best := -1
	for i := range v.queue {
		if v.queue[i].number == 0 && (best < 0 || v.before(&v.queue[i], &v.queue[best])) {
			best = i
		}
	}
	return best
}

func (v *verifier) before(s, t *suspect) bool {
	if s.ownZone != t.ownZone {
		return s.ownZone
	}
	return v.spent[bucketOf(s.from)] < v.spent[bucketOf(t.from)]
}

// verify queues a suspect and begins to check what may be checked now. It reports false when there is no room for the suspect.
func (m *Machine) verify(now protocol.Time, s suspect, out *protocol.Output) bool {
	displaced, ok := m.guard.verifier.put(s)
	if !ok {
		displaced = s.from
	}
	if displaced != 0 {
		m.stats.VerifyRefused++
		out.Drop(displaced, ReasonVerifyQueue)
	}
	if ok {
		m.verifyMore(now, out)
	}
	return ok
}

// verifyMore begins checks, as many as the rate allows.
func (m *Machine) verifyMore(now protocol.Time, out *protocol.Output) {
	v := &m.guard.verifier
	each := time.Second / time.Duration(m.guard.identity.VerifyRate)
	for v.under < verifiesUnderMax {
		i := v.next()
		if i < 0 {
			return
		}
		if begin := v.horizon.Add(-verifyBurst); begin > now {
			m.deadlines.Set(taskVerify, begin)
			return
		}
		s := &v.queue[i]
		v.horizon = max(v.horizon, now).Add(each * time.Duration(len(s.checks)))
		v.spent[bucketOf(s.from)] += uint32(len(s.checks))
		v.under++
		s.number = m.nextWork()
		m.stats.SignaturesChecked += uint64(len(s.checks))
		out.Do(&protocol.Verify{Number: s.number, Checks: s.checks})
	}
}

// verified takes the answer to a check.
func (m *Machine) verified(now protocol.Time, e protocol.Verified, out *protocol.Output) {
	if m.guard == nil {
		return
	}
	v := &m.guard.verifier
	i := slices.IndexFunc(v.queue, func(s suspect) bool { return s.number == e.Number })
	if i < 0 || e.Number == 0 {
		return
	}
	s := v.queue[i]
	v.queue = slices.Delete(v.queue, i, i+1)
	v.under--
	switch {
	case !e.Valid:
		m.stats.Forgeries++
		v.spent[bucketOf(s.from)] += forgeryCost
		out.Drop(s.from, ReasonForged)
	case s.notice != nil:
		m.takeNotice(now, s.from, s.notice, out)
	case s.foreigner != nil:
		m.takeForeigner(now, s.from, *s.foreigner, out)
	case s.beacon != nil:
		m.takeBeacon(now, s.from, s.beacon, out)
	default:
		m.takeSigned(now, &s, out)
	}
	if m.stage <= stageRunning {
		m.verifyMore(now, out)
	}
}

// examineRow decides what to do with a row before its signatures are checked: whether it is news at all comes first.
func (m *Machine) examineRow(now protocol.Time, from protocol.NodeID, u *RowUpdate, rumoured bool, out *protocol.Output) {
	if !m.isNews(now, from, u, out) {
		return
	}
	if e := m.table.Get(u.Row.Owner); e != nil && e != m.own && e.State.rows.spent(now, rowsBurstOthers*m.config.Round) {
		m.stats.RowsOverRate++
		out.Drop(from, ReasonRowRate)
		return
	}
	credential, fresh, reason := m.credentialOf(now, u.Row)
	if reason != "" {
		m.stats.RowsRefused++
		out.Drop(from, reason)
		return
	}
	sum := sha256.Sum256(u.Row.AppendSigned(nil))
	statement := statementOf(u.Row, sum)
	s := suspect{
		from: from, author: credential, rumoured: rumoured, sum: sha256.Sum256(append(sum[:], u.Row.Signature...)), rowSum: sum,
		update:  RowUpdate{Row: u.Row, Heartbeat: u.Heartbeat, Proof: bytes.Clone(u.Proof)},
		ownZone: protocol.Zone(u.Row.Name) == m.zone(),
	}
	// The row's own signature comes first: who forges one of a member without its key costs one check.
	s.checks = append(s.checks, statement.SignatureCheck())
	if fresh {
		s.checks = append(s.checks, m.guard.signatures(credential.chain)...)
	}
	m.verify(now, s, out)
}

// isNews reports whether a row would change anything, were it good. What it brings of a row that is held is taken.
func (m *Machine) isNews(now protocol.Time, from protocol.NodeID, u *RowUpdate, out *protocol.Output) bool {
	owner, version := u.Row.Owner, u.Row.Version(u.Heartbeat)
	if owner != m.config.Self && m.gone.covers(owner, version) {
		m.stats.ResurrectionsStopped++
		out.Drop(from, ReasonResurrection)
		return false
	}
	held := m.heldRow(owner)
	if held == nil {
		return true
	}
	c := u.Row.Version(0).CompareRow(held.Version(0))
	if c == 0 && u.Row.Compare(held) == 0 {
		m.adoptBeat(now, from, &Beat{Claim: table.Claim{Owner: owner, Version: version}, Proof: u.Proof}, out)
		return false
	}
	return c >= 0
}

// heldRow returns the row of a member, be it in the table or on record; nil when there is none.
func (m *Machine) heldRow(owner protocol.NodeID) *table.Row {
	if e := m.table.Get(owner); e != nil {
		return e.Row()
	}
	if r := m.gone.get(owner); r != nil && !m.gone.off {
		return r.row
	}
	return nil
}

// takeSigned adopts a row whose signatures are good. What is known may have changed since it came.
func (m *Machine) takeSigned(now protocol.Time, s *suspect, out *protocol.Output) {
	row := s.update.Row
	if m.stage != stageRunning || !m.isNews(now, s.from, &s.update, out) {
		return
	}
	if reason := m.judgeRow(now, s.author, row); reason != "" {
		m.stats.RowsRefused++
		out.Drop(s.from, reason)
		return
	}
	if m.contradicts(now, s, out) {
		return
	}
	if row.Owner == m.config.Self {
		m.inCirculation(now, row.Version(s.update.Heartbeat), out)
		return
	}
	m.proveRow(s.from, &s.update, out)
	m.stats.RowsVerified++
	e := m.enter(now, s.from, &s.update, s.author, s.rumoured, out)
	arm(e, row, s.rowSum, s.author)
	if e != nil {
		e.State.rows.spend(now, m.config.Round)
		m.reached(now, out)
	}
}

// arm notes what row, of which sum is the SHA-256, was verified with, if it is the one that the entry holds now.
func arm(e *entry, row *table.Row, sum [sha256.Size]byte, c *credential) {
	if e != nil && e.Row() == row {
		e.State.credential, e.State.sum = c, &sum
	}
}
