package flood_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/flood"
	"spinglass/protocol"
	"spinglass/sim"
)

const group adhoc.Group = 7

// network is a world of flooding nodes, of which all are members.
type network struct {
	*sim.World
	arrivals map[protocol.NodeID][]adhoc.MulticastArrival
	unicasts map[protocol.NodeID]int
}

func newNetwork(c sim.Config, nodes int, change func(*flood.Config)) *network {
	c.Decoder = func() protocol.Decoder { return new(flood.Decoder) }
	n := &network{World: sim.New(c), arrivals: map[protocol.NodeID][]adhoc.MulticastArrival{}, unicasts: map[protocol.NodeID]int{}}
	for i := range nodes {
		n.Add(sim.HostConfig{ID: protocol.NodeID(i + 1), Build: func(b sim.Boot) protocol.Machine {
			config := flood.Config{Self: b.ID, Rand: b.Rand, Jitter: flood.JitterDefault, TTL: flood.TTLDefault}
			if change != nil {
				change(&config)
			}
			return flood.New(config)
		}})
		n.Command(protocol.NodeID(i+1), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			m.(*flood.Machine).Join(now, group, out)
		})
	}
	n.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		switch e := e.(type) {
		case adhoc.MulticastArrival:
			n.arrivals[id] = append(n.arrivals[id], e)
		case adhoc.UnicastArrival:
			n.unicasts[id]++
		}
	})
	return n
}

// chain is a network of nodes in a line, each of which hears its neighbours only.
func chain(nodes int, change func(*flood.Config)) *network {
	var at sim.Fixed
	for i := range nodes {
		at = append(at, sim.Point{X: float64(i) * 90})
	}
	return newNetwork(sim.Config{Seed: 1, Network: sim.Network{Radio: &sim.Radio{Mobility: at, Range: 100}}}, nodes, change)
}

func (n *network) multicast(id protocol.NodeID, payload string) {
	n.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(*flood.Machine).Multicast(now, group, []byte(payload), out)
	})
	n.Run(n.Now().Add(2 * time.Second))
}

func (n *network) machine(id protocol.NodeID) *flood.Machine { return n.Machine(id).(*flood.Machine) }

// A packet goes over as many hops as it may, once from each node, and arrives once at each.
func TestChain(t *testing.T) {
	n := chain(10, nil)
	n.multicast(1, "first")
	n.multicast(10, "second")
	if frames := n.Stats().Radio.Frames; frames != 20 {
		t.Errorf("%d frames for two packets of ten nodes", frames)
	}
	for id := protocol.NodeID(2); id < 10; id++ {
		got := n.arrivals[id]
		if len(got) != 2 || string(got[0].Payload) != "first" || string(got[1].Payload) != "second" || got[0].Hops != int(id)-1 || got[1].Hops != 10-int(id) || got[0].Origin != 1 {
			t.Errorf("node %v: %+v", id, got)
		}
	}
	if len(n.arrivals[1]) != 1 {
		t.Error("a packet arrived at its origin, or none of the others'")
	}
	short := chain(10, func(c *flood.Config) { c.TTL = 4 })
	short.multicast(1, "near")
	if len(short.arrivals[5]) != 1 || len(short.arrivals[6]) != 0 || short.machine(5).Stats().Expired != 1 {
		t.Errorf("with four hops: %v and %v", short.arrivals[5], short.arrivals[6])
	}
}

// Who has left, or was never a member, passes on and is told nothing.
func TestMembers(t *testing.T) {
	n := chain(3, nil)
	n.Command(2, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(*flood.Machine).Leave(now, group, out)
	})
	n.multicast(1, "a")
	if len(n.arrivals[2]) != 0 || len(n.arrivals[3]) != 1 {
		t.Errorf("%v", n.arrivals)
	}
}

