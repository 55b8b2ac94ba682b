package astrolabe_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// registry is a sibling that knows everybody's credentials, as membership does.
type registry struct{ f *fleet }

func (r registry) Start(protocol.Time, *protocol.Output)                                      {}
func (r registry) Receive(protocol.Time, protocol.NodeID, protocol.Message, *protocol.Output) {}
func (r registry) Timeout(protocol.Time, *protocol.Output)                                    {}
func (r registry) Deadline() protocol.Time                                                    { return protocol.Never }

func (r registry) Notify(_ protocol.Time, e protocol.Event, out *protocol.Output) {
	if w, ok := e.(protocol.WantCredential); ok {
		for i, id := range r.f.ids {
			if id == w.Author {
				out.Emit(protocol.CredentialKnown{Author: id, Credential: credential{r.f.names[i], r.f.publicKey(i)}})
			}
		}
	}
}

type credential struct {
	name string
	key  identity.PublicKey
}

func (c credential) Name() string             { return c.name }
func (c credential) PublicKey() []byte        { return c.key[:] }
func (c credential) MayPublish(string) bool   { return true }
func (c credential) MaySubscribe(string) bool { return true }

func (f *fleet) publicKey(i int) identity.PublicKey {
	return identity.PublicKey(f.world.PublicKey(f.ids[i]))
}

// signedFleet makes sixty members that sign their rows, and of which some change what they hand on.
func signedFleet(t *testing.T, seed uint64, lie func(i int, row *table.Row) bool) *fleet {
	t.Helper()
	return tunedFleet(seed, lie, func(*membership.Config) {})
}

// tunedFleet is signedFleet with changes of the configuration.
func tunedFleet(seed uint64, lie func(i int, row *table.Row) bool, tune func(members *membership.Config)) *fleet {
	return tunedFleetOf(seed, lie, func(_ int, members *membership.Config, _ *astrolabe.Config) { tune(members) })
}

// tunedTables is signedFleet of members that tell the truth, with changes of the configuration.
func tunedTables(seed uint64, tune func(i int, tables *astrolabe.Config)) *fleet {
	return tunedFleetOf(seed, nil, func(i int, _ *membership.Config, tables *astrolabe.Config) {
		if tune != nil {
			tune(i, tables)
		}
	})
}

// tunedFleetOf is signedFleet with changes of both configurations.
func tunedFleetOf(seed uint64, lie func(i int, row *table.Row) bool, tune func(i int, members *membership.Config, tables *astrolabe.Config)) *fleet {
	return tunedFleetOn(sim.Config{Seed: seed, Network: lan(0.02)}, lie, tune)
}

// tunedFleetOn does the same on another network.
func tunedFleetOn(config sim.Config, lie func(i int, row *table.Row) bool, tune func(i int, members *membership.Config, tables *astrolabe.Config)) *fleet {
	var f *fleet
	f = newFleet(config, sixZones(), func(i int, members *membership.Config, tables *astrolabe.Config) {
		// Some join addresses are of liars, as would be among many.
		tables.Seeds = []protocol.Address{address(i / 10 * 10), address(i/10*10 + 3), address(0), address(7), address(33)}
		members.Seeds = tables.Seeds
		tables.Notary = identity.NewNotaryOf(f.publicKey(i), func(v *protocol.Sign) []byte { return f.world.SignNow(f.ids[i], v) },
			func(check protocol.Check) bool { return f.world.VerifyNow(f.ids[i], check) })
		tune(i, members, tables)
	})
	f.lie = lie
	return f
}

// liar passes on what it is given, and changes rows of zones in what it sends.
type liar struct {
	protocol.Machine
	lie func(row *table.Row) bool
}

func (l liar) Timeout(now protocol.Time, out *protocol.Output) {
	l.change(out, func() { l.Machine.Timeout(now, out) })
}
func (l liar) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	l.change(out, func() { l.Machine.Receive(now, from, m, out) })
}

