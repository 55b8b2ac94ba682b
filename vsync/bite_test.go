package vsync_test

import (
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// Each checker finds the bug that is planted for it, and finds nothing without.
func TestCheckersBite(t *testing.T) {
	for _, test := range []struct {
		name  string
		order vsync.Order
		plant func(f *fleet)
		found func(c *checkers) error
	}{
		{"none, fifo", vsync.OrderFIFO, func(*fleet) {}, nil},
		{"none, causal", vsync.OrderCausal, func(*fleet) {}, nil},
		{"none, total", vsync.OrderTotal, func(*fleet) {}, nil},
		{"a member that sees another view", vsync.OrderFIFO, plantView, func(c *checkers) error { return c.views.Finish() }},
		{"a member that loses a cast", vsync.OrderFIFO, func(f *fleet) { f.mutate = losing(2) }, func(c *checkers) error { return c.same.Finish() }},
		{"a member that delivers a cast in the next view", vsync.OrderFIFO, func(f *fleet) {
			f.mutate = holding(2, func(_ *vsync.Delivery, e protocol.Event) bool { _, ok := e.(*vsync.Installed); return ok })
		}, func(c *checkers) error { return c.sending.Finish() }},
		{"a member that swaps casts of one sender", vsync.OrderFIFO, func(f *fleet) {
			f.mutate = holding(2, func(held *vsync.Delivery, e protocol.Event) bool {
				d, ok := e.(*vsync.Delivery)
				return ok && d.Sender == held.Sender
			})
		}, func(c *checkers) error { return c.fifo.Finish() }},
		{"a member that delivers an answer first", vsync.OrderCausal, func(f *fleet) {
			others := 0
			f.mutate = holding(2, func(_ *vsync.Delivery, e protocol.Event) bool {
				if _, ok := e.(*vsync.Delivery); ok {
					others++
				}
				return others == 6
			})
		}, func(c *checkers) error { return c.causal.Finish() }},
		{"a member that swaps casts of two senders", vsync.OrderTotal, func(f *fleet) {
			f.mutate = holding(2, func(held *vsync.Delivery, e protocol.Event) bool {
				d, ok := e.(*vsync.Delivery)
				return ok && d.Sender != held.Sender
			})
		}, func(c *checkers) error { return c.total.Finish() }},
		{"members that go on while the view changes", vsync.OrderFIFO, func(f *fleet) { f.mutate = unblocked }, func(c *checkers) error { return c.primary.Finish() }},
		{"donors whose state lacks a cast", vsync.OrderTotal, func(f *fleet) {
			f.world.At(protocol.Time(3*time.Second), func() {
				for _, a := range f.apps {
					a.shorten = true
				}
			})
		}, func(c *checkers) error { return c.state.Finish() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := sim.New(sim.Config{Seed: 4, Network: lan(0.02), Cost: sim.CommodityCost()})
			o := vsync.DefaultOptions()
			o.Order = test.order
			f := newFleet(w, o, nil, 0, 0, 0, 0, protocol.Time(4*time.Second))
			c := f.check()
			test.plant(f)
			for _, id := range f.hosts {
				f.castEvery(id, 20*time.Millisecond, protocol.Time(15*time.Second))
			}
			f.leaveAndJoin(4, protocol.Time(6*time.Second))
			f.leaveAndJoin(3, protocol.Time(9*time.Second))
			w.Run(protocol.Time(16 * time.Second))
			if test.found == nil {
				if err := c.finish(); err != nil {
					t.Error(err)
				}
				return
			}
			if test.found(c) == nil {
				t.Error("the checker has found nothing")
			}
		})
	}
}

// plantView has host 2 take the last member of the second view that it sees for none.
func plantView(f *fleet) {
	f.mutate = func(host protocol.NodeID, effects []protocol.Effect) []protocol.Effect {
		for i := range effects {
			if v, ok := effects[i].Event.(*vsync.Installed); ok && host == 2 && len(v.View.Members) > 3 {
				changed, view := *v, *v.View
				view.Members = view.Members[:len(view.Members)-1]
				changed.View = &view
				effects[i].Event = &changed
			}
		}
		return effects
	}
}

// losing loses a cast at a host.
func losing(at protocol.NodeID) func(protocol.NodeID, []protocol.Effect) []protocol.Effect {
	count := 0
	return func(host protocol.NodeID, effects []protocol.Effect) []protocol.Effect {
		kept := effects[:0]
		for _, e := range effects {
			if _, ok := e.Event.(*vsync.Delivery); ok && host == at {
				if count++; count == 1300 {
					continue
				}
			}
			kept = append(kept, e)
		}
		return kept
	}
}

// holding holds a cast of another host back at a host, until behind another event.
func holding(at protocol.NodeID, until func(held *vsync.Delivery, e protocol.Event) bool) func(protocol.NodeID, []protocol.Effect) []protocol.Effect {
	count := 0
	var held *vsync.Delivery
	return func(host protocol.NodeID, effects []protocol.Effect) (changed []protocol.Effect) {
		if host != at {
			return effects
		}
		for _, e := range effects {
			if d, ok := e.Event.(*vsync.Delivery); ok && held == nil && d.Sender != at {
				if count++; count == 1300 {
					held = d
					continue
				}
			}
			changed = append(changed, e)
			if held != nil && e.Event != nil && until(held, e.Event) {
				changed = append(changed, protocol.Effect{Kind: protocol.EffectEmit, Event: held})
				held = nil
			}
		}
		return changed
	}
}

// unblocked does not tell that members are blocked.
func unblocked(_ protocol.NodeID, effects []protocol.Effect) []protocol.Effect {
	kept := effects[:0]
	for _, e := range effects {
		if _, ok := e.Event.(vsync.Blocked); !ok {
			kept = append(kept, e)
		}
	}
	return kept
}
