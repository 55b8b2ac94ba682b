package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/wire"
)

// fleet is the members in a simulated world, with the shipping protocols.
type fleet struct {
	topology *topology
	policy   policy
	plant    *plant
	world    *sim.World
	links    [2]*sim.Link // within a region, and between regions
	known    [][]known    // by member and contract
	sent     []uint64     // signals, by contract
	load     []traffic    // by member
	counting bool
	stormy   bool
	err      error
}

// traffic is what a member has sent and received, UDP payload in bytes.
type traffic struct{ topics, others uint64 }

func idOf(m int) protocol.NodeID { return protocol.NodeID(m + 1) }

func address(m int) protocol.Address { return protocol.Address(fmt.Sprintf("host-%d", m)) }

// newFleet makes the members, which begin to find each other.
func newFleet(t *topology, p policy, seed uint64) *fleet {
	f := &fleet{
		topology: t, policy: p, plant: newPlant(t, rand.New(rand.NewPCG(seed, 2))), sent: make([]uint64, len(t.contracts)), load: make([]traffic, len(t.members)),
		links: [2]*sim.Link{
			{Latency: sim.LogNormal{Min: 100 * time.Microsecond, Median: 300 * time.Microsecond, Sigma: 0.5}},
			{Latency: sim.LogNormal{Min: 2 * time.Millisecond, Median: 8 * time.Millisecond, Sigma: 0.3}},
		},
	}
	f.calm()
	f.world = sim.New(sim.Config{Seed: seed, Cost: sim.CommodityCost(), Network: sim.Network{Topology: sim.Zones{Links: f.links[:]}}})
	for m := range t.members {
		f.known = append(f.known, make([]known, len(t.contracts)))
		for c, contract := range t.contracts {
			f.known[m][c] = known{wanted: p.rating(t, m, c), latest: measurement{load: contract.base, frequency: nominal}}
		}
		f.world.Add(sim.HostConfig{
			ID: idOf(m), Address: address(m), Zone: protocol.Zone(t.members[m].name), At: protocol.Time(m) * protocol.Time(10*time.Millisecond),
			Build: func(b sim.Boot) protocol.Machine { return f.build(m, b) },
		})
	}
	f.world.Observe(f.observe)
	f.world.Trace(f.count)
	return f
}

// build makes a node as the library does. Join addresses are the first member of all, and the first of the own region.
func (f *fleet) build(m int, b sim.Boot) protocol.Machine {
	who := &f.topology.members[m]
	first := m
	for first > 0 && f.topology.members[first-1].region == who.region {
		first--
	}
	seeds := []protocol.Address{address(first), address(0)}
	topics := bimodal.DefaultConfig()
	topics.Self, topics.Zone, topics.Epoch, topics.Rand = b.ID, protocol.Zone(who.name), 1, b.Rand
	n, err := stack.New(stack.Config{
		Membership: membership.Config{
			Self: b.ID, Name: who.name, Addresses: []protocol.Address{b.Address}, Seeds: seeds, First: m == 0, Rand: b.Rand, Zoned: true,
		},
		Bimodal: topics,
		Tables:  astrolabe.Config{Seeds: seeds, Rand: b.Rand},
	})
	if err != nil {
		panic(err) // all configurations here are valid
	}
	return subscribed{n, f, m}
}

// subscribed is a node that subscribes to what it wants when it starts.
type subscribed struct {
	*stack.Node
	fleet  *fleet
	member int
}

// Start implements protocol.Machine.
func (s subscribed) Start(now protocol.Time, out *protocol.Output) {
	s.Node.Start(now, out)
	for c := range s.fleet.topology.contracts {
		wanted := s.fleet.known[s.member][c].wanted
		if wanted == 0 {
			continue
		}
		rating, err := gravity.NewRating(wanted)
		if err != nil {
			panic(err) // all ratings here are valid
		}
		s.fleet.check(s.SubscribeWith(now, topicOf(c), bimodal.SubscribeOptions{Rating: rating}, out))
	}
}

// check keeps the first error.
func (f *fleet) check(err error) {
	if f.err == nil {
		f.err = err
	}
}

// publish has a consumer tell of its contract.
func (f *fleet) publish(c int) {
	s := measurement{f.world.Now(), f.plant.loads[c], f.plant.grid.Frequency}
	f.world.Command(idOf(f.topology.contracts[c].consumer), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		f.check(m.(subscribed).Publish(now, topicOf(c), s.encode(), out))
	})
	f.sent[c]++
}

// observe hands signals to the programs of members.
func (f *fleet) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	m := int(id) - 1
	switch e := e.(type) {
	case *bimodal.Delivery:
		f.deliver(now, m, e)
	case *bimodal.Gap:
		if c, err := contractOf(e.Topic); err == nil {
			f.known[m][c].lost += e.Count
		}
	}
}

func (f *fleet) deliver(now protocol.Time, m int, d *bimodal.Delivery) {
	c, err := contractOf(d.Topic)
	if err != nil {
		f.check(err)
		return
	}
	for _, payload := range d.Messages {
		s, err := decodeMeasurement(payload)
		if err != nil {
			f.check(err)
			return
		}
		f.known[m][c].take(s)
		if f.stormy {
			f.known[m][c].delay += now.Sub(s.at)
			f.known[m][c].stormy++
		}
	}
	if f.topology.contracts[c].producer == m {
		f.act(now, m, c)
	}
}

// count adds what a step has received and sent to the traffic of its member.
func (f *fleet) count(s *sim.Step) {
	if !f.counting {
		return
	}
	load := &f.load[int(s.Host)-1]
	if s.Input == sim.InputReceive {
		load.add(s.Message.Kind(), s.Size)
	}
	for i := range s.Effects {
		e := &s.Effects[i]
		copies := 1
		switch e.Kind {
		case protocol.EffectSpread:
			copies = len(e.Targets)
		case protocol.EffectSend, protocol.EffectSendAddress:
		default:
			continue
		}
		load.add(e.Message.Kind(), copies*(wire.HeaderSize+wire.FrameSize(e.Message.Size())))
	}
}

func (t *traffic) add(kind protocol.Kind, size int) {
	if kind >= wire.KindBimodalFirst && kind <= wire.KindBimodalLast {
		t.topics += uint64(size)
	} else {
		t.others += uint64(size)
	}
}

// unsettled tells who does not know all regions yet; "" when all is well.
func (f *fleet) unsettled() string {
	var late []string
	for m, who := range f.topology.members {
		n := f.world.Machine(idOf(m)).(subscribed)
		if rows, err := n.Rows("/"); err != nil || len(rows) != f.topology.regions {
			late = append(late, who.name)
		}
	}
	return strings.Join(late, " ")
}
