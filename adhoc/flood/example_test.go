package flood_test

import (
	"fmt"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/flood"
	"spinglass/protocol"
	"spinglass/sim"
)

// Three nodes in a line: what the first one sends reaches the last one by way of the second.
func Example() {
	w := sim.New(sim.Config{Network: sim.Network{Radio: &sim.Radio{Mobility: sim.Fixed{{X: 0}, {X: 90}, {X: 180}}, Range: 100}}})
	w.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		if a, ok := e.(adhoc.MulticastArrival); ok {
			fmt.Printf("node %d: %s, %d hops\n", uint64(id), a.Payload, a.Hops)
		}
	})
	team := adhoc.GroupOf("team")
	for id := protocol.NodeID(1); id <= 3; id++ {
		w.Add(sim.HostConfig{ID: id, Build: func(b sim.Boot) protocol.Machine {
			return flood.New(flood.Config{Self: b.ID, Rand: b.Rand, Jitter: flood.JitterDefault, TTL: flood.TTLDefault})
		}})
		w.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			m.(*flood.Machine).Join(now, team, out)
		})
	}
	w.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(*flood.Machine).Multicast(now, team, []byte("up the hill"), out)
	})
	w.Run(protocol.Time(time.Second))
	// Output:
	// node 2: up the hill, 1 hops
	// node 3: up the hill, 2 hops
}
