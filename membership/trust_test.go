package membership

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// signedConfig is a world of real signatures.
func signedConfig(seed uint64) sim.Config {
	return sim.Config{Seed: seed, Network: lan(0.02), Cost: sim.CommodityCost(), Ed25519: true}
}

// keyOf returns the private key of a member.
func (f *fleet) keyOf(i int) identity.PrivateKey {
	return identity.NewPrivateKey([32]byte(f.world.PrivateKey(f.ids[i]).Seed()))
}

// forge returns a row of member i that differs from its own by change, signed with its own key.
func (f *fleet) forge(i int, change func(row *table.Row)) *table.Row {
	row := *f.machine(i).own.Row()
	change(&row)
	return signRow(&row, f.keyOf(i))
}

// hand gives a member a delta with a row, as if from had sent it.
func (f *fleet) hand(to, from int, row *table.Row, rumour bool) {
	f.world.Command(f.ids[to], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.Receive(now, f.ids[from], &Delta{Rumour: rumour, Evidence: f.machine(from).evidence(), Rows: []RowUpdate{{Row: row}}}, out)
	})
}

// collect records the events of one type, by the member that told them.
func collect[E protocol.Event](f *fleet) map[protocol.NodeID][]E {
	events := make(map[protocol.NodeID][]E)
	f.world.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		if e, ok := e.(E); ok {
			events[id] = append(events[id], e)
		}
	})
	return events
}

func attribute(value byte) func(row *table.Row) {
	return func(row *table.Row) {
		row.Sequence++
		row.Attributes = []protocol.Attribute{{Name: "vote", Value: []byte{1, value}}}
	}
}

// "The same (epoch, sequence) with another hash is a proof of equivocation, gossiped by whoever holds both; its author is quarantined": whether the two rows come
// as rumours or to two members quietly, where only the checks of digests find them.
func TestEquivocationIsProvenEverywhere(t *testing.T) {
	for _, rumour := range []bool{true, false} {
		f := newSignedFleet(30, signedConfig(3), nil)
		f.form(t, 20*time.Second)
		f.world.Run(f.world.Now().Add(5 * time.Second))
		proofs, expelled, start := collect[Quarantined](f), collect[Expelled](f), f.world.Now()
		const liar = 7
		f.hand(2, 9, f.forge(liar, attribute(0)), rumour)
		f.hand(20, 11, f.forge(liar, attribute(1)), rumour)
		took := f.until(t, 15*time.Second, func() error {
			if len(proofs) != len(f.ids) {
				return fmt.Errorf("%d members have a proof", len(proofs))
			}
			return nil
		})
		t.Logf("rumours %v: all know %v after the second row", rumour, took)
		for id, told := range proofs {
			if len(told) != 1 || told[0].Peer != f.ids[liar] || told[0].Proof.Verify() != nil || told[0].Proof.Author != f.keyOf(liar).Public() {
				t.Fatalf("%v was told %+v", id, told)
			}
		}
		f.world.Run(f.world.Now().Add(5 * time.Second))
		for i := range f.ids {
			if i != liar && f.machine(i).table.Get(f.ids[liar]) != nil {
				t.Errorf("member %d still holds the row", i)
			}
			if q := f.machine(i).Quarantine(); len(q) != 1 || q[0].Peer != f.ids[liar] {
				t.Errorf("member %d has quarantined %v", i, q)
			}
		}
		if len(expelled) < 29 {
			t.Errorf("%d members expelled the liar", len(expelled))
		}
		// A newcomer hears of it as well, and a liar that goes on gets nowhere.
		f.world.Restart(f.ids[12], true)
		f.world.Run(f.world.Now().Add(20 * time.Second))
		if q := f.machine(12).Quarantine(); len(q) != 1 || f.machine(12).table.Get(f.ids[liar]) != nil {
			t.Errorf("a newcomer has quarantined %v", q)
		}
		events := f.listen()
		f.world.Restart(f.ids[liar], true)
		f.world.Run(f.world.Now().Add(20 * time.Second))
		if ups, _, _ := count(*events, start, "PeerUp", f.ids[liar]); ups != 0 {
			t.Errorf("%d members took the liar back", ups)
		}
		// Another key, which an authority vouches for, makes it a member again.
		f.world.NewKey(f.ids[liar])
		f.authorities.issue(f.ids[liar], "/lab/m7", noon, identity.MemberGrants())
		f.world.Restart(f.ids[liar], true)
		t.Logf("back with a new key after %v", f.form(t, 20*time.Second))
	}
}

