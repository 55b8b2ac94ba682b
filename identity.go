package spinglass

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"

	"spinglass/identity"
	"spinglass/live"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// wallInterval is how often the protocols are told what the wall clock says, by which certificates expire.
const wallInterval = 30 * time.Second

// Identity is who a node is in a fleet whose members prove themselves, and whom it believes; see package identity. With it all that the node sends is
// sealed, and nothing is accepted but from members of its fleet.
type Identity struct {
	// Key is the node's own, for which its certificate is.
	Key identity.PrivateKey
	// Chain is the node's certificates, from the root's to its own: its name and its NodeID ([DataDirNodeID]). [Node.Renew] replaces it.
	Chain identity.Chain
	// Anchor is the fingerprint of the fleet's root key.
	Anchor identity.Fingerprint
	// Grace is for how long certificates hold after they have expired; [identity.GraceDefault] when 0.
	Grace time.Duration
	// Revocations are the lists that were kept from [RevocationsChanged].
	Revocations []*identity.RevocationList
	// Accept serves further protocols (ALPN) on the node's TCP port, such as enrolment. See [live.Security].
	Accept map[string]func(context.Context, *tls.Conn)
}

// check reports what is wrong with an identity for a node of a name.
func (i *Identity) check(name string) error {
	leaf := i.Chain.Leaf()
	switch {
	case leaf == nil || leaf.Kind != identity.KindMember:
		return fmt.Errorf("%w: the chain of the identity does not end in a member's certificate", ErrConfig)
	case leaf.Name != name:
		return fmt.Errorf("%w: the certificate is for %q, and the node's name is %q", ErrConfig, leaf.Name, name)
	}
	if _, err := (identity.Policy{Anchor: i.Anchor, Now: identity.InstantOf(time.Now()), Grace: i.grace()}).Verify(i.Chain); err != nil {
		return fmt.Errorf("%w: own certificate: %w", ErrConfig, err)
	}
	return nil
}

func (i *Identity) grace() time.Duration {
	if i.Grace == 0 {
		return identity.GraceDefault
	}
	return i.Grace
}

// signingKey returns the key that rows are signed with, nil without an identity.
func (c *Config) signingKey() ed25519.PrivateKey {
	if c.Identity == nil {
		return nil
	}
	return c.Identity.Key.Ed25519()
}

// notary returns what signs packets, nil without an identity.
func (c *Config) notary() identity.Notary {
	if c.Identity == nil {
		return nil
	}
	return identity.NewNotary(c.Identity.Key)
}

// sessions returns how many peers the node has sealed links with at once: with all of a zone that is larger than usual, and some of others.
func (c *Config) sessions() int {
	if c.ZoneLimit <= table.RowsDefault {
		return 0 // the default
	}
	return c.ZoneLimit + live.SessionsDefault - table.RowsDefault
}

// credentials are what links are made by, at present. What they point to is replaced, never changed.
type credentials struct {
	chain       atomic.Pointer[identity.Chain]
	revocations atomic.Pointer[identity.Revocations]
	quarantined atomic.Pointer[[]identity.PublicKey]
	policy      func() identity.Policy // nil without an identity
}

