package zones

import (
	"fmt"
	"os"
	"testing"
	"time"

	"spinglass/bimodal"
	lab "spinglass/lab/astrolabe"
	"spinglass/protocol"
	"spinglass/sim"
)

// large is a fleet of all protocols in a tree of zones that begins settled, without signatures.
type large struct {
	*lab.Fleet
	got  []int
	lost uint64
}

func newLarge(t *testing.T, branching, levels int, loss float64) *large {
	names := lab.Tree(branching, levels)
	f := &large{got: make([]int, len(names))}
	f.Fleet = lab.Settled(sim.Config{Seed: 1, Network: lab.LAN(loss)}, names, 3, lab.Options{Around: func(i int, n *lab.Node) protocol.Machine {
		c := bimodal.DefaultConfig()
		c.Self, c.Zone, c.Epoch, c.Rand = f.IDs[i], protocol.Zone(names[i]), 1, sim.Draw(uint64(i))
		topics, err := bimodal.New(c)
		if err != nil {
			t.Fatal(err)
		}
		n.Add(wrapped{&node{topics: topics}}, bimodal.Kinds()...)
		return n
	}})
	index := map[protocol.NodeID]int{}
	for i, id := range f.IDs {
		index[id] = i
	}
	f.World.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		switch e := e.(type) {
		case *bimodal.Delivery:
			f.got[index[id]] += e.Count
		case *bimodal.Gap:
			f.lost += e.Count
		}
	})
	return f
}

func (f *large) do(i int, run func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error) {
	f.World.Command(f.IDs[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.Notify(now, command{run: run}, out)
	})
}

func (f *large) pass(d time.Duration) { f.World.Run(f.World.Now().Add(d)) }

// Bimodal multicast over real trees of zones, membership and astrolabe with three representatives included: in a fifth of the lowest zones a third of the members want a topic, two authors in different zones publish, and with
// 2 % loss all that is published arrives, once, at those and nobody else. A thousand members; ten thousand in full, which takes a minute or two.
func TestTopicsInLargeTrees(t *testing.T) {
	for _, levels := range []int{3, 4} {
		if levels == 4 && os.Getenv("SPINGLASS_FULL") == "" {
			continue
		}
		f := newLarge(t, 10, levels, 0.02)
		f.pass(2 * time.Second)
		want := make([]int, len(f.Names))
		const messages = 50
		for i := range f.Names {
			if i/10%5 == 0 && i%3 == 0 {
				want[i] = messages
				f.do(i, func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
					return m.Subscribe(now, topic, out)
				})
			}
		}
		f.pass(12 * time.Second) // until the summaries of all zones say so at all members
		authors := []int{0, len(f.Names)/2 + 15}
		for n := range messages {
			f.do(authors[n%2], func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
				return m.Publish(now, topic, make([]byte, 100), out)
			})
			f.pass(50 * time.Millisecond)
		}
		f.pass(5 * time.Second)
		if err := f.wrong(want); err != nil || f.lost > 0 {
			t.Errorf("%d members: %v; %d messages are told as lost", len(f.Names), err, f.lost)
		}
	}
}

// wrong returns how many members have not got as many messages as they should, and one of them.
func (f *large) wrong(want []int) error {
	count, last := 0, 0
	for i := range want {
		if f.got[i] != want[i] {
			count, last = count+1, i
		}
	}
	if count == 0 {
		return nil
	}
	return fmt.Errorf("%d members got another number of messages than they should: %s got %d of %d", count, f.Names[last], f.got[last], want[last])
}