// change lets the machine do something, and changes the rows in what it sends.
func (l liar) change(out *protocol.Output, do func()) {
	mark := len(out.Effects)
	do()
	for i := mark; i < len(out.Effects); i++ {
		d, ok := out.Effects[i].Message.(*astrolabe.Delta)
		if !ok {
			continue
		}
		changed := *d
		changed.Rows = nil
		for _, u := range d.Rows {
			row := *u.Row
			if l.lie(&row) {
				u.Row = &row
			}
			changed.Rows = append(changed.Rows, u)
		}
		out.Effects[i].Message = &changed
	}
}

// Members that sign their rows form a tree, and what is true of it stays so when one in six changes all rows that it hands on: nothing changed is taken in, and who changed it
// is named. Without signatures the lies are believed: that is the control.
func TestRowsOfOthersAreNotChanged(t *testing.T) {
	many, _ := table.Int(1_000_000).Encode()
	lie := func(i int, row *table.Row) bool {
		if i%6 != 0 {
			return false
		}
		row.Attributes = append([]protocol.Attribute(nil), row.Attributes...)
		for j := range row.Attributes {
			if row.Attributes[j].Name == astrolabe.AttributeHosts {
				row.Attributes[j].Value = many
			}
		}
		row.Sequence += 5
		return true
	}
	for _, signed := range []bool{true, false} {
		var f *fleet
		if signed {
			f = signedFleet(t, 1, lie)
		} else {
			f = newFleet(sim.Config{Seed: 1, Network: lan(0.02)}, sixZones(), nil)
			f.lie = lie
		}
		blamed := make(map[protocol.NodeID]bool)
		believed := 0
		for range 120 {
			f.world.Run(f.world.Now().Add(500 * time.Millisecond))
			for i := range f.ids {
				if f.world.Up(f.ids[i]) && f.tables(i).Root().Hosts > 60 {
					believed++
				}
			}
		}
		for i := range f.ids {
			if hops := f.tables(i).Stats(); hops.Forgeries > 0 {
				blamed[f.ids[i]] = true
			}
		}
		switch {
		case signed && believed > 0:
			t.Errorf("%d times somebody counted more hosts than there are", believed)
		case signed && len(blamed) == 0:
			t.Error("nobody found a forgery: the test shows nothing")
		case !signed && believed == 0:
			t.Error("the control: without signatures nobody believes the lies")
		}
		if signed {
			if err := f.counted(60); err != nil {
				t.Error(err)
			}
		}
	}
}

// A representative says what it likes of its own zone; of others, and of zones that it is not in, nobody believes it.
func TestWhoIsNoMemberOfAZoneSaysNothingOfIt(t *testing.T) {
	f := signedFleet(t, 2, nil)
	f.until(t, time.Minute, func() error { return f.counted(60) })
	stranger := f.ids[45]
	notary := identity.NewNotaryOf(f.publicKey(45), func(v *protocol.Sign) []byte { return f.world.SignNow(stranger, v) }, nil)
	key := notary.Public()
	row := &table.Row{Owner: stranger, Epoch: 9, Sequence: 1, Name: "/eu", PublicKey: key[:], Anchor: make([]byte, table.LinkSize)}
	s := astrolabe.StatementOf(row)
	notary.Sign(&s)
	row.Signature = s.Signature[:]
	d := &astrolabe.Delta{Zone: "/us/4", Rows: []membership.RowUpdate{{Row: row}}}
	var out protocol.Output
	for range 3 {
		f.tables(50).Receive(f.world.Now(), stranger, d, &out)
	}
	if n := f.tables(50).Stats().RowsRefused; n == 0 {
		t.Error("a row of /eu by a member of /us is taken in")
	}
	if rows, err := f.tables(50).Rows("/"); err != nil || len(rows) != 2 || rows[0].Owner == stranger {
		t.Error(errors.Join(err, fmt.Errorf("%+v", rows)))
	}
}
