package throughput

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"spinglass/sim"
)

// CostDefault names the published set.
const CostDefault = "gigabit"

// Inbox is what the receive buffer of a socket holds by default on Linux (net.core.rmem_default is 212 992, in which the kernel counts its own overhead): 25 datagrams of 7 kB,
// counted on loopback.
const Inbox = 170 << 10

// lineKilobyte is how long 1024 bytes take on a line of 1 Gbit/s.
const lineKilobyte = 1024 * 8 * time.Nanosecond

// Costs are the sets of costs that a run may have. All begin with sim.CommodityCost, 5 us for each datagram received or sent and 0.3 us for each 1024 bytes, which were measured with
// one system call for each datagram (docs/BENCHMARKS.md), and an inbox of Inbox bytes.
//
//   - gigabit: sending takes as long besides as the bytes take on a line of 1 Gbit/s, since a sender waits for its socket once the little that this holds is full;
//   - processor: no line, so that processors are the limit;
//   - fast-ethernet: a line of 100 Mbit/s, as when the figure was published;
//   - slow: a line of 1 Gbit/s and processors that take five times as long.
var costs = map[string]func() sim.Cost{
	"gigabit":       func() sim.Cost { return lined(sim.CommodityCost(), lineKilobyte) },
	"processor":     func() sim.Cost { return lined(sim.CommodityCost(), 0) },
	"fast-ethernet": func() sim.Cost { return lined(sim.CommodityCost(), 10*lineKilobyte) },
	"slow": func() sim.Cost {
		c := sim.CommodityCost()
		c.ReceivePacket, c.SendPacket, c.ReceiveKilobyte, c.SendKilobyte, c.Input = 5*c.ReceivePacket, 5*c.SendPacket, 5*c.ReceiveKilobyte, 5*c.SendKilobyte, 5*c.Input
		return lined(c, lineKilobyte)
	},
}

func lined(c sim.Cost, kilobyte time.Duration) sim.Cost {
	c.SendKilobyte += kilobyte
	c.InboxBytes = Inbox
	return c
}

// Costs returns the names of the sets.
func Costs() []string { return slices.Sorted(maps.Keys(costs)) }

// CostNamed returns a set.
func CostNamed(name string) (sim.Cost, error) {
	if c, ok := costs[name]; ok {
		return c(), nil
	}
	return sim.Cost{}, fmt.Errorf("%q is none of %s", name, strings.Join(Costs(), ", "))
}
