package membership

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/sim"
)

const (
	day  = 24 * time.Hour
	noon = identity.Instant(1_700_000_000) // what the clocks say at time 0
)

// authorities issue the certificates of a simulated fleet: a root, and the zone /lab below it.
type authorities struct {
	publicKey   func(protocol.NodeID) []byte
	modelled    bool // signatures are those of sim.ModelSignature
	entropy     *rand.ChaCha8
	root, zone  *identity.Authority
	life        time.Duration
	names       map[protocol.NodeID]string
	chains      map[protocol.NodeID]identity.Chain // latest
	chainLength uint64                             // of heartbeats; 0 for the default
	checksOff   bool
	verifyRate  int // 0 for the default
}

func newAuthorities(w *sim.World) *authorities {
	return makeAuthorities(w.Seed(), w.PublicKey, !w.RealSignatures())
}

func makeAuthorities(seed uint64, publicKey func(protocol.NodeID) []byte, modelled bool) *authorities {
	a := &authorities{
		publicKey: publicKey, modelled: modelled, entropy: rand.NewChaCha8([32]byte{byte(seed), 1}), life: 30 * day,
		names: make(map[protocol.NodeID]string), chains: make(map[protocol.NodeID]identity.Chain),
	}
	var err error
	if a.root, err = identity.NewAuthority(a.entropy, "/", noon.Add(-60*day), 3650*day); err != nil {
		panic(err)
	}
	key, err := identity.GenerateKey(a.entropy)
	if err != nil {
		panic(err)
	}
	quotas := identity.Quotas{Members: 1 << 20, Rows: 1 << 14}
	chain, err := a.root.IssueZone(a.terms(noon.Add(-60*day), 365*day), "/lab", key.Public(), quotas, identity.ZoneGrants("/lab"))
	if err != nil {
		panic(err)
	}
	if a.zone, err = identity.OpenAuthority(key, chain, nil, nil); err != nil {
		panic(err)
	}
	return a
}

func (a *authorities) terms(now identity.Instant, life time.Duration) identity.Terms {
	return identity.Terms{Entropy: a.entropy, Now: now, Lifetime: life}
}

// issue issues a certificate for the latest key of a host.
func (a *authorities) issue(id protocol.NodeID, name string, now identity.Instant, grants identity.Grants) identity.Chain {
	chain, err := a.zone.IssueMember(a.terms(now, a.life), name, id, identity.PublicKey(a.publicKey(id)), grants)
	if err != nil {
		panic(err)
	}
	a.names[id] = name
	a.chains[id] = a.model(chain)
	return a.chains[id]
}

// model signs a chain as worlds do whose signatures are modelled.
func (a *authorities) model(chain identity.Chain) identity.Chain {
	if !a.modelled {
		return chain
	}
	modelled := make(identity.Chain, len(chain))
	for i := range chain {
		certificate := *chain[i]
		check := certificate.SignatureCheck()
		certificate.Signature = identity.Signature(sim.ModelSignature(check.PublicKey, check.Context, check.Message))
		modelled[i] = &certificate
	}
	return modelled
}

// identityOf returns the identity of a host's next run.
func (a *authorities) identityOf(b sim.Boot, name string) *Identity {
	chain := a.chains[b.ID]
	if chain == nil {
		chain = a.issue(b.ID, name, noon, identity.MemberGrants())
	}
	i := &Identity{Chain: chain, Anchor: a.root.Anchor(), Wall: noon, ChainLength: a.chainLength, VerifyRate: a.verifyRate, ChecksOff: a.checksOff}
	for k := range i.Seed {
		i.Seed[k] = byte(b.Rand.Uint32())
	}
	return i
}

// newSignedFleet is newFleet of members with identities.
func newSignedFleet(n int, config sim.Config, tune func(i int, c *Config)) *fleet {
	w := sim.New(config)
	f := &fleet{world: w, tune: tune, authorities: newAuthorities(w)}
	f.add(n)
	return f
}

// maker makes a fleet.
type maker func(n int, config sim.Config, tune func(i int, c *Config)) *fleet

// signedAndNot runs a test with members that have no identity, and with members that have one.
func signedAndNot(t *testing.T, test func(t *testing.T, newFleet maker, seeds int)) {
	t.Run("unsigned", func(t *testing.T) { test(t, newFleet, 5) })
	t.Run("signed", func(t *testing.T) {
		test(t, func(n int, config sim.Config, tune func(i int, c *Config)) *fleet {
			config.Ed25519 = true
			return newSignedFleet(n, config, tune)
		}, 2)
	})
}

// total adds up a counter of all members that are up.
func (f *fleet) total(counter func(s *Stats) uint64) (sum uint64) {
	for i, id := range f.ids {
		if f.world.Up(id) {
			s := f.machine(i).Stats()
			sum += counter(&s)
		}
	}
	return sum
}

// honest says what no honest fleet does.
func (f *fleet) honest() error {
	for name, count := range map[string]uint64{
		"forgeries":                f.total(func(s *Stats) uint64 { return s.Forgeries }),
		"forged heartbeats":        f.total(func(s *Stats) uint64 { return s.BeatsForged }),
		"unproven beats":           f.total(func(s *Stats) uint64 { return s.BeatsUnproven }),
		"refused rows":             f.total(func(s *Stats) uint64 { return s.RowsRefused }),
		"equivocations":            f.total(func(s *Stats) uint64 { return s.Equivocations }),
		"quarantines":              f.total(func(s *Stats) uint64 { return s.Quarantined }),
		"expulsions":               f.total(func(s *Stats) uint64 { return s.Expelled }),
		"refused for want of room": f.total(func(s *Stats) uint64 { return s.VerifyRefused }),
		"jumps":                    f.total(func(s *Stats) uint64 { return s.EpochJumps }),
	} {
		if count != 0 {
			return fmt.Errorf("%d %s in an honest fleet", count, name)
		}
	}
	return nil
}

// Members with identities find each other as soon as those without, with signatures that are modelled as with real ones.
func TestSignedFleetForms(t *testing.T) {
	for _, real := range []bool{true, false} {
		for _, n := range []int{3, 30, 100} {
			c := sim.Config{Seed: 1, Network: lan(0.01), Cost: sim.CommodityCost(), Ed25519: real}
			f := newSignedFleet(n, c, nil)
			took, unsigned := f.form(t, 20*time.Second), newFleet(n, c, nil).form(t, 20*time.Second)
			f.world.Run(f.world.Now().Add(20 * time.Second))
			if err := f.honest(); err != nil {
				t.Error(err)
			}
			s := f.machine(n / 2).Stats()
			t.Logf("%d members, Ed25519 %v: formed after %v (unsigned %v); one of them checked %d signatures, %d heartbeats; %d over budget; row %d bytes", n, real, took, unsigned,
				s.SignaturesChecked, s.BeatsChecked, s.BeatsOverBudget, f.machine(1).own.Row().Size())
		}
	}
}

// A member that joins a fleet of signed rows has all of them soon.
func TestSignedJoinIsQuick(t *testing.T) {
	f := newSignedFleet(100, sim.Config{Seed: 1, Network: lan(0.01), Cost: sim.CommodityCost(), Ed25519: true}, nil)
	f.form(t, 20*time.Second)
	f.world.Run(f.world.Now().Add(30 * time.Second))
	f.world.Restart(f.ids[50], true)
	t.Logf("a member that restarts among 100 has all rows after %v", f.form(t, 10*time.Second))
	if s := f.machine(50).Stats(); s.RowsVerified < 99 {
		t.Errorf("%d rows verified", s.RowsVerified)
	}
}
