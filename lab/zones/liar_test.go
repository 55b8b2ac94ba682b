package zones

import (
	"fmt"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// liar is the tables of a member, which changes the rows that it makes of its zone, and signs them as they are then, if it is the one who lies.
type liar struct {
	*astrolabe.Machine
	f  *fleet
	id protocol.NodeID
}

func (l liar) Timeout(now protocol.Time, out *protocol.Output) {
	mark := len(out.Effects)
	l.Machine.Timeout(now, out)
	l.change(out, mark)
}

func (l liar) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	mark := len(out.Effects)
	l.Machine.Receive(now, from, m, out)
	l.change(out, mark)
}

func (l liar) change(out *protocol.Output, mark int) {
	if l.id != l.f.liar {
		return
	}
	for i := mark; i < len(out.Effects); i++ {
		d, ok := out.Effects[i].Message.(*astrolabe.Delta)
		if !ok {
			continue
		}
		changed := *d
		changed.Rows = nil
		for _, u := range d.Rows {
			if u.Row.Owner == l.id && !u.Row.Left {
				row := *u.Row
				row.Attributes = append([]protocol.Attribute(nil), row.Attributes...)
				l.f.tell(&row)
				l.f.sign(&row)
				u.Row = &row
			}
			changed.Rows = append(changed.Rows, u)
		}
		out.Effects[i].Message = &changed
	}
}

// sign signs a row with the key of its owner.
func (f *fleet) sign(row *table.Row) {
	s, err := astrolabe.Judge{}.Accused(wire.AppendBytes(nil, row.Append(nil)))
	if err != nil {
		f.t.Fatal(err)
	}
	row.Signature = f.world.SignNow(row.Owner, s.Sign(0))
}

// manyHosts says that a zone has a thousand hosts more.
func manyHosts(row *table.Row) {
	for i := range row.Attributes {
		if a := &row.Attributes[i]; a.Name == astrolabe.AttributeHosts {
			v, _ := table.DecodeValue(a.Value)
			n, _ := v.Int()
			a.Value, _ = table.Int(n + 1000).Encode()
		}
	}
}

// A representative that signs a false summary is quarantined by all members of all zones, with a proof that each of them has judged; its rows go, and nobody counts its hosts any longer.
// The control is a fleet whose members have no judge: nobody is shut out.
func TestLyingRepresentativeIsShutOut(t *testing.T) {
	for _, judged := range []bool{true, false} {
		f := newFleet(t, 8, 0.02, 16, "/eu/de", "/eu/fr", "/us", "/asia")
		f.blind = !judged
		f.pass(formation)
		i := 0
		for f.node(i).tables.Stats().Issued == 0 {
			i++
		}
		f.tell = manyHosts
		f.liar = id(i)
		f.attribute((i+1)%16, "load")
		began := f.world.Now()
		for {
			f.pass(100 * time.Millisecond)
			missing := 0
			for j := range f.names {
				if q := f.node(j).members.Quarantine(); j != i && (len(q) != 1 || q[0].Peer != id(i) || (astrolabe.Judge{}).Convicts(q[0].False) != nil) {
					missing++
				}
			}
			took := f.world.Now().Sub(began)
			if missing == 0 {
				t.Logf("%s is quarantined by all of four zones after %v", f.names[i], took)
				break
			}
			if took > 20*time.Second {
				if judged {
					t.Errorf("%d members have not quarantined %s after %v", missing, f.names[i], took)
				} else if missing != len(f.names)-1 {
					t.Errorf("without a judge all but %d have quarantined %s", missing, f.names[i])
				}
				break
			}
		}
		if !judged {
			continue
		}
		f.pass(20 * time.Second)
		for j := range f.names {
			if root := f.node(j).tables.Root(); j != i && root.Hosts != len(f.names)-1 {
				t.Errorf("%s counts %d hosts", f.names[j], root.Hosts)
			}
		}
	}
}

// attribute has a member set an attribute of its row.
func (f *fleet) attribute(i int, name string) {
	value, _ := table.Int(1).Encode()
	f.world.Command(id(i), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := m.(*node).members.SetAttribute(now, protocol.Attribute{Name: name, Value: value}, out); err != nil {
			f.t.Error(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// judge is what members of the fleet verify proofs with, nil for nothing.
func (f *fleet) judge() membership.Judge {
	if f.blind {
		return nil
	}
	return astrolabe.Judge{}
}
