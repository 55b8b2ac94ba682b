package membership

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// Identity makes rows signed and heartbeats proven: the own ones, and those of others before they are believed. The private key stays with the driver, which
// signs for the machine (protocol.Sign). The key and the boot counter belong together: a member that signs in an epoch in which it has signed before contradicts
// itself, so Config.Durable has to be set wherever the key is kept.
type Identity struct {
	// Chain is the own certificates, from the root's to that of this member: its name, its NodeID. Their signatures have been verified.
	Chain  identity.Chain
	Anchor identity.Fingerprint // of the fleet's root key
	// Seed is a secret that the heartbeats of this run are proven with. It is drawn anew for each run, from a source that is fit for secrets.
	Seed table.Link
	// Wall is what the wall clock says at protocol time 0; protocol.WallClock corrects it.
	Wall  identity.Instant
	Grace time.Duration // for which certificates hold after they expired; identity.GraceDefault by default, negative for none
	// Revocations are the lists that this node has kept, which it has verified.
	Revocations []*identity.RevocationList

	// VerifyRate is how many signatures are checked a second at most, VerifyRateDefault by default: a quarter of a core.
	VerifyRate int
	// ChainLength is how many heartbeats one chain proves, chainLengthMin to table.ChainStepsMax, ChainLengthDefault by default. The own row is signed again, with a
	// new chain, when an eighth of them is left. Whoever meets the row proves its heartbeat from there, at a hash each.
	ChainLength uint64
	// ChecksOff leaves the hashes of rows out of digests, so that different rows under one version are found by chance only, for experiments.
	ChecksOff bool
}

// Defaults and limits of Identity.
const (
	VerifyRateDefault  = 6000
	ChainLengthDefault = 2048
	chainLengthMin     = 4
)

// ErrNotGranted says that the own certificate does not allow to set an attribute.
var ErrNotGranted = errors.New("membership: the certificate of this member does not allow it to set this attribute")

// TopicsAttribute is what every member may set, whatever its grants: which topics it wants. What it names are hashes, which no grant can be held against.
const TopicsAttribute = "topics"

// CarriesAttribute is what every member may set as well: which topics it carries for its zone.
const CarriesAttribute = "carries"

// guard holds what a member with an identity needs besides; one without has none.
type guard struct {
	identity    Identity
	root        *identity.Certificate
	revocations identity.Revocations
	wall        identity.Instant // at protocol time 0
	own         *credential
	life        life // of the own certificate, as the application knows it

	signer   signer
	verifier verifier
	walks    hashing
	notices  notices

	foreigners foreigners

	authorities []authority // of which beacons were heard
	looks       int         // for authorities of beacons that the present round may still look
}

// newGuard makes the guard, or reports what is wrong with the identity.
func newGuard(c *Config) (*guard, error) {
	i := *c.Identity
	setDefault(&i.Grace, identity.GraceDefault)
	setDefault(&i.VerifyRate, VerifyRateDefault)
	setDefault(&i.ChainLength, ChainLengthDefault)
	if i.VerifyRate < 1 || i.ChainLength < chainLengthMin || i.ChainLength > table.ChainStepsMax {
		return nil, errors.New("membership: verify rate or chain length out of range")
	}
	g := &guard{identity: i, wall: i.Wall, verifier: verifier{self: c.Self}}
	for _, list := range i.Revocations {
		if _, _, err := g.revocations.MergeVerified(list); err != nil {
			return nil, fmt.Errorf("membership: %w", err)
		}
	}
	own, err := g.ownCredential(0, c, i.Chain)
	if err != nil {
		return nil, err
	}
	g.own, g.root = own, i.Chain[0]
	return g, nil
}

// ownCredential checks a chain for this member.
func (g *guard) ownCredential(now protocol.Time, c *Config, chain identity.Chain) (*credential, error) {
	verified, err := g.policy(now).VerifyAgain(chain)
	if err != nil {
		return nil, fmt.Errorf("membership: own certificate: %w", err)
	}
	if verified.Kind != identity.KindMember || verified.Name != c.Name || verified.NodeID != c.Self {
		return nil, fmt.Errorf("membership: the certificate is that of the %s %q with node id %v, not of member %q with node id %v",
			verified.Kind, verified.Name, verified.NodeID, c.Name, c.Self)
	}
	return &credential{certificates: chain[1:].Append(nil), chain: slices.Clone(chain), verified: verified}, nil
}

// instant returns what the wall clock says.
func (g *guard) instant(now protocol.Time) identity.Instant {
	return g.wall + identity.Instant(time.Duration(now)/time.Second)
}

// policy returns what chains are verified against.
func (g *guard) policy(now protocol.Time) identity.Policy {
	return identity.Policy{Anchor: g.identity.Anchor, Now: g.instant(now), Grace: max(0, g.identity.Grace), Revocations: &g.revocations}
}
