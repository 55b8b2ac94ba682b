package membership

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// beaconOf returns a beacon of an authority, made a time after noon.
func beaconOf(t testing.TB, a *identity.Authority, after time.Duration) *identity.Beacon {
	b, err := a.Beacon(noon.Add(after))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// push has a peer push a beacon.
func (s *solo) push(from protocol.NodeID, b *identity.Beacon) *protocol.Output {
	return s.input(func(out *protocol.Output) { s.m.Receive(s.now, from, &Beacon{Signed: b}, out) })
}

// announce has the member itself tell of a beacon.
func (s *solo) announce(b *identity.Beacon) (err error) {
	s.input(func(out *protocol.Output) { err = s.m.Beacon(s.now, b, out) })
	return err
}

// run lets time pass, and returns the events of one type.
func run[E protocol.Event](s *solo, d time.Duration) (events []E) {
	for end := s.now.Add(d); s.m.Deadline() <= end; {
		s.now = max(s.now, s.m.Deadline())
		events = append(events, event[E](s.input(func(out *protocol.Output) { s.m.Timeout(s.now, out) }))...)
	}
	return events
}

// A beacon is taken if it is signed by an authority above a member that is known, of this time, and later than all before it; every flipped bit is refused.
func TestBeaconsAreVerified(t *testing.T) {
	s := newSolo(t, func(c *Config) { c.Identity.VerifyRate = 1e9 })
	s.meet(8)
	taken := func() uint64 { return s.m.Stats().BeaconsTaken }
	good := beaconOf(t, s.authorities.zone, 0)
	member, err := identity.NewBeacon(soloKey(8), nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*identity.Beacon{
		"another fleet": beaconOf(t, makeAuthorities(2, soloPublic, false).zone, 0), "a member": member,
		"the future": beaconOf(t, s.authorities.zone, identity.Skew+time.Second), "the past": beaconOf(t, s.authorities.zone, -identity.BeaconLife-time.Second),
	} {
		s.m.guard.looks = beaconLooks
		refused := s.m.Stats().BeaconsRefused
		if out := s.push(8, b); taken() != 0 || !slices.Equal(dropped(out, 8), []protocol.Reason{ReasonBeacon}) || s.m.Stats().BeaconsRefused != refused+1 {
			t.Errorf("%s: %d taken, dropped %v", name, taken(), dropped(out, 8))
		}
	}
	if out := s.push(42, good); taken() != 0 || !slices.Equal(dropped(out, 42), []protocol.Reason{ReasonStranger}) {
		t.Error("a stranger is listened to")
	}
	encoded := good.Append(nil)
	for bit := range 8 * len(encoded) {
		flipped := slices.Clone(encoded)
		flipped[bit/8] ^= 1 << (bit % 8)
		s.m.guard.looks = beaconLooks
		if b, err := identity.DecodeBeacon(flipped); err == nil {
			if s.push(8, b); taken() != 0 {
				t.Fatalf("a beacon with bit %d flipped is believed", bit)
			}
		}
	}
	s.m.guard.looks = 1
	for i, b := range []*identity.Beacon{good, good, beaconOf(t, s.authorities.zone, -time.Second), beaconOf(t, s.authorities.zone, time.Second)} {
		if s.push(8, b); taken() != []uint64{1, 1, 1, 2}[i] {
			t.Errorf("beacon %d: %d taken", i, taken())
		}
	}
	checked := s.checked
	if s.push(8, good); s.checked != checked {
		t.Error("an old one is verified")
	}
}

// Who tells of a beacon before it has met anybody tells those whom it meets then, as often as it would have at once; not when the beacon is stale.
func TestBeaconsWaitForPeers(t *testing.T) {
	for _, c := range []struct {
		wait time.Duration
		sent uint64
	}{{0, beaconPushes}, {time.Second, beaconPushes}, {identity.BeaconLife - 10*time.Second, beaconPushes}, {identity.BeaconLife + 10*time.Second, 0}} {
		s := newSolo(t, nil)
		if err := s.announce(beaconOf(t, s.authorities.zone, 0)); err != nil {
			t.Fatal(err)
		}
		run[protocol.Left](s, c.wait)
		if n := s.m.Stats().BeaconsSent; n != 0 {
			t.Errorf("%d sent to nobody", n)
		}
		row := s.row(8, 1)
		row.Format = wire.KindFormat(wire.KindBeacon)
		s.offer(8, signRow(row, soloKey(8)), 0, nil)
		run[protocol.Left](s, 2*time.Second)
		if n := s.m.Stats().BeaconsSent; n != c.sent {
			t.Errorf("%d sent to one that was met %v after the beacon, want %d", n, c.wait, c.sent)
		}
	}
}

// An authority that starts again is heard by all as soon as they are met.
func TestAuthoritiesAreHeardAtOnce(t *testing.T) {
	f := newSignedFleet(10, signedConfig(4), nil)
	f.form(t, 20*time.Second)
	f.world.Command(f.ids[5], func(now protocol.Time, m protocol.Machine, out *protocol.Output) { m.(*Machine).Leave(now, out) })
	f.world.Run(f.world.Now().Add(3 * time.Second))
	f.world.Crash(f.ids[5])
	alone := f.world.Isolate(f.ids[5])
	f.world.Restart(f.ids[5], true)
	f.world.Run(f.world.Now().Add(200 * time.Millisecond))
	f.world.Command(f.ids[5], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := m.(*Machine).Beacon(now, beaconOf(t, f.authorities.zone, time.Duration(now)), out); err != nil {
			t.Error(err)
		}
	})
	f.world.Run(f.world.Now().Add(2 * time.Second))
	alone.Heal()
	f.form(t, 5*time.Second)
	f.until(t, time.Second, func() error {
		for i := range f.ids {
			if len(f.machine(i).guard.authorities) != 1 {
				return fmt.Errorf("member %d has not heard the authority", i)
			}
		}
		return nil
	})
}

// Beacons of as many authorities as there are places are kept, and of those that are not known a round looks for few.
func TestBeaconsAreBounded(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(8)
	zone := func(k int) *identity.Beacon {
		n := s.authorities.listOf(s.authorities.root, k)
		c := s.m.table.Get(8).State.credential
		c.chain = append(append(c.chain[:1:1], n.chain[1]), c.chain[1:]...) // as if member 8 were below
		b, err := identity.NewBeacon(soloKey(protocol.NodeID(10_000+k)), nil, noon)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for k := range beaconsMax {
		if s.push(8, zone(k)); len(s.m.guard.authorities) != k+1 {
			t.Fatalf("beacon %d: %d authorities", k, len(s.m.guard.authorities))
		}
	}
	s.m.guard.looks = beaconLooks
	if err := s.announce(zone(99)); !errors.Is(err, ErrBeaconsFull) {
		t.Errorf("one too many: %v", err)
	}
	s.m.guard.authorities = s.m.guard.authorities[1:]
	for range beaconLooks {
		s.push(8, beaconOf(t, makeAuthorities(2, soloPublic, false).zone, 0))
	}
	if err := s.announce(zone(99)); !errors.Is(err, ErrBeaconsFull) {
		t.Errorf("after many of unknown authorities: %v", err)
	}
	if err := s.m.seek(s.authorities.zone.Chain().Leaf().Key); err != nil {
		t.Errorf("of an authority above this member all the same: %v", err)
	}
	s.m.refill()
	if err := s.announce(zone(99)); err != nil || len(s.m.guard.authorities) != beaconsMax {
		t.Errorf("in the next round: %v", err)
	}
}

// Whoever makes beacons hears why one is not told.
func TestBeaconTells(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(8)
	large := *beaconOf(t, s.authorities.zone, 0)
	large.Fields = []identity.Field{{Tag: 3, Value: make([]byte, beaconSizeMax)}}
	malformed := *beaconOf(t, s.authorities.zone, 0)
	malformed.Number = 1
	for _, c := range []struct {
		beacon *identity.Beacon
		want   error
	}{
		{beaconOf(t, makeAuthorities(2, soloPublic, false).zone, 0), identity.ErrAuthority}, {beaconOf(t, s.authorities.zone, time.Hour), ErrBeaconTime},
		{&large, identity.ErrTooLarge}, {&malformed, identity.ErrMalformed}, {beaconOf(t, s.authorities.zone, 0), nil}, {beaconOf(t, s.authorities.zone, -1), nil},
	} {
		if err := s.announce(c.beacon); !errors.Is(err, c.want) {
			t.Errorf("%v, not %v", err, c.want)
		}
	}
	s.m.stage = stageSigning
	if err := s.announce(beaconOf(t, s.authorities.zone, time.Second)); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
}

// An authority that was heard and is no longer is told of once, until it is heard again; in the end it is forgotten. Time that the member slept does not count.
func TestAuthorityIsSilent(t *testing.T) {
	s := newSolo(t, nil)
	beacon := func() {
		t.Helper()
		if err := s.announce(beaconOf(t, s.authorities.zone, time.Duration(s.now))); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		beacon()
		if told := run[AuthoritySilent](s, identity.BeaconPeriod); len(told) != 0 {
			t.Fatalf("told while beacons come: %+v", told)
		}
	}
	since := s.m.guard.authorities[0].instant
	s.now += protocol.Time(time.Hour) // asleep
	if told := run[AuthoritySilent](s, time.Minute); len(told) != 0 {
		t.Errorf("told because this member slept: %+v", told)
	}
	told := run[AuthoritySilent](s, 2*beaconSilence)
	if len(told) != 1 || told[0] != (AuthoritySilent{Issuer: s.authorities.zone.Chain().Leaf().Key, Since: since}) || s.m.Stats().AuthoritiesSilent != 1 {
		t.Errorf("%+v, %d silent", told, s.m.Stats().AuthoritiesSilent)
	}
	if beacon(); s.m.Stats().AuthoritiesSilent != 0 {
		t.Error("silent although it was heard")
	}
	if told := run[AuthoritySilent](s, 2*beaconSilence); len(told) != 1 {
		t.Errorf("of the second silence: %+v", told)
	}
	if run[AuthoritySilent](s, s.m.config.RecordLife); len(s.m.guard.authorities) != 0 || s.m.Stats().AuthoritiesSilent != 0 {
		t.Error("never forgotten")
	}
}

// Beacons that name a list which does not come are none that were heard.
func TestMissingListIsTold(t *testing.T) {
	s := newSolo(t, nil)
	var told []AuthoritySilent
	beacons := func(n int) {
		for range n {
			if err := s.announce(beaconOf(t, s.authorities.zone, time.Duration(s.now))); err != nil {
				t.Fatal(err)
			}
			told = append(told, run[AuthoritySilent](s, identity.BeaconPeriod)...)
		}
	}
	beacons(2)
	list, err := s.authorities.zone.Revoke(noon, identity.Revocation{Serial: 7})
	if err != nil {
		t.Fatal(err)
	}
	if beacons(9); len(told) != 0 {
		t.Errorf("told at once: %+v", told)
	}
	if beacons(10); len(told) != 1 || told[0].Missing != 1 {
		t.Errorf("told %+v", told)
	}
	s.input(func(out *protocol.Output) { err = s.m.Revoke(s.now, list, out) })
	if beacons(20); err != nil || len(told) != 1 || s.m.Stats().AuthoritiesSilent != 0 {
		t.Errorf("with the list: %v, told %+v, %d silent", err, told, s.m.Stats().AuthoritiesSilent)
	}
}

// All members hear each beacon within a second, at a few small messages each, and all notice when there are none.
func TestBeaconsAreKnownToAll(t *testing.T) {
	config := signedConfig(3)
	config.Network = lan(0.05)
	f := newSignedFleet(30, config, nil)
	f.form(t, 20*time.Second)
	silent := collect[AuthoritySilent](f)
	var slowest time.Duration
	const count = 10
	for range count {
		start := f.world.Now()
		f.world.Command(f.ids[5], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			if err := m.(*Machine).Beacon(now, beaconOf(t, f.authorities.zone, time.Duration(now)), out); err != nil {
				t.Error(err)
			}
		})
		took := f.until(t, time.Second, func() error {
			for i := range f.ids {
				if a := f.machine(i).guard.authorities; len(a) != 1 || a[0].beacon.Instant < noon.Add(time.Duration(start)) {
					return fmt.Errorf("member %d has not heard it", i)
				}
			}
			return nil
		})
		slowest = max(slowest, took)
		f.world.Run(start.Add(identity.BeaconPeriod))
	}
	sent := f.total(func(s *Stats) uint64 { return s.BeaconsSent })
	if n := sent / count / uint64(len(f.ids)); n < 1 || n > beaconPushes*FanoutDefault {
		t.Errorf("each sent %d for a beacon", n)
	}
	t.Logf("each is known to all %v later, for %.1f messages of %d bytes sent by each", slowest, float64(sent)/count/float64(len(f.ids)),
		(&Beacon{Signed: f.machine(0).guard.authorities[0].beacon}).Size())
	if len(silent) != 0 {
		t.Errorf("%d members told of silence", len(silent))
	}
	f.world.Run(f.world.Now().Add(beaconSilence + 2*sweepEvery))
	if len(silent) != len(f.ids) {
		t.Errorf("%d members noticed that the authority is silent", len(silent))
	}
	if err := f.honest(); err != nil {
		t.Error(err)
	}
}
