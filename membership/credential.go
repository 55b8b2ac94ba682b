package membership

import (
	"bytes"
	"errors"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/topic"
)

// credential is what shows that a key is that of a member. It is immutable but for verified, which is renewed when time has passed.
type credential struct {
	certificates []byte // as they stand in the row
	chain        identity.Chain
	verified     *identity.Verified
}

// key returns the member's key.
func (c *credential) key() identity.PublicKey { return c.chain.Leaf().Key }

// Name implements protocol.Credential.
func (c *credential) Name() string { return c.chain.Leaf().Name }

// PublicKey implements protocol.Credential.
func (c *credential) PublicKey() []byte { return c.chain.Leaf().Key[:] }

// MayPublish implements protocol.Credential. The topics of the system are for all members.
func (c *credential) MayPublish(name string) bool {
	return topic.IsSystem(name) || c.chain.Leaf().Grants.Allows(identity.VerbPublish, name)
}

// MaySubscribe implements protocol.Credential. The topics of the system are for all members.
func (c *credential) MaySubscribe(name string) bool {
	return topic.IsSystem(name) || c.chain.Leaf().Grants.Allows(identity.VerbSubscribe, name)
}

// credentialOf finds out whose word a row would be, if its signature were good: all that can be known without checking signatures. fresh says that those
// of the chain have not been checked either. An empty reason says that nothing is wrong.
func (m *Machine) credentialOf(now protocol.Time, row *table.Row) (c *credential, fresh bool, reason protocol.Reason) {
	if len(row.PublicKey) != identity.KeySize || len(row.Anchor) != table.LinkSize || len(row.Signature) != identity.SignatureSize || len(row.Certificates) == 0 {
		return nil, false, ReasonRowUnsigned
	}
	if c = m.heldCredential(row); c == nil {
		chain, err := identity.DecodeChain(row.Certificates)
		if err != nil || len(chain) == identity.ChainMax {
			return nil, false, ReasonRowCertificate
		}
		whole := append(identity.Chain{m.guard.root}, chain...)
		c, fresh = &credential{certificates: row.Certificates, chain: whole}, true
	}
	if reason = m.judgeRow(now, c, row); reason != "" {
		return nil, false, reason
	}
	return c, fresh, ""
}

// judgeRow returns why a credential does not make its key one that may say what the row says, empty when it does.
func (m *Machine) judgeRow(now protocol.Time, c *credential, row *table.Row) protocol.Reason {
	if reason := m.guard.distrust(m.guard.policy(now), c); reason != "" {
		return reason
	}
	verified := c.verified
	if verified.Kind != identity.KindMember || !placed(verified.Name, row.Name) || verified.NodeID != row.Owner || !bytes.Equal(verified.Key[:], row.PublicKey) {
		return ReasonRowCertificate
	}
	for i := range row.Attributes {
		if !mayset(verified.Grants, row.Attributes[i].Name) {
			return ReasonRowAttribute
		}
	}
	return ""
}

// distrust returns why a credential does not count, or does not count any longer; empty when it does.
func (g *guard) distrust(policy identity.Policy, c *credential) protocol.Reason {
	if g.notices.guilty(c.key()) {
		return ReasonRowQuarantined
	}
	verified, err := policy.VerifyAgain(c.chain)
	if err != nil {
		return reasonOf(err)
	}
	c.verified = verified
	return ""
}

// mayset reports whether the grants allow a member to set an attribute of its row.
func mayset(grants identity.Grants, name string) bool {
	return name == TopicsAttribute || name == CarriesAttribute || grants.Allows(identity.VerbSet, name)
}

// heldCredential returns the credential of the owner that was verified before, if the row's is the same.
func (m *Machine) heldCredential(row *table.Row) *credential {
	held := m.guard.own
	if row.Owner != m.config.Self {
		held = nil
		if e := m.table.Get(row.Owner); e != nil {
			held = e.State.credential
		} else if r := m.gone.get(row.Owner); r != nil {
			held = r.credential
		}
	}
	if held == nil || !bytes.Equal(held.certificates, row.Certificates) {
		return nil
	}
	return held
}

// reasonOf returns why a chain was refused, as counters know it.
func reasonOf(err error) protocol.Reason {
	switch {
	case errors.Is(err, identity.ErrRevoked):
		return ReasonRowRevoked
	case errors.Is(err, identity.ErrExpired), errors.Is(err, identity.ErrNotYetValid):
		return ReasonRowExpired
	}
	return ReasonRowCertificate
}

// statementOf returns the statement that a signed row is.
func statementOf(row *table.Row, sum [32]byte) identity.Statement {
	s := identity.Statement{
		Author: identity.PublicKey(row.PublicKey), Context: identity.ContextRow, Epoch: row.Epoch, Sequence: row.Sequence, Digest: sum,
	}
	copy(s.Signature[:], row.Signature)
	return s
}

// signatures returns the checks that the certificates of a chain need: of those that it has not in common with the own chain.
func (g *guard) signatures(chain identity.Chain) (checks []protocol.Check) {
	common := 0
	for common < min(len(chain), len(g.own.chain)) && sameCertificate(chain[common], g.own.chain[common]) {
		common++
	}
	for _, certificate := range chain[common:] {
		checks = append(checks, certificate.SignatureCheck())
	}
	return checks
}

func sameCertificate(a, b *identity.Certificate) bool {
	return a == b || a.Signature == b.Signature && a.Equal(b)
}

// Chains returns the certificates that this member believes, from the root's down: its own first, then those of the members of its zone, in the order of their NodeIDs. Nobody may change them. There are
// none where members have no identities.
func (m *Machine) Chains() []identity.Chain {
	if m.guard == nil {
		return nil
	}
	var chains []identity.Chain
	if m.guard.own != nil {
		chains = append(chains, m.guard.own.chain)
	}
	for i := range m.table.Len() {
		if e := m.table.At(i); e != m.own && e.State.credential != nil {
			chains = append(chains, e.State.credential.chain)
		}
	}
	return chains
}
