package membership

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// signRetry is how long a member waits after its row could not be signed.
const signRetry = time.Second

// renewLinksShare is in which last part of a hash chain the next one is made: the last eighth.
const renewLinksShare = 8

// Rows of one owner: one a round in the long run, and so many more at once. Others allow for more than an owner makes. "A valid signature is not a quota."
const (
	rowsBurstOwn    = 8
	rowsBurstOthers = 16
)

// rate is up to when a steady flow would have taken what was taken so far.
type rate protocol.Time

// spent reports whether so much was taken that more than burst of the flow is ahead.
func (r rate) spent(now protocol.Time, burst time.Duration) bool {
	return protocol.Time(r) > now.Add(burst)
}

// spend takes one, of which each lasts so long.
func (r *rate) spend(now protocol.Time, each time.Duration) {
	*r = rate(max(protocol.Time(*r), now).Add(each))
}

// signer is the owner's side of a row: what it is to say next, what is being signed, and the links that prove its heartbeats.
type signer struct {
	draft    *table.Row   // what the row is to say; its signature is a place holder, so that its size is right
	changed  bool         // the draft says something that was not signed yet
	loud     bool         // and that is news; a mere new anchor can wait to be found by exchanges
	sequence uint64       // the last one of this epoch that was signed, or was to be: none is signed twice
	links    *table.Chain // of the own row
	next     *table.Chain // of the draft, when that has another anchor
	chains   uint64       // made so far
	under    *signing     // nil when no signature is under way
	rows     rate
}

// signing is a row that is being signed.
type signing struct {
	number uint64 // of the Sign
	row    *table.Row
	links  *table.Chain // of the row, when it has another anchor than the own one
	loud   bool
}

// newDraft completes a new member's first row.
func (g *guard) newDraft(row *table.Row) error {
	row.PublicKey, row.Certificates, row.Signature = keyBytes(g.own), g.own.certificates, make([]byte, identity.SignatureSize)
	g.signer = signer{draft: row, changed: true, loud: true, sequence: row.Sequence}
	return g.newLinks()
}

func keyBytes(c *credential) []byte {
	key := c.key()
	return slices.Clone(key[:])
}

// newLinks gives the draft a new hash chain for its heartbeats, which begin anew with it.
func (g *guard) newLinks() error {
	s := &g.signer
	secret := append([]byte("spinglass 1 heartbeats\x00"), g.identity.Seed[:]...)
	secret = wire.AppendFixed64(wire.AppendFixed64(secret, s.draft.Epoch), s.chains)
	sum := sha256.Sum256(secret)
	next, err := table.NewChain(table.Link(sum[:table.LinkSize]), s.draft.Owner, s.draft.Epoch, g.identity.ChainLength)
	if err != nil {
		return err
	}
	anchor := next.Anchor()
	draft := *s.draft
	draft.Anchor = anchor[:]
	s.draft, s.next = &draft, next
	s.chains++
	return nil
}

// draft returns what the own row says, or is to say once it is signed.
func (m *Machine) draft() *table.Row {
	if m.guard == nil {
		return m.own.Row()
	}
	return m.guard.signer.draft
}

// change makes row, a changed copy of the draft, the own one: at once, or once it is signed. Changes that come while another one is being signed make one row.
func (m *Machine) change(now protocol.Time, row *table.Row, out *protocol.Output) {
	if m.guard == nil {
		row.Sequence++
		m.publish(now, row, out)
		return
	}
	s := &m.guard.signer
	s.draft, s.changed, s.loud = row, true, true
	m.sign(now, out)
}

// sign asks for the signature of the draft, unless one is under way.
func (m *Machine) sign(now protocol.Time, out *protocol.Output) {
	s := &m.guard.signer
	if !s.changed || s.under != nil || m.stage < stageSigning || m.deadlines.At(taskSign) != protocol.Never {
		return
	}
	if s.rows.spent(now, rowsBurstOwn*m.config.Round) {
		m.deadlines.Set(taskSign, now.Add(m.config.Round))
		return
	}
	s.rows.spend(now, m.config.Round)
	s.sequence++
	row := *s.draft
	row.Sequence = s.sequence
	statement := statementOf(&row, sha256.Sum256(row.AppendSigned(nil)))
	s.under = &signing{number: m.nextWork(), row: &row, links: s.next, loud: s.loud}
	s.changed, s.loud = false, false
	out.Do(statement.Sign(s.under.number))
}

