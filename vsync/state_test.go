package vsync_test

import (
	"errors"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// taker is an application that takes in a state slowly.
type taker struct {
	number, offset, taken uint64 // of the state that comes: what was handed over, and what is taken
	most                  uint64 // that waited at a time
	pieces                int
}

// slowly has a host take so many bytes of a state every 20 ms.
func (f *fleet) slowly(id protocol.NodeID, bytes uint64, until protocol.Time) *taker {
	k := &taker{}
	f.watch = append(f.watch, func(_ protocol.Time, a *app, e protocol.Event) {
		if e, ok := e.(*vsync.State); ok && a.host == id {
			if e.Number != k.number {
				k.number, k.taken = e.Number, 0
			}
			k.offset = e.Offset + uint64(len(e.Data))
			k.most = max(k.most, k.offset-k.taken)
			k.pieces++
		}
	})
	var take func()
	take = func() {
		if k.taken < k.offset {
			k.taken = min(k.offset, k.taken+bytes)
			f.command(id, func(now protocol.Time, n *node, out *protocol.Output) {
				_ = n.Groups.StateTaken(now, name, k.number, k.taken, out)
			})
		}
		if next := f.world.Now().Add(20 * time.Millisecond); next < until {
			f.world.At(next, take)
		}
	}
	f.world.At(f.world.Now(), take)
	return k
}

// "A donor whose state goes faster than the joiner reads": what the application has not taken in is bounded by the window, the rest waits at the donor, and all of it comes; while the group goes on. Without a window all of it waits here.
func TestStatesWaitForTheirReader(t *testing.T) {
	for _, window := range []int{0, 4 << 10} {
		w := sim.New(sim.Config{Seed: 7, Network: lan(0), Cost: sim.CommodityCost()})
		o := vsync.DefaultOptions()
		o.StateWindow = window
		late := protocol.Time(60 * time.Second)
		f := newFleet(w, o, nil, 0, 0, late)
		c := f.check()
		for id := range protocol.NodeID(2) {
			f.castEvery(id+1, 3*time.Millisecond, late)
			f.castEvery(id+1, 50*time.Millisecond, late.Add(20*time.Second))
		}
		w.Run(late)
		k := f.slowly(3, 1<<10, late.Add(40*time.Second))
		f.until(t, 30*time.Second, func() error { return f.apps[3].sees(3) })
		w.Run(late.Add(25 * time.Second))
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		if err := c.finish(); err != nil {
			t.Error(err)
		}
		s := f.apps[3].node.Groups.Stats()
		bounded := k.most <= uint64(window)
		if k.offset < 100<<10 || bounded != (window > 0) || (s.StatesHeld > 0) != (window > 0) || s.StatesRestarted > 0 {
			t.Errorf("window %d: of %d bytes %d waited at a time, in %d pieces; held %d times, begun again %d times", window, k.offset, k.most, k.pieces, s.StatesHeld, s.StatesRestarted)
		}
	}
}

// What is said to be taken of a state that is over, or was not handed over, is of no account.
func TestWhatIsTakenIsChecked(t *testing.T) {
	w := sim.New(sim.Config{Seed: 7, Network: lan(0), Cost: sim.CommodityCost()})
	o := vsync.DefaultOptions()
	o.StateWindow = vsync.StateWindowMin
	late := protocol.Time(20 * time.Second)
	f := newFleet(w, o, nil, 0, late)
	f.castEvery(1, 5*time.Millisecond, late)
	w.Run(late.Add(5 * time.Second))
	if f.apps[2].view == nil || f.apps[2].ready {
		t.Fatal("the state is here, though nobody takes it in")
	}
	f.command(2, func(now protocol.Time, n *node, out *protocol.Output) {
		for _, c := range []struct {
			group          string
			number, offset uint64
			want           error
		}{{"none", 1, 1, vsync.ErrUnknown}, {name, 1, 1 << 30, vsync.ErrOffset}, {name, 9, 1 << 30, nil}} {
			if err := n.Groups.StateTaken(now, c.group, c.number, c.offset, out); !errors.Is(err, c.want) {
				t.Errorf("%+v: %v", c, err)
			}
		}
	})
	w.Run(w.Now().Add(time.Second))
	f.slowly(2, 1<<10, w.Now().Add(time.Minute))
	f.command(2, func(now protocol.Time, n *node, out *protocol.Output) {
		_ = n.Groups.StateTaken(now, name, 1, vsync.StateWindowMin, out)
	})
	f.until(t, 30*time.Second, func() error { return f.apps[2].sees(2) })
}
