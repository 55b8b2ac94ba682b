package astrolabe_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// hand gives a message to a member as from another one, and returns what it does.
func (f *fleet) hand(i int, from protocol.NodeID, m protocol.Message) protocol.Output {
	var out protocol.Output
	f.tables(i).Receive(f.world.Now(), from, m, &out)
	return out
}

// rowsOf returns a message that brings a row.
func bring(zone string, row *table.Row) *astrolabe.Delta {
	return &astrolabe.Delta{Zone: zone, Rows: []membership.RowUpdate{{Row: row}}}
}

// Nobody can have a representative use a version twice, and so contradict itself, by bringing it a row that it is said to have made. The control is one that it has signed, of a
// run that it has forgotten.
func TestOwnRowsAreBelievedWhenSigned(t *testing.T) {
	f := signedFleet(t, 4, nil)
	f.until(t, time.Minute, func() error { return f.counted(60) })
	victim := -1
	for i := range f.ids {
		if f.tables(i).Issued("/eu") > 0 {
			victim = i
		}
	}
	if victim < 0 {
		t.Fatal("nobody represents /eu")
	}
	before := f.tables(victim).Issued("/eu")
	forged := &table.Row{Owner: f.ids[victim], Epoch: f.node(victim).members.Own().Epoch, Sequence: before + 1000, Name: "/eu", Attributes: nil}
	key := f.publicKey(victim)
	forged.PublicKey, forged.Anchor, forged.Signature = key[:], make([]byte, table.LinkSize), make([]byte, identity.SignatureSize)
	f.hand(victim, f.ids[40], bring("/us/4", forged))
	wild := *forged
	wild.Sequence = math.MaxUint64
	f.hand(victim, f.ids[40], bring("/us/4", &wild))
	f.world.Run(f.world.Now().Add(3 * astrolabe.RoundDefault))
	if now := f.tables(victim).Issued("/eu"); now > before+10 {
		t.Errorf("forged rows brought the sequence from %d to %d", before, now)
	}
	notary := identity.NewNotaryOf(key, func(v *protocol.Sign) []byte { return f.world.SignNow(f.ids[victim], v) }, nil)
	s := astrolabe.StatementOf(forged)
	notary.Sign(&s)
	forged.Signature = s.Signature[:]
	f.hand(victim, f.ids[40], bring("/us/4", forged))
	f.world.Run(f.world.Now().Add(3 * astrolabe.RoundDefault))
	if now := f.tables(victim).Issued("/eu"); now != before+1001 {
		t.Errorf("a row that it has signed brought the sequence from %d to %d", before, now)
	}
}

// Of the hosts that stand directly in a zone only they say anything, and not whoever is somewhere below it.
func TestWhoSpeaksForTheHostsOfAZone(t *testing.T) {
	f := signedFleet(t, 5, nil)
	f.until(t, time.Minute, func() error { return f.counted(60) })
	for _, zone := range []string{"/.", "/us/."} {
		liar := 45
		notary := identity.NewNotaryOf(f.publicKey(liar), func(v *protocol.Sign) []byte { return f.world.SignNow(f.ids[liar], v) }, nil)
		key := notary.Public()
		row := &table.Row{Owner: f.ids[liar], Epoch: 1, Sequence: 1 << 20, Name: zone, PublicKey: key[:], Anchor: make([]byte, table.LinkSize)}
		s := astrolabe.StatementOf(row)
		notary.Sign(&s)
		row.Signature = s.Signature[:]
		for range 2 { // the first time its credential is asked for
			f.hand(50, f.ids[liar], bring("/us/4", row))
			f.world.Run(f.world.Now().Add(astrolabe.RoundDefault))
		}
		rows, err := f.tables(50).Rows(protocol.Zone(zone))
		for _, r := range rows {
			if r.Name == zone {
				err = errors.Join(err, fmt.Errorf("%s is there, by %v", r.Name, r.Owner))
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// Two hosts of one name, as when one comes back without its data, leave functions as they are.
func TestFunctionsOfNamesakes(t *testing.T) {
	names := sixZones()
	names[4] = names[3]
	f := newFleet(sim.Config{Seed: 6, Network: lan(0)}, names, nil)
	f.until(t, time.Minute, func() error { return f.counted(60) })
	if err := f.install(3, &astrolabe.Function{Name: "count", Scope: "/eu/0", Version: 1, Expires: 3600, Program: "SELECT COUNT(*) AS rows"}); err != nil {
		t.Fatal(err)
	}
	f.until(t, spreadTime, func() error { return f.sees(0, 10, "/eu/0", "rows", table.Int(10)) })
}

// Hosts with long addresses are counted: rows go without what there is no room for.
func TestLongAddresses(t *testing.T) {
	f := tunedFleet(7, nil, func(members *membership.Config) {
		for n := range 2 {
			members.Addresses = append(members.Addresses, protocol.Address(fmt.Sprintf("relay-%d.%s.example:7400", n, strings.Repeat("long", 20))))
		}
	})
	f.until(t, time.Minute, func() error { return f.counted(60) })
}

// A zone whose hosts all leave in order is not expected to come back. The control is one whose hosts crash: TestZoneCutOff.
func TestZoneThatLeaves(t *testing.T) {
	f := formed(t, 8, 0.02)
	for i := 20; i < 30; i++ {
		f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			m.(*node).tables.Leave(now, out)
			m.(*node).members.Leave(now, out)
		})
	}
	f.world.At(f.world.Now().Add(2*time.Second), func() {
		for i := 20; i < 30; i++ {
			f.world.Crash(f.ids[i])
		}
	})
	took := f.until(t, time.Minute, func() error { return f.all(20, 30, func(r astrolabe.Summary) bool { return r.Hosts == 50 }) })
	t.Logf("out of all counts after %v", took)
	f.world.Run(f.world.Now().Add(time.Minute))
	for i := range f.ids[:20] {
		if s := f.tables(i).Zone("/eu"); s.RowsIn != 2 || s.RowsExpected != 2 {
			t.Errorf("%s finds %d of %d rows in /eu", f.names[i], s.RowsIn, s.RowsExpected)
		}
	}
}
