package astrolabe_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// an returns an attribute.
func an(name string, v table.Value) protocol.Attribute {
	b, err := v.Encode()
	if err != nil {
		panic(err)
	}
	return protocol.Attribute{Name: name, Value: b}
}

// setRow sets attributes of a row of a host.
func (f *fleet) setRow(t *testing.T, i int, name string, attributes ...protocol.Attribute) {
	t.Helper()
	if err := f.tables(i).SetOwnRow(name, attributes); err != nil {
		t.Fatal(err)
	}
}

// value returns an integer of the row of a host as another host of its zone has it, -1 when it has none.
func (f *fleet) value(at, host int, name string) int64 {
	rows, err := f.tables(at).Rows(protocol.Zone(f.names[at]))
	if err != nil {
		panic(err)
	}
	for _, r := range rows {
		for _, a := range r.Attributes {
			if v, err := table.DecodeValue(a.Value); r.Owner == f.ids[host] && a.Name == name && err == nil {
				n, _ := v.Int()
				return n
			}
		}
	}
	return -1
}

// "A host may own several rows": those that its applications make are its table, which others ask it for, and functions make attributes of the host's row, and so of the zones', of them.
func TestRowsOfAHost(t *testing.T) {
	f := formed(t, 7, 0.05)
	all := answers(f)
	const host, neighbour, far = 50, 51, 0
	f.setRow(t, host, "db", an("queue", table.Int(3)))
	f.setRow(t, host, "cache", an("queue", table.Int(4)), an("hot", table.Bool(true)))
	if err := f.install(20, &astrolabe.Function{Name: "queues", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT SUM(queue) AS queue, COUNT(*) AS topics"}); err != nil {
		t.Fatal(err)
	}
	want := func(queue int64) {
		t.Helper()
		f.until(t, spreadTime, func() error {
			if got := f.value(neighbour, host, "queue"); got != queue {
				return fmt.Errorf("the host's row has %d, want %d", got, queue)
			}
			for _, output := range f.tables(far).Root().Outputs {
				if v, _ := table.DecodeValue(output.Value); output.Name == "queue" {
					if got, _ := v.Int(); got == queue {
						return nil
					}
				}
			}
			if queue < 0 {
				return nil
			}
			return errors.New("the root's summary has not")
		})
	}
	want(7)
	if f.value(neighbour, host, "topics") != -1 {
		t.Error("a function made what members say of topics")
	}
	for _, i := range []int{far, neighbour} {
		a, _ := f.drill(t, all, i, astrolabe.SubjectTable, f.names[host])
		if a.Form != astrolabe.FormFound || len(a.Rows) != 2 || !a.Rows[0].Own || a.Rows[0].Row.Name != f.names[host]+"/cache" || len(a.Rows[0].Row.Attributes) != 2 {
			t.Errorf("%+v", a)
		}
	}
	if a, _ := f.drill(t, all, far, astrolabe.SubjectRow, f.names[host]+"/db"); a.Form != astrolabe.FormFound || len(a.Rows) != 1 || a.Statuses()[0].Expected != 1 {
		t.Errorf("%+v", a)
	}
	if a, _ := f.drill(t, all, far, astrolabe.SubjectTable, f.names[neighbour]); a.Form != astrolabe.FormFound || len(a.Rows) != 0 {
		t.Errorf("a host without rows: %+v", a)
	}
	if a, _ := f.drill(t, all, far, astrolabe.SubjectRow, f.names[host]+"/web"); a.Form != astrolabe.FormNone || a.Zone != f.names[host] {
		t.Errorf("%+v", a)
	}
	// A row of which all is taken away is gone, and what was made of it.
	f.setRow(t, host, "cache", an("hot", table.Bool(false)), protocol.Attribute{Name: "queue"})
	want(3)
	// What the application says itself of its host is not made by functions. What it says no longer is.
	f.tables(host).Claim("queue", true)
	f.world.Command(f.ids[host], func(now protocol.Time, _ protocol.Machine, out *protocol.Output) {
		if err := f.node(host).members.SetAttribute(now, an("queue", table.Int(100)), out); err != nil {
			t.Fatal(err)
		}
	})
	f.setRow(t, host, "db", an("queue", table.Int(5)))
	want(100)
	f.tables(host).Claim("queue", false)
	want(5)
	f.setRow(t, host, "db", protocol.Attribute{Name: "queue"})
	f.setRow(t, host, "cache", protocol.Attribute{Name: "hot"})
	want(-1)
	if n := f.tables(host).Stats().OwnRows; n != 0 {
		t.Errorf("%d rows", n)
	}
	f.world.Run(f.world.Now().Add(time.Second))
}

func TestRowsOfAHostAreBounded(t *testing.T) {
	f := newFleet(sim.Config{Seed: 1, Network: lan(0)}, []string{"/a/x"}, nil)
	f.until(t, time.Minute, func() error { return f.counted(1) })
	m := f.tables(0)
	one := []protocol.Attribute{an("a", table.Int(1))}
	for _, name := range []string{"", ".", "a/b", "ä", strings.Repeat("x", 65)} {
		if err := m.SetOwnRow(name, one); !errors.Is(err, astrolabe.ErrOwnRowName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := m.SetOwnRow("large", []protocol.Attribute{an("a", table.String(strings.Repeat("x", 1000)))}); !errors.Is(err, table.ErrRowFull) {
		t.Error(err)
	}
	for i := range astrolabe.OwnRowsMax {
		if err := m.SetOwnRow(fmt.Sprint("r", i), one); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.SetOwnRow("more", one); !errors.Is(err, astrolabe.ErrOwnRows) {
		t.Error(err)
	}
	if err := m.SetOwnRow("r1", one); err != nil {
		t.Error(err)
	}
	a := m.Resolve(f.world.Now(), astrolabe.SubjectTable, "/a/x")
	before := a.Rows[3].Row.Version(0)
	if err := m.SetOwnRow("r11", []protocol.Attribute{an("b", table.Int(1))}); err != nil {
		t.Error(err)
	}
	a = m.Resolve(f.world.Now(), astrolabe.SubjectTable, "/a/x")
	if row := a.Rows[3].Row; len(a.Rows) != astrolabe.OwnRowsMax || row.Name != "/a/x/r11" || row.Version(0).CompareRow(before) <= 0 || len(row.Attributes) != 2 {
		t.Errorf("%d rows, %+v after %+v", len(a.Rows), row, before)
	}
}
