package astrolabe

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/table"
	"spinglass/wire"
)

// Node is membership and astrolabe of one agent.
type Node struct {
	stack.Router
	Members *membership.Machine
	Tables  *astrolabe.Machine
}

// Fleet is a simulated world of agents in zones.
type Fleet struct {
	World *sim.World
	Names []string
	IDs   []protocol.NodeID

	options Options
	first   map[string]int // agent of a zone
}

// Options say what differs from what a fleet is by default.
type Options struct {
	// Tune changes the configuration of an agent, each time that it starts.
	Tune func(i int, members *membership.Config, tables *astrolabe.Config)
	// Start says when an agent starts; within a second by default.
	Start func(i int) protocol.Time
	// Around puts something around an agent.
	Around func(i int, n *Node) protocol.Machine
}

// LAN is a network with half a millisecond of latency, more or less, and some loss.
func LAN(loss float64) sim.Network {
	return sim.Network{Topology: sim.Flat{Link: &sim.Link{
		Latency: sim.LogNormal{Min: 100 * time.Microsecond, Median: 300 * time.Microsecond, Sigma: 0.5}, Loss: loss,
	}}}
}

// Tree returns the names of the agents of a tree of zones, each of which has as many children.
func Tree(branching, levels int) []string { return unevenTree(branching, branching, levels) }

// unevenTree is Tree with another number of children of the root.
func unevenTree(root, branching, levels int) []string {
	names, children := []string{""}, root
	for range levels {
		next := make([]string, 0, len(names)*children)
		for _, name := range names {
			for i := range children {
				next = append(next, name+"/"+strconv.Itoa(i))
			}
		}
		names, children = next, branching
	}
	return names
}

// New makes the agents with the given names. All start within a second, and have join addresses of all zones on their own paths.
func New(config sim.Config, names []string, options Options) *Fleet {
	f := &Fleet{World: sim.New(config), Names: names, options: options}
	r := rand.New(rand.NewPCG(f.World.Seed(), 7))
	for i := range names {
		id := protocol.NodeID(r.Uint64() | 1)
		f.IDs = append(f.IDs, id)
		start := protocol.Time(r.Int64N(int64(time.Second)))
		if options.Start != nil {
			start = options.Start(i)
		}
		f.World.Add(sim.HostConfig{ID: id, Address: Address(i), At: start, Build: func(b sim.Boot) protocol.Machine { return f.build(i, b) }})
	}
	return f
}

// Settled makes a fleet in which all know what they should, with everything at one round.
func Settled(config sim.Config, names []string, representatives int, options Options) *Fleet {
	var settled *astrolabe.Settled
	tune := options.Tune
	options.Tune = func(i int, members *membership.Config, tables *astrolabe.Config) {
		zone := protocol.Zone(names[i])
		tables.Round, tables.Representatives = astrolabe.RoundDefault, representatives
		members.Durable, members.Round, members.Beat = false, tables.Round, 2*tables.Round
		members.Seeds, members.First, tables.Seeds = nil, true, nil
		members.Known, tables.Known = settled.Hosts(zone), settled.Known(zone)
		if tune != nil {
			tune(i, members, tables)
		}
	}
	f := New(config, names, options)
	rows := make([]*table.Row, len(names))
	for i, name := range names {
		rows[i] = &table.Row{Owner: f.IDs[i], Epoch: 1, Sequence: 1, Name: name, Addresses: []protocol.Address{Address(i)}, Format: wire.FormatLatest}
	}
	settled = astrolabe.Settle(rows, representatives)
	return f
}

// Address returns where an agent listens.
func Address(i int) protocol.Address { return protocol.Address(fmt.Sprintf("host-%d", i)) }

func (f *Fleet) build(i int, b sim.Boot) protocol.Machine {
	stored, _ := b.Disk.Get(membership.EpochKey)
	epoch, err := membership.ParseEpoch(stored)
	if err != nil {
		panic(err)
	}
	seeds := f.seedsOf(i)
	members := membership.Config{
		Self: b.ID, Epoch: epoch, Durable: true, Name: f.Names[i], Addresses: []protocol.Address{b.Address}, Seeds: seeds, First: i == 0, Rand: b.Rand, Zoned: true,
	}
	tables := astrolabe.Config{Self: b.ID, Name: f.Names[i], Seeds: seeds, Rand: b.Rand}
	if f.options.Tune != nil {
		f.options.Tune(i, &members, &tables)
	}
	n := &Node{}
	if n.Members, err = membership.New(members); err != nil {
		panic(err)
	}
	if tables.Hosts == nil {
		tables.Hosts = n.Members
	}
	if n.Tables, err = astrolabe.New(tables); err != nil {
		panic(err)
	}
	if tables.Durable {
		restore(n.Tables, b.Disk)
	}
	n.Add(n.Members, membership.Kinds()...)
	n.Add(n.Tables, astrolabe.Kinds()...)
	if f.options.Around != nil {
		return f.options.Around(i, n)
	}
	return n
}

// seedsOf returns the addresses of the first agents of the zones on the way from the root to an agent's own.
func (f *Fleet) seedsOf(i int) (seeds []protocol.Address) {
	if f.first == nil {
		f.first = make(map[string]int)
		for j := len(f.Names) - 1; j >= 0; j-- {
			for name := f.Names[j]; name != "/"; {
				name = protocol.Zone(name)
				f.first[name] = j
			}
		}
	}
	for name := f.Names[i]; name != "/"; {
		name = protocol.Zone(name)
		seeds = append(seeds, Address(f.first[name]))
	}
	return seeds
}

// restore gives an agent the functions that it has kept.
func restore(tables *astrolabe.Machine, disk *sim.Disk) {
	kept, there := disk.Get(astrolabe.FunctionsKey)
	if !there {
		return
	}
	functions, err := astrolabe.DecodeFunctions(kept)
	if err != nil {
		panic(err)
	}
	for _, f := range functions {
		_ = tables.Restore(0, f) // one that is in force no longer goes
	}
}
