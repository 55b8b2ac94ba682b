package membership

import (
	"crypto/sha256"
	"slices"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// sweepEvery is how often certificates are looked at again because time has passed.
const sweepEvery = time.Minute

// contradicts reports whether a signed row and the one held prove that their owner says different things under one version; then the owner is quarantined, and
// all are told.
func (m *Machine) contradicts(now protocol.Time, s *suspect, out *protocol.Output) bool {
	row, held := s.update.Row, m.heldRow(s.update.Row.Owner)
	if held == nil || held.Version(0).CompareRow(row.Version(0)) != 0 || string(held.PublicKey) != string(row.PublicKey) {
		return false
	}
	proof, err := identity.NewVerifiedEquivocation(
		statementOf(held, sha256.Sum256(held.AppendSigned(nil))), statementOf(row, s.rowSum))
	if err != nil {
		return false // one content, signed twice
	}
	m.stats.Equivocations++
	m.takeNotice(now, s.from, newNotice(s.author.chain, nil, proof), out)
	return true
}

// judgeCredentials looks at the certificates of all members again, and expels who is no longer one. Who is gone is judged alike, and no longer contacted.
func (m *Machine) judgeCredentials(now protocol.Time, out *protocol.Output) {
	policy := m.guard.policy(now)
	for i := 0; i < m.table.Len(); {
		e := m.table.At(i)
		c := e.State.credential
		if e == m.own || c == nil {
			i++
			continue
		}
		reason := m.guard.distrust(policy, c)
		if reason == "" {
			i++
			continue
		}
		m.expel(now, e, reason, out)
	}
	m.judgeForeigners(policy, out)
	for i := range m.gone.records {
		r := &m.gone.records[i]
		if r.credential != nil && !r.barred && bars(m.guard.distrust(policy, r.credential)) {
			r.barred = true
			out.Emit(protocol.CredentialGone{Author: r.row.Owner})
			m.gone.due.Set(r.row.Owner, now.Add(m.memory()))
		}
	}
	out.Emit(protocol.CredentialsJudged{Believed: func(c protocol.Credential) bool { // siblings hold some that are kept here no longer
		held, ours := c.(*credential)
		return ours && m.guard.distrust(policy, held) == ""
	}})
	m.watchLife(now, out)
}

// bars reports whether who is not believed for a reason is not contacted either. Who only expired, perhaps by a wrong clock here, still is.
func bars(reason protocol.Reason) bool { return reason != "" && reason != ReasonRowExpired }

// expel takes out a member whose word no longer counts. Its version is remembered, and it is not contacted.
func (m *Machine) expel(now protocol.Time, e *entry, reason protocol.Reason, out *protocol.Output) {
	left := e.State.state == StateLeft
	m.table.Remove(e.Owner())
	m.expected.Cancel(e.Owner())
	r := m.recordOf(e, now)
	r.left, r.barred = left, bars(reason)
	m.bury(now, r)
	m.stats.Expelled++
	out.Emit(Expelled{Peer: m.view(e), Reason: reason})
	if !left {
		m.stats.PeersDown++
		out.Emit(protocol.PeerDown{Peer: m.view(e)})
	}
	if r.barred {
		out.Emit(protocol.CredentialGone{Author: e.Owner()})
	}
}

// recordOf returns the record of a member that went.
func (m *Machine) recordOf(e *entry, since protocol.Time) record {
	return record{row: e.Row(), version: e.Version(), proof: e.Proof(), credential: e.State.credential, since: since}
}

// contradicted makes a proof known that a sibling has found and verified.
func (m *Machine) contradicted(now protocol.Time, e identity.Contradiction, out *protocol.Output) {
	if m.guard == nil {
		return
	}
	c := m.credentialKnown(e.Peer)
	if c == nil || c.key() != e.Proof.Author {
		return // who is not known here any more need not be shut out
	}
	m.stats.Equivocations++
	m.takeNotice(now, m.config.Self, newNotice(c.chain, nil, e.Proof), out)
}

// credentialKnown returns the credential of a member, wherever it is from and whether it counts or not; nil when it is not known.
func (m *Machine) credentialKnown(id protocol.NodeID) *credential {
	if held := m.table.Get(id); held != nil {
		return held.State.credential
	}
	if r := m.gone.get(id); r != nil {
		return r.credential
	}
	if k, known := m.guard.foreigners.use(id); known {
		return k.credential
	}
	return nil
}

// Revoke takes a revocation list in, and has it spread to all members. It takes effect once its signature was checked; RevocationsChanged tells when, and
// Revocations has it. Nothing but Drop tells of a signature that does not match: whoever has to be sure looks at Revocations, and offers the list again. A list
// that is known, or older than one that is, is no error.
//
// Errors: ErrLeft; ErrNotRunning before the own row is signed; ErrVerifyQueue when too much waits; ErrNoticesFull when the list takes effect here but is not passed
// on; identity.ErrAuthority when the issuer is no authority above a member that is known; and those of RevocationList.Check and identity.Policy.Verify.
func (m *Machine) Revoke(now protocol.Time, list *identity.RevocationList, out *protocol.Output) error {
	m.awake.observe(now)
	if err := m.takesPart(); err != nil {
		return err
	}
	if err := list.Check(); err != nil {
		return err
	}
	chain := m.chainOf(identity.KindZone, list.Issuer)
	if chain == nil {
		return identity.ErrAuthority
	}
	n := newNotice(chain, list, nil)
	if err := m.offerNotice(now, m.config.Self, n, out); err != nil {
		return err
	}
	if _, place := m.guard.notices.last(n); !place {
		return ErrNoticesFull
	}
	return nil
}

// takesPart reports why nothing can be told to others at present, or by this member at all.
func (m *Machine) takesPart() error {
	switch {
	case m.guard == nil:
		return identity.ErrAuthority
	case m.stage > stageRunning:
		return ErrLeft
	case m.stage < stageRunning:
		return ErrNotRunning
	}
	return nil
}

// chainOf returns the chain to a key, of those that members that are known have, which lasts longest; nil when there is none.
func (m *Machine) chainOf(kind identity.Kind, key identity.PublicKey) (best identity.Chain) {
	consider := func(c *credential) {
		if c == nil {
			return
		}
		i := slices.IndexFunc(c.chain, func(z *identity.Certificate) bool { return z.Kind == kind && z.Key == key })
		if i >= 0 && (best == nil || c.chain[:i+1].NotAfter() > best.NotAfter()) {
			best = c.chain[: i+1 : i+1]
		}
	}
	consider(m.guard.own)
	for i := range m.table.Len() {
		consider(m.table.At(i).State.credential)
	}
	return best
}

// QuarantinedPeer is a member of which it is proven that it contradicts itself, or has signed what is false.
type QuarantinedPeer struct {
	Peer  protocol.NodeID
	Name  string
	Key   identity.PublicKey
	Proof *identity.Equivocation // nil where it is proven that a statement is false
	False []byte                 // proof of that, see Judge; nil otherwise
}

// Quarantine returns the members that are quarantined.
func (m *Machine) Quarantine() (peers []QuarantinedPeer) {
	if m.guard == nil {
		return nil
	}
	for _, n := range m.guard.notices.held {
		if leaf := n.chain.Leaf(); n.list == nil {
			peers = append(peers, QuarantinedPeer{Peer: leaf.NodeID, Name: leaf.Name, Key: leaf.Key, Proof: n.proof, False: n.falsity.bytes()})
		}
	}
	return peers
}

// Revocations returns the revocation lists that are known.
func (m *Machine) Revocations() []*identity.RevocationList {
	if m.guard == nil {
		return nil
	}
	return m.guard.revocations.Lists()
}

// conflicting asks for rows that the digest claims to be other ones under the version held here: it proves that their owner contradicts itself, if it is so.
func (m *Machine) conflicting(d *Digest, difference *table.Difference[peer]) {
	if m.guard == nil || len(d.Checks) != len(d.Held.Claims) {
		return
	}
	for i := range d.Held.Claims {
		claim := &d.Held.Claims[i]
		e := m.table.Get(claim.Owner)
		if e == nil || e.State.credential == nil && e != m.own || e.Version().CompareRow(claim.Version) != 0 || e.State.check(d.Salt) == d.Checks[i] {
			continue
		}
		difference.Rows = append(difference.Rows, e)
		difference.WantRows = append(difference.WantRows, claim.Owner)
	}
}

// checksOf returns a byte of each claimed row's hash. Which one is drawn for each digest, so that rows that differ are found sooner or later.
func (m *Machine) checksOf(claims []table.Claim, salt byte) []byte {
	checks := make([]byte, len(claims))
	for i := range claims {
		checks[i] = m.table.Get(claims[i].Owner).State.check(salt)
	}
	return checks
}
