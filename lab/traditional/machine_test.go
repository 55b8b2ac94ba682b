package traditional_test

import (
	"testing"
	"time"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
)

// A straw man proves nothing: without perturbation the protocol must be as fast as the sender's host, and complete.
func TestUnperturbedIsFastAndComplete(t *testing.T) {
	for _, n := range []int{3, 16, 48} {
		g := newGroup(t, sim.Config{Seed: 1, Network: lan(0), Cost: sim.CommodityCost(), Wire: n == 16}, n, func(c *traditional.Config) { c.Buffer = 64 << 20 })
		g.send(1)
		g.until = protocol.Time(time.Second)
		g.run(3 * time.Second)
		for _, id := range g.members {
			if r := g.got[id]; r.total != int(g.sent[1]) || len(r.views) != 1 {
				t.Errorf("%d members: %v got %d of %d messages, in %d views", n, id, r.total, g.sent[1], len(r.views))
			}
		}
		// Each message takes the sender a command, and a datagram of 1 kB to each other member.
		cost := sim.CommodityCost()
		most := float64(time.Second) / float64(cost.Input+time.Duration(n-1)*(cost.SendPacket+cost.SendKilobyte))
		got := g.got[2].rate(500*time.Millisecond, time.Second)
		if got < 0.8*most && n > 3 { // with three members the window of 46 messages fills within a round trip
			t.Errorf("%d members: %v messages/s, and the sender's processor allows %.0f", n, got, most)
		}
		if s := g.stats(2); s.Naks+s.Repairs+s.Suspicions > 0 {
			t.Errorf("%d members: repairs or suspicions without cause: %+v", n, s)
		}
		t.Logf("%d members: %v messages/s of at most %.0f", n, got, most)
	}
}

func TestLossIsRepaired(t *testing.T) {
	for _, loss := range []float64{0.01, 0.05, 0.2} {
		g := newGroup(t, sim.Config{Seed: 2, Network: lan(loss), Cost: sim.CommodityCost(), Wire: loss == 0.05}, 12, nil)
		g.send(1)
		g.send(7)
		g.until = protocol.Time(3 * time.Second)
		g.run(10 * time.Second)
		for _, id := range g.members {
			if r := g.got[id]; r.total != int(g.sent[1]+g.sent[7]) || len(r.views) != 1 {
				t.Errorf("loss %v: %v got %d of %d and %d messages, in %d views", loss, id, r.total, g.sent[1], g.sent[7], len(r.views))
			}
		}
		s := g.stats(1)
		if s.Repairs == 0 {
			t.Errorf("loss %v: nothing was repaired", loss)
		}
		if s.Held != 0 {
			t.Errorf("loss %v: %d bytes are held, seconds after the last message", loss, s.Held)
		}
		t.Logf("loss %v: %d and %d messages, %d repairs", loss, g.sent[1], g.sent[7], s.Repairs)
	}
}

// Nothing but repair makes them arrive: with repairs lost, most members are stuck.
func TestWithoutRepairMembersAreStuck(t *testing.T) {
	g := newGroup(t, sim.Config{Seed: 2, Network: lan(0.05)}, 12, func(c *traditional.Config) { c.RetryInterval = time.Hour })
	g.send(1)
	g.until = protocol.Time(3 * time.Second)
	g.run(6 * time.Second)
	if got := g.got[2].rate(2*time.Second, 3*time.Second); got > 100 {
		t.Errorf("%v messages/s with what is lost asked for once only", got)
	}
}

// "Buffers at the sender until every member has acknowledged, flow control that stops the sender when the buffer is full."
func TestSlowestMemberStopsTheSender(t *testing.T) {
	for name, test := range map[string]struct {
		window, buffer int
		most           uint64 // messages that fit
	}{
		"window": {50_000, 1 << 30, 46},
		"buffer": {0, 1 << 20, 954},
	} {
		g := newGroup(t, sim.Config{Seed: 3, Network: lan(0), Cost: sim.CommodityCost()}, 8, func(c *traditional.Config) { c.Window, c.Buffer = test.window, test.buffer })
		g.world.Pause(5, 5*time.Second)
		g.send(1)
		g.run(4900 * time.Millisecond)
		if g.sent[1] != test.most || g.got[5].total != 0 {
			t.Errorf("%s: %d messages were sent while a member was paused, want %d", name, g.sent[1], test.most)
		}
		g.until = protocol.Time(8 * time.Second)
		g.run(6 * time.Second)
		if r := g.got[5]; r.total != int(g.sent[1]) || g.sent[1] < 2*test.most || len(r.views) != 1 {
			t.Errorf("%s: afterwards it got %d of %d", name, r.total, g.sent[1])
		}
	}
}