// A unicast arrives at its destination only, and is not passed on by it.
func TestUnicast(t *testing.T) {
	n := chain(5, nil)
	n.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(*flood.Machine).Unicast(now, 4, []byte("you"), out)
	})
	n.Run(protocol.Time(time.Second))
	if len(n.unicasts) != 1 || n.unicasts[4] != 1 || n.machine(5).Stats() != (flood.Stats{}) {
		t.Errorf("%v", n.unicasts)
	}
	n.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(*flood.Machine).Unicast(now, 1, []byte("me"), out)
	})
	n.Run(protocol.Time(2 * time.Second))
	if n.unicasts[1] != 1 {
		t.Error("a node does not reach itself")
	}
}

// A unicast to whose packet came of late goes back along the way that this took; when a link of it breaks it is flooded after all.
func TestRoute(t *testing.T) {
	n := chain(6, nil)
	n.multicast(5, "here I am")
	unicast := func() {
		n.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			m.(*flood.Machine).Unicast(now, 5, []byte("you"), out)
		})
		n.Run(n.Now().Add(time.Second))
	}
	if !n.machine(1).Reaches(n.Now(), 5) || n.machine(1).Reaches(n.Now(), 4) || n.machine(1).Reaches(n.Now().Add(flood.RouteLife+time.Second), 5) {
		t.Error("a node is reached where there is no fresh route to it, or is not where there is")
	}
	before := n.Stats().Radio
	unicast()
	if radio := n.Stats().Radio; n.unicasts[5] != 1 || radio.Acknowledged != 4 || radio.Broadcasts != before.Broadcasts || n.machine(1).Stats().Routed != 1 {
		t.Errorf("along a route: %d arrived, %+v", n.unicasts[5], radio)
	}
	n.Run(n.Now().Add(flood.RouteLife))
	unicast()
	if radio := n.Stats().Radio; n.unicasts[5] != 2 || radio.Acknowledged != 4 {
		t.Errorf("after a while: %d arrived, %+v", n.unicasts[5], radio)
	}
	if !n.machine(1).Learn(n.Now(), adhoc.Hint{Node: 5, Via: 6, Hops: 2}) { // which is out of range
		t.Error("a hint is refused")
	}
	unicast()
	if n.unicasts[5] != 3 || n.machine(1).Stats().Broken != 1 {
		t.Errorf("over a link that breaks: %d arrived", n.unicasts[5])
	}
}

// Of neighbours that hear a packet at once some collide where they do not wait for a random time: nodes beyond them, in range of all, lose more.
func TestJitter(t *testing.T) {
	lost := func(jitter time.Duration) int {
		at := sim.Fixed{{X: 0}}
		for i := range 8 {
			at = append(at, sim.Point{X: 90, Y: 30 * math.Cos(float64(i))}) // all the same distance, roughly, from both ends
		}
		at = append(at, sim.Point{X: 180})
		n := newNetwork(sim.Config{Seed: 1, Network: sim.Network{Radio: &sim.Radio{Mobility: at, Range: 100}}}, len(at), func(c *flood.Config) { c.Jitter = jitter })
		for range 100 {
			n.multicast(1, "x")
		}
		return int(n.Stats().Radio.Collided)
	}
	if with, without := lost(flood.JitterDefault), lost(0); with > without/3 || without < 200 {
		t.Errorf("%d frames collided with jitter, %d without", with, without)
	}
}

// Sides are neighbours, with the fewest hops to an origin; they are forgotten after a while, or when their link breaks.
func TestSides(t *testing.T) {
	n := chain(6, nil)
	n.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(*flood.Machine).Multicast(now, group, []byte("c"), out)
	})
	n.Run(protocol.Time(time.Second))
	hops := n.machine(3).NextHops(n.Now(), group, nil)
	want := map[protocol.NodeID]int{2: 2, 4: 4} // 4 had it from node 3 itself
	if len(hops) != 2 || want[hops[0].Node] != hops[0].Distance || want[hops[1].Node] != hops[1].Distance {
		t.Errorf("%v, want %v", hops, want)
	}
	n.machine(3).Notify(n.Now(), protocol.LinkBroken{To: 4}, &protocol.Output{})
	if hops = n.machine(3).NextHops(n.Now(), group, nil); len(hops) != 1 || hops[0].Node != 2 {
		t.Errorf("after its link broke: %v", hops)
	}
	if hops = n.machine(3).NextHops(n.Now().Add(flood.SideLife+time.Second), group, nil); len(hops) != 0 {
		t.Errorf("after a while: %v", hops)
	}
}

