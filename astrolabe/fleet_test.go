package astrolabe_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/table"
)

// node is membership and astrolabe of one member.
type node struct {
	stack.Router
	members *membership.Machine
	tables  *astrolabe.Machine
}

// fleet is a simulated world of members in zones.
type fleet struct {
	world *sim.World
	names []string
	ids   []protocol.NodeID
	first map[string]int                   // member of a zone
	lie   func(i int, row *table.Row) bool // changes the rows that a member hands on, nil for nobody
	tune  func(i int, members *membership.Config, tables *astrolabe.Config)
}

// lan is a network with half a millisecond of latency, more or less, and some loss.
func lan(loss float64) sim.Network {
	return sim.Network{Topology: sim.Flat{Link: &sim.Link{
		Latency: sim.LogNormal{Min: 100 * time.Microsecond, Median: 300 * time.Microsecond, Sigma: 0.5}, Loss: loss,
	}}}
}

// tree returns the names of the members of a tree of zones, each of which has as many children.
func tree(branching, levels int) []string {
	names := []string{""}
	for range levels {
		var next []string
		for _, name := range names {
			for i := range branching {
				next = append(next, fmt.Sprintf("%s/%d", name, i))
			}
		}
		names = next
	}
	return names
}

// newFleet makes the members with the given names. All start within a second, and the first is the join address of all.
func newFleet(config sim.Config, names []string, tune func(i int, members *membership.Config, tables *astrolabe.Config)) *fleet {
	f := &fleet{world: sim.New(config), names: names, tune: tune}
	r := rand.New(rand.NewPCG(f.world.Seed(), 7))
	for i := range names {
		id := protocol.NodeID(r.Uint64() | 1)
		f.ids = append(f.ids, id)
		f.world.Add(sim.HostConfig{ID: id, Address: address(i), At: protocol.Time(r.Int64N(int64(time.Second))), Build: func(b sim.Boot) protocol.Machine { return f.build(i, b) }})
	}
	return f
}

func address(i int) protocol.Address { return protocol.Address(fmt.Sprintf("host-%d", i)) }

func (f *fleet) build(i int, b sim.Boot) protocol.Machine {
	stored, _ := b.Disk.Get(membership.EpochKey)
	epoch, err := membership.ParseEpoch(stored)
	if err != nil {
		panic(err)
	}
	seeds := f.seedsOf(i)
	members := membership.Config{
		Self: b.ID, Epoch: epoch, Durable: true, Name: f.names[i], Addresses: []protocol.Address{b.Address}, Seeds: seeds, First: i == 0, Rand: b.Rand, Zoned: true,
	}
	tables := astrolabe.Config{Self: b.ID, Name: f.names[i], Seeds: seeds, Rand: b.Rand}
	if f.tune != nil {
		f.tune(i, &members, &tables)
	}
	n := &node{}
	if n.members, err = membership.New(members); err != nil {
		panic(err)
	}
	tables.Hosts = n.members
	if n.tables, err = astrolabe.New(tables); err != nil {
		panic(err)
	}
	n.Add(n.members, membership.Kinds()...)
	n.Add(n.tables, astrolabe.Kinds()...)
	n.Add(registry{f})
	if f.lie != nil {
		return liar{n, func(row *table.Row) bool { return f.lie(i, row) }}
	}
	return n
}

// seedsOf returns the addresses of the first members of the zones on the way from the root to a member's own.
func (f *fleet) seedsOf(i int) (seeds []protocol.Address) {
	if f.first == nil {
		f.first = make(map[string]int)
		for j := len(f.names) - 1; j >= 0; j-- {
			for name := f.names[j]; name != "/"; {
				name = protocol.Zone(name)
				f.first[name] = j
			}
		}
	}
	for name := f.names[i]; name != "/"; {
		name = protocol.Zone(name)
		seeds = append(seeds, address(f.first[name]))
	}
	return seeds
}

func (f *fleet) node(i int) *node {
	if l, lies := f.world.Machine(f.ids[i]).(liar); lies {
		return l.Machine.(*node)
	}
	return f.world.Machine(f.ids[i]).(*node)
}

func (f *fleet) tables(i int) *astrolabe.Machine { return f.node(i).tables }

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

// counted returns why not all members that are up see that many hosts in the whole fleet.
func (f *fleet) counted(hosts int) error {
	up := 0
	for i := range f.ids {
		if f.world.Up(f.ids[i]) {
			up++
			if root := f.node(i).tables.Root(); root.Hosts != hosts {
				return fmt.Errorf("member %d, %s, sees %d of %d hosts", i, f.names[i], root.Hosts, hosts)
			}
		}
	}
	if up == 0 {
		return errors.New("nobody is up")
	}
	return nil
}

func TestTreeForms(t *testing.T) {
	f := newFleet(sim.Config{Seed: 1, Network: lan(0.01)}, tree(5, 3), nil)
	took := f.until(t, 2*time.Minute, func() error { return f.counted(125) })
	t.Logf("125 members in three levels of 5: all see all after %v", took)
}
