package astrolabe

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/wire"
)

// auto is a fleet of agents without zones in their names.
type auto struct {
	*Fleet
	t     *testing.T
	limit int
}

// newAuto makes a fleet. Agents join by the first three, and start when start says, within a second by default.
func newAuto(t *testing.T, seed uint64, agents, limit int, loss float64, start func(i int) protocol.Time) *auto {
	var names []string
	for i := range agents {
		names = append(names, fmt.Sprintf("/a%d", i))
	}
	seeds := []protocol.Address{Address(0), Address(1), Address(2)}
	f := New(sim.Config{Seed: seed, Network: LAN(loss)}, names, Options{Start: start, Tune: func(_ int, members *membership.Config, tables *astrolabe.Config) {
		members.Seeds, tables.Seeds, tables.AutomaticLimit = seeds, seeds, limit
	}})
	return &auto{f, t, limit}
}

func (f *auto) node(i int) *Node { return f.World.Machine(f.IDs[i]).(*Node) }

// zones returns how many agents that are up are in which zone.
func (f *auto) zones() map[string]int {
	zones := map[string]int{}
	for i, id := range f.IDs {
		if f.World.Up(id) {
			zones[protocol.Zone(f.node(i).Members.Self().Name)]++
		}
	}
	return zones
}

// full returns which zone has more agents than the limit.
func (f *auto) full() error {
	for zone, count := range f.zones() {
		if count > f.limit {
			return fmt.Errorf("%s has %d agents, %d at most", zone, count, f.limit)
		}
	}
	return nil
}

// settled returns why the fleet is not: a zone has too many agents, one has agents and zones, or not all see all.
func (f *auto) settled() error {
	if err := f.full(); err != nil {
		return err
	}
	zones, up := f.zones(), 0
	for zone, count := range zones {
		up += count
		for other := range zones {
			if other != zone && (zone == "/" || len(other) > len(zone) && other[:len(zone)+1] == zone+"/") {
				return fmt.Errorf("%s has %d agents, and there is %s", zone, count, other)
			}
		}
	}
	for i, id := range f.IDs {
		if f.World.Up(id) {
			if root := f.node(i).Tables.Root(); root.Hosts != up {
				return fmt.Errorf("%s sees %d of %d agents", f.node(i).Members.Self().Name, root.Hosts, up)
			}
		}
	}
	return nil
}

func (f *auto) pass(d time.Duration) { f.World.Run(f.World.Now().Add(d)) }

// until runs the world until the fleet is as it should be.
func (f *auto) until(limit time.Duration, done func() error) time.Duration {
	f.t.Helper()
	start := f.World.Now()
	for {
		err := done()
		took := f.World.Now().Sub(start)
		if err == nil {
			return took
		}
		if took >= limit {
			zones := f.zones()
			for _, zone := range slices.Sorted(maps.Keys(zones)) {
				f.t.Logf("%-20s %d", zone, zones[zone])
			}
			f.t.Fatalf("after %v: %v", limit, err)
		}
		f.pass(500 * time.Millisecond)
	}
}

// leave has an agent leave, or crash.
func (f *auto) leave(i int, crash bool) {
	if crash {
		f.World.Crash(f.IDs[i])
		return
	}
	f.World.Command(f.IDs[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		n := m.(*Node)
		n.Tables.Leave(now, out)
		n.Members.Leave(now, out)
	})
	f.World.At(f.World.Now().Add(time.Second), func() { f.World.Crash(f.IDs[i]) })
}

// moves returns how often agents that are up have moved since they started.
func (f *auto) moves() (moves uint64) {
	for i, id := range f.IDs {
		if f.World.Up(id) {
			moves += f.node(i).Members.Stats().Moves
		}
	}
	return moves
}

// depths returns how many agents are how deep.
func (f *auto) depths() (depths [protocol.AutomaticDepthMax + 1]int) {
	for i, id := range f.IDs {
		if f.World.Up(id) {
			depth, _ := protocol.Automatic(f.node(i).Members.Self().Name)
			depths[depth]++
		}
	}
	return depths
}

// settleTime is how long a thousand agents may take from their start until all are placed and see all, where about 50 s are measured.
const settleTime = 2 * time.Minute

