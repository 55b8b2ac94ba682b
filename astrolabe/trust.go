package astrolabe

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Bounds of what is verified in a round. A signature takes 42 us of a core, a hash a tenth of one.
const (
	verifiesPerRound  = 512 // signatures of rows
	verifiesPerSender = 128 // of them of rows that one sender brought
	hashesPerRound    = 1 << 16
	hashesPerSender   = 1 << 14
	credentialsMax    = 1 << 12 // members whose credentials are known
	wantedPause       = 4       // rounds before a credential is asked for again
	wantedMax         = 256     // credentials that were asked for and have not come
	pendingMax        = 64      // rows that wait for one; further ones come again with a later exchange
	pendingSender     = 16      // of them that one sender brought
	pendingRounds     = 16      // for which they wait
	chainLength       = 2048    // heartbeats of a row before it is signed again with a new anchor
)

// notary signs the rows of this member, and proves those of others.
type notary struct {
	identity.Notary
	secret      [32]byte
	credentials map[protocol.NodeID]protocol.Credential
	order       []protocol.NodeID  // of credentials, those that came first first
	wanted      map[inquiry]uint64 // round in which a credential was asked for
	pending     []pending
	verifies    budget
	hashes      budget
	chains      uint64 // made so far
	auditor     auditor
}

// pending is a row whose maker's credential was asked for.
type pending struct {
	from   protocol.NodeID
	update membership.RowUpdate
	round  uint64
}

// hold keeps a row until the credential of its maker comes. A later one of the same maker for the same zone takes the place of one that came from the same sender.
func (n *notary) hold(from protocol.NodeID, u *membership.RowUpdate, round uint64) {
	ofSender := 0
	n.pending = slices.DeleteFunc(n.pending, func(p pending) bool {
		same := p.from == from && p.update.Row.Owner == u.Row.Owner && p.update.Row.Name == u.Row.Name
		if p.from == from && !same {
			ofSender++
		}
		return same || round-p.round > pendingRounds
	})
	if len(n.pending) >= pendingMax || ofSender >= pendingSender {
		return
	}
	held := *u
	held.Proof = bytes.Clone(u.Proof)
	n.pending = append(n.pending, pending{from, held, round})
}

// known takes in a credential that was asked for, and the rows that have waited for it.
func (m *Machine) known(e protocol.CredentialKnown, out *protocol.Output) {
	n := m.notary
	m.learn(e.Author, e.Credential)
	var rows []pending
	n.pending = slices.DeleteFunc(n.pending, func(p pending) bool {
		if p.update.Row.Owner != e.Author {
			return false
		}
		rows = append(rows, p)
		return true
	})
	for i := range rows {
		if m.config.Hosts.Own() != nil {
			m.adopt(rows[i].from, &rows[i].update, out)
		}
	}
}

// inquiry is a question for a credential.
type inquiry struct{ author, from protocol.NodeID }

// budget is what a round still allows, in all and of what one sender brings.
type budget struct {
	left, each int
	spent      map[protocol.NodeID]int
}

func (b *budget) refill(all, each int) {
	b.left, b.each = all, each
	clear(b.spent)
}

// has reports whether anything is left for a sender.
func (b *budget) has(from protocol.NodeID) bool { return b.left > 0 && b.spent[from] < b.each }

// spend accounts for n, which may be more than is left.
func (b *budget) spend(from protocol.NodeID, n int) {
	if b.spent == nil {
		b.spent = make(map[protocol.NodeID]int)
	}
	b.left -= n
	b.spent[from] += n
}

// take takes n from the budget, or reports that there is not so much.
func (b *budget) take(from protocol.NodeID, n int) bool {
	if b.spent == nil {
		b.spent = make(map[protocol.NodeID]int)
	}
	if n > b.left || b.spent[from]+n > b.each {
		return false
	}
	b.left -= n
	b.spent[from] += n
	return true
}

func newNotary(c *Config) *notary {
	if c.Notary == nil {
		return nil
	}
	n := &notary{Notary: c.Notary, secret: c.Secret, credentials: make(map[protocol.NodeID]protocol.Credential), wanted: make(map[inquiry]uint64)}
	n.verifies.spent, n.hashes.spent = make(map[protocol.NodeID]int), make(map[protocol.NodeID]int)
	return n
}

// refill begins a round.
func (n *notary) refill() {
	n.verifies.refill(verifiesPerRound, verifiesPerSender)
	n.hashes.refill(hashesPerRound, hashesPerSender)
}

// subject returns what the rows of a zone are numbered by.
func subject(zone string) uint64 { return rankOf(zone) | 1 }

