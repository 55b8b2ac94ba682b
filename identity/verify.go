package identity

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// Policy is what chains are verified against.
type Policy struct {
	Anchor Fingerprint // of the root's key
	Now    Instant
	// Grace is for how long the certificates of a chain that ends in a member's are accepted after they expired, 0 to GraceMax: an authority that is
	// away must not kill a fleet. GraceDefault is usual.
	Grace       time.Duration
	Revocations *Revocations // nil: nothing is revoked
	Quarantined []PublicKey  // members that are proven to contradict themselves
}

// Identity is who somebody is. Identities are the same when they are equal.
type Identity struct {
	Kind   Kind
	Name   string
	Zone   string // see Certificate.Zone
	NodeID protocol.NodeID
	Key    PublicKey
}

// Verified is what a chain that was found good says.
type Verified struct {
	Identity
	Issuer    PublicKey
	Serial    uint64
	Grants    Grants
	Quotas    Quotas
	NotBefore Instant // of the subject's certificate
	NotAfter  Instant // the earliest of the chain: nothing holds after it but by grace
	InGrace   bool    // NotAfter has passed, and only grace or Skew keeps the chain good: warn, and renew
}

// Verify checks a chain from its root to its subject, and returns what it says of the subject. What takes least time comes first, signatures last. The
// error is ErrTooLarge, ErrChain, or a *ChainError around what is wrong with the first bad certificate.
func (p Policy) Verify(chain Chain) (*Verified, error) {
	verified, err := p.VerifyAgain(chain)
	if err != nil {
		return nil, err
	}
	for i, certificate := range chain {
		if err := certificate.checkSignature(); err != nil {
			return nil, chain.fail(i, err)
		}
	}
	return verified, nil
}

// VerifyAgain checks all but the signatures of a chain that Verify accepted before and that has not been changed since: for when time has passed or revocations
// have come. It takes about a hundredth of the time.
func (p Policy) VerifyAgain(chain Chain) (*Verified, error) {
	if err := chain.Check(); err != nil {
		return nil, err
	}
	if found := chain[0].Key.Fingerprint(); found != p.Anchor {
		return nil, chain.fail(0, &AuthorityError{Expected: p.Anchor, Found: found})
	}
	for i := range chain {
		if err := p.verifyAt(chain, i); err != nil {
			return nil, chain.fail(i, err)
		}
	}
	leaf, notAfter := chain.Leaf(), chain.NotAfter()
	return &Verified{
		Identity: Identity{Kind: leaf.Kind, Name: leaf.Name, Zone: leaf.Zone(), NodeID: leaf.NodeID, Key: leaf.Key},
		Issuer:   leaf.Issuer, Serial: leaf.Serial, Grants: leaf.Grants, Quotas: leaf.Quotas,
		NotBefore: leaf.NotBefore, NotAfter: notAfter, InGrace: p.Now > notAfter,
	}, nil
}

// verifyAt checks all of the certificate at position i but its signature.
func (p Policy) verifyAt(chain Chain, i int) error {
	certificate := chain[i]
	if i == 0 {
		if err := certificate.checkRoot(); err != nil {
			return err
		}
	} else if err := certificate.checkIssuer(chain[i-1]); err != nil {
		return err
	}
	var grace time.Duration
	if chain.Leaf().Kind == KindMember {
		grace = min(p.Grace, GraceMax)
	}
	if err := certificate.checkLife(p.Now, grace); err != nil {
		return err
	}
	if slices.Contains(p.Quarantined, certificate.Key) {
		return ErrQuarantined
	}
	return p.Revocations.check(chain, i)
}

func (c *Certificate) checkLife(now Instant, grace time.Duration) error {
	if now.Sub(c.NotBefore) < -Skew {
		return &NotYetValidError{From: c.NotBefore, Now: now}
	}
	if now.Sub(c.NotAfter) > Skew+grace {
		return &ExpiredError{Since: c.NotAfter, Now: now, Grace: grace}
	}
	return nil
}

func (c *Certificate) checkRoot() error {
	if c.Kind != KindZone {
		return &KindError{Found: c.Kind}
	}
	if c.Issuer != c.Key {
		return &AuthorityError{Expected: c.Key.Fingerprint(), Found: c.Issuer.Fingerprint()}
	}
	return c.checkConfined()
}

// checkConfined checks that zones and clients have no grants for zones outside of theirs.
func (c *Certificate) checkConfined() error {
	if grant, found := c.Grants.outside(c.Zone()); found {
		return &OutsideError{Name: grant.String(), Zone: c.Zone()}
	}
	return nil
}

// checkIssuer checks that the holder of the issuer's certificate may issue c.
func (c *Certificate) checkIssuer(issuer *Certificate) error {
	if c.Issuer != issuer.Key {
		return &AuthorityError{Expected: issuer.Key.Fingerprint(), Found: c.Issuer.Fingerprint()}
	}
	if c.NotBefore > issuer.NotAfter { // an earlier NotBefore is good: the issuer's own certificate may have been renewed since
		return ErrLife
	}
	if err := c.checkAuthority(issuer); err != nil {
		return err
	}
	if err := issuer.Grants.Covers(c.Grants); err != nil {
		return err
	}
	if c.Kind == KindZone {
		return c.checkQuotas(issuer)
	}
	return nil
}

// checkAuthority checks kind and place: zones issue anything within their path, members and clients members where they have the grant, clients
// functions within their scope where they have the grant.
func (c *Certificate) checkAuthority(issuer *Certificate) error {
	byZone := issuer.Kind == KindZone
	switch {
	case issuer.Kind == KindFunction,
		!byZone && (c.Kind == KindZone || c.Kind == KindClient),
		issuer.Kind == KindMember && c.Kind == KindFunction:
		return &KindError{Found: c.Kind, Issuer: issuer.Kind}
	}
	place := c.Zone()
	// A member's grants say where it may issue, which need not be in its own zone.
	if issuer.Kind != KindMember && !within(place, issuer.Zone()) {
		return &OutsideError{Name: place, Zone: issuer.Zone()}
	}
	switch {
	case c.Kind == KindZone:
		if c.Name == issuer.Name {
			return &OutsideError{Name: place, Zone: issuer.Zone()}
		}
		return c.checkConfined()
	case c.Kind == KindClient:
		return c.checkConfined()
	case c.Kind == KindMember && !byZone && !issuer.Grants.Allows(VerbIssue, place):
		return &GrantError{Grant{VerbIssue, place}}
	case c.Kind == KindFunction && !issuer.Grants.Allows(VerbInstall, InstallSubject(place, c.Name)):
		return &GrantError{Grant{VerbInstall, InstallSubject(place, c.Name)}}
	}
	return nil
}

func (c *Certificate) checkQuotas(issuer *Certificate) error {
	switch {
	case c.Quotas.Members > issuer.Quotas.Members:
		return &QuotaError{What: "members", Limit: issuer.Quotas.Members}
	case c.Quotas.Rows > issuer.Quotas.Rows:
		return &QuotaError{What: "rows", Limit: issuer.Quotas.Rows}
	}
	return nil
}
