package vsync_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// checkers are those of a trial.
type checkers struct {
	views   *viewAgreement
	same    *sameMessages
	sending *sendingView
	fifo    *fifoOrder
	causal  *causalOrder
	total   *totalOrder
	primary *onePrimary
	state   *stateAtCut
}

// check has a fleet watched. Checkers are asked after the application, except for those that look at what it was before.
func (f *fleet) check() *checkers {
	c := &checkers{newViewAgreement(), newSameMessages(), newSendingView(), newFIFOOrder(), newCausalOrder(), newTotalOrder(), newOnePrimary(), newStateAtCut()}
	f.watch = append(f.watch, c.views.watch, c.same.watch, c.sending.watch, c.fifo.watch, c.primary.watch, c.state.watch)
	switch f.options.Order {
	case vsync.OrderCausal:
		f.watch = append(f.watch, c.causal.watch)
	case vsync.OrderTotal:
		f.watch = append(f.watch, c.total.watch)
	}
	return c
}

func (c *checkers) finish() error {
	return errors.Join(c.views.Finish(), c.same.Finish(), c.sending.Finish(), c.fifo.Finish(), c.causal.Finish(), c.total.Finish(), c.primary.Finish(), c.state.Finish())
}

const (
	safety   = 60 * time.Second
	converge = 60 * time.Second
)

// figures add up what trials did, so that it shows when they test nothing.
type figures struct {
	trials, views, casts, pairs, states, lost, recovered, ejections, terms, outside, conflicts int
}

// trialOf makes a trial: at most ten hosts that start, cast, leave, join again, crash, pause and are cut off.
func trialOf(seed uint64, all **fleet, check **checkers) sim.Trial {
	r := sim.Draw(seed)
	size := 3 + r.IntN(8)
	faults := sim.DrawFaults(r, safety)
	faults.Longest = min(faults.Longest, 12*time.Second)
	if faults.Crash > 0 {
		faults.Crash, faults.DownMax = max(faults.Crash, 10*time.Second), max(1, size/4) // or few groups would keep a majority
	}
	options := vsync.DefaultOptions()
	options.Order = vsync.Order(seed % 3)
	starts := make([]protocol.Time, size)
	for i := range starts[1:] {
		if r.IntN(2) == 0 {
			starts[i+1] = protocol.Time(r.Int64N(int64(20 * time.Second)))
		}
	}
	interval := time.Duration(100+r.IntN(900)) * time.Millisecond
	stall := 8 + r.IntN(40)
	limit := time.Duration(300+r.IntN(1700)) * time.Millisecond
	leave := r.IntN(3) == 0
	network := sim.DrawNetwork(r)
	heavy := map[protocol.NodeID]uint64{}
	if seed%4 == 1 {
		for i := range size {
			heavy[protocol.NodeID(i+1)] = 1 + r.Uint64N(3)
		}
	}
	return sim.Trial{
		Config: sim.Config{Seed: seed, Network: network, Cost: sim.CommodityCost(), Decoder: func() protocol.Decoder { return new(decoder) }, Spurious: seed%16 == 0, Content: true},
		Faults: faults, Safety: safety, Converge: converge,
		Build: func(w *sim.World) {
			f := newFleet(w, options, func(c *vsync.Config) { c.StallTicks, c.FlushLimit = stall, limit }, starts...)
			f.heavy = heavy
			*all, *check = f, f.check()
			f.detect(protocol.Time(safety + converge))
			f.operate(protocol.Time(safety), protocol.Time(safety+converge))
			for _, id := range f.hosts {
				f.castEvery(id, interval, protocol.Time(safety+2*time.Second))
			}
			if leave {
				f.leaveAndJoin(protocol.NodeID(2), protocol.Time(20*time.Second))
				f.leaveAndJoin(protocol.NodeID(3), protocol.Time(40*time.Second))
			}
		},
		Converged: func(w *sim.World) error {
			if (*all).lost() {
				return (*all).stranded()
			}
			return (*all).converged((*all).hosts...)
		},
	}
}

