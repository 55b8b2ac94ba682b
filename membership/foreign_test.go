package membership

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/sim"
)

// twoZones is a fleet of members 0 to 2 in /lab/x and 3 to 5 in /lab/y, which know those of their own zone only.
func twoZones(t *testing.T, tune func(i int, c *Config)) *fleet {
	f := newSignedFleet(6, sim.Config{Seed: 3, Network: lan(0), Cost: sim.CommodityCost(), Ed25519: true}, func(i int, c *Config) {
		c.Name, c.Zoned, c.First = fmt.Sprintf("/lab/%c/m%d", "xy"[i/3], i), true, i%3 == 0
		c.Seeds = []protocol.Address{address(i / 3 * 3)}
		if tune != nil {
			tune(i, c)
		}
	})
	f.world.Run(protocol.Time(8 * time.Second))
	for i := range f.ids {
		if n := f.machine(i).Len(); n != 3 {
			t.Fatalf("member %d knows %d of 3 members of its zone", i, n)
		}
	}
	return f
}

// want has a member ask another one for the credential of a third, and lets it answer.
func (f *fleet) want(i, author, from int) {
	f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.Notify(now, protocol.WantCredential{Author: f.ids[author], From: f.ids[from]}, out)
	})
	f.world.Run(f.world.Now().Add(100 * time.Millisecond))
}

// Who has handed on what a member of another zone signed is asked for that member's certificates: the members of its zone know them, and those who were told.
func TestCredentialsOfOtherZones(t *testing.T) {
	f := twoZones(t, nil)
	known := collect[protocol.CredentialKnown](f)
	f.want(4, 0, 3)
	if len(known) > 0 || f.machine(3).stats.CredentialsUnheld != 1 {
		t.Error("a credential came from who does not know it")
	}
	for _, step := range []struct{ asks, asked int }{{4, 1}, {5, 4}, {3, 0}, {4, 5}} {
		before := len(known[f.ids[step.asks]])
		f.want(step.asks, 0, step.asked)
		all := known[f.ids[step.asks]]
		if len(all) != before+1 {
			t.Fatalf("member %d did not get the credential from member %d: %+v", step.asks, step.asked, f.machine(step.asks).stats)
		}
		e := all[before]
		if e.Author != f.ids[0] || e.From != f.ids[step.asked] || e.Epoch != f.machine(0).own.Row().Epoch || string(e.Credential.PublicKey()) != string(f.world.PublicKey(f.ids[0])) {
			t.Errorf("member %d was told %+v", step.asks, e)
		}
	}
	if n := f.machine(4).Stats(); n.Foreigners != 1 || n.CredentialsTaken != 2 {
		t.Errorf("%d credentials kept, %d taken", n.Foreigners, n.CredentialsTaken)
	}
	checked := f.machine(4).stats.SignaturesChecked
	f.want(4, 0, 1)
	if got := f.machine(4).stats.SignaturesChecked; got != checked {
		t.Errorf("%d signatures of certificates that are known were checked", got-checked)
	}
	if err := f.honest(); err != nil {
		t.Error(err)
	}
}

// When a member is revoked or quarantined, or its certificates are over, its credential is given up in other zones too, and is told to nobody.
func TestCredentialsOfOtherZonesEnd(t *testing.T) {
	for what, end := range map[string]func(f *fleet){
		"revoked": func(f *fleet) {
			list, err := f.authorities.zone.Revoke(noon, identity.Revocation{Key: f.keyOf(0).Public(), Before: identity.InstantMax})
			if err != nil {
				t.Fatal(err)
			}
			f.world.Command(f.ids[3], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				if err := m.(*Machine).Revoke(now, list, out); err != nil {
					t.Error(err)
				}
			})
		},
		"quarantined": func(f *fleet) {
			proof, err := identity.NewEquivocation(identity.SignStatement(f.keyOf(0), identity.ContextPackets, 1, 7, []byte("one")),
				identity.SignStatement(f.keyOf(0), identity.ContextPackets, 1, 7, []byte("another")))
			if err != nil {
				t.Fatal(err)
			}
			f.world.Command(f.ids[4], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				m.Notify(now, identity.Contradiction{Peer: f.ids[0], Proof: proof}, out)
			})
		},
	} {
		f := twoZones(t, nil)
		f.want(4, 0, 1)
		f.want(5, 0, 1)
		gone, known := collect[protocol.CredentialGone](f), collect[protocol.CredentialKnown](f)
		end(f)
		f.world.Run(f.world.Now().Add(3 * time.Second))
		for _, i := range []int{4, 5} {
			if e := gone[f.ids[i]]; len(e) != 1 || e[0].Author != f.ids[0] || f.machine(i).Stats().Foreigners != 0 {
				t.Errorf("%s: member %d was told %v, and keeps %d", what, i, e, f.machine(i).Stats().Foreigners)
			}
		}
		f.want(4, 0, 1) // who does not know of it answers, and is not believed
		f.want(3, 0, 4)
		if len(known) > 0 || f.machine(4).stats.CredentialsRefused == 0 {
			t.Errorf("%s: the credential is known again", what)
		}
	}
}

