package manet

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/adhoc/anonymous"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/sim"
)

// noon is what the wall clock says when a run of signed messages begins, and lifetime for how long certificates hold then: longer than any run.
const (
	noon     = identity.Instant(1_800_000_000)
	lifetime = 30 * 24 * time.Hour
)

// grants let a node take part in the group of all runs, and publish to it.
var grants = []string{"publish:" + groupName, "subscribe:" + groupName}

// entropy makes keys that follow from the seed of a run.
type entropy struct{ random *rand.Rand }

func (e entropy) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e.random.Uint32())
	}
	return len(b), nil
}

// identityOf returns the identity of a node in the fleet of a run, which has one authority.
func identityOf(seed uint64, id protocol.NodeID) (*anonymous.Identity, error) {
	root, err := identity.NewAuthority(entropy{rand.New(rand.NewPCG(seed, 0))}, "/", noon, lifetime)
	if err != nil {
		return nil, err
	}
	var list []identity.Grant
	for _, text := range grants {
		g, err := identity.ParseGrant(text)
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	granted, err := identity.NewGrants(list...)
	if err != nil {
		return nil, err
	}
	own := entropy{rand.New(rand.NewPCG(seed, uint64(id)))}
	var secret [identity.SeedSize]byte
	if _, err := own.Read(secret[:]); err != nil {
		return nil, err
	}
	key := identity.NewPrivateKey(secret)
	chain, err := root.IssueMember(identity.Terms{Entropy: own, Now: noon, Lifetime: lifetime}, fmt.Sprintf("/node-%d", uint64(id)), id, key.Public(), granted)
	if err != nil {
		return nil, err
	}
	return &anonymous.Identity{Notary: identity.NewNotary(key), Chain: chain, Anchor: root.Anchor(), Wall: noon}, nil
}

// signed gives a configuration the identity of a node.
func signed(c *anonymous.Config, run *Config, b sim.Boot) {
	own, err := identityOf(run.Seed, b.ID)
	if err != nil {
		panic(err) // names, grants and lifetimes are those above
	}
	c.Identity = own
}
