package astrolabe_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// full reports whether the long runs are wanted: SPINGLASS_FULL=1.
func full() bool { return os.Getenv("SPINGLASS_FULL") != "" }

// settledFleet makes a fleet in which all know what they should, with a small number of representatives, and everything at one round.
func settledFleet(seed uint64, branching, levels, representatives int, tune func(i int, members *membership.Config, tables *astrolabe.Config)) *fleet {
	names := tree(branching, levels)
	var settled *astrolabe.Settled
	f := newFleet(sim.Config{Seed: seed, Network: lan(0)}, names, func(i int, members *membership.Config, tables *astrolabe.Config) {
		zone := protocol.Zone(names[i])
		members.Durable, members.Round, members.Beat = false, tables.Round, 2*tables.Round
		members.Seeds, members.First, tables.Seeds = nil, true, nil
		members.Known, tables.Known = settled.Hosts(zone), settled.Known(zone)
		tables.Representatives, tables.Children = representatives, branching
		if tune != nil {
			tune(i, members, tables)
		}
	})
	rows := make([]*table.Row, len(names))
	for i, name := range names {
		rows[i] = &table.Row{Owner: f.ids[i], Epoch: 1, Sequence: 1, Name: name, Addresses: []protocol.Address{address(i)}}
	}
	settled = astrolabe.Settle(rows, representatives)
	return f
}

// know returns how many members see that a topic is wanted somewhere.
func (f *fleet) know(topic uint64) (count int) {
	for i := range f.ids {
		if root := f.node(i).tables.Root(); root.Interest.Wants(topic) {
			count++
		}
	}
	return count
}

// want has a member want a topic.
func (f *fleet) want(t testing.TB, i int, topic string) uint64 {
	f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := m.(*node).members.SetAttribute(now, protocol.Attribute{Name: membership.TopicsAttribute, Value: []byte(topic)}, out); err != nil {
			t.Error(err)
		}
	})
	return binary.BigEndian.Uint64([]byte(topic))
}

const round = astrolabe.RoundDefault

// spreads measures in how many rounds what one host says is in the root's summary of all, and how many messages a member sends in a round meanwhile.
func spreads(t testing.TB, seed uint64, branching, levels, representatives int) (rounds, messages float64) {
	f := settledFleet(seed, branching, levels, representatives, func(_ int, members *membership.Config, tables *astrolabe.Config) {
		tables.Round, members.Round, members.Beat = round, round, 2*round
	})
	n := len(f.ids)
	f.world.Run(protocol.Time(10 * round))
	if err := f.counted(n); err != nil {
		t.Fatal(err)
	}
	before, begin := f.world.Stats().Sent, f.world.Now()
	topic := f.want(t, n/2, "a topic!")
	for f.know(topic) < n {
		if f.world.Run(f.world.Now().Add(round / 2)); f.world.Now().Sub(begin) > time.Minute {
			t.Fatalf("after a minute %d of %d know", f.know(topic), n)
		}
	}
	rounds = float64(f.world.Now().Sub(begin)) / float64(round)
	return rounds, float64(f.world.Stats().Sent-before) / float64(n) / rounds
}

// "The number of rounds grows with the logarithm": published are about 32, 29 and 26 rounds for branching factors of 5, 25 and 125 with one representative, and 24 for 25 with
// three, for 390 625 hosts. A round is 500 ms, of every level; a message is a datagram that a member sends, those of membership in its own zone included. One seed
// each.
func TestNewsReachesAll(t *testing.T) {
	for _, c := range []struct {
		branching, levels, representatives int
		published                          float64
		long                               bool
	}{
		{5, 4, 1, 32, false}, {25, 2, 1, 29, false},
		{25, 3, 1, 29, false}, {125, 2, 1, 26, true}, {5, 6, 1, 32, true}, {25, 3, 3, 24, true},
	} {
		if c.long && !full() || c.levels == 3 && testing.Short() {
			t.Logf("branching %d, %d levels: left out, set SPINGLASS_FULL=1", c.branching, c.levels)
			continue
		}
		start := time.Now()
		rounds, messages := spreads(t, 1, c.branching, c.levels, c.representatives)
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		n := 1
		for range c.levels {
			n *= c.branching
		}
		what := fmt.Sprintf("%d members, branching %d, %d representatives", n, c.branching, c.representatives)
		t.Logf("%s: %.1f rounds (published for 390 625: %.0f), %.1f messages a member and round; %v, %d MB", what, rounds, c.published, messages, time.Since(start).Round(time.Second), memory.Sys>>20)
		if rounds > c.published {
			t.Errorf("%s: %.1f rounds, published are %.0f for more", what, rounds, c.published)
		}
	}
}

// "Load per member is flat in n within 10 %": messages that a member sends in a round, of 125, 625 and 3125 members, at branching 5; bytes grow with the number of levels, whose
// tables a member holds.
func TestLoadIsFlat(t *testing.T) {
	var least, most float64
	for levels := 3; levels <= 5; levels++ {
		_, messages := spreads(t, 1, 5, levels, 1)
		t.Logf("%d levels of 5: %.2f messages a member and round", levels, messages)
		if least == 0 || messages < least {
			least = messages
		}
		most = max(most, messages)
	}
	if most > 1.1*least {
		t.Errorf("between %.2f and %.2f messages", least, most)
	}
}
