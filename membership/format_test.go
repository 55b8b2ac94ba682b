package membership

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
	"spinglass/wire"
)

// ignorance counts what members were sent and do not know.
type ignorance struct{ unknown int }

// Observe implements sim.Checker.
func (c *ignorance) Observe(s *sim.Step) {
	for i := range s.Effects {
		if s.Effects[i].Reason == ReasonUnknownType {
			c.unknown++
		}
	}
}

// Finish implements sim.Checker.
func (c *ignorance) Finish() error {
	if c.unknown > 0 {
		return fmt.Errorf("%d messages were sent to members that do not know them", c.unknown)
	}
	return nil
}

// mixed is a fleet of which every other member speaks format 1 until it is restarted.
type mixed struct {
	*fleet
	runs []int
	// boast makes members of format 1 say that they speak the latest, so that others do not spare them.
	boast bool
}

func newMixed(w *sim.World, n int, boast bool) *mixed {
	m := &mixed{fleet: &fleet{world: w, authorities: newAuthorities(w)}, runs: make([]int, n), boast: boast}
	m.tune = func(i int, c *Config) {
		if m.runs[i]++; !boast {
			c.Format = m.format(i)
		}
	}
	m.made = func(i int, machine *Machine) {
		if boast {
			machine.config.Format = m.format(i)
		}
	}
	m.add(n)
	return m
}

func (m *mixed) format(i int) uint64 {
	if i%2 == 1 && m.runs[i] <= 1 {
		return 1
	}
	return wire.FormatLatest
}

// announce has member 0 tell of the authority of its zone, again and again.
func (m *mixed) announce(every time.Duration) {
	id := m.ids[0]
	if m.world.Up(id) {
		m.world.Command(id, func(now protocol.Time, machine protocol.Machine, out *protocol.Output) {
			b, err := m.authorities.zone.Beacon(noon.Add(time.Duration(now)))
			if err == nil {
				err = machine.(*Machine).Beacon(now, m.signed(b), out)
			}
			if err != nil && err != ErrNotRunning && err != ErrVerifyQueue {
				panic(err)
			}
		})
	}
	m.world.At(m.world.Now().Add(every), func() { m.announce(every) })
}

// signed returns a beacon signed as the world does it.
func (m *mixed) signed(b *identity.Beacon) *identity.Beacon {
	if !m.authorities.modelled {
		return b
	}
	modelled := *b
	check := b.SignatureCheck()
	modelled.Signature = identity.Signature(sim.ModelSignature(check.PublicKey, check.Context, check.Message))
	return &modelled
}

// settled reports what is missing: all members know each other, those of format 2 also which format each speaks, and they have heard the authority lately.
func (m *mixed) settled() error {
	if err := m.complete(nil); err != nil {
		return err
	}
	for i := range m.ids {
		own := m.machine(i)
		for _, p := range own.Peers() {
			if want := min(m.format(i), m.format(m.index(p.Peer.ID))); p.Peer.Format != want {
				return fmt.Errorf("member %d of format %d takes one of format %d for one of %d", i, m.format(i), m.format(m.index(p.Peer.ID)), p.Peer.Format)
			}
		}
		switch heard := own.guard.authorities; {
		case m.format(i) == 1 && len(heard) != 0:
			return fmt.Errorf("member %d of format 1 knows beacons", i)
		case m.format(i) != 1 && (len(heard) != 1 || noon.Add(time.Duration(m.world.Now())).Sub(heard[0].beacon.Instant) > time.Minute):
			return fmt.Errorf("member %d of format 2 has not heard the authority lately", i)
		}
	}
	return nil
}

