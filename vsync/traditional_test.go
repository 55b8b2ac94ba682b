package vsync_test

import (
	"testing"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
)

// traditionalRate is rate of a group of the traditional protocol, with its own constants, in the same world. Its sender is eager: casts that come at a pace far below what the group can do wait while a member sleeps, and are made up for when it wakes,
// so that their mean rate says nothing.
func traditionalRate(t *testing.T, order traditional.Order, crowd int, sleeper protocol.NodeID) float64 {
	t.Helper()
	w := sleepyWorld()
	hosts := make([]protocol.NodeID, crowd)
	for i := range hosts {
		hosts[i] = protocol.NodeID(i + 1)
	}
	delivered := make([]int, crowd+1)
	payload := make([]byte, castSize)
	cast := func() {
		w.Command(3, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			for m.(*traditional.Machine).Send(now, payload, out) == nil { // until the window is full
			}
		})
	}
	w.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		switch e.(type) {
		case *traditional.Delivery:
			delivered[id]++
		case traditional.Writable:
			cast()
		}
	})
	for _, id := range hosts {
		w.Add(sim.HostConfig{ID: id, Build: func(b sim.Boot) protocol.Machine {
			c := traditional.DefaultConfig()
			c.Self, c.Members, c.Order = b.ID, hosts, order
			m, err := traditional.New(c)
			if err != nil {
				panic(err)
			}
			return m
		}})
	}
	cast()
	return leastRate(w, hosts, sleeper, func(id protocol.NodeID) int { return delivered[id] })
}
