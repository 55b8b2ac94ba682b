package stack_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/vsync"
)

const topic = "orders"

// nodeConfig is the configuration of a node of these tests.
func nodeConfig(b sim.Boot, epoch uint64, first bool) stack.Config {
	topics := bimodal.DefaultConfig()
	topics.Self, topics.Epoch, topics.Rand = b.ID, epoch+1, rand.New(rand.NewPCG(b.Rand.Uint64(), 1))
	topics.Rate = 0
	groups := vsync.DefaultConfig()
	groups.Rand = rand.New(rand.NewPCG(uint64(b.ID), 4))
	return stack.Config{
		Groups: groups,
		Membership: membership.Config{
			Self: b.ID, Epoch: epoch, Durable: true, Name: fmt.Sprintf("/lab/a%d", b.ID), Addresses: []protocol.Address{b.Address},
			Seeds: []protocol.Address{"a1", "a2"}, First: first, Rand: rand.New(rand.NewPCG(b.Rand.Uint64(), 2)),
		},
		Bimodal: topics,
		Tables:  astrolabe.Config{Rand: rand.New(rand.NewPCG(uint64(b.ID), 3))},
	}
}

// fleet is a world of whole nodes that publish to and subscribe to one topic, and the checker of what they deliver.
type fleet struct {
	world     *sim.World
	published map[streamName]uint64 // messages that each stream has taken
	counted   map[hostStream]uint64 // messages delivered or told as lost
	lost      uint64                // of them
	authority *authority            // nil: members have no identities
	upgraded  bool                  // hosts of odd numbers speak format 1 in their first run
	found     []error
}

type streamName struct {
	author protocol.NodeID
	epoch  uint64
}

type hostStream struct {
	host        protocol.NodeID
	incarnation uint64 // epoch of the subscriber
	stream      streamName
}

// newFleet makes a fleet. In a world of real signatures its members have identities.
func newFleet(w *sim.World, size int, interval time.Duration, until protocol.Time) *fleet {
	return newFleetOf(w, size, interval, until, false)
}

// newFleetOf is newFleet, of two formats if it is upgraded.
func newFleetOf(w *sim.World, size int, interval time.Duration, until protocol.Time, upgraded bool) *fleet {
	f := &fleet{world: w, upgraded: upgraded, published: map[streamName]uint64{}, counted: map[hostStream]uint64{}}
	if w.RealSignatures() {
		f.authority = newAuthority(w)
	}
	w.Check(f)
	for i := 1; i <= size; i++ {
		id := protocol.NodeID(i)
		w.Add(sim.HostConfig{ID: id, Address: protocol.Address(fmt.Sprint("a", i)), Zone: "/lab", Segment: "lan", Build: func(b sim.Boot) protocol.Machine {
			stored, _ := b.Disk.Get(membership.EpochKey)
			epoch, err := membership.ParseEpoch(stored)
			if err != nil {
				panic(err)
			}
			config := nodeConfig(b, epoch, i == 1)
			config.Membership.Format = f.format(b.ID, b.Incarnation)
			config.Membership.Identity, config.Bimodal.Notary = f.authority.identityOf(b), f.authority.notaryOf(w, b.ID)
			n, err := stack.New(config)
			if err != nil {
				panic(err)
			}
			return subscribed{n}
		}})
		if i <= 3 {
			f.publish(id, interval, until)
		}
	}
	return f
}

// subscribed is a node that subscribes as soon as it starts.
type subscribed struct{ *stack.Node }

func (n subscribed) Start(now protocol.Time, out *protocol.Output) {
	n.Node.Start(now, out)
	if err := n.Subscribe(now, topic, out); err != nil {
		panic(err)
	}
}

// publish has a host publish messages of various sizes for as long as it is up.
func (f *fleet) publish(id protocol.NodeID, interval time.Duration, until protocol.Time) {
	number := 0
	var again func()
	again = func() {
		if f.world.Up(id) {
			f.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				n := m.(subscribed)
				number++
				size := 30
				if number%20 == 0 {
					size = 9000
				}
				if err := n.Publish(now, topic, make([]byte, size), out); err != nil {
					panic(err)
				}
				f.published[streamName{id, n.Membership.Self().Epoch}]++
			})
		}
		if next := f.world.Now().Add(interval); next < until {
			f.world.At(next, again)
		}
	}
	f.world.At(f.world.Now().Add(interval), again)
}

// Observe implements sim.Checker: messages of a stream are delivered or told as lost in order, each once.
func (f *fleet) Observe(s *sim.Step) {
	for i := range s.Effects {
		if s.Effects[i].Reason == membership.ReasonUnknownType {
			f.found = append(f.found, fmt.Errorf("host %d was sent what it does not know", s.Host))
		}
		switch e := s.Effects[i].Event.(type) {
		case *bimodal.Delivery:
			f.count(s.Host, streamName{e.Author, e.Epoch}, e.First, e.First+uint64(e.Count)-1, false)
		case *bimodal.Gap:
			f.lost += e.Count
			f.count(s.Host, streamName{e.Author, e.Epoch}, e.First, e.Last, true)
		}
	}
}

