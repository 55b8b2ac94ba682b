package membership

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// solo is a member with an identity whose work is done at once, and the authorities and keys of those who talk to it.
type solo struct {
	t           testing.TB
	m           *Machine
	now         protocol.Time
	authorities *authorities
	checked     int // signatures
}

func soloKey(id protocol.NodeID) identity.PrivateKey {
	return identity.NewPrivateKey(sha256.Sum256([]byte(fmt.Sprint("key of ", id))))
}

func soloPublic(id protocol.NodeID) []byte {
	key := soloKey(id).Public()
	return key[:]
}

// newSolo returns member 1, which has started and is the first.
func newSolo(t testing.TB, tune func(c *Config)) *solo {
	s := &solo{t: t, authorities: makeAuthorities(1, soloPublic, false)}
	c := config()
	c.Identity = &Identity{
		Chain: s.authorities.issue(1, c.Name, noon, identity.MemberGrants()), Anchor: s.authorities.root.Anchor(), Wall: noon, Seed: table.Link{1, 2, 3},
	}
	if tune != nil {
		tune(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.m = m
	s.input(func(out *protocol.Output) { m.Start(0, out) })
	return s
}

// input gives the machine an input, does the work that it asks for, and returns all effects.
func (s *solo) input(f func(out *protocol.Output)) *protocol.Output {
	var out protocol.Output
	f(&out)
	for i := 0; i < len(out.Effects); i++ {
		switch work := out.Effects[i].Work.(type) {
		case *protocol.Sign:
			signature, err := soloKey(s.m.config.Self).Ed25519().Sign(nil, work.Message, &ed25519.Options{Context: work.Context})
			if err != nil {
				s.t.Fatal(err)
			}
			s.m.Notify(s.now, protocol.Signed{Number: work.Number, Signature: signature}, &out)
		case *protocol.Verify:
			s.checked += len(work.Checks)
			s.m.Notify(s.now, protocol.Verified{Number: work.Number, Valid: !slices.ContainsFunc(work.Checks, wrong)}, &out)
		}
	}
	return &out
}

func wrong(c protocol.Check) bool {
	return ed25519.VerifyWithOptions(c.PublicKey, c.Message, c.Signature, &ed25519.Options{Context: c.Context}) != nil
}

// links are the hash chain of a peer of these tests.
func links(owner protocol.NodeID) *table.Chain {
	c, err := table.NewChain(table.Link{byte(owner), 9}, owner, 1, 4096)
	if err != nil {
		panic(err)
	}
	return c
}

// row returns a row of a peer, signed as it has to be.
func (s *solo) row(owner protocol.NodeID, sequence uint64) *table.Row {
	row := peerRow(owner, sequence)
	chain := s.authorities.chains[owner]
	if chain == nil {
		chain = s.authorities.issue(owner, row.Name, noon, identity.MemberGrants())
	}
	anchor := links(owner).Anchor()
	row.PublicKey, row.Anchor, row.Certificates = soloPublic(owner), anchor[:], chain[1:].Append(nil)
	return signRow(row, soloKey(owner))
}

// signRow signs a row with a key.
func signRow(row *table.Row, key identity.PrivateKey) *table.Row {
	statement := identity.SignStatement(key, identity.ContextRow, row.Epoch, row.Sequence, row.AppendSigned(nil))
	row.Signature = statement.Signature[:]
	return row
}

// offer has a peer send a row.
func (s *solo) offer(from protocol.NodeID, row *table.Row, heartbeat uint64, proof []byte) *protocol.Output {
	delta := &Delta{Evidence: versionOf(peerRow(from, 1), 0), Rows: []RowUpdate{{Row: row, Heartbeat: heartbeat, Proof: proof}}}
	return s.input(func(out *protocol.Output) { s.m.Receive(s.now, from, delta, out) })
}

// meet makes the member know peers.
func (s *solo) meet(ids ...protocol.NodeID) {
	for _, id := range ids {
		s.offer(id, s.row(id, 1), 0, nil)
		if s.m.table.Get(id) == nil {
			s.t.Fatalf("the row of %d is not adopted", id)
		}
	}
}

// dropped returns for which reasons input from a sender was dropped.
func dropped(out *protocol.Output, from protocol.NodeID) (reasons []protocol.Reason) {
	for _, effect := range out.Effects {
		if effect.Kind == protocol.EffectDrop && effect.To == from {
			reasons = append(reasons, effect.Reason)
		}
	}
	return reasons
}

func someRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 77)) }
