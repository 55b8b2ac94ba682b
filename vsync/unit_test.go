package vsync

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
)

func TestRanks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var a, b ranks
		in := map[int]bool{}
		for range 10 {
			i := r.IntN(MembersMax)
			a.add(i)
			in[i] = true
			b.add(r.IntN(MembersMax))
		}
		if a.len() != len(in) {
			t.Fatalf("%d members, want %d", a.len(), len(in))
		}
		u := a.union(b)
		if !u.covers(a) || !u.covers(b) || u.minus(a).covers(a) || u.minus(a).union(a) != u {
			t.Fatalf("%v and %v", a, b)
		}
		for i := range MembersMax {
			if a.has(i) != in[i] {
				t.Fatalf("%d", i)
			}
		}
		if first := a.first(); !a.has(first) || allRanks(first).minus(a) != allRanks(first) {
			t.Fatalf("the first of %v is not %d", a, first)
		}
	}
	if (ranks{}).first() != -1 || allRanks(MembersMax).len() != MembersMax {
		t.Error("none, or all")
	}
}

// "A view is primary iff it has a majority (optionally weighted) of the previous primary view": whatever the weights, two majorities have a member in common.
func TestMajoritiesMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		v := &View{}
		n := 1 + r.IntN(7)
		for i := range n {
			v.Members = append(v.Members, Member{ID: protocol.NodeID(i + 1), Weight: r.Uint64N(4)})
		}
		var majorities []ranks
		for set := range 1 << n {
			var s ranks
			s[0] = uint64(set)
			if v.majority(s) {
				majorities = append(majorities, s)
			}
		}
		if v.Weight() > 0 && len(majorities) == 0 {
			t.Fatalf("%v has no majority", v)
		}
		for _, a := range majorities {
			for _, b := range majorities {
				if v.Weight() > 0 && a[0]&b[0] == 0 {
					t.Fatalf("%b and %b are majorities of %v", a[0], b[0], v)
				}
			}
		}
	}
	two := &View{Members: []Member{{ID: 1, Weight: 1}, {ID: 2, Weight: 1}}}
	if !two.majority(ranks{1}) || two.majority(ranks{2}) {
		t.Error("of two the first alone is a majority, and the other one is not")
	}
}

type nowhere struct{ err error }

func (n nowhere) Publish(protocol.Time, string, []byte, *protocol.Output) error { return n.err }
func (n nowhere) Subscribe(protocol.Time, string, *protocol.Output) error       { return n.err }
func (n nowhere) Unsubscribe(protocol.Time, string, *protocol.Output) error     { return n.err }