func (f *fleet) count(host protocol.NodeID, stream streamName, first, last uint64, gap bool) {
	n, ok := f.world.Machine(host).(subscribed)
	if !ok {
		return
	}
	key := hostStream{host, n.Membership.Self().Epoch, stream}
	before, known := f.counted[key]
	if known && first != before+1 || last < first || last > f.published[stream] {
		f.found = append(f.found, fmt.Errorf("host %d: messages %d to %d (gap %v) of %v after %d, of %d published", host, first, last, gap, stream, before, f.published[stream]))
	}
	f.counted[key] = last
}

// Finish implements sim.Checker.
func (f *fleet) Finish() error {
	if len(f.found) > 3 {
		f.found = f.found[:3]
	}
	return errors.Join(f.found...)
}

// converged reports whether every node sees every other one up, and has accounted for every message of the streams of the present runs.
func (f *fleet) converged(w *sim.World) error {
	hosts := w.Hosts()
	for _, id := range hosts {
		n := w.Machine(id).(subscribed)
		up := 0
		for _, p := range n.Membership.Peers() {
			if p.State == membership.StateUp {
				up++
			}
		}
		if up != len(hosts)-1 {
			return fmt.Errorf("host %d sees %d others up, of %d", id, up, len(hosts)-1)
		}
		for author := range protocol.NodeID(4) {
			if author == 0 {
				continue
			}
			stream := streamName{author, w.Machine(author).(subscribed).Membership.Self().Epoch}
			key := hostStream{id, n.Membership.Self().Epoch, stream}
			if got, want := f.counted[key], f.published[stream]; got != want {
				return fmt.Errorf("host %d has accounted for %d of %d messages of %v", id, got, want, stream)
			}
		}
	}
	return nil
}

// membership.md: "Partitions heal by themselves." bimodal-multicast.md: "a hole below floor becomes an explicit gap for the application and
// delivery goes on after it." Whole nodes under all faults at once, then rest; wire on and off give the same trace.
func TestSwarm(t *testing.T) {
	swarm(t, 12, false)
}

// swarm runs fleets under all faults, of one format or of two.
func swarm(t *testing.T, seeds int, upgraded bool) {
	if testing.Short() {
		seeds = 3
	}
	var published, lost, beacons uint64
	sim.Swarm(t, seeds, func(seed uint64) error {
		r := sim.Draw(seed)
		const safety = 40 * time.Second
		size := 3 + r.IntN(8)
		interval := time.Duration(5+r.IntN(50)) * time.Millisecond
		faults := sim.DrawFaults(r, safety)
		faults.Deafen = 4 * time.Second
		faults.DiskKept = 1 // a node that loses its disk comes back with another NodeID
		var f *fleet
		trial := sim.Trial{
			Config: sim.Config{Seed: seed, Decoder: func() protocol.Decoder { return &stack.Decoder{} }, Network: sim.DrawNetwork(r), Cost: sim.CommodityCost(), Content: true, Ed25519: seed%2 == 0},
			Faults: faults, Safety: safety,
			Build: func(w *sim.World) {
				if f = newFleetOf(w, size, interval, protocol.Time(safety+2*time.Second), upgraded); upgraded {
					f.announce(protocol.Time(safety + 2*time.Second))
				}
			},
			Converged: func(w *sim.World) error { return f.converged(w) }, Converge: 90 * time.Second,
		}
		err := trial.Repeat()
		for _, count := range f.published {
			published += count
		}
		lost += f.lost
		for i := range size {
			beacons += f.world.Machine(protocol.NodeID(i + 1)).(subscribed).Membership.Stats().BeaconsTaken
		}
		return err
	})
	t.Logf("%d messages published, %d told as lost over all receivers; %d beacons taken in the last runs of members", published, lost, beacons)
	if upgraded && beacons == 0 {
		t.Error("no beacon was taken")
	}
}

// TestSwarmCheckerBites plants a bug, a node that loses one delivery in silence, and wants the checker to find it.
func TestSwarmCheckerBites(t *testing.T) {
	w := sim.New(sim.Config{Seed: 1})
	f := newFleet(w, 3, 10*time.Millisecond, protocol.Time(10*time.Second))
	w.Run(protocol.Time(5 * time.Second))
	swallowed := false
	swallow := func(s *sim.Step) {
		for i := range s.Effects {
			if d, ok := s.Effects[i].Event.(*bimodal.Delivery); ok && s.Host == 2 && !swallowed {
				swallowed = true
				key := hostStream{s.Host, 1, streamName{d.Author, d.Epoch}}
				f.counted[key] = d.First - 1 // as if it had not come
			}
		}
	}
	w.Trace(swallow)
	w.Run(protocol.Time(11 * time.Second))
	if err := f.Finish(); !swallowed || err == nil {
		t.Fatalf("a delivery was swallowed: %v; the checker found: %v", swallowed, err)
	}
}