// Without the checks of digests, rows that differ under one version are not found: the test above bites.
func TestEquivocationNeedsChecks(t *testing.T) {
	f := newSignedFleet(30, signedConfig(3), nil)
	f.authorities.checksOff = true
	f.form(t, 20*time.Second)
	f.world.Run(f.world.Now().Add(5 * time.Second))
	f.hand(2, 9, f.forge(7, attribute(0)), false)
	f.hand(20, 11, f.forge(7, attribute(1)), false)
	f.world.Run(f.world.Now().Add(15 * time.Second))
	if n := f.total(func(s *Stats) uint64 { return s.Quarantined }); n != 0 {
		t.Errorf("%d members have a proof", n)
	}
}

// "No false accusation": members change their rows all the time, restart, leave, sleep and lose messages, and nobody accuses anybody. In full 10^6 rounds.
func TestNoFalseAccusations(t *testing.T) {
	rounds := uint64(40_000)
	if full() {
		rounds = 1_000_000
	}
	config := signedConfig(5)
	config.Network = lan(0.1)
	f := newSignedFleet(16, config, func(_ int, c *Config) { c.RowLimit = 1000 })
	f.form(t, 20*time.Second)
	r := someRand(5)
	done := uint64(0)
	for step := 0; done < rounds; step++ {
		i := r.IntN(16)
		switch k := r.IntN(20); {
		case k == 0:
			done += f.machine(i).Stats().Rounds
			f.world.Restart(f.ids[i], true)
		case k == 1:
			f.world.Pause(f.ids[i], time.Duration(r.IntN(4000))*time.Millisecond)
		default:
			f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				_ = m.(*Machine).SetAttribute(now, protocol.Attribute{Name: "load", Value: []byte{2, byte(r.IntN(100))}}, out)
			})
		}
		f.world.Run(f.world.Now().Add(time.Duration(r.IntN(2000)) * time.Millisecond))
		if err := f.honest(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if now := f.total(func(s *Stats) uint64 { return s.Rounds }); done+now >= rounds {
			break
		}
	}
	t.Logf("%v of simulated time, %d rows verified", f.world.Now(), f.total(func(s *Stats) uint64 { return s.RowsVerified }))
}

// "Revocation everywhere within 10 s at 64 nodes", be the list small or larger than a datagram; whoever comes later knows it, too.
func TestRevocationIsKnownToAll(t *testing.T) {
	for _, others := range []int{0, 200} {
		sim.Swarm(t, 3, func(seed uint64) error {
			config := signedConfig(seed)
			config.Network = lan(0.05)
			f := newSignedFleet(64, config, nil)
			f.world.Run(protocol.Time(15 * time.Second))
			if err := f.complete(nil); err != nil {
				return err
			}
			const lost = 40
			lists, expelled, start := collect[RevocationsChanged](f), collect[Expelled](f), f.world.Now()
			entries := []identity.Revocation{{Key: f.keyOf(lost).Public(), Before: identity.InstantMax}}
			for i := range others {
				entries = append(entries, identity.Revocation{Serial: uint64(i + 1)})
			}
			list, err := f.authorities.zone.Revoke(noon, entries...)
			if err != nil {
				return err
			}
			f.world.Command(f.ids[5], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				err = m.(*Machine).Revoke(now, list, out)
			})
			took := f.until(t, 10*time.Second, func() error {
				if err != nil {
					return err
				}
				for i := range f.ids {
					if i != lost && f.machine(i).table.Get(f.ids[lost]) != nil {
						return fmt.Errorf("member %d holds the row of the revoked one", i)
					}
				}
				return nil
			})
			f.world.Run(start.Add(10 * time.Second))
			if len(lists) < 63 || len(expelled) < 63 {
				return fmt.Errorf("%d members know the list, %d expelled the member", len(lists), len(expelled))
			}
			t.Logf("list of %d bytes: all have expelled the member %v after the list came to one", len(list.Append(nil)), took)
			f.world.Restart(f.ids[20], true)
			f.world.Run(f.world.Now().Add(15 * time.Second))
			if n := len(f.machine(20).Revocations()); n != 1 || f.machine(20).table.Get(f.ids[lost]) != nil {
				return fmt.Errorf("a member that came later knows %d lists", n)
			}
			return f.complete(func(i int) bool { return i == lost })
		})
	}
}

