package vsync_test

import (
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// Members join, cast, one leaves, one crashes and comes back: all end in one view with equal states.
func TestGroup(t *testing.T) {
	allOrders(t, func(t *testing.T, o vsync.Options) {
		w := sim.New(sim.Config{Seed: 1, Network: lan(0.02), Cost: sim.CommodityCost()})
		f := newFleet(w, o, func(c *vsync.Config) { c.StallTicks = 10 }, 0, 0, 0, protocol.Time(2*time.Second), protocol.Time(4*time.Second))
		until := protocol.Time(20 * time.Second)
		for _, id := range f.hosts {
			f.castEvery(id, 50*time.Millisecond, until)
		}
		f.until(t, 10*time.Second, func() error {
			w.Run(max(w.Now(), protocol.Time(5*time.Second)))
			for _, id := range f.hosts {
				if a := f.apps[id]; a.view == nil || len(a.view.Members) != 5 || !a.ready {
					return errNotYet
				}
			}
			return nil
		})
		f.command(2, func(now protocol.Time, n *node, out *protocol.Output) {
			if err := n.Groups.Leave(now, name, out); err != nil {
				t.Error(err)
			}
		})
		w.Run(w.Now().Add(time.Second))
		if a := f.apps[1]; len(a.view.Members) != 4 || f.apps[2].view != nil {
			t.Errorf("after a leave: %v; %v", a.view, f.apps[2].view)
		}
		w.Crash(1)
		w.At(w.Now().Add(time.Second), func() { w.Restart(1, true) })
		w.Run(w.Now().Add(4 * time.Second))
		f.until(t, 10*time.Second, func() error { return f.apps[3].sees(4) })
		w.Run(until)
		f.until(t, 10*time.Second, func() error { return f.converged(1, 3, 4, 5) })
		if n := len(f.apps[3].log); n < 1000 {
			t.Errorf("%d casts were delivered: nothing was tested", n)
		}
		t.Logf("%d casts, %d delivered; %+v", len(f.casts), len(f.apps[3].log), f.apps[3].node.Groups.Stats())
	})
}