// knownRevocations gathers lists that were verified before.
func knownRevocations(lists []*identity.RevocationList) (*identity.Revocations, error) {
	known := &identity.Revocations{}
	for _, list := range lists {
		if _, _, err := known.MergeVerified(list); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// security returns what links need of an identity, nil without one.
func (n *Node) security(i *Identity) (*live.Security, error) {
	if i == nil {
		return nil, nil
	}
	known, err := knownRevocations(i.Revocations)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	chain := i.Chain // the application's own may become another
	n.credentials.chain.Store(&chain)
	n.credentials.revocations.Store(known)
	accept := make(map[string]func(*tls.Conn), len(i.Accept))
	for name, serve := range i.Accept {
		accept[name] = func(conn *tls.Conn) { serve(n.lifetime, conn) }
	}
	anchor, grace := i.Anchor, i.grace()
	n.credentials.policy = func() identity.Policy {
		policy := identity.Policy{Anchor: anchor, Now: identity.InstantOf(time.Now()), Grace: grace, Revocations: n.credentials.revocations.Load()}
		if keys := n.credentials.quarantined.Load(); keys != nil {
			policy.Quarantined = *keys
		}
		return policy
	}
	return &live.Security{
		Key: i.Key, Accept: accept, Chain: func() identity.Chain { return *n.credentials.chain.Load() }, Policy: n.credentials.policy,
	}, nil
}

// Revocations returns the revocation lists that hold here. They are immutable.
func (n *Node) Revocations() []*identity.RevocationList {
	if known := n.credentials.revocations.Load(); known != nil {
		return known.Lists()
	}
	return nil
}

// allows reports why the node's certificate does not allow something: an ErrForbidden.
func (n *Node) allows(verb identity.Verb, subject string) error {
	chain := n.credentials.chain.Load()
	if chain == nil || chain.Leaf().Grants.Allows(verb, subject) {
		return nil
	}
	noun := "topic"
	if verb == identity.VerbSet {
		noun = "attribute"
	}
	return fmt.Errorf("%w: the certificate of this node has no grant to %s %s %q", ErrForbidden, verb, noun, subject)
}

// quarantined has links follow the proofs that membership knows; the loop calls it.
func (n *Node) quarantined() {
	var keys []identity.PublicKey
	for _, peer := range n.stack.Membership.Quarantine() {
		keys = append(keys, peer.Key)
	}
	n.credentials.quarantined.Store(&keys)
}

// memberIdentity returns what membership needs of an identity, nil without one.
func (n *Node) memberIdentity(i *Identity) *membership.Identity {
	if i == nil {
		return nil
	}
	var seed table.Link
	rand.Read(seed[:]) // never fails
	return &membership.Identity{
		Chain: i.Chain, Anchor: i.Anchor, Seed: seed, Wall: identity.InstantOf(time.Now()), Grace: i.grace(), Revocations: i.Revocations,
	}
}

// tellWall tells the protocols of the wall clock until the node is closed.
func (n *Node) tellWall() {
	ticker := time.NewTicker(wallInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = n.call(n.lifetime, func(now protocol.Time, out *protocol.Output) {
				n.stack.Notify(now, protocol.WallClock{Seconds: time.Now().Unix()}, out)
			})
		case <-n.closing:
			return
		}
	}
}

// Renew replaces the node's certificates by renewed ones for the same key.
func (n *Node) Renew(ctx context.Context, chain identity.Chain) error {
	if n.credentials.policy == nil {
		return fmt.Errorf("%w: the node has no identity", ErrConfig)
	}
	verified, err := n.credentials.policy().Verify(chain)
	if err != nil {
		return err
	}
	if verified.Key != (*n.credentials.chain.Load()).Leaf().Key {
		return fmt.Errorf("%w: the renewed certificate is for another key", ErrConfig)
	}
	var failed error
	err = n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		if failed = n.stack.Renew(now, chain, out); failed == nil {
			n.credentials.chain.Store(&chain)
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// Revoke takes in a revocation list and has it spread to all members. [RevocationsChanged] tells when it holds, and [Node.Revocations] has it from then on: no error
// says that its signature does not match, so whoever has to be sure looks there, and tries again. [membership.Machine.Revoke] has the errors.
func (n *Node) Revoke(ctx context.Context, list *identity.RevocationList) error {
	var failed error
	err := n.call(ctx, func(now protocol.Time, out *protocol.Output) { failed = n.stack.Revoke(now, list, out) })
	if err != nil {
		return err
	}
	return failed
}

// Beacon tells all members which revocation list of an authority is the latest, every [identity.BeaconPeriod], so that who is kept from a list notices it:
// [AuthoritySilent]. [membership.Machine.Beacon] has the errors.
func (n *Node) Beacon(ctx context.Context, beacon *identity.Beacon) error {
	var failed error
	err := n.call(ctx, func(now protocol.Time, out *protocol.Output) { failed = n.stack.Beacon(now, beacon, out) })
	if err != nil {
		return err
	}
	return failed
}

// revoked has links follow the revocation lists that membership knows; the loop calls it.
func (n *Node) revoked() {
	if known, err := knownRevocations(n.stack.Membership.Revocations()); err == nil {
		n.credentials.revocations.Store(known)
	}
}
