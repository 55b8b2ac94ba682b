package astrolabe_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"spinglass/astrolabe"
	lab "spinglass/lab/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// full reports whether the long runs are wanted: SPINGLASS_FULL=1.
func full() bool { return os.Getenv("SPINGLASS_FULL") != "" }

// node is membership and astrolabe of one member.
type node struct {
	protocol.Machine
	members *membership.Machine
	tables  *astrolabe.Machine
}

// fleet is a simulated world of members in zones.
type fleet struct {
	world *sim.World
	names []string
	ids   []protocol.NodeID
	lie   func(i int, row *table.Row) bool // changes the rows that a member hands on, nil for nobody
	wrap  func(i int, m protocol.Machine) protocol.Machine
}

func lan(loss float64) sim.Network { return lab.LAN(loss) }

func address(i int) protocol.Address { return lab.Address(i) }

// newFleet makes the members with the given names.
func newFleet(config sim.Config, names []string, tune func(i int, members *membership.Config, tables *astrolabe.Config)) *fleet {
	f := &fleet{names: names}
	l := lab.New(config, names, lab.Options{Tune: tune, Around: f.around})
	f.world, f.ids = l.World, l.IDs
	return f
}

func (f *fleet) around(i int, built *lab.Node) protocol.Machine {
	built.Add(registry{f})
	n := &node{Machine: built, members: built.Members, tables: built.Tables}
	if f.lie != nil {
		return liar{n, func(row *table.Row) bool { return f.lie(i, row) }}
	}
	if f.wrap != nil {
		return f.wrap(i, n)
	}
	return n
}

func (f *fleet) node(i int) *node {
	if l, lies := f.world.Machine(f.ids[i]).(liar); lies {
		return l.Machine.(*node)
	}
	if l, lies := f.world.Machine(f.ids[i]).(trickster); lies {
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
	f := newFleet(sim.Config{Seed: 1, Network: lan(0.01)}, lab.Tree(5, 3), nil)
	took := f.until(t, 2*time.Minute, func() error { return f.counted(125) })
	t.Logf("125 members in three levels of 5: all see all after %v", took)
}