// In the own zone siblings hear as well that nothing of a member counts any longer.
func TestExpelledMembersLoseTheirCredentials(t *testing.T) {
	f := twoZones(t, nil)
	gone := collect[protocol.CredentialGone](f)
	list, err := f.authorities.zone.Revoke(noon, identity.Revocation{Key: f.keyOf(0).Public(), Before: identity.InstantMax})
	if err != nil {
		t.Fatal(err)
	}
	f.world.Command(f.ids[1], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		_ = m.(*Machine).Revoke(now, list, out)
	})
	f.world.Run(f.world.Now().Add(3 * time.Second))
	if len(gone[f.ids[1]]) != 1 || len(gone[f.ids[2]]) != 1 {
		t.Errorf("told: %v", gone)
	}
}

// Answers that nobody asked for, of another member, or with certificates that are forged, tell nothing.
func TestForgedCredentials(t *testing.T) {
	f := twoZones(t, nil)
	known := collect[protocol.CredentialKnown](f)
	chain := f.machine(0).guard.own.certificates
	answer := func(from int, change func(c *Certificates)) {
		c := &Certificates{Member: f.ids[0], Epoch: 1, Chain: bytes.Clone(chain)}
		change(c)
		f.world.Command(f.ids[4], func(now protocol.Time, m protocol.Machine, out *protocol.Output) { m.Receive(now, f.ids[from], c, out) })
		f.world.Run(f.world.Now().Add(100 * time.Millisecond))
	}
	ask := func(author int) {
		f.world.Command(f.ids[4], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			m.Notify(now, protocol.WantCredential{Author: f.ids[author], From: f.ids[1]}, &protocol.Output{}) // the question is lost
		})
	}
	answer(1, func(*Certificates) {})
	ask(0)
	answer(2, func(*Certificates) {})
	for _, change := range []func(c *Certificates){
		func(c *Certificates) { c.Chain = f.machine(2).guard.own.certificates },
		func(c *Certificates) { c.Chain = c.Chain[:len(c.Chain)-1] },
		func(c *Certificates) { c.Chain[len(c.Chain)-1] ^= 1 }, // of the last signature
	} {
		ask(0)
		answer(1, change)
	}
	ask(2)
	answer(1, func(c *Certificates) { c.Member = f.ids[2] })
	if len(known) > 0 {
		t.Errorf("told %v", known)
	}
	if s := f.machine(4).stats; s.Forgeries != 1 || s.CredentialsRefused != 3 {
		t.Errorf("%d forgeries and %d refused, want 1 and 3", s.Forgeries, s.CredentialsRefused)
	}
	ask(0)
	answer(1, func(*Certificates) {})
	if len(known[f.ids[4]]) != 1 {
		t.Error("the right answer is not taken")
	}
}

// Questions and what is kept of answers are bounded.
func TestForeignersAreBounded(t *testing.T) {
	f := twoZones(t, nil)
	m := f.machine(4)
	out := &protocol.Output{}
	for i := range protocol.NodeID(200) {
		m.Notify(f.world.Now(), protocol.WantCredential{Author: 1000 + i, From: 7 + i%2}, out)
	}
	if n := len(m.guard.foreigners.inquiries); n != 2*inquiriesSender || m.stats.InquiriesRefused != 200-2*inquiriesSender {
		t.Errorf("%d questions of two members, %d refused", n, m.stats.InquiriesRefused)
	}
	for i := range protocol.NodeID(200) {
		m.Notify(f.world.Now(), protocol.WantCredential{Author: 1000 + i, From: 100 + i}, out)
	}
	if n := len(m.guard.foreigners.inquiries); n != inquiriesMax {
		t.Errorf("%d questions", n)
	}
	for i := range protocol.NodeID(2 * foreignersMax) {
		m.guard.foreigners.put(foreigner{id: i + 1})
		m.guard.foreigners.use(1)
	}
	if n := len(m.guard.foreigners.known); n != foreignersMax || m.guard.foreigners.find(1) < 0 || m.guard.foreigners.find(2) >= 0 {
		t.Errorf("%d are kept", n)
	}
}

// Members that speak an earlier format are not asked.
func TestCredentialsNeedTheFormat(t *testing.T) {
	f := twoZones(t, func(i int, c *Config) {
		if i == 3 {
			c.Format = 2
		}
	})
	f.want(4, 0, 3)
	f.want(3, 0, 1)
	if sent := f.machine(4).stats.InquiriesSent + f.machine(3).stats.InquiriesSent; sent != 0 {
		t.Errorf("%d questions", sent)
	}
}