// leaveAndJoin has a host leave, and join again two seconds after it is out.
func (f *fleet) leaveAndJoin(id protocol.NodeID, at protocol.Time) {
	f.world.At(at, func() {
		f.command(id, func(now protocol.Time, n *node, out *protocol.Output) { _ = n.Groups.Leave(now, name, out) })
		var again func()
		again = func() {
			f.command(id, func(now protocol.Time, n *node, out *protocol.Output) {
				if _, in := n.Groups.Group(name); !in {
					n.join(now, out)
				}
			})
			if f.world.Now() < protocol.Time(safety+10*time.Second) {
				f.world.At(f.world.Now().Add(2*time.Second), again)
			}
		}
		f.world.At(f.world.Now().Add(2*time.Second), again)
	})
}

// operate has a person look every two seconds whether the group is lost, and recover it at the first host that can.
func (f *fleet) operate(from, until protocol.Time) {
	var look func()
	look = func() {
		if id, _ := f.recoverable(); f.lost() && id != 0 {
			f.command(id, func(now protocol.Time, n *node, out *protocol.Output) { _ = n.Groups.Recover(now, name, out) })
		}
		if next := f.world.Now().Add(2 * time.Second); next < until {
			f.world.At(next, look)
		}
	}
	f.world.At(from, look)
}

// recoverable returns the first host that can recover the group, 0 for none; left says whether any has the state.
func (f *fleet) recoverable() (id protocol.NodeID, left bool) {
	for _, id := range f.hosts {
		if a := f.apps[id]; a != nil && f.world.Up(id) {
			s, _ := a.node.Groups.Group(name)
			left = left || s.View != nil && s.Ready
			if s.View != nil && s.Ready && s.Outside {
				return id, true
			}
		}
	}
	return 0, left
}

// stranded returns an error while a group that is lost can be recovered, or should have found that it can be.
func (f *fleet) stranded() error {
	if id, left := f.recoverable(); left {
		return fmt.Errorf("the group is lost, and a host has the state; %d can recover it\n%s", id, f.describe())
	}
	return nil
}

// lost reports whether the group cannot go on: of the latest view that anybody has installed no majority is left in it, or nobody that has the state.
func (f *fleet) lost() bool {
	var latest *vsync.View
	for _, id := range f.hosts {
		if v := f.apps[id].view; f.world.Up(id) && v != nil && (latest == nil || latest.ID.Less(v.ID)) {
			latest = v
		}
	}
	if latest == nil {
		return true
	}
	whole, left, state, first := uint64(0), uint64(0), false, false
	for i, m := range latest.Members {
		whole += m.Weight
		a := f.apps[m.ID]
		s, _ := a.node.Groups.Group(name)
		if f.world.Up(m.ID) && s.View != nil && s.Incarnation == m.Incarnation {
			left += m.Weight
			state = state || s.Ready
			first = first || i == 0
		}
	}
	return 2*left < whole || 2*left == whole && !first || !state
}

func (g *figures) add(f *fleet, c *checkers) {
	g.trials++
	g.views += len(c.views.views)
	g.casts += len(f.casts)
	g.pairs += c.same.pairs
	g.states += c.state.joined
	if f.lost() {
		g.lost++
	}
	for _, id := range f.hosts {
		s := f.apps[id].node.Groups.Stats()
		g.ejections += int(s.Ejections)
		g.terms += int(s.TermsTaken)
		g.outside += int(s.OutsideTimes)
		g.conflicts += int(s.OrderConflicts)
		g.recovered += int(s.Recoveries)
	}
}

// The promises of groups hold under crashes, restarts, pauses, partitions, loss, joins and leaves.
//
//	SPINGLASS_SEEDS=1000 go test ./vsync -run '^TestSwarm$' -v -timeout 60m
func TestSwarm(t *testing.T) {
	var total figures
	began := time.Now()
	sim.Swarm(t, 200, func(seed uint64) error {
		var f *fleet
		var c *checkers
		trial := trialOf(seed, &f, &c)
		_, err := trial.Run()
		if err := errors.Join(err, c.finish()); err != nil {
			return err
		}
		total.add(f, c)
		if seed%50 == 0 {
			if err := trial.Repeat(); err != nil {
				return fmt.Errorf("again: %w", err)
			}
		}
		return nil
	})
	t.Logf("%+v in %v", total, time.Since(began))
	if os.Getenv(sim.SeedVariable) == "" && !t.Failed() && (total.pairs < total.trials || total.states < total.trials || total.terms == 0 || total.recovered == 0 || total.ejections == 0 || 5*total.lost > total.trials) {
		t.Errorf("hardly anything was tested: %+v", total)
	}
}