// "Peers of versions N and N-1 work together": a fleet that is upgraded while all faults strike comes to rest like any other, beacons reach all members that know them, and
// no member is ever sent what it does not know.
func TestFleetOfTwoFormats(t *testing.T) {
	seeds := 6
	if full() {
		seeds = 100
	}
	var announced, upgraded int
	sim.Swarm(t, seeds, func(seed uint64) error {
		r := sim.Draw(seed)
		n := 4 + r.IntN(12)
		faults := sim.DrawFaults(r, time.Minute)
		faults.DiskKept = 1
		var f *mixed
		trial := sim.Trial{
			Config: sim.Config{Seed: seed, Network: sim.DrawNetwork(r), Cost: sim.CommodityCost(), Content: true, Ed25519: seed%2 == 0,
				Decoder: func() protocol.Decoder { return new(Decoder) }},
			Faults: faults, Safety: time.Minute,
			Build: func(w *sim.World) {
				f = newMixed(w, n, false)
				w.Check(new(ignorance))
				w.At(protocol.Time(5*time.Second), func() { f.announce(2 * time.Second) })
			},
			Converged: func(*sim.World) error { return f.settled() }, Converge: 5 * time.Minute,
		}
		err := trial.Repeat()
		for i := range f.ids {
			if i%2 == 1 && f.format(i) != 1 {
				upgraded++
			}
		}
		announced += int(f.total(func(s *Stats) uint64 { return s.BeaconsTaken }))
		return err
	})
	if announced == 0 || upgraded == 0 {
		t.Errorf("%d beacons were taken in the end, %d members upgraded", announced, upgraded)
	}
}

// The control: members that say that they speak the latest format are sent what they do not know, skip it, and go on working.
func TestFormatsAreHeeded(t *testing.T) {
	for _, boast := range []bool{false, true} {
		w := sim.New(sim.Config{Seed: 3, Network: lan(0.02), Cost: sim.CommodityCost()})
		f, unknown := newMixed(w, 10, boast), new(ignorance)
		w.Check(unknown)
		f.form(t, 20*time.Second)
		f.announce(time.Second)
		w.Run(w.Now().Add(20 * time.Second))
		if (unknown.unknown > 0) != boast {
			t.Errorf("boasting %t: %d messages to members that do not know them", boast, unknown.unknown)
		}
		if err := f.complete(nil); err != nil {
			t.Error(err)
		}
	}
}

// A few members of the latest format among many of the one before find each other.
func TestBeaconsFindTheFew(t *testing.T) {
	config := signedConfig(1)
	f := newSignedFleet(40, config, func(i int, c *Config) {
		if i != 5 && i != 20 && i != 33 {
			c.Format = 1
		}
	})
	f.form(t, 20*time.Second)
	f.world.Command(f.ids[5], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := m.(*Machine).Beacon(now, beaconOf(t, f.authorities.zone, time.Duration(now)), out); err != nil {
			t.Error(err)
		}
	})
	took := f.until(t, 2*time.Second, func() error {
		for _, i := range []int{20, 33} {
			if len(f.machine(i).guard.authorities) == 0 {
				return fmt.Errorf("member %d has not heard it", i)
			}
		}
		return nil
	})
	t.Logf("heard by the other two of 40 after %v", took)
}

// "Unknown optional fields are carried and ignored", under the signature: the row of a member of a later format reaches those that it cannot talk to, by others, as it was made.
func TestFieldsOfLaterFormatsAreCarried(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, _ int) {
		later := []table.Field{{Tag: 9, Value: []byte("later")}, {Tag: 300, Value: []byte("much later")}}
		f := newFleet(3, sim.Config{Seed: 1, Wire: true, Decoder: func() protocol.Decoder { return new(Decoder) }, Network: lan(0)}, func(i int, c *Config) {
			if i == 1 {
				c.Format = 1 // it carries
			}
		})
		f.made = func(i int, m *Machine) {
			if i == 0 {
				m.draft().Format, m.draft().Fields = 3, later
			}
		}
		f.world.Cut(f.ids[:1], f.ids[2:], true)
		f.form(t, 20*time.Second)
		row, own := f.machine(2).table.Get(f.ids[0]).Row(), f.machine(0).own.Row()
		if !bytes.Equal(row.Append(nil), own.Append(nil)) || len(row.Fields) != 2 || (len(row.Signature) > 0) != (f.authorities != nil) {
			t.Errorf("%+v is not %+v", row, own)
		}
		if got := [2]uint64{f.machine(2).view(f.machine(2).table.Get(f.ids[0])).Format, f.machine(1).view(f.machine(1).table.Get(f.ids[0])).Format}; got != [2]uint64{3, 1} {
			t.Errorf("formats %v", got)
		}
	})
}

func TestFormatIsChecked(t *testing.T) {
	for _, format := range []uint64{0, wire.FormatOldest, wire.FormatLatest, wire.FormatLatest + 1} { // 0 is the default
		s := newSolo(t, nil)
		c := s.m.config
		c.Format = format
		if _, err := New(c); (err == nil) != (format <= wire.FormatLatest) {
			t.Errorf("format %d: %v", format, err)
		}
	}
}