// slow is the cost of hosts that send less, for tests of what is rare.
func slow() sim.Cost {
	return sim.Cost{ReceivePacket: 100 * time.Microsecond, SendPacket: 100 * time.Microsecond, Input: 10 * time.Microsecond}
}

// Members that crash are left out after the pings that they miss; what they sent is delivered by all others or by none.
func TestCrashes(t *testing.T) {
	for seed := range uint64(6) {
		for _, order := range []traditional.Order{traditional.OrderFIFO, traditional.OrderTotal} {
			g := newGroup(t, sim.Config{Seed: seed, Network: lan(0.02), Cost: slow(), Wire: seed%2 == 0}, 9, func(c *traditional.Config) {
				c.PingInterval, c.PingsMissed, c.StableInterval, c.Order = 100*time.Millisecond, 5, 200*time.Millisecond, order
			})
			for _, id := range []protocol.NodeID{1, 2, 5, 9} {
				g.send(id)
			}
			// The coordinator first, the next one in the midst of the flush that follows, and a member later.
			g.world.At(protocol.Time(time.Second), func() { g.world.Crash(1) })
			g.world.At(protocol.Time(1550*time.Millisecond+time.Duration(seed)*20*time.Millisecond), func() { g.world.Crash(2) })
			g.world.At(protocol.Time(3*time.Second), func() { g.world.Crash(5) })
			g.until = protocol.Time(5 * time.Second)
			g.run(8 * time.Second)
			for _, id := range []protocol.NodeID{3, 4, 6, 7, 8, 9} {
				r := g.got[id]
				if last := r.views[len(r.views)-1]; len(last.Members) != 6 || r.left > 0 {
					t.Fatalf("seed %d: the last view of %v is %v; it was ejected %d times", seed, id, last, r.left)
				}
				if r.rate(4*time.Second, 5*time.Second) == 0 {
					t.Errorf("seed %d: nothing was delivered to %v at the end", seed, id)
				}
				if final := g.got[3]; !equal(*final.current(), *r.current(), order == traditional.OrderTotal) {
					t.Errorf("seed %d: in the last view %v was delivered %d messages and 3 %d", seed, id, len(*r.current()), len(*final.current()))
				}
			}
			g.agree(t, order == traditional.OrderTotal)
		}
	}
}

// A member that is away for too long is left out, and joins again. The promise of the views holds throughout, with loss and sleepers.
func TestEjectionAndReturn(t *testing.T) {
	ejections, views := 0, 0
	for seed := range uint64(6) {
		g := newGroup(t, sim.Config{Seed: seed, Network: lan(0.02), Cost: slow(), Wire: seed%2 == 1}, 7, func(c *traditional.Config) {
			c.PingInterval, c.PingsMissed, c.StableInterval = 50*time.Millisecond, 4, 200*time.Millisecond
			c.Order = traditional.Order(seed % 2)
		})
		for _, id := range []protocol.NodeID{1, 4, 7} {
			g.send(id)
		}
		for _, id := range g.members {
			g.world.Sleep(id, 0.1, 100*time.Millisecond)
		}
		g.run(10 * time.Second)
		for _, id := range g.members {
			g.world.Sleep(id, 0, 100*time.Millisecond)
		}
		g.run(3 * time.Second)
		g.until = g.world.Now()
		g.run(5 * time.Second)
		for _, id := range g.members {
			r := g.got[id]
			ejections, views = ejections+r.left, views+len(r.views)-1
			if last := r.views[len(r.views)-1]; len(last.Members) != len(g.members) {
				t.Errorf("seed %d: the last view of %v has %d members", seed, id, len(last.Members))
			}
			if !equal(*g.got[1].current(), *r.current(), seed%2 == 1) {
				t.Errorf("seed %d: in the last view %v was delivered %d messages and 1 %d", seed, id, len(*r.current()), len(*g.got[1].current()))
			}
		}
		g.agree(t, seed%2 == 1)
	}
	if ejections < 20 {
		t.Errorf("%d ejections: nothing was tested", ejections)
	}
	t.Logf("%d ejections, %d views installed", ejections, views)
}

