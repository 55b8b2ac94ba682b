package zones

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/table"
)

const (
	topic = "news"
	// formation is how long zones may take to find each other that were started at once: join addresses are tried again every half minute.
	formation = time.Minute
	start     = identity.Instant(1_700_000_000) // what the clocks say at time 0
)

// node is all protocols of one member.
type node struct {
	stack.Router
	members *membership.Machine
	topics  *bimodal.Machine
	tables  *astrolabe.Machine
}

// fleet is a simulated world of members in zones, which sign.
type fleet struct {
	t         *testing.T
	world     *sim.World
	authority *identity.Authority
	entropy   *rand.ChaCha8
	names     []string
	got       map[protocol.NodeID]int // messages delivered
	lost      uint64
	liar      protocol.NodeID // who tells false summaries of its zone, from some time on
	tell      func(row *table.Row)
	blind     bool // nobody judges
	limit     int  // of automatic zones
}

// newFleet makes members of zones, so many in each.
func newFleet(t *testing.T, seed uint64, loss float64, each int, zones ...string) *fleet {
	return newFleetAt(t, seed, loss, func(i int) time.Duration { return time.Duration(i) * 20 * time.Millisecond }, each, zones...)
}

// newFleetAt is newFleet with members that start when at says.
func newFleetAt(t *testing.T, seed uint64, loss float64, at func(i int) time.Duration, each int, zones ...string) *fleet {
	f := &fleet{t: t, entropy: rand.NewChaCha8([32]byte{byte(seed)}), got: map[protocol.NodeID]int{}}
	f.world = sim.New(sim.Config{
		Seed: seed, Ed25519: true, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{
			Latency: sim.LogNormal{Min: 100 * time.Microsecond, Median: 500 * time.Microsecond, Sigma: 0.5}, Loss: loss,
		}}},
	})
	var err error
	if f.authority, err = identity.NewAuthority(f.entropy, "/", start, 365*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, zone := range zones {
		for range each {
			i := len(f.names)
			f.names = append(f.names, fmt.Sprintf("%s/m%d", zone, i))
			f.world.Add(sim.HostConfig{
				ID: id(i), Address: address(i), At: protocol.Time(at(i)), Build: func(b sim.Boot) protocol.Machine { return f.build(i, each, b) },
			})
		}
	}
	f.world.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		switch e := e.(type) {
		case *bimodal.Delivery:
			f.got[id] += e.Count
		case *bimodal.Gap:
			f.lost += e.Count
			t.Logf("%v: %s misses %d to %d of %v: %s", f.world.Now(), f.node(int(id)-1).members.Self().Name, e.First, e.Last, e.Author, e.Reason)
		case *bimodal.Corruption:
			t.Errorf("%v names %v", id, e.Peer)
		}
	})
	return f
}

func id(i int) protocol.NodeID { return protocol.NodeID(i + 1) }

func address(i int) protocol.Address { return protocol.Address(fmt.Sprintf("host-%d", i)) }

// build makes a member, whose join addresses are the first of its zone and the first of all.
func (f *fleet) build(i, each int, b sim.Boot) protocol.Machine {
	terms := identity.Terms{Entropy: f.entropy, Now: start, Lifetime: 30 * 24 * time.Hour}
	chain, err := f.authority.IssueMember(terms, f.names[i], b.ID, identity.PublicKey(f.world.PublicKey(b.ID)), identity.MemberGrants())
	if err != nil {
		panic(err)
	}
	seeds := []protocol.Address{address(i / each * each), address(0)}
	who := &membership.Identity{Chain: chain, Anchor: f.authority.Anchor(), Wall: start}
	who.Seed[0], who.Seed[1] = byte(i), byte(b.Rand.Uint32())
	n := &node{}
	if n.members, err = membership.New(membership.Config{
		Self: b.ID, Name: f.names[i], Addresses: []protocol.Address{b.Address}, Seeds: seeds, First: i == 0, Rand: b.Rand, Zoned: true, Identity: who, Judge: f.judge(),
	}); err != nil {
		panic(err)
	}
	notary := identity.NewNotaryOf(identity.PublicKey(f.world.PublicKey(b.ID)), func(v *protocol.Sign) []byte { return f.world.SignNow(b.ID, v) },
		func(check protocol.Check) bool { return f.world.VerifyNow(b.ID, check) })
	if n.tables, err = astrolabe.New(astrolabe.Config{
		Self: b.ID, Name: f.names[i], Seeds: seeds, Rand: b.Rand, Hosts: n.members, Notary: notary, Secret: [32]byte{byte(i), byte(b.Rand.Uint32())},
		AutomaticLimit: f.limit,
	}); err != nil {
		panic(err)
	}
	c := bimodal.DefaultConfig()
	c.Self, c.Zone, c.Epoch, c.Rand = b.ID, protocol.Zone(f.names[i]), 1, b.Rand
	c.Notary = notary
	if n.topics, err = bimodal.New(c); err != nil {
		panic(err)
	}
	n.Add(n.members, membership.Kinds()...)
	n.Add(liar{n.tables, f, b.ID}, astrolabe.Kinds()...)
	n.Add(wrapped{n}, bimodal.Kinds()...)
	return n
}

// wrapped lets commands reach the machine of topics as inputs, so that its events reach the others.
type wrapped struct{ n *node }

// command is a command of an application, as an event.
type command struct {
	protocol.EventMark
	run func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error
}

func (w wrapped) Start(now protocol.Time, out *protocol.Output) { w.n.topics.Start(now, out) }
func (w wrapped) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	w.n.topics.Receive(now, from, m, out)
}
func (w wrapped) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	if c, ok := e.(command); ok {
		if err := c.run(now, w.n.topics, out); err != nil {
			panic(err)
		}
		return
	}
	w.n.topics.Notify(now, e, out)
}
func (w wrapped) Timeout(now protocol.Time, out *protocol.Output) { w.n.topics.Timeout(now, out) }
func (w wrapped) Deadline() protocol.Time                         { return w.n.topics.Deadline() }

