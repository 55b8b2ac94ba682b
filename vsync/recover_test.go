package vsync_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// recovery is what a test sees of recoveries.
type recovery struct {
	ended map[protocol.NodeID][]vsync.RecoveryOutcome
}

func (f *fleet) recoveries() *recovery {
	r := &recovery{map[protocol.NodeID][]vsync.RecoveryOutcome{}}
	f.watch = append(f.watch, func(_ protocol.Time, a *app, e protocol.Event) {
		if e, ok := e.(vsync.RecoveryEnded); ok {
			r.ended[a.host] = append(r.ended[a.host], e.Outcome)
		}
	})
	return r
}

// recover has a host recover the group, and lets it begin.
func (f *fleet) recover(id protocol.NodeID) (err error) {
	err = errors.New("it is down")
	f.command(id, func(now protocol.Time, n *node, out *protocol.Output) { err = n.Groups.Recover(now, name, out) })
	f.world.Run(f.world.Now().Add(time.Millisecond))
	return err
}

// outside waits until hosts have found that no majority can be reached.
func (f *fleet) outside(t *testing.T, ids ...protocol.NodeID) {
	t.Helper()
	f.until(t, 30*time.Second, func() error {
		for _, id := range ids {
			if !f.apps[id].outside {
				return errNotYet
			}
		}
		return nil
	})
}