// "Key rotation under load (no loss, absent nodes rejoin unaided)": all members renew their certificates, half of them with a new key, and nobody is suspected.
func TestKeyRotation(t *testing.T) {
	f := newSignedFleet(40, signedConfig(2), nil)
	f.form(t, 20*time.Second)
	f.world.Run(f.world.Now().Add(5 * time.Second))
	events, start := f.listen(), f.world.Now()
	for i := range f.ids {
		id := f.ids[i]
		if i%2 == 0 {
			f.world.NewKey(id)
		}
		chain := f.authorities.issue(id, fmt.Sprintf("/lab/m%d", i), noon, identity.MemberGrants())
		f.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			if err := m.(*Machine).Renew(now, chain, out); err != nil {
				t.Error(err)
			}
		})
		f.world.Run(f.world.Now().Add(200 * time.Millisecond))
	}
	f.world.Run(f.world.Now().Add(30 * time.Second))
	for _, what := range []string{"PeerSuspect", "PeerDown", "PeerUp"} {
		if members, _, _ := count(*events, start, what, 0); members != 0 {
			t.Errorf("%d members told %s", members, what)
		}
	}
	for i := range f.ids {
		for k, id := range f.ids {
			e := f.machine(i).table.Get(id)
			if string(e.Row().PublicKey) != string(f.world.PublicKey(id)) || string(e.Row().Certificates) != string(f.authorities.chains[id][1:].Append(nil)) {
				t.Fatalf("member %d has the old key or certificate of %d", i, k)
			}
		}
	}
	if err := f.honest(); err != nil {
		t.Error(err)
	}
	if err := f.machine(0).Renew(f.world.Now(), f.authorities.chains[f.ids[1]], new(protocol.Output)); err == nil {
		t.Error("another member's certificate is taken for the own one")
	}
}

// "The chain is renewed, with a new signature, before it runs out": chains of 20 heartbeats last 20 s.
func TestHeartbeatChainsAreRenewed(t *testing.T) {
	f := newSignedFleet(20, signedConfig(1), func(i int, c *Config) {})
	f.authorities.chainLength = 20
	f.form(t, 20*time.Second)
	f.world.Run(f.world.Now().Add(5 * time.Second))
	events, start := f.listen(), f.world.Now()
	rumours, signed := f.machine(3).Stats().RumoursSent, f.machine(3).Stats().RowsSigned
	f.world.Run(start.Add(3 * time.Minute))
	for _, what := range []string{"PeerSuspect", "PeerDown"} {
		if members, _, _ := count(*events, start, what, 0); members != 0 {
			t.Errorf("%d members told %s", members, what)
		}
	}
	if err := f.honest(); err != nil {
		t.Error(err)
	}
	rumours, signed = f.machine(3).Stats().RumoursSent-rumours, f.machine(3).Stats().RowsSigned-signed
	if signed < 9 || signed > 14 {
		t.Errorf("a row was signed %d times in three minutes", signed)
	}
	if rumours > 20 { // the last ones of the start
		t.Errorf("%d rumours for nothing but new anchors", rumours)
	}
}

