package vsync_test

import (
	"fmt"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// A group that was founded twice, on both sides of a cut, is one when the cut is healed: the younger one is given up, once.
func TestGroupsFoundedTwiceMerge(t *testing.T) {
	w := sim.New(sim.Config{Seed: 3, Network: lan(0.01), Cost: sim.CommodityCost()})
	o := vsync.DefaultOptions()
	f := newFleet(w, o, nil, 0, 0, 0, 0)
	f.founders = []protocol.NodeID{1, 3}
	cut := w.Isolate(3, 4)
	w.Run(protocol.Time(5 * time.Second))
	for _, id := range f.hosts {
		if err := f.apps[id].sees(2); err != nil {
			t.Fatal(err)
		}
	}
	if f.apps[1].view.ID.Epoch == f.apps[3].view.ID.Epoch {
		t.Fatal("both have one epoch")
	}
	for _, id := range f.hosts {
		f.castEvery(id, 100*time.Millisecond, protocol.Time(20*time.Second))
	}
	w.Run(protocol.Time(8 * time.Second))
	cut.Heal()
	w.Run(protocol.Time(20 * time.Second))
	f.until(t, 10*time.Second, func() error { return f.converged(f.hosts...) })
	merged := 0
	for _, id := range f.hosts {
		merged += f.apps[id].ejected[vsync.EjectMerged]
		if f.apps[id].ejected[vsync.EjectMerged] > 1 {
			t.Errorf("host %d was merged more than once", id)
		}
	}
	if merged != 2 {
		t.Errorf("%d members were merged, of two", merged)
	}
}

// Large casts are cut, lost pieces pulled, and states of many casts transferred.
func TestLargeCasts(t *testing.T) {
	w := sim.New(sim.Config{Seed: 5, Network: lan(0.1), Cost: sim.CommodityCost()})
	f := newFleet(w, vsync.DefaultOptions(), nil, 0, 0, 0)
	c := f.check()
	f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
	for _, id := range f.hosts {
		f.apps[id].size = 300_000
		for range 3 {
			f.cast(id)
		}
	}
	w.Run(w.Now().Add(10 * time.Millisecond))
	cut := w.Isolate(3)
	f.cast(1)
	w.Run(w.Now().Add(5 * time.Second)) // longer than the multicast keeps packets
	cut.Heal()
	f.until(t, 30*time.Second, func() error {
		for _, id := range f.hosts {
			if len(f.apps[id].log) != 10 {
				return fmt.Errorf("host %d has %d of 10 casts\n%s", id, len(f.apps[id].log), f.describe())
			}
		}
		return f.converged(f.hosts...)
	})
	if err := c.finish(); err != nil {
		t.Error(err)
	}
	pulled := uint64(0)
	for _, id := range f.hosts {
		pulled += f.apps[id].node.Groups.Stats().MessagesPulled
	}
	if pulled == 0 {
		t.Error("nothing was pulled: nothing was tested")
	}
}

// A group that cannot reach a majority says so, does not cast, and goes on when it can: neither side of a cut through the middle, until it is healed.
func TestNoMajority(t *testing.T) {
	allOrders(t, func(t *testing.T, o vsync.Options) {
		w := sim.New(sim.Config{Seed: 6, Network: lan(0.01), Cost: sim.CommodityCost()})
		f := newFleet(w, o, func(c *vsync.Config) { c.StallTicks = 8 }, 0, 0, 0, 0, 0)
		c := f.check()
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		for _, id := range f.hosts {
			f.castEvery(id, 50*time.Millisecond, protocol.Time(60*time.Second))
		}
		a, b := w.Isolate(1, 2), w.Isolate(5)
		w.Run(w.Now().Add(20 * time.Second))
		for _, id := range f.hosts {
			if a := f.apps[id]; !a.outside || len(a.view.Members) != 5 {
				t.Errorf("host %d is outside: %v, in view %v", id, a.outside, a.view)
			}
			f.command(id, func(now protocol.Time, n *node, out *protocol.Output) {
				if err := n.Groups.Cast(now, name, []byte("12345678"), out); err != vsync.ErrNotPrimary {
					t.Errorf("host %d: %v", id, err)
				}
			})
		}
		a.Heal()
		b.Heal()
		f.until(t, 20*time.Second, func() error { return f.apps[3].sees(5) })
		w.Run(protocol.Time(61 * time.Second))
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		if err := c.finish(); err != nil {
			t.Error(err)
		}
	})
}

// Two members that both cast, and are cut off from each other for a moment, go on as two: the one that does not order does not take over by itself.
func TestTwoMembersOutliveACut(t *testing.T) {
	for seed := range uint64(8) {
		w := sim.New(sim.Config{Seed: seed, Network: lan(0), Cost: sim.CommodityCost()})
		f := newFleet(w, vsync.DefaultOptions(), nil, 0, 0)
		c := f.check()
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		until := w.Now().Add(20 * time.Second)
		for _, id := range f.hosts {
			f.castEvery(id, 20*time.Millisecond, until)
		}
		w.Run(w.Now().Add(time.Second))
		cut := w.Isolate(2)
		w.Run(w.Now().Add(time.Duration(500+200*seed) * time.Millisecond))
		cut.Heal()
		w.Run(until)
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		if err := c.finish(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

// A member that decides alone, and knows of nothing, is told by those that are outside without it that they are blocked, also in a group in which nothing is cast.
func TestTheOutsideCallsTheMajority(t *testing.T) {
	for seed := range uint64(8) {
		w := sim.New(sim.Config{Seed: seed, Network: lan(0), Cost: sim.CommodityCost()})
		f := newFleet(w, vsync.DefaultOptions(), func(c *vsync.Config) { c.StallTicks = 8 }, 0, 0, 0)
		f.heavy = map[protocol.NodeID]uint64{1: 2}
		c := f.check()
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		w.Run(w.Now().Add(5 * time.Second)) // until nobody has anything to tell
		cut := w.Isolate(2, 3)
		f.cast(2)
		f.outside(t, 2, 3)
		if f.apps[1].blocked || len(f.apps[1].view.Members) != 3 {
			t.Fatalf("host 1 has noticed: %v", f.apps[1].view)
		}
		w.Run(w.Now().Add(time.Second))
		cut.Heal()
		f.until(t, 30*time.Second, func() error { return f.converged(f.hosts...) })
		if err := c.finish(); err != nil {
			t.Error(err)
		}
	}
}

// Joiners that die before they arrive do not keep the others from a majority.
func TestJoinersThatDieAreNoVoters(t *testing.T) {
	for seed := range uint64(8) {
		w := sim.New(sim.Config{Seed: seed, Network: lan(0), Cost: sim.CommodityCost()})
		later := protocol.Time(2 * time.Second)
		f := newFleet(w, vsync.DefaultOptions(), nil, 0, later, later)
		f.detect(protocol.Time(time.Minute))
		w.Run(later.Add(time.Duration(100+10*seed) * time.Millisecond))
		for _, id := range f.hosts[1:] {
			w.Crash(id)
		}
		w.Run(protocol.Time(8 * time.Second))
		for _, id := range f.hosts[1:] {
			w.Restart(id, true)
		}
		f.until(t, 30*time.Second, func() error { return f.converged(f.hosts...) })
	}
}

// A joiner that weighs more than all others, and dies before it arrives, does not keep them from a majority.
func TestHeavyJoinersThatDieAreNoVoters(t *testing.T) {
	died := 0
	for seed := range uint64(12) {
		w := sim.New(sim.Config{Seed: seed, Network: lan(0), Cost: sim.CommodityCost()})
		later := protocol.Time(2 * time.Second)
		f := newFleet(w, vsync.DefaultOptions(), nil, 0, later)
		f.heavy = map[protocol.NodeID]uint64{2: 7}
		f.detect(protocol.Time(time.Minute))
		for f.apps[1].view == nil || len(f.apps[1].view.Members) == 1 {
			w.Run(w.Now().Add(100 * time.Microsecond))
		}
		if f.apps[2].view == nil {
			died++
		}
		w.Crash(2)
		f.until(t, 20*time.Second, func() error { return f.apps[1].sees(1) })
		f.cast(1)
		f.until(t, time.Second, func() error { return f.converged(1) })
		w.Restart(2, true)
		f.until(t, 30*time.Second, func() error { return f.converged(f.hosts...) })
	}
	if died == 0 {
		t.Error("no joiner died before it arrived: nothing was tested")
	}
}

// A member that weighs more than all others joins, too, and weighs what it is to once it has arrived.
func TestHeavyMembersJoin(t *testing.T) {
	w := sim.New(sim.Config{Seed: 2, Network: lan(0), Cost: sim.CommodityCost()})
	f := newFleet(w, vsync.DefaultOptions(), nil, 0, protocol.Time(2*time.Second), protocol.Time(2*time.Second))
	f.heavy = map[protocol.NodeID]uint64{2: 7, 3: 5}
	f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
	if n := f.apps[1].node.Groups.Stats().ViewsInstalled; n > 6 {
		t.Errorf("%d views were installed for three members", n)
	}
}