// A group of which a majority is gone for good goes on when a person says so at any of those that are left: with all that was settled, in a view of a later id; and who was gone and comes back joins afresh.
func TestRecovery(t *testing.T) {
	allOrders(t, func(t *testing.T, o vsync.Options) {
		for _, leader := range []protocol.NodeID{2, 5} {
			w := sim.New(sim.Config{Seed: 3, Network: lan(0.02), Cost: sim.CommodityCost()})
			f := newFleet(w, o, func(c *vsync.Config) { c.StallTicks = 10 }, 0, 0, 0, 0, 0)
			c, r := f.check(), f.recoveries()
			f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
			f.detect(protocol.Time(5 * time.Minute))
			for range 20 {
				f.cast(4)
			}
			w.Run(w.Now().Add(10 * time.Millisecond))
			mine := f.last
			f.until(t, 10*time.Second, func() error { return f.converged(f.hosts...) })
			before := f.apps[2].view.ID
			for _, id := range []protocol.NodeID{1, 3, 4} {
				w.Crash(id)
			}
			if err := f.recover(leader); !errors.Is(err, vsync.ErrMajority) {
				t.Errorf("a group that is not outside is recovered: %v", err)
			}
			f.outside(t, 2, 5)
			w.Run(w.Now().Add(20 * time.Second))
			if f.apps[2].view.ID != before {
				t.Fatal("the group has gone on by itself")
			}
			if err := f.recover(leader); err != nil {
				t.Fatal(err)
			}
			if err := f.recover(leader); !errors.Is(err, vsync.ErrRecovering) {
				t.Error(err)
			}
			f.until(t, 10*time.Second, func() error { return f.converged(2, 5) })
			after := f.apps[2].view.ID
			if !before.Less(after) || after.Recoveries() != 1 || !slices.Contains(f.apps[2].log, mine) || !slices.Equal(r.ended[leader], []vsync.RecoveryOutcome{vsync.RecoveryDone}) {
				t.Errorf("from view %v to %v; it has what was settled: %v; %v", before, after, slices.Contains(f.apps[2].log, mine), r.ended)
			}
			f.cast(2)
			for _, id := range []protocol.NodeID{1, 3, 4} {
				w.Restart(id, true)
			}
			f.until(t, 30*time.Second, func() error { return f.converged(f.hosts...) })
			if err := c.finish(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A recovery of those that were cut off from a majority that is alive makes a view of its own id. When both meet, the majority gives up what it did, and joins the recovered group: no id is of two views, and the later one stays.
func TestRecoveryBesideAMajority(t *testing.T) {
	for seed := range uint64(6) {
		w := sim.New(sim.Config{Seed: seed, Network: lan(0.01), Cost: sim.CommodityCost()})
		f := newFleet(w, vsync.DefaultOptions(), func(c *vsync.Config) { c.StallTicks = 10 }, 0, 0, 0, 0, 0)
		c := f.check()
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		for _, id := range f.hosts {
			f.castEvery(id, 100*time.Millisecond, w.Now().Add(60*time.Second))
		}
		cut := w.Isolate(4, 5)
		f.outside(t, 4, 5)
		if err := f.recover(4 + protocol.NodeID(seed%2)); err != nil {
			t.Fatal(err)
		}
		f.until(t, 10*time.Second, func() error { return errors.Join(f.apps[4].sees(2), f.apps[5].sees(2)) })
		if err := f.apps[1].sees(3); err != nil {
			t.Fatal(err)
		}
		one, other := f.apps[1].view.ID, f.apps[4].view.ID
		if one == other || !one.Less(other) || one.Epoch != other.Epoch {
			t.Fatalf("the majority is in view %v, who was recovered in %v", one, other)
		}
		w.Run(w.Now().Add(5 * time.Second))
		cut.Heal()
		f.until(t, 30*time.Second, func() error { return f.apps[1].sees(5) })
		w.Run(w.Now().Add(40 * time.Second))
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		if id := f.apps[1].view.ID; id.Less(other) || f.apps[4].ejected[vsync.EjectView]+f.apps[5].ejected[vsync.EjectView] > 0 || f.apps[1].ejected[vsync.EjectView] != 1 {
			t.Errorf("all are in view %v, after %v and %v; ejections %v %v", id, one, other, f.apps[1].ejected, f.apps[4].ejected)
		}
		if err := c.finish(); err != nil {
			t.Error(err)
		}
	}
}

// Two persons who recover a group apart from each other make two groups, of two ids, and one when they meet.
func TestRecoveriesApart(t *testing.T) {
	w := sim.New(sim.Config{Seed: 8, Network: lan(0.01), Cost: sim.CommodityCost()})
	f := newFleet(w, vsync.DefaultOptions(), func(c *vsync.Config) { c.StallTicks = 10 }, 0, 0, 0, 0, 0, 0)
	c := f.check()
	f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
	for _, id := range f.hosts {
		f.castEvery(id, 100*time.Millisecond, w.Now().Add(90*time.Second))
	}
	a, b := w.Isolate(1, 2), w.Isolate(3, 4)
	f.outside(t, f.hosts...)
	for _, id := range []protocol.NodeID{2, 3, 5} {
		if err := f.recover(id); err != nil {
			t.Fatal(err)
		}
	}
	f.until(t, 10*time.Second, func() error { return errors.Join(f.apps[1].sees(2), f.apps[3].sees(2), f.apps[5].sees(2)) })
	ids := map[vsync.ViewID]bool{f.apps[1].view.ID: true, f.apps[3].view.ID: true, f.apps[6].view.ID: true}
	if len(ids) != 3 {
		t.Errorf("two groups are in one view: %v", ids)
	}
	a.Heal()
	b.Heal()
	f.until(t, 30*time.Second, func() error { return f.apps[1].sees(6) })
	w.Run(w.Now().Add(60 * time.Second))
	f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
	if err := c.finish(); err != nil {
		t.Error(err)
	}
}

// Two persons at two members that reach each other make one group.
func TestRecoveriesAtOnce(t *testing.T) {
	for seed := range uint64(8) {
		w := sim.New(sim.Config{Seed: seed, Network: lan(0.01), Cost: sim.CommodityCost()})
		f := newFleet(w, vsync.DefaultOptions(), func(c *vsync.Config) { c.StallTicks = 10 }, 0, 0, 0, 0, 0, 0)
		r := f.recoveries()
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		for _, id := range []protocol.NodeID{1, 2, 6} {
			w.Crash(id)
		}
		f.cast(4)
		f.outside(t, 3, 4, 5)
		for _, id := range []protocol.NodeID{4, 3, 5} {
			if err := f.recover(id); err != nil {
				t.Fatal(err)
			}
			w.Run(w.Now().Add(time.Duration(seed*7) * time.Millisecond))
		}
		f.until(t, 30*time.Second, func() error { return f.converged(3, 4, 5) })
		if len(r.ended) != 3 || f.apps[3].view.ID.Recoveries() != 1 {
			t.Errorf("view %v, outcomes %v", f.apps[3].view.ID, r.ended)
		}
	}
}

// A member that is not outside refuses: it may be that a majority can be reached. And where one can, the group goes on by that.
func TestRecoveryIsRefused(t *testing.T) {
	w := sim.New(sim.Config{Seed: 5, Network: lan(0), Cost: sim.CommodityCost()})
	f := newFleet(w, vsync.DefaultOptions(), func(c *vsync.Config) { c.StallTicks = 10 }, 0, 0, 0, 0, 0)
	r := f.recoveries()
	f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
	f.castEvery(2, 100*time.Millisecond, w.Now().Add(time.Minute))
	cut := w.Isolate(2)
	f.outside(t, 2)
	before := f.apps[1].view.ID
	cut.Heal()
	if err := f.recover(2); err != nil {
		t.Fatal(err)
	}
	f.until(t, 20*time.Second, func() error {
		if len(r.ended[2]) == 0 {
			return errNotYet
		}
		return nil
	})
	w.Run(w.Now().Add(time.Minute))
	f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
	if id := f.apps[1].view.ID; r.ended[2][0] == vsync.RecoveryDone || id.Recoveries() != 0 {
		t.Errorf("recovered: %v, from view %v to %v", r.ended[2], before, id)
	}
	t.Log(r.ended, before, f.apps[1].view.ID)
}