// "Absent nodes rejoin unaided": one was off for a day and another one was stopped for an hour, while the rows and chains of all went on, certificates were renewed, and
// a member was revoked.
func TestAbsentMembersRejoin(t *testing.T) {
	f := newSignedFleet(8, signedConfig(4), nil)
	f.authorities.chainLength = 64
	f.form(t, 20*time.Second)
	const off, stopped, lost = 3, 4, 5
	f.world.Crash(f.ids[off])
	f.world.Pause(f.ids[stopped], time.Hour)
	f.world.Run(f.world.Now().Add(30 * time.Minute))
	for _, i := range []int{0, 1, 2} {
		chain := f.authorities.issue(f.ids[i], fmt.Sprintf("/lab/m%d", i), noon, identity.MemberGrants())
		f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			_ = m.(*Machine).Renew(now, chain, out)
		})
	}
	list, err := f.authorities.zone.Revoke(noon, identity.Revocation{Key: f.keyOf(lost).Public(), Before: identity.InstantMax})
	if err != nil {
		t.Fatal(err)
	}
	f.world.Command(f.ids[0], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		_ = m.(*Machine).Revoke(now, list, out)
	})
	f.world.Run(f.world.Now().Add(30 * time.Minute))
	without := func(i int) bool { return i == lost || i == off }
	t.Logf("after an hour's pause all know each other %v later", f.until(t, 10*time.Second, func() error { return f.complete(without) }))
	hours := 2
	if full() {
		hours = 24
	}
	f.world.Run(f.world.Now().Add(time.Duration(hours) * time.Hour))
	f.world.Restart(f.ids[off], true)
	took := f.until(t, 10*time.Second, func() error { return f.complete(func(i int) bool { return i == lost }) })
	t.Logf("a member that was off for %d hours is back after %v", hours+1, took)
}

// "Clock jumps": a clock that puts the member outside of its own certificate's life is not believed; nothing is ordered by clocks.
func TestClockJumps(t *testing.T) {
	f := newSignedFleet(12, signedConfig(6), nil)
	f.form(t, 20*time.Second)
	events, refused, start := f.listen(), collect[ClockRefused](f), f.world.Now()
	set := func(i int, at identity.Instant) {
		f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			m.Notify(now, protocol.WallClock{Seconds: int64(at)}, out)
		})
		f.world.Run(f.world.Now().Add(20 * time.Second))
	}
	for i, jump := range []time.Duration{10 * 365 * day, -10 * 365 * day, 4 * time.Minute, -4 * time.Minute, 20 * day, 60 * day} {
		set(i, noon.Add(jump))
	}
	set(7, 0)
	for i := range f.ids {
		f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			_ = m.(*Machine).SetAttribute(now, protocol.Attribute{Name: "load", Value: []byte{2, 8}}, out)
		})
	}
	f.world.Run(f.world.Now().Add(2 * time.Minute))
	for _, what := range []string{"PeerSuspect", "PeerDown", "PeerUp"} {
		if members, _, _ := count(*events, start, what, 0); members != 0 {
			t.Errorf("%d members told %s because a clock was set", members, what)
		}
	}
	if len(refused) != 4 {
		t.Errorf("%d members refused their clock, not 4", len(refused))
	}
	if err := f.honest(); err != nil {
		t.Error(err)
	}
}

