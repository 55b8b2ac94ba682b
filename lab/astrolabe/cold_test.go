package astrolabe

import (
	"fmt"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
)

// A thousand agents that start within a second, all with the same one join address, find their zones and count each other within 30 s, where 20 to 23 s are measured: the join address shows each of them the way into its zone in two rows, and those who
// are shown it ask there. Without that it took 44 s, and 134 s for 3125 agents, which take 36 to 39 s; they run in full, where the limit is a minute.
func TestManyStartWithOneJoinAddress(t *testing.T) {
	for _, c := range []struct {
		branching, levels int
		limit             time.Duration
		long              bool
	}{{10, 3, 30 * time.Second, false}, {5, 5, time.Minute, true}} {
		if c.long && !full() {
			continue
		}
		names, seeds := Tree(c.branching, c.levels), []protocol.Address{Address(0)}
		f := New(sim.Config{Seed: 1, Network: LAN(0.01)}, names, Options{Tune: func(_ int, members *membership.Config, tables *astrolabe.Config) {
			members.Seeds, tables.Seeds = seeds, seeds
		}})
		f.World.Run(protocol.Time(time.Second))
		for err := f.incomplete(); err != nil; err = f.incomplete() {
			if f.World.Now() > protocol.Time(c.limit) {
				t.Fatalf("%d agents, after %v: %v", len(names), c.limit, err)
			}
			f.World.Run(f.World.Now().Add(astrolabe.RoundDefault))
		}
		join := f.Node(0).Tables.Stats()
		t.Logf("%d agents see each other after %v; the join address was sent %d digests, and had no room to answer %d of them", len(names), f.World.Now(), join.DigestsReceived, join.AnswersRefused)
	}
}

// incomplete returns who does not count all agents.
func (f *Fleet) incomplete() error {
	for i := range f.IDs {
		if hosts := f.Node(i).Tables.Root().Hosts; hosts != len(f.IDs) {
			return fmt.Errorf("%s counts %d of %d", f.Names[i], hosts, len(f.IDs))
		}
	}
	return nil
}
