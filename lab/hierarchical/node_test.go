package hierarchical_test

import (
	"bytes"
	"testing"
	"time"

	"spinglass/lab/hierarchical"
	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
)

// arrival is a message at a member.
type arrival struct {
	number uint64
	at     protocol.Time
}

// cascade makes three groups of three: 1 2 3, 3 4 5 and 5 6 7, of which 1 is the source, and 3 and 5 are relays; it sends so many messages, one every 10 ms. The messages of tests that send others are not
// looked at.
func cascade(t *testing.T, c sim.Config, messages int, change func(*hierarchical.Config)) (w *sim.World, got map[protocol.NodeID][]arrival) {
	t.Helper()
	got = make(map[protocol.NodeID][]arrival)
	c.Decoder = func() protocol.Decoder { return new(traditional.Decoder) }
	w = sim.New(c)
	sent := map[uint64]protocol.Time{}
	w.Observe(func(now protocol.Time, id protocol.NodeID, e protocol.Event) {
		if a, ok := e.(*hierarchical.Arrival); ok {
			if messages > 0 && (a.Stamp.Sent != sent[a.Stamp.Number] || !bytes.HasSuffix(a.Payload, []byte("payload"))) {
				t.Errorf("%v was delivered message %+v, sent at %v", id, a, sent[a.Stamp.Number])
			}
			got[id] = append(got[id], arrival{a.Stamp.Number, now})
		}
	})
	group := func(self protocol.NodeID, level int) *traditional.Config {
		d := traditional.DefaultConfig()
		first := protocol.NodeID(2*level - 1)
		d.Self, d.Members = self, []protocol.NodeID{first + 1, first, first + 2}
		return &d
	}
	for id := protocol.NodeID(1); id <= 7; id++ {
		n := hierarchical.Config{Level: int(id) / 2}
		if id > 1 {
			n.Upper = group(id, n.Level)
		}
		if id%2 == 1 && id < 7 {
			n.Lower = group(id, n.Level+1)
		}
		if change != nil {
			change(&n)
		}
		w.Add(sim.HostConfig{ID: id, Build: func(sim.Boot) protocol.Machine {
			m, err := hierarchical.New(n)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}})
	}
	for i := range messages {
		w.At(protocol.Time(i+1)*protocol.Time(10*time.Millisecond), func() {
			w.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				stamp := hierarchical.Stamp{Number: uint64(i + 1), Sent: now}
				sent[stamp.Number] = now
				m.(*hierarchical.Node).Send(now, append(stamp.Append(nil), "payload"...), out)
			})
		})
	}
	return w, got
}

// All messages arrive at all members, each once and in the order in which they were sent, with loss, pauses and total order as without.
func TestAllArriveInOrder(t *testing.T) {
	const messages = 500
	for name, c := range map[string]struct {
		loss, pause float64
		change      func(*hierarchical.Config)
	}{
		"still": {},
		"lossy": {loss: 0.1, pause: 0.2},
		"total": {loss: 0.05, pause: 0.1, change: func(c *hierarchical.Config) {
			for _, g := range []*traditional.Config{c.Upper, c.Lower} {
				if g != nil {
					g.Order = traditional.OrderTotal
				}
			}
		}},
		"delayed": {loss: 0.05, pause: 0.1, change: func(c *hierarchical.Config) { c.Delay = 50 * time.Millisecond }},
	} {
		link := &sim.Link{Latency: sim.Uniform{Min: 100 * time.Microsecond, Max: 2 * time.Millisecond}, Loss: c.loss}
		w, got := cascade(t, sim.Config{Seed: 1, Network: sim.Network{Topology: sim.Flat{Link: link}}, Cost: sim.CommodityCost(), Wire: true, Spurious: true}, messages, c.change)
		for id := protocol.NodeID(2); id <= 7; id++ {
			w.Sleep(id, c.pause, 50*time.Millisecond)
		}
		w.Run(protocol.Time(15 * time.Second))
		for id := protocol.NodeID(2); id <= 7; id++ {
			if len(got[id]) != messages {
				t.Errorf("%s: %d of %d messages arrived at %v", name, len(got[id]), messages, id)
				continue
			}
			for i, a := range got[id] {
				if a.number != uint64(i+1) {
					t.Fatalf("%s: message %d arrived at %v as number %d", name, a.number, id, i+1)
				}
			}
		}
	}
}

// "Delay on receipt, per layer or end to end": messages leave evenly, as late as the delay says.
func TestDelays(t *testing.T) {
	const delay = 20 * time.Millisecond
	for _, final := range []bool{false, true} {
		link := &sim.Link{Latency: sim.Uniform{Min: 100 * time.Microsecond, Max: 3 * time.Millisecond}}
		w, got := cascade(t, sim.Config{Seed: 2, Network: sim.Network{Topology: sim.Flat{Link: link}}}, 100, func(c *hierarchical.Config) { c.Delay, c.Final = delay, final })
		w.Run(protocol.Time(5 * time.Second))
		for _, id := range []protocol.NodeID{2, 3, 4, 5, 6, 7} {
			relay := id == 3 || id == 5
			for i, a := range got[id] {
				late := a.at.Sub(protocol.Time(i+1) * protocol.Time(10*time.Millisecond))
				if due := delay * time.Duration(id/2); !(final && relay) && late != due || final && relay && late >= due {
					t.Fatalf("final %v: message %d arrived at %v after %v, due after %v", final, i+1, id, late, due)
				}
			}
			if len(got[id]) != 100 {
				t.Errorf("final %v: %d messages arrived at %v", final, len(got[id]), id)
			}
			if waiting := w.Machine(id).(*hierarchical.Node).Stats().WaitingMost; waiting == 0 && !(final && relay) {
				t.Errorf("final %v: %v held nothing", final, id)
			}
		}
	}
}

// A relay queues what the group below does not take, up to a limit, and counts the rest.
func TestBacklogIsBounded(t *testing.T) {
	w, _ := cascade(t, sim.Config{Seed: 3}, 0, nil)
	w.Pause(6, 10*time.Second) // and so 5 cannot send
	const messages = hierarchical.BacklogMax + 5000
	for i := range messages {
		w.At(protocol.Time(i+1)*protocol.Time(100*time.Microsecond), func() {
			w.Command(3, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				m.(*hierarchical.Node).Send(now, hierarchical.Stamp{Number: uint64(i)}.Append(nil), out)
			})
		})
	}
	w.Run(protocol.Time(5 * time.Second))
	n := w.Machine(5).(*hierarchical.Node)
	if n.Stats().Overflow == 0 || w.Dropped(hierarchical.ReasonBacklog) != n.Stats().Overflow {
		t.Errorf("%d messages were dropped, and %d counted", w.Dropped(hierarchical.ReasonBacklog), n.Stats().Overflow)
	}
}

func TestConfigsThatMakeNoSense(t *testing.T) {
	one, two := traditional.DefaultConfig(), traditional.DefaultConfig()
	one.Self, one.Members = 1, []protocol.NodeID{1, 2}
	two.Self, two.Members = 1, []protocol.NodeID{1, 2, 3}
	for name, c := range map[string]hierarchical.Config{"no group": {}, "two groups with two members in common": {Upper: &one, Lower: &two}} {
		if _, err := hierarchical.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