// signed takes the signature of the own row: the row is what others see from now on.
func (m *Machine) signed(now protocol.Time, e protocol.Signed, out *protocol.Output) {
	if m.guard == nil || m.guard.signer.under == nil || e.Number != m.guard.signer.under.number {
		return
	}
	s := &m.guard.signer
	under := s.under
	s.under = nil
	if len(e.Signature) != identity.SignatureSize {
		s.changed, s.loud = true, s.loud || under.loud
		m.stats.SignFailures++
		m.deadlines.Set(taskSign, now.Add(signRetry))
		out.Emit(RowNotSigned{Retry: signRetry})
		return
	}
	m.stats.RowsSigned++
	under.row.Signature = slices.Clone(e.Signature)
	m.publishSigned(now, under, out)
	m.sign(now, out)
}

// publishSigned puts a signed row in place of the own one.
func (m *Machine) publishSigned(now protocol.Time, under *signing, out *protocol.Output) {
	s := &m.guard.signer
	heartbeat, proof := m.own.Version().Heartbeat, m.own.Proof()
	if under.links != nil {
		s.links, heartbeat, proof = under.links, 0, nil
		if s.next == under.links {
			s.next = nil
		}
	} else if link, err := s.links.Reveal(heartbeat + 1); err == nil {
		heartbeat, proof = heartbeat+1, link[:]
	}
	before := m.own.Row()
	m.table.Merge(m.awake.time, under.row, heartbeat, proof)
	m.own.State.sum = new(sha256.Sum256(under.row.AppendSigned(nil)))
	m.stats.Heartbeats++
	m.lastBeat = now
	switch {
	case m.stage == stageSigning:
		m.run(now, out)
	case m.stage == stageRunning && under.loud:
		m.relocate(now, before, out)
		m.changed(now, m.own)
	case m.stage == stageLeaving && under.row.Left:
		m.pushLeft(now, out)
	}
}

// proveBeat returns the link of the own next heartbeat, nil when heartbeats are not proven; false when there is none, because the chain has run out before the
// row was signed again.
func (m *Machine) proveBeat(now protocol.Time, heartbeat uint64, out *protocol.Output) ([]byte, bool) {
	if m.guard == nil {
		return nil, true
	}
	s := &m.guard.signer
	if length := s.links.Length(); heartbeat > length-max(2, length/renewLinksShare) && s.next == nil && s.under == nil {
		if err := m.guard.newLinks(); err != nil {
			panic(err) // the length was checked
		}
		s.changed = true
		m.sign(now, out)
	}
	link, err := s.links.Reveal(heartbeat)
	if err != nil {
		m.stats.BeatsUnproven++
		return nil, false
	}
	return link[:], true
}

// Renew takes a renewed chain for this member, of the same key or another one, and publishes a row with it. The driver has to have the key. Errors: ErrLeft,
// one of identity.Policy.Verify, one that says that the chain is another member's, and *table.RowTooLargeError.
func (m *Machine) Renew(now protocol.Time, chain identity.Chain, out *protocol.Output) error {
	m.awake.observe(now)
	switch {
	case m.guard == nil:
		return fmt.Errorf("membership: a member without an identity: %w", identity.ErrChain)
	case m.stage > stageRunning:
		return ErrLeft
	}
	own, err := m.guard.ownCredential(now, &m.config, chain)
	if err != nil {
		return err
	}
	next := *m.draft()
	next.PublicKey, next.Certificates = keyBytes(own), own.certificates
	if err := m.check(&next); err != nil {
		return err
	}
	m.guard.own, m.guard.root = own, chain[0]
	m.change(now, &next, out)
	m.watchLife(now, out)
	return nil
}