// Whatever is heard, tables stay within their limits, and what does not fit is counted.
func TestLimits(t *testing.T) {
	m := flood.New(flood.Config{Self: 1, Rand: rand.New(rand.NewPCG(1, 2)), Jitter: time.Second, TTL: 9})
	out := &protocol.Output{}
	for g := range adhoc.Group(flood.GroupsMax + 3) {
		m.Join(0, g+1, out)
	}
	for i := range 1000 {
		id := protocol.NodeID(i + 2)
		m.Receive(0, id, &flood.Packet{TTL: 5, Group: 1, Origin: id, Number: 1}, out)
	}
	s := m.Stats()
	if s.GroupsRefused != 3 || s.SidesRefused != 1000-flood.SidesMax || s.Waiting != 1000-adhoc.LaterMax || s.Forwarded != adhoc.LaterMax || s.Arrived != 1000 || s.RoutesRefused != 1000-flood.RoutesMax {
		t.Errorf("%+v", s)
	}
	before := len(out.Effects)
	m.Receive(0, 2, &flood.Packet{TTL: 5, Group: 1, Origin: 2, Number: 1}, out)
	m.Receive(0, 2, &flood.Packet{TTL: 5, Group: 1, Origin: 1, Number: 1}, out)
	if s := m.Stats(); s.Duplicates != 2 || len(out.Effects) != before+2 || out.Effects[before].Reason != flood.ReasonDuplicate {
		t.Errorf("%+v", s)
	}
}

// Equal seeds give equal traces, encoded or not, while nodes move.
func TestDeterminism(t *testing.T) {
	trial := &sim.Trial{
		Config: sim.Config{
			Seed: 5, Content: true, Decoder: func() protocol.Decoder { return new(flood.Decoder) },
			Network: sim.Network{Radio: &sim.Radio{Mobility: sim.RandomWaypoint{Width: 200, Height: 200, SpeedMin: 1, SpeedMax: 20}, Range: 60}},
		},
		Safety: 5 * time.Second,
		Build: func(w *sim.World) {
			for i := range 20 {
				w.Add(sim.HostConfig{ID: protocol.NodeID(i + 1), Build: func(b sim.Boot) protocol.Machine {
					return flood.New(flood.Config{Self: b.ID, Rand: b.Rand, Jitter: flood.JitterDefault, TTL: flood.TTLDefault})
				}})
			}
			for i := range 100 {
				w.At(protocol.Time(i)*protocol.Time(40*time.Millisecond), func() {
					w.Command(protocol.NodeID(i%5+1), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
						m.(*flood.Machine).Join(now, group, out)
						m.(*flood.Machine).Multicast(now, group, []byte{byte(i)}, out)
					})
				})
			}
		},
	}
	if err := trial.Repeat(); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	for _, wrong := range []func(*flood.Config){
		func(c *flood.Config) { c.Self = 0 }, func(c *flood.Config) { c.Rand = nil }, func(c *flood.Config) { c.Jitter = -1 }, func(c *flood.Config) { c.Jitter = 2 * time.Second },
		func(c *flood.Config) { c.TTL = 0 }, func(c *flood.Config) { c.TTL = 256 },
	} {
		c := flood.Config{Self: 1, Rand: rand.New(rand.NewPCG(1, 2)), TTL: 1}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		wrong(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, p := range []*flood.Packet{
		{TTL: 1, Group: 7, Origin: 3, Number: 9, Payload: []byte("payload")}, {TTL: 255, Hops: 255, Destination: 2, Origin: 3, Number: 1<<32 - 1}, {TTL: 1, Group: 1, Origin: 1},
		{TTL: 1, Destination: 2, Routed: true, Origin: 3},
	} {
		f.Add(p.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := new(flood.Decoder).Decode((&flood.Packet{}).Kind(), b)
		if err != nil {
			return
		}
		if !m.Lent() || m.Size() != len(b) || !bytes.Equal(m.Append(nil), b) {
			t.Errorf("%x is %+v, which is %x", b, m, m.Append(nil))
		}
	})
}