func (f *fleet) node(i int) *node { return f.world.Machine(id(i)).(*node) }

func (f *fleet) do(i int, run func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error) {
	f.world.Command(id(i), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.Notify(now, command{run: run}, out)
	})
}

func (f *fleet) subscribe(members ...int) {
	for _, i := range members {
		f.do(i, func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
			return m.Subscribe(now, topic, out)
		})
	}
}

func (f *fleet) publish(i, messages int) {
	for n := range messages {
		f.world.At(f.world.Now().Add(time.Duration(n)*50*time.Millisecond+1), func() {
			f.do(i, func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
				return m.Publish(now, topic, make([]byte, 100), out)
			})
		})
	}
	f.pass(time.Duration(messages)*50*time.Millisecond + 5*time.Second)
}

func (f *fleet) pass(d time.Duration) { f.world.Run(f.world.Now().Add(d)) }

// check checks how many messages members have got since the last check.
func (f *fleet) check(what string, messages int, members ...int) {
	f.t.Helper()
	for _, i := range members {
		if got := f.got[id(i)]; got != messages {
			f.t.Errorf("%s: %s got %d of %d messages", what, f.names[i], got, messages)
		}
		delete(f.got, id(i))
	}
	for i := range f.names {
		if f.got[id(i)] > 0 {
			f.t.Errorf("%s: %s got %d messages", what, f.names[i], f.got[id(i)])
		}
	}
	if f.lost > 0 {
		f.t.Errorf("%s: %d messages are told as lost", what, f.lost)
	}
	clear(f.got)
}

// Messages get from a zone to others by representatives that do not want them, signed by authors whom nobody there knows, and start and end with who wants them.
func TestMessagesCrossZones(t *testing.T) {
	for _, loss := range []float64{0, 0.05} {
		f := newFleet(t, 5, loss, 8, "/eu/de", "/eu/fr", "/eu", "/us/ny", "/asia")
		f.pass(formation)
		f.subscribe(6, 13, 20, 29)
		f.pass(10 * time.Second)
		f.publish(5, 60) // of /eu/de
		f.check("from /eu/de", 60, 6, 13, 20, 29)
		f.publish(37, 60) // of /asia, where nobody wants anything
		f.check("from /asia", 60, 6, 13, 20, 29)
		f.publish(21, 60) // of /eu itself
		f.check("from /eu", 60, 6, 13, 20, 29)
		carried := [5]int{}
		for i := range f.names {
			carried[i/8] += f.node(i).topics.Stats().Carries
		}
		if carried[1] == 0 || carried[3] == 0 || carried[4] > 0 {
			t.Errorf("the topic is carried by %v members of the zones", carried)
		}
		f.do(29, func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
			return m.Unsubscribe(now, topic, out)
		})
		f.pass(20 * time.Second)
		for i := 24; i < 32; i++ {
			if n := f.node(i).topics.Stats().Carries; n > 0 {
				t.Errorf("%s still carries the topic", f.names[i])
			}
		}
	}
}

// When an author is revoked, and the zone of a subscriber knows it, nothing more of it is delivered there.
func TestRevocationCrossesZones(t *testing.T) {
	f := newFleet(t, 6, 0, 5, "/eu", "/us")
	f.pass(formation)
	f.subscribe(9)
	f.pass(10 * time.Second)
	f.publish(3, 20)
	f.check("before", 20, 9)
	list, err := f.authority.Revoke(start, identity.Revocation{Key: identity.PublicKey(f.world.PublicKey(id(3))), Before: identity.InstantMax})
	if err != nil {
		t.Fatal(err)
	}
	f.world.Command(id(6), func(now protocol.Time, m protocol.Machine, out *protocol.Output) { // of /us only
		if err := m.(*node).members.Revoke(now, list, out); err != nil {
			t.Error(err)
		}
	})
	f.pass(3 * time.Second)
	f.publish(3, 20)
	f.check("after", 0, 9)
	f.publish(4, 20)
	f.check("of another author", 20, 9)
}

// What all have to know reaches the members of all zones, wherever it is told: "revocation everywhere within 10 s at 64 nodes", and beacons.
func TestNoticesCrossZones(t *testing.T) {
	f := newFleet(t, 7, 0.02, 16, "/eu/de", "/eu/fr", "/us", "/asia")
	f.pass(formation)
	revoked := identity.PublicKey(f.world.PublicKey(id(63)))
	list, err := f.authority.Revoke(start, identity.Revocation{Key: revoked, Before: identity.InstantMax})
	if err != nil {
		t.Fatal(err)
	}
	beacon, err := f.authority.Beacon(start.Add(f.world.Now().Sub(0)))
	if err != nil {
		t.Fatal(err)
	}
	began := f.world.Now()
	f.world.Command(id(0), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := m.(*node).members.Revoke(now, list, out); err != nil {
			t.Error(err)
		}
		if err := m.(*node).members.Beacon(now, beacon, out); err != nil {
			t.Error(err)
		}
	})
	for {
		f.pass(100 * time.Millisecond)
		missing := 0
		for i := range f.names[:63] { // the last one is shut out
			if s := f.node(i).members.Stats(); s.RevocationLists == 0 || s.BeaconsTaken == 0 {
				missing++
			}
		}
		took := f.world.Now().Sub(began)
		if missing == 0 {
			t.Logf("known to 63 members of four zones after %v", took)
			return
		}
		if took > 10*time.Second {
			t.Fatalf("%d members do not know after %v", missing, took)
		}
	}
}