// "1000 agents without zones in their names settle into automatic zones, none above its limit, and stay so while a tenth of them come and go": a hundred leave or crash within a
// minute, and each starts anew some seconds later.
func TestThousandAgentsSettle(t *testing.T) {
	const agents = 1000
	f := newAuto(t, 1, agents, astrolabe.AutomaticLimitDefault, 0.01, nil)
	f.pass(2 * time.Second)
	took := f.until(settleTime, f.settled)
	t.Logf("settled after %v in %d zones, with %d moves", took, len(f.zones()), f.moves())
	before := f.moves()
	r := rand.New(rand.NewPCG(1, 1))
	went := r.Perm(agents)[:agents/10]
	for _, i := range went {
		before -= f.node(i).Members.Stats().Moves
		f.leave(i, r.IntN(2) == 0)
		f.World.At(f.World.Now().Add(time.Second+time.Duration(r.Int64N(int64(20*time.Second)))), func() { f.World.Restart(f.IDs[i], true) })
		f.pass(600 * time.Millisecond)
		if err := f.full(); err != nil {
			t.Fatalf("while agents come and go: %v", err)
		}
	}
	took = f.until(time.Minute, f.settled)
	t.Logf("settled again %v after the last change", took)
	after := f.moves()
	for _, i := range went {
		after -= f.node(i).Members.Stats().Moves
	}
	if after != before {
		t.Errorf("agents that stayed have moved %d times", after-before)
	}
}

// Zones split when a fleet grows, and merge when it shrinks. While they do nobody is lost, and hardly anybody is counted twice. One seed; three in full.
func TestZonesSplitAndMerge(t *testing.T) {
	seeds := uint64(1)
	if full() {
		seeds = 3
	}
	for seed := range seeds {
		f := newAuto(t, seed, 400, astrolabe.AutomaticLimitDefault, 0.02, func(i int) protocol.Time {
			if i < 40 {
				return protocol.Time(i) * protocol.Time(20*time.Millisecond)
			}
			return protocol.Time(time.Minute) + protocol.Time(i)*protocol.Time(200*time.Millisecond)
		})
		f.pass(30 * time.Second)
		if err := f.settled(); err != nil || f.depths()[0] != 40 {
			t.Fatalf("forty agents: %v, %v", f.depths(), err)
		}
		f.pass(30 * time.Second)
		for f.World.Now() < protocol.Time(141*time.Second) {
			f.pass(500 * time.Millisecond)
			if err := f.full(); err != nil {
				t.Fatalf("seed %d, %v: %v", seed, f.World.Now(), err)
			}
		}
		took := f.until(settleTime, f.settled)
		t.Logf("400 agents: settled %v after the last had come, at depths %v in %d zones, %d moves", took, f.depths(), len(f.zones()), f.moves())
		if d := f.depths(); d[0] > 0 || d[1] == 0 {
			t.Errorf("400 agents are at depths %v", d)
		}
		for i := 50; i < 400; i++ {
			f.leave(i, i%2 == 0)
			f.pass(50 * time.Millisecond)
		}
		took = f.until(5*time.Minute, func() error {
			if d := f.depths(); d[1] != 50 {
				return fmt.Errorf("fifty agents are at depths %v", d)
			}
			return f.settled()
		})
		t.Logf("50 agents: one level %v after the last had gone, %d zones", took, len(f.zones()))
		for i := 15; i < 50; i++ {
			f.leave(i, i%2 == 0)
		}
		took = f.until(5*time.Minute, func() error {
			if d := f.depths(); d[0] != 15 {
				return fmt.Errorf("fifteen agents are at depths %v", d)
			}
			return f.settled()
		})
		t.Logf("15 agents: together %v after the last had gone", took)
	}
}

// While a fleet is upgraded it stays together: nobody leaves the root while a member of an earlier format stands there. When that is upgraded as well, all go.
func TestNobodyMovesPastEarlierFormats(t *testing.T) {
	const agents, old = 80, 7
	f := newAuto(t, 3, agents, astrolabe.AutomaticLimitDefault, 0.01, nil)
	upgraded, tune := false, f.options.Tune
	f.options.Tune = func(i int, members *membership.Config, tables *astrolabe.Config) {
		if tune(i, members, tables); i == old && !upgraded {
			members.Format, tables.AutomaticLimit = wire.FormatZones, 0
		}
	}
	f.pass(time.Minute)
	if d := f.depths(); d[0] != agents {
		t.Fatalf("with one of format %d agents are at depths %v", wire.FormatZones, d)
	}
	upgraded = true
	f.World.Restart(f.IDs[old], true)
	took := f.until(settleTime, f.settled)
	if d := f.depths(); d[1] != agents {
		t.Errorf("upgraded, they are at depths %v", d)
	}
	t.Logf("spread %v after the last upgrade", took)
}
