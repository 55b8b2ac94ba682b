package astrolabe_test

import (
	"fmt"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// contacts counts what is sent to addresses.
type contacts map[protocol.Address]int

// Observe implements sim.Checker.
func (c contacts) Observe(s *sim.Step) {
	for i := range s.Effects {
		if e := &s.Effects[i]; e.Kind == protocol.EffectSendAddress {
			c[e.Address]++
		}
	}
}

// Finish implements sim.Checker.
func (c contacts) Finish() error { return nil }

// A member of the fleet names addresses of its choice in rows of a zone on the way to others: one again and again, or ever new ones. Somebody who looks for its zone sends little there, and more to the addresses
// that its own configuration names: that is the control, without which nothing would have to be bounded.
func TestNobodyDrawsContacts(t *testing.T) {
	const length = 120 * time.Second
	for what, name := range map[string]func(i int) protocol.Address{
		"one":  func(int) protocol.Address { return "victim:1" },
		"many": func(i int) protocol.Address { return protocol.Address(fmt.Sprintf("victim:%d", i+1)) },
	} {
		f := newFleet(sim.Config{Seed: 1, Network: lan(0)}, []string{"/eu/0/alone", "/us/1/a"}, func(i int, _ *membership.Config, tables *astrolabe.Config) {
			tables.Seeds = []protocol.Address{address(1 - i)}
		})
		f.until(t, time.Minute, func() error { return f.counted(2) })
		sent := contacts{}
		f.world.Check(sent)
		for i := range int(length / (100 * time.Millisecond)) {
			row := &table.Row{Owner: protocol.NodeID(1000 + i%4), Epoch: 1, Sequence: uint64(i + 1), Name: "/eu", Addresses: []protocol.Address{name(i)}}
			f.world.Command(f.ids[0], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				m.(*node).tables.Receive(now, f.ids[1], &astrolabe.Delta{Zone: "/us/1", Rows: []membership.RowUpdate{{Row: row}}}, out)
			})
			f.world.Run(f.world.Now().Add(100 * time.Millisecond))
		}
		rounds := int(length / astrolabe.RoundDefault)
		windows := rounds/astrolabe.AddressRounds + 1
		most, all := 0, 0
		for address, n := range sent {
			if address != "host-1" {
				most, all = max(most, n), all+n
			}
		}
		refused := f.tables(0).Stats().ContactsRefused
		t.Logf("%s: %d datagrams to %d addresses, %d to one, in %d rounds; %d contacts refused", what, all, len(sent)-1, most, rounds, refused)
		if limit := 2 * windows * astrolabe.AddressContactsMax; most > limit { // membership contacts where it is told to as well
			t.Errorf("%s: %d to one address, more than %d", what, most, limit)
		}
		if all == 0 {
			t.Errorf("%s: nothing was sent there: the test shows nothing", what)
		}
		if what == "one" && refused == 0 {
			t.Errorf("%s: no contact was refused", what)
		}
	}
}