func lone(t *testing.T, change func(*Config)) *Machine {
	t.Helper()
	c := DefaultConfig()
	c.Self, c.Epoch, c.Rand, c.Host = 1, 1, rand.New(rand.NewPCG(1, 1)), nowhere{}
	if change != nil {
		change(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run lets time pass.
func (m *Machine) run(until protocol.Time, out *protocol.Output) {
	for next := m.Deadline(); next <= until; next = m.Deadline() {
		m.Timeout(next, out)
	}
}

func TestErrors(t *testing.T) {
	m, out := lone(t, func(c *Config) { c.Groups = 2 }), &protocol.Output{}
	o := DefaultOptions()
	for name, want := range map[string]error{"": ErrName, "a/+": ErrName, string(make([]byte, NameMax+1)): ErrName} {
		if err := m.Join(0, name, o, out); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := m.Join(0, "a", Options{Order: 3}, out); !errors.Is(err, ErrOptions) {
		t.Error(err)
	}
	if err := m.Cast(0, "a", nil, out); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if err := m.Join(0, "a", o, out); err != nil {
		t.Fatal(err)
	}
	if err := m.Join(0, "a", o, out); !errors.Is(err, ErrJoined) {
		t.Error(err)
	}
	if err := m.Cast(0, "a", nil, out); !errors.Is(err, ErrNotMember) {
		t.Error(err)
	}
	if _, err := m.Flush(0, "a", out); !errors.Is(err, ErrNotMember) {
		t.Error(err)
	}
	if err := m.Join(0, "b", o, out); err != nil {
		t.Fatal(err)
	}
	var limit *LimitError
	if err := m.Join(0, "c", o, out); !errors.As(err, &limit) || limit.What != "Groups" {
		t.Error(err)
	}
	m.run(protocol.Time(10*time.Second), out)
	if s, _ := m.Group("a"); s.View == nil || !s.Ready || len(s.View.Members) != 1 {
		t.Fatalf("nobody answers, and the group is not founded: %+v", s)
	}
	now := protocol.Time(10 * time.Second)
	if err := m.Cast(now, "a", make([]byte, CastMax+1), out); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	out.Reset()
	if err := m.Cast(now, "a", []byte("x"), out); err != nil {
		t.Error(err)
	}
	if n, err := m.Flush(now, "a", out); err != nil || n != 1 {
		t.Error(n, err)
	}
	m.run(now+1, out)
	m.config.Host = nowhere{errors.New("full")}
	if err := m.Cast(now+1, "a", []byte("y"), out); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if err := m.Leave(now+2, "a", out); err != nil {
		t.Error(err)
	}
	var got []string
	for _, e := range out.Effects {
		switch e := e.Event.(type) {
		case *Delivery:
			got = append(got, string(e.Payload))
		case Flushed:
			got = append(got, "flushed")
		case Left:
			got = append(got, "left")
		}
	}
	if want := []string{"x", "flushed", "left"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if err := m.Snapshot(now, 1, nil, out); !errors.Is(err, ErrSnapshot) {
		t.Error(err)
	}
}

// "A group idle costs next to nothing": a thousand groups in which nothing happens have one timer, that of comparisons.
func TestIdleGroupsHaveNoTimers(t *testing.T) {
	m, out := lone(t, nil), &protocol.Output{}
	for i := range 1000 {
		if err := m.Join(0, string(rune('a'+i%26))+string(rune('0'+i/26)), DefaultOptions(), out); err != nil {
			t.Fatal(err)
		}
	}
	m.run(protocol.Time(20*time.Second), out)
	if s := m.Stats(); s.Members != 1000 {
		t.Fatalf("%+v", s)
	}
	if n := m.timers.Len(); n != 1 {
		t.Errorf("%d timers", n)
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"Self":       func(c *Config) { c.Self = 0 },
		"Rand":       func(c *Config) { c.Rand = nil },
		"Host":       func(c *Config) { c.Host = nil },
		"Addresses":  func(c *Config) { c.Addresses = make([]protocol.Address, AddressesMax+1) },
		"Key":        func(c *Config) { c.Key = []byte("short") },
		"Groups":     func(c *Config) { c.Groups = GroupsMax + 1 },
		"FlushLimit": func(c *Config) { c.FlushLimit = time.Millisecond },
	} {
		c := DefaultConfig()
		c.Self, c.Rand, c.Host = 1, rand.New(rand.NewPCG(1, 1)), nowhere{}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s is out of range, and no error says so", name)
		}
	}
	for _, o := range []Order{OrderFIFO, OrderCausal, OrderTotal} {
		if got, err := ParseOrder(o.String()); err != nil || got != o {
			t.Error(got, err)
		}
	}
	if _, err := ParseOrder("none"); err == nil {
		t.Error("an unknown order was read")
	}
}

// What a cast depends on is told with the next one when the multicast does not take it.
func TestRefusedCastsDependOnNothing(t *testing.T) {
	m, out := lone(t, nil), &protocol.Output{}
	o := DefaultOptions()
	o.Order = OrderCausal
	if err := m.Join(0, "a", o, out); err != nil {
		t.Fatal(err)
	}
	m.run(protocol.Time(10*time.Second), out)
	now, g := protocol.Time(10*time.Second), m.groups[0]
	for range 3 {
		g.streams = append(g.streams, stream{depends: make([]uint64, 4)})
		g.sent = append(g.sent, 0)
	}
	g.streams[2].delivered, g.streams[2].have = 5, 5
	m.config.Host = nowhere{errors.New("full")}
	if err := m.Cast(now, "a", nil, out); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if g.sent[2] != 0 {
		t.Errorf("what was not sent says that %d casts were delivered", g.sent[2])
	}
}
