package stack_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
)

const start = identity.Instant(1_700_000_000) // what the clocks say at time 0

// authority issues the certificates of a simulated fleet.
type authority struct {
	*identity.Authority
	entropy *rand.ChaCha8
	chains  map[protocol.NodeID]identity.Chain
}

func newAuthority(w *sim.World) *authority {
	a := &authority{entropy: rand.NewChaCha8([32]byte{byte(w.Seed())}), chains: map[protocol.NodeID]identity.Chain{}}
	root, err := identity.NewAuthority(a.entropy, "/", start, 365*24*time.Hour)
	if err != nil {
		panic(err)
	}
	a.Authority = root
	for i := range protocol.NodeID(16) { // PublicKey of hosts that are not there yet is known, too
		if i > 0 {
			terms := identity.Terms{Entropy: a.entropy, Now: start, Lifetime: 30 * 24 * time.Hour}
			if a.chains[i], err = root.IssueMember(terms, fmt.Sprintf("/lab/a%d", i), i, identity.PublicKey(w.PublicKey(i)), identity.MemberGrants()); err != nil {
				panic(err)
			}
		}
	}
	return a
}

// identityOf returns the identity of a host's next run, nil without an authority.
func (a *authority) identityOf(b sim.Boot) *membership.Identity {
	if a == nil {
		return nil
	}
	i := &membership.Identity{Chain: a.chains[b.ID], Anchor: a.Anchor(), Wall: start}
	for k := range i.Seed {
		i.Seed[k] = byte(b.Rand.Uint32())
	}
	return i
}

// notaryOf returns what a host signs packets with, nil without an authority.
func (a *authority) notaryOf(w *sim.World, id protocol.NodeID) identity.Notary {
	if a == nil {
		return nil
	}
	return identity.NewNotaryOf(identity.PublicKey(w.PublicKey(id)), func(v *protocol.Sign) []byte { return w.SignNow(id, v) },
		func(c protocol.Check) bool { return w.VerifyNow(id, c) })
}

// What members tell of the topics that they want, and that they carry, is what every member may set.
func TestTopicsAttribute(t *testing.T) {
	if membership.TopicsAttribute != bimodal.InterestAttribute {
		t.Errorf("%q is not %q", membership.TopicsAttribute, bimodal.InterestAttribute)
	}
	if membership.CarriesAttribute != bimodal.CarriesAttribute {
		t.Errorf("%q is not %q", membership.CarriesAttribute, bimodal.CarriesAttribute)
	}
}