// statementOf returns the statement that a zone's row is.
func statementOf(row *table.Row) identity.Statement {
	s := identity.Statement{
		Author: identity.PublicKey(row.PublicKey), Context: identity.ContextZoneRow, Subject: subject(row.Name), Epoch: row.Epoch, Sequence: row.Sequence,
		Digest: sha256.Sum256(row.AppendSigned(nil)),
	}
	copy(s.Signature[:], row.Signature)
	return s
}

// sign signs a row that this member makes, whose heartbeats go on from the one before or begin anew.
func (m *Machine) sign(l *level, row *table.Row) {
	n := m.notary
	if l.issued.links == nil || l.issued.beat+chainLength/8 > chainLength || l.issued.linksOf != row.Epoch {
		secret := append([]byte("spinglass 1 zone heartbeats\x00"), n.secret[:]...)
		sum := sha256.Sum256(wire.AppendFixed64(wire.AppendFixed64(secret, row.Epoch), n.chains))
		n.chains++
		links, err := table.NewChain(table.Link(sum[:table.LinkSize]), row.Owner, row.Epoch, chainLength)
		if err != nil {
			panic(err) // the length is a constant
		}
		l.issued.links, l.issued.linksOf, l.issued.beat = links, row.Epoch, 0
	}
	anchor := l.issued.links.Anchor()
	row.Anchor = anchor[:]
	n.signOnly(row)
}

// signOnly signs a row as it is. One without the anchor of a chain stands in no table: it is for answers.
func (n *notary) signOnly(row *table.Row) {
	key := n.Public()
	row.PublicKey = slices.Clone(key[:])
	s := statementOf(row)
	n.Sign(&s)
	row.Signature = slices.Clone(s.Signature[:])
}

// proof returns the link of the next heartbeat of the own row, nil where rows are not signed; false when the chain has run out.
func (m *Machine) proof(l *level) ([]byte, bool) {
	l.issued.beat++
	if m.notary == nil {
		return nil, true
	}
	link, err := l.issued.links.Reveal(l.issued.beat)
	return link[:], err == nil
}

// signedSizes are what signing adds to a row, for planning.
func placeholder(row *table.Row) {
	row.PublicKey, row.Anchor, row.Signature = make([]byte, identity.KeySize), make([]byte, table.LinkSize), make([]byte, identity.SignatureSize)
}

// trusts reports whether a row is what its owner says, and the owner is a member of the zone: what takes least comes first. It is asked for rows only that are news.
func (m *Machine) trusts(from protocol.NodeID, u *membership.RowUpdate, out *protocol.Output) bool {
	n, row := m.notary, u.Row
	if len(row.PublicKey) != identity.KeySize || len(row.Anchor) != table.LinkSize || len(row.Signature) != identity.SignatureSize {
		return m.distrust(from, ReasonRowUnsigned, out)
	}
	c := n.credentials[row.Owner]
	if c == nil || string(c.PublicKey()) != string(row.PublicKey) {
		m.want(row.Owner, from, out)
		n.hold(from, u, m.stats.Rounds)
		return m.distrust(from, ReasonRowStranger, out)
	}
	if !protocol.SpeaksFor(c.Name(), row.Name) {
		m.want(row.Owner, from, out) // it may have moved, with a certificate that is not known here yet
		return m.distrust(from, ReasonRowZone, out)
	}
	return m.signedBy(from, row, out)
}

// ownHand reports whether a row was signed by this member.
func (m *Machine) ownHand(from protocol.NodeID, row *table.Row, out *protocol.Output) bool {
	key := m.notary.Public()
	if string(row.PublicKey) != string(key[:]) || len(row.Signature) != identity.SignatureSize {
		return m.distrust(from, ReasonRowForged, out)
	}
	return m.signedBy(from, row, out)
}

// signedBy reports whether the signature of a row is that of the key in it, as far as the round's budget goes.
func (m *Machine) signedBy(from protocol.NodeID, row *table.Row, out *protocol.Output) bool {
	if !m.notary.verifies.take(from, 1) {
		m.stats.VerifiesRefused++
		return false
	}
	m.stats.Verified++
	s := statementOf(row)
	if !m.notary.Verify(&s) {
		m.stats.Forgeries++
		return m.distrust(from, ReasonRowForged, out)
	}
	return true
}

func (m *Machine) distrust(from protocol.NodeID, reason protocol.Reason, out *protocol.Output) bool {
	m.stats.RowsRefused++
	out.Drop(from, reason)
	return false
}

// want asks for the credential of a member of another zone, of the one that brought something of it.
func (m *Machine) want(author, from protocol.NodeID, out *protocol.Output) {
	n := m.notary
	q := inquiry{author, from}
	if asked, pending := n.wanted[q]; pending && m.stats.Rounds-asked < wantedPause {
		return
	}
	if len(n.wanted) >= wantedMax {
		clear(n.wanted)
	}
	n.wanted[q] = m.stats.Rounds
	out.Emit(protocol.WantCredential{Author: author, From: from})
}

