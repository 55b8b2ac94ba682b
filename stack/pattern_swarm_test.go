package stack_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/gravity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
)

// patterned is a node that subscribes to patterns as soon as it starts.
type patterned struct {
	*stack.Node
	patterns []string
	wanted   map[string]*stack.PatternSubscription
}

func (n patterned) Start(now protocol.Time, out *protocol.Output) {
	n.Node.Start(now, out)
	for _, text := range n.patterns {
		s, err := n.SubscribePatterns(now, []stack.RatedPattern{{Pattern: pattern(text), Rating: gravity.All}}, out)
		if err != nil {
			panic(err)
		}
		n.wanted[text] = s
	}
}

// patternSwarm is members that publish all the time, each to topics of its own, and want patterns, through faults.
type patternSwarm struct {
	world     *sim.World
	authority *authority
	size      int
	joined    map[protocol.NodeID]map[string]bool
}

func newPatternSwarm(w *sim.World, size int) *patternSwarm {
	s := &patternSwarm{world: w, size: size, joined: map[protocol.NodeID]map[string]bool{}}
	if w.RealSignatures() {
		s.authority = newAuthority(w)
	}
	w.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		switch e := e.(type) {
		case stack.TopicJoined:
			s.joined[id][e.Topic] = true
		case stack.TopicLeft:
			delete(s.joined[id], e.Topic)
		}
	})
	for i := 1; i <= size; i++ {
		id := protocol.NodeID(i)
		w.Add(sim.HostConfig{ID: id, Address: protocol.Address(fmt.Sprintf("a%d", i)), Zone: "/lab", Segment: "lan", Build: s.build})
		s.publish(id)
	}
	return s
}

func (s *patternSwarm) build(b sim.Boot) protocol.Machine {
	stored, _ := b.Disk.Get(membership.EpochKey)
	epoch, err := membership.ParseEpoch(stored)
	if err != nil {
		panic(err)
	}
	config := nodeConfig(b, epoch, b.ID == 1)
	config.Membership.Identity, config.Bimodal.Notary = s.authority.identityOf(b), s.authority.notaryOf(s.world, b.ID)
	config.Directory.Rand = rand.New(rand.NewPCG(b.Rand.Uint64(), 9))
	n, err := stack.New(config)
	if err != nil {
		panic(err)
	}
	s.joined[b.ID] = map[string]bool{}
	return patterned{n, s.wants(b.ID), map[string]*stack.PatternSubscription{}}
}

func (s *patternSwarm) wants(id protocol.NodeID) []string {
	return [][]string{{"t/+/a"}, {"#", "t/1/#"}, nil}[id%3]
}

func (s *patternSwarm) names(id protocol.NodeID) []string {
	return []string{fmt.Sprintf("t/%d/a", int(id)), fmt.Sprintf("t/%d/b", int(id)), "t/all/a"}
}

// publish has a member publish every two seconds while it is up.
func (s *patternSwarm) publish(id protocol.NodeID) {
	var again func()
	again = func() {
		if s.world.Up(id) {
			s.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				for _, name := range s.names(id) {
					if err := m.(patterned).Publish(now, name, make([]byte, 20), out); err != nil {
						panic(err)
					}
				}
			})
		}
		s.world.At(s.world.Now().Add(2*time.Second), again)
	}
	s.world.At(protocol.Time(id)*protocol.Time(time.Second), again)
}

// converged reports whether every member has joined exactly the topics that match what it wants.
func (s *patternSwarm) converged() error {
	var all []string
	for i := 1; i <= s.size; i++ {
		all = append(all, s.names(protocol.NodeID(i))...)
	}
	for i := 1; i <= s.size; i++ {
		id := protocol.NodeID(i)
		for _, name := range all {
			wanted := slices.ContainsFunc(s.wants(id), func(text string) bool { return pattern(text).Match(name) })
			if wanted != s.joined[id][name] {
				return fmt.Errorf("member %d: %s is wanted: %v, joined: %v", id, name, wanted, s.joined[id][name])
			}
		}
		stats := s.world.Machine(id).(patterned).DirectoryStats()
		if stats.Malformed+stats.EntriesForbidden+stats.EntriesRefused > 0 {
			return fmt.Errorf("member %d: %+v", id, stats)
		}
	}
	return nil
}

// After all faults every member has joined exactly what matches, and wire on and off give the same trace.
func TestPatternsSwarm(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	sim.Swarm(t, seeds, func(seed uint64) error {
		r := sim.Draw(seed)
		const safety = 40 * time.Second
		size := 3 + r.IntN(6)
		faults := sim.DrawFaults(r, safety)
		faults.Deafen = 4 * time.Second
		faults.DiskKept = 1
		var s *patternSwarm
		trial := sim.Trial{
			Config: sim.Config{Seed: seed, Decoder: func() protocol.Decoder { return &stack.Decoder{} }, Network: sim.DrawNetwork(r), Cost: sim.CommodityCost(), Content: true, Ed25519: seed%2 == 0},
			Faults: faults, Safety: safety,
			Build:     func(w *sim.World) { s = newPatternSwarm(w, size) },
			Converged: func(*sim.World) error { return s.converged() }, Converge: 150 * time.Second,
		}
		return trial.Repeat()
	})
}

// The checker of the swarm finds a member that has not joined what it wants.
func TestPatternsSwarmCheckerBites(t *testing.T) {
	w := sim.New(sim.Config{Seed: 1})
	s := newPatternSwarm(w, 3)
	w.Run(protocol.Time(15 * time.Second))
	if err := s.converged(); err != nil {
		t.Fatal(err)
	}
	w.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		n := m.(patterned)
		n.UnsubscribePatterns(now, n.wanted["#"], out)
	})
	w.Run(protocol.Time(20 * time.Second))
	if s.converged() == nil {
		t.Error("nothing was found")
	}
}

// In a fleet that signs, of several zones, where members may publish some topics only: the representatives carry the messages of the directory, and who announces what it may not publish is not believed.
func TestPatternsOfASigningFleet(t *testing.T) {
	config := lan(5, 0.01)
	config.Ed25519 = true
	f := newPatternFleet(t, config, 4, "/eu/de", "/eu/fr", "/us")
	f.authority = newAuthority(f.world)
	f.pass(time.Minute)
	f.subscribe(1, "x/#")
	f.pass(10 * time.Second)
	f.publish(6, "x/eu")
	f.publish(10, "x/us")
	f.publish(11, "y/us")
	f.pass(20 * time.Second)
	f.expect(1, "x/eu", "x/us")
	f.publish(10, "x/us")
	f.pass(3 * time.Second)
	if !slices.Contains(f.got[1], "x/us 10 2") {
		t.Errorf("%v", f.got[1])
	}
	f.publish(3, "x/only") // it may publish to secret* only
	f.pass(20 * time.Second)
	f.expect(1, "x/eu", "x/us")
	if s := f.node(1).DirectoryStats(); s.EntriesForbidden == 0 {
		t.Errorf("%+v", s)
	}
}
