package bimodal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
)

// The members of zoned fleets: two leaf zones under /a, of 40 and of 20 members, and one under /b of 36.
const zonedMembers = 96

func zoneOf(member int) string {
	switch {
	case member < 40:
		return "/a/x"
	case member < 60:
		return "/a/y"
	}
	return "/b/z"
}

// zonedDistance returns the levels from a leaf zone up to the one that it has in common with another.
func zonedDistance(a, b string) int {
	switch {
	case a == b:
		return 0
	case a[:2] == b[:2]:
		return 1
	}
	return 2
}

// zonedView returns what a member knows: its own leaf zone, and few of every sibling zone.
func zonedView(seed uint64, member int) (view []*protocol.Peer) {
	r := rand.New(rand.NewPCG(seed, uint64(member)))
	seen := map[string]int{}
	for _, other := range r.Perm(zonedMembers) {
		p := peer(other)
		zone := zoneOf(other)
		p.Name, p.Distance = fmt.Sprintf("%s/m%d", zone, other), zonedDistance(zoneOf(member), zone)
		if seen[zone]++; other != member && (p.Distance == 0 || seen[zone] <= 2) {
			view = append(view, p)
		}
	}
	return view
}

func newZonedFleet(w *sim.World, seed uint64, authors int) *fleet {
	f := &fleet{world: w, members: zonedMembers, authors: authors}
	f.view = func(member int) []*protocol.Peer { return zonedView(seed, member) }
	f.build("", func(member int, c *bimodal.Config) { c.Zone = zoneOf(member) })
	return f
}

// "With zones the tree follows the zone tree: each sibling zone is entered through one of its contacts, chosen by hash(seq), who relays down by
// its own zone's order". Without loss every member gets every packet once, on its first way, though nobody knows the whole membership.
func TestZonesAreEntered(t *testing.T) {
	for _, seed := range []uint64{4, 6} {
		zonesAreEntered(t, seed)
	}
}

func zonesAreEntered(t *testing.T, seed uint64) {
	w := sim.New(sim.Config{Seed: seed, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(time.Millisecond)}}}})
	f := newZonedFleet(w, seed, 1)
	came := map[protocol.NodeID]int{}
	entered := map[protocol.NodeID]bool{}
	w.Trace(func(s *sim.Step) {
		switch m := s.Message.(type) {
		case *bimodal.Packet:
			came[s.Host]++
		case *bimodal.Relay:
			came[s.Host]++
			if m.Number == 0 {
				entered[s.Host] = true
			}
		}
	})
	const packets = 100
	for n := range packets {
		w.At(protocol.Time(n)*protocol.Time(20*time.Millisecond)+1, func() { f.publish(0, 100) })
	}
	w.Run(protocol.Time(3 * time.Second))
	if err := f.settled(); err != nil {
		t.Error(err)
	}
	for member := 1; member < zonedMembers; member++ {
		if n := came[protocol.NodeID(member+1)]; n != packets {
			t.Errorf("member %d got %d copies of %d packets", member, n, packets)
		}
	}
	if len(entered) < 30 {
		t.Errorf("packets entered zones through %d members", len(entered))
	}
}

// TestZonesSwarm: whatever strikes, each stream is delivered in order, once and unharmed, and in the end what was delivered and what was told
// as lost add up to what was sent; and encoding every message changes nothing.
func TestZonesSwarm(t *testing.T) {
	sim.Swarm(t, 3, func(seed uint64) error {
		r := rand.New(rand.NewPCG(seed, 99))
		calm := sim.Link{Latency: sim.Constant(time.Millisecond)}
		link := &sim.Link{}
		var f *fleet
		trial := sim.Trial{
			Config: sim.Config{
				Seed: seed, Decoder: func() protocol.Decoder { return new(bimodal.Decoder) },
				Network: sim.Network{Topology: sim.Flat{Link: link}}, Cost: sim.CommodityCost(),
			},
			Faults: sim.Faults{Pause: 300 * time.Millisecond, Partition: 3 * time.Second, Longest: 2 * time.Second},
			Safety: 6 * time.Second,
			Heal: func(*sim.World) {
				*link = calm
				for member := range zonedMembers {
					f.introduce(member)
				}
			},
			Converged: func(*sim.World) error { return f.settled() },
			Converge:  2 * time.Minute,
		}
		loss, twice := r.Float64()*0.1, r.Float64()*0.1
		trial.Build = func(w *sim.World) {
			*link = sim.Link{Latency: sim.Exponential{Min: time.Millisecond, Mean: 3 * time.Millisecond}, Loss: loss, Duplicate: twice}
			f = newZonedFleet(w, seed, 2)
			for n := range 60 {
				w.At(protocol.Time(n)*protocol.Time(100*time.Millisecond)+1, func() { f.publish(n%2, 100+40*n) })
			}
			calmly := rand.New(rand.NewPCG(seed, 98))
			for range 20 {
				at, member := time.Duration(calmly.Int64N(int64(6*time.Second))), calmly.IntN(zonedMembers)
				p := zonedView(seed, member)[calmly.IntN(20)]
				e := []protocol.Event{
					protocol.PeerUnreachable{Peer: p}, protocol.PeerSuspect{Peer: p}, protocol.PeerLeft{Peer: p}, protocol.PeerAlive{Peer: p},
				}[calmly.IntN(4)]
				w.At(protocol.Time(at), func() { f.notify(member, e) })
			}
		}
		w, err := trial.Run()
		if err = errors.Join(err, f.err); err != nil {
			return err
		}
		trial.Config.Wire = true
		encoded, err := trial.Run()
		if err == nil && encoded.Hash() != w.Hash() {
			err = fmt.Errorf("trace %x by reference and %x by wire", w.Hash(), encoded.Hash())
		}
		return errors.Join(err, f.err)
	})
}