// learn takes in the credential of a member. Where there are too many, that of a member without a row makes room.
func (m *Machine) learn(id protocol.NodeID, c protocol.Credential) {
	n := m.notary
	if c == nil {
		return
	}
	if _, known := n.credentials[id]; known {
		n.credentials[id] = c
		return
	}
	if len(n.credentials) >= credentialsMax {
		i := slices.IndexFunc(n.order, func(id protocol.NodeID) bool { return !m.knowsRepresentative(id) })
		if i < 0 {
			return
		}
		delete(n.credentials, n.order[i])
		n.order = slices.Delete(n.order, i, i+1)
	}
	n.credentials[id] = c
	n.order = append(n.order, id)
}

// drop forgets the credential of a member.
func (n *notary) drop(id protocol.NodeID) {
	delete(n.credentials, id)
	n.order = slices.DeleteFunc(n.order, func(other protocol.NodeID) bool { return other == id })
}

// forget forgets a member whose word counts no longer, and its rows.
func (m *Machine) forget(now protocol.Time, id protocol.NodeID, out *protocol.Output) {
	m.notary.drop(id)
	for _, l := range m.levels {
		if e := l.table.Get(id); e != nil && id != m.config.Self {
			m.remove(now, l, e, out)
		}
	}
}

// judge gives up the credentials that count no longer, with the rows of their owners. Membership tells of those that it keeps, and it keeps fewer.
func (m *Machine) judge(now protocol.Time, e protocol.CredentialsJudged, out *protocol.Output) {
	for _, id := range slices.Clone(m.notary.order) {
		if !e.Believed(m.notary.credentials[id]) {
			m.forget(now, id, out)
		}
	}
}

// proven reports whether a heartbeat of a row is proven by its link. known is an earlier heartbeat with its link; heartbeat 0 is the row itself.
func (m *Machine) proven(from protocol.NodeID, row *table.Row, known uint64, knownProof []byte, heartbeat uint64, proof []byte) bool {
	if known == 0 {
		knownProof = row.Anchor
	}
	if len(proof) != table.LinkSize || len(knownProof) != table.LinkSize || heartbeat <= known || heartbeat-known > table.ChainStepsMax {
		m.stats.BeatsForged++
		return false
	}
	if !m.notary.hashes.take(from, int(heartbeat-known)) {
		m.stats.VerifiesRefused++
		return false
	}
	if table.CheckLink(row.Owner, row.Epoch, table.Link(knownProof), known, table.Link(proof), heartbeat) != nil {
		m.stats.BeatsForged++
		return false
	}
	return true
}

// beat takes in a heartbeat, if it is one of a row that is here and is proven.
func (m *Machine) beat(l *level, from protocol.NodeID, b *membership.Beat) {
	if m.notary != nil {
		e := l.table.Get(b.Owner)
		if e == nil || b.CompareRow(e.Version()) != 0 || b.Heartbeat <= e.Version().Heartbeat ||
			!m.proven(from, e.Row(), e.Version().Heartbeat, e.Proof(), b.Heartbeat, b.Proof) {
			return
		}
	}
	l.table.Beat(m.awake, b.Claim, b.Proof)
}

// prove takes the heartbeat of a row that is trusted back to 0 if it is not proven. A row held before may have the same hash chain.
func (m *Machine) prove(l *level, from protocol.NodeID, u *membership.RowUpdate) {
	if u.Heartbeat == 0 {
		u.Proof = nil
		return
	}
	known, knownProof := uint64(0), []byte(nil)
	if e := l.table.Get(u.Row.Owner); e != nil && e.Row().Epoch == u.Row.Epoch && string(e.Row().Anchor) == string(u.Row.Anchor) && e.Version().Heartbeat < u.Heartbeat {
		known, knownProof = e.Version().Heartbeat, e.Proof()
	}
	if !m.proven(from, u.Row, known, knownProof, u.Heartbeat, u.Proof) {
		u.Heartbeat, u.Proof = 0, nil
	}
}

// contradicts reports whether the owner of a row that is trusted has signed another one for its place. That is made known.
func (m *Machine) contradicts(held, row *table.Row, out *protocol.Output) bool {
	if held == nil || held.Version(0) != row.Version(0) || held.Name != row.Name {
		return false
	}
	proof, err := identity.NewVerifiedEquivocation(statementOf(held), statementOf(row))
	if err != nil {
		return false
	}
	m.stats.Contradictions++
	out.Emit(identity.Contradiction{Peer: row.Owner, Proof: proof})
	return true
}
