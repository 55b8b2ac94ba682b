package zones

import (
	"fmt"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
)

// evict has a member ask another one for the credentials of so many members of another zone that membership keeps no others.
func (f *fleet) evict(member, of int, zone string) {
	f.t.Helper()
	const batch = 10 // of one sender
	kept := 0
	for i := 0; ; i += batch {
		if kept = f.node(member).members.Stats().Foreigners; i >= kept+20*batch {
			break
		}
		f.world.Command(id(member), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			for j := i; j < i+batch; j++ {
				who := protocol.NodeID(10_000 + j)
				var key identity.PublicKey
				copy(key[:], f.world.PublicKey(id(of)))
				chain, err := f.authority.IssueMember(identity.Terms{Entropy: f.entropy, Now: start, Lifetime: time.Hour}, fmt.Sprintf("%s/x%d", zone, j), who, key, identity.MemberGrants())
				if err != nil {
					f.t.Fatal(err)
				}
				m.Notify(now, protocol.WantCredential{Author: who, From: id(of)}, out)
				m.Receive(now, id(of), &membership.Certificates{Member: who, Epoch: 1, Chain: chain[1:].Append(nil)}, out)
			}
		})
		f.pass(50 * time.Millisecond)
	}
	f.t.Logf("%d credentials of other zones are kept", kept)
}

// The rows of a representative whose credential membership no longer keeps, since it has heard of many others, end as well when that is revoked.
func TestRevocationOfForgottenCredentials(t *testing.T) {
	const member = 9
	f := newFleet(t, 8, 0, 5, "/eu", "/us")
	f.pass(formation)
	for i := 5; i < 10; i++ {
		f.evict(i, 5+(i+1)%5, "/eu")
	}
	rows, err := f.node(member).tables.Rows("/")
	if err != nil || len(rows) != 2 || rows[0].Name != "/eu" {
		t.Fatalf("%+v, %v", rows, err)
	}
	speaker := int(rows[0].Owner) - 1
	key := identity.PublicKey(f.world.PublicKey(id(speaker)))
	list, err := f.authority.Revoke(start, identity.Revocation{Key: key, Before: identity.InstantMax})
	if err != nil {
		t.Fatal(err)
	}
	f.world.Command(id(member), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := m.(*node).members.Revoke(now, list, out); err != nil {
			t.Error(err)
		}
	})
	f.pass(2 * time.Second)
	for range 20 {
		f.pass(time.Second)
		if rows, err = f.node(member).tables.Rows("/"); err != nil || len(rows) == 2 && rows[0].Owner == id(speaker) {
			t.Fatalf("the row of %v, who was revoked, is still believed (%v)", id(speaker), err)
		}
	}
}
