package vsync_test

import (
	"fmt"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// Three members of a simulated group; each casts once, and all deliver in the same order.
func Example() {
	w := sim.New(sim.Config{Seed: 1, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(time.Millisecond)}}}})
	f := newFleet(w, vsync.Options{Order: vsync.OrderTotal, Weight: 1}, nil, 0, 0, 0)
	members := 0
	orders := map[protocol.NodeID]string{}
	f.watch = append(f.watch, func(_ protocol.Time, a *app, e protocol.Event) {
		switch e := e.(type) {
		case *vsync.Installed:
			members = len(e.View.Members)
		case *vsync.Delivery:
			orders[a.host] += fmt.Sprint(e.Sender, " ")
		}
	})
	w.Run(protocol.Time(3 * time.Second))
	for _, id := range []protocol.NodeID{3, 1, 2} {
		f.cast(id)
	}
	w.Run(protocol.Time(4 * time.Second))
	fmt.Println(members, "members")
	fmt.Println(orders[1] == orders[2], orders[2] == orders[3], len(orders[1]) > 0)
	// Output:
	// 3 members
	// true true true
}