// Without a majority nobody goes on.
func TestMinorityStops(t *testing.T) {
	g := newGroup(t, sim.Config{Seed: 5, Network: lan(0), Cost: sim.CommodityCost()}, 7, func(c *traditional.Config) { c.PingInterval, c.PingsMissed = 100*time.Millisecond, 3 })
	g.send(1)
	g.send(7)
	g.run(time.Second)
	cut := g.world.Isolate(1, 2, 3)
	g.run(3 * time.Second)
	if views := g.got[7].views; len(views[len(views)-1].Members) != 4 {
		t.Errorf("the majority is in view %v", views)
	}
	at := g.sent[1]
	g.run(time.Second)
	if g.sent[1] != at || g.got[1].left == 0 {
		t.Errorf("the minority sent %d messages", g.sent[1]-at)
	}
	cut.Heal()
	g.run(5 * time.Second)
	for _, id := range g.members {
		if views := g.got[id].views; len(views[len(views)-1].Members) != 7 {
			t.Errorf("%v is in view %v after the partition", id, views[len(views)-1])
		}
	}
	g.agree(t, false)
}

func TestTotalOrder(t *testing.T) {
	g := newGroup(t, sim.Config{Seed: 6, Network: lan(0.02), Cost: sim.CommodityCost()}, 8, func(c *traditional.Config) { c.Order = traditional.OrderTotal })
	for _, id := range g.members {
		g.send(id)
	}
	g.until = protocol.Time(2 * time.Second)
	g.run(4 * time.Second)
	sent := 0
	for _, id := range g.members {
		sent += int(g.sent[id])
	}
	for _, id := range g.members {
		if r := g.got[id]; r.total != sent || !equal(*g.got[1].current(), *r.current(), true) {
			t.Errorf("%v was delivered %d of %d messages, or in another order", id, r.total, sent)
		}
	}
	// The control: with FIFO order members differ.
	f := newGroup(t, sim.Config{Seed: 6, Network: lan(0.02), Cost: sim.CommodityCost()}, 8, nil)
	f.send(3)
	f.send(4)
	f.until = protocol.Time(time.Second)
	f.run(2 * time.Second)
	if equal(*f.got[1].current(), *f.got[8].current(), true) {
		t.Error("with FIFO order two members were delivered the same order; the test cannot tell")
	}
}

// Equal seeds give equal traces, by reference and by wire.
func TestEqualTraces(t *testing.T) {
	hash := func(wire bool) uint64 {
		g := newGroup(t, sim.Config{Seed: 8, Network: lan(0.05), Cost: sim.CommodityCost(), Wire: wire, Content: true, Spurious: true}, 6, func(c *traditional.Config) {
			c.PingInterval, c.PingsMissed, c.Order = 50*time.Millisecond, 3, traditional.OrderTotal
		})
		g.send(2)
		g.send(3)
		g.world.Sleep(4, 0.3, 100*time.Millisecond)
		g.world.At(protocol.Time(time.Second), func() { g.world.Crash(1) })
		g.run(3 * time.Second)
		return g.world.Hash()
	}
	if a, b := hash(false), hash(true); a != b {
		t.Errorf("trace %x by reference and %x by wire", a, b)
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*traditional.Config){
		"Self":          func(c *traditional.Config) { c.Self = 9 },
		"Order":         func(c *traditional.Config) { c.Order = 2 },
		"Window":        func(c *traditional.Config) { c.Window = -1 },
		"Buffer":        func(c *traditional.Config) { c.Buffer = 0 },
		"RetryInterval": func(c *traditional.Config) { c.RetryInterval = 0 },
	} {
		c := traditional.DefaultConfig()
		c.Self, c.Members = 1, []protocol.NodeID{1, 2}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := traditional.New(c); err == nil {
			t.Errorf("%s is out of range, and no error says so", name)
		}
	}
	if _, err := traditional.ParseOrder("causal"); err == nil {
		t.Error("an unknown order was read")
	}
}
