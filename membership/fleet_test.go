package membership

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
)

// full reports whether the long runs are wanted: SPINGLASS_FULL=1.
func full() bool { return os.Getenv("SPINGLASS_FULL") != "" }

// fleet is a simulated world of members.
type fleet struct {
	world *sim.World
	ids   []protocol.NodeID
	tune  func(i int, c *Config)
	made  func(i int, m *Machine) // called for each machine before it starts

	authorities *authorities // nil for members without identities
}

// lan is a network with half a millisecond of latency, more or less, and some loss.
func lan(loss float64) sim.Network {
	return sim.Network{Topology: sim.Flat{Link: &sim.Link{
		Latency: sim.LogNormal{Min: 100 * time.Microsecond, Median: 300 * time.Microsecond, Sigma: 0.5}, Loss: loss,
	}}}
}

// newFleet makes n members, numbered from 0. The first three are the join addresses of all, and member 0 may be the first. All
// start within a second.
func newFleet(n int, config sim.Config, tune func(i int, c *Config)) *fleet {
	f := &fleet{world: sim.New(config), tune: tune}
	f.add(n)
	return f
}

// add adds n members to the world.
func (f *fleet) add(n int) {
	r := rand.New(rand.NewPCG(f.world.Seed(), 7))
	for i := range n {
		id := protocol.NodeID(r.Uint64() | 1)
		f.ids = append(f.ids, id)
		f.world.Add(sim.HostConfig{
			ID: id, Address: address(i), At: protocol.Time(r.Int64N(int64(time.Second))),
			Build: func(b sim.Boot) protocol.Machine { return f.build(i, b) },
		})
	}
}

func address(i int) protocol.Address { return protocol.Address(fmt.Sprintf("host-%d", i)) }

func (f *fleet) build(i int, b sim.Boot) protocol.Machine {
	stored, _ := b.Disk.Get(EpochKey)
	epoch, err := ParseEpoch(stored)
	if err != nil {
		panic(err)
	}
	c := Config{
		Self: b.ID, Epoch: epoch, Durable: true, Name: fmt.Sprintf("/lab/m%d", i), Addresses: []protocol.Address{b.Address},
		Seeds: []protocol.Address{address(0), address(1), address(2)}, First: i == 0, Rand: b.Rand, ZoneLimit: max(128, len(f.ids)),
	}
	if f.tune != nil {
		f.tune(i, &c)
	}
	if f.authorities != nil && c.Identity == nil {
		c.Identity = f.authorities.identityOf(b, c.Name)
	}
	m, err := New(c)
	if err != nil {
		panic(err)
	}
	if f.made != nil {
		f.made(i, m)
	}
	return m
}

// machine returns a member's machine.
func (f *fleet) machine(i int) *Machine { return f.world.Machine(f.ids[i]).(*Machine) }

// index returns the number of a member.
func (f *fleet) index(id protocol.NodeID) int {
	for i := range f.ids {
		if f.ids[i] == id {
			return i
		}
	}
	return -1
}

// complete says which member that is up lacks another one, or holds one too many or not up; nil when all know just each other.
// Members for which without returns true are expected to be gone.
func (f *fleet) complete(without func(i int) bool) error {
	gone := make(map[protocol.NodeID]bool)
	for i, id := range f.ids {
		gone[id] = without != nil && without(i)
	}
	for i, id := range f.ids {
		if gone[id] {
			continue
		}
		if !f.world.Up(id) {
			return fmt.Errorf("member %d is not up", i)
		}
		up := 0
		for _, p := range f.machine(i).Peers() {
			switch alive := p.State == StateUp; {
			case alive && gone[p.Peer.ID]:
				return fmt.Errorf("member %d holds %d for a member", i, f.index(p.Peer.ID))
			case alive:
				up++
			}
		}
		want := -1
		for _, id := range f.ids {
			if !gone[id] {
				want++
			}
		}
		if up != want {
			return fmt.Errorf("member %d knows %d others that are up, not %d", i, up, want)
		}
	}
	return nil
}

// until runs the world until done returns nil, and returns how long it took; it fails the test after limit.
func (f *fleet) until(t testing.TB, limit time.Duration, done func() error) time.Duration {
	t.Helper()
	start := f.world.Now()
	for {
		err := done()
		if err == nil {
			return f.world.Now().Sub(start)
		}
		if f.world.Now().Sub(start) >= limit {
			t.Fatalf("after %v: %v", limit, err)
		}
		f.world.Run(f.world.Now().Add(100 * time.Millisecond))
	}
}

// form runs the world until all know each other.
func (f *fleet) form(t testing.TB, limit time.Duration) time.Duration {
	t.Helper()
	return f.until(t, limit, func() error { return f.complete(nil) })
}