// Certificates end: all are told before, and who is not renewed is expelled by all when the grace is over. Who only believes that they have ended, because its clock is
// wrong by less than the life of its own one, has all others back once the clock is right.
func TestCertificatesExpire(t *testing.T) {
	f := newSignedFleet(10, signedConfig(7), nil)
	f.authorities.life = 3 * day
	for i := range 10 {
		f.authorities.issue(f.ids[i], fmt.Sprintf("/lab/m%d", i), noon, identity.MemberGrants())
	}
	f.authorities.life = 30 * day
	f.authorities.issue(f.ids[0], "/lab/m0", noon, identity.MemberGrants())
	f.form(t, 20*time.Second)
	grace, refused, expelled := collect[CertificateInGrace](f), collect[CertificateRefused](f), collect[Expelled](f)
	set := func(i int, at identity.Instant) {
		f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			m.Notify(now, protocol.WallClock{Seconds: int64(at)}, out)
		})
	}
	set(0, noon.Add(12*day))
	f.world.Run(f.world.Now().Add(5 * time.Second))
	if len(expelled[f.ids[0]]) != 9 || expelled[f.ids[0]][0].Reason != ReasonRowExpired {
		t.Fatalf("with a clock 12 days ahead %d members are expired", len(expelled[f.ids[0]]))
	}
	set(0, noon)
	t.Logf("with the right clock all are back after %v", f.form(t, 60*time.Second))
	for i := range f.ids {
		set(i, noon.Add(4*day))
	}
	f.world.Run(f.world.Now().Add(5 * time.Second))
	if len(grace) != 9 || grace[f.ids[3]][0].NotAfter != noon.Add(3*day) || grace[f.ids[3]][0].Until != noon.Add(10*day) {
		t.Errorf("%d members were told that they live by grace: %+v", len(grace), grace[f.ids[3]])
	}
	if err := f.complete(nil); err != nil {
		t.Errorf("in the time of grace: %v", err)
	}
	// The last minutes of grace, and what comes after.
	for i := range f.ids {
		set(i, noon.Add(10*day+identity.Skew-30*time.Second))
	}
	f.world.Run(f.world.Now().Add(100 * time.Second))
	if len(refused) != 9 || errors.Is(refused[f.ids[3]][0].Err, identity.ErrRevoked) {
		t.Errorf("%d members were told that their certificate is over: %+v", len(refused), refused[f.ids[3]])
	}
	if n := f.machine(0).table.Len(); n != 1 {
		t.Errorf("the one with a good certificate holds %d rows", n)
	}
}

// A sibling machine that finds an author to contradict itself has it shut out everywhere.
func TestContradictionsOfPackets(t *testing.T) {
	f := newSignedFleet(10, signedConfig(1), nil)
	f.form(t, 20*time.Second)
	const liar = 4
	key := f.keyOf(liar)
	proof, err := identity.NewEquivocation(
		identity.SignStatement(key, identity.ContextPackets, 1, 7, []byte("one")), identity.SignStatement(key, identity.ContextPackets, 1, 7, []byte("another")))
	if err != nil {
		t.Fatal(err)
	}
	f.world.Command(f.ids[2], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.Notify(now, identity.Contradiction{Peer: f.ids[liar], Proof: proof}, out)
	})
	f.world.Run(f.world.Now().Add(5 * time.Second))
	for i := range f.ids {
		if i == liar {
			continue
		}
		if q := f.machine(i).Quarantine(); len(q) != 1 || q[0].Peer != f.ids[liar] || f.machine(i).table.Get(f.ids[liar]) != nil {
			t.Errorf("member %d has quarantined %v", i, q)
		}
	}
}

// Siblings learn of each member's key and grants with the first view of it.
func TestViewsCarryCredentials(t *testing.T) {
	f := newSignedFleet(6, signedConfig(2), nil)
	ups := 0
	f.world.Observe(func(_ protocol.Time, _ protocol.NodeID, e protocol.Event) {
		up, ok := e.(protocol.PeerUp)
		if !ok {
			return
		}
		ups++
		c := up.Peer.Credential
		if c == nil || string(c.PublicKey()) != string(f.world.PublicKey(up.Peer.ID)) || !c.MayPublish("any") || !c.MaySubscribe("any") {
			t.Errorf("%v comes up with the credential %v", up.Peer.ID, c)
		}
	})
	f.form(t, 20*time.Second)
	if ups < 6*5 {
		t.Errorf("%d members came up", ups)
	}
}
