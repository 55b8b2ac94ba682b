package sim_test

import (
	"fmt"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
)

// greeting is a message without content.
type greeting struct{}

func (greeting) Kind() protocol.Kind    { return 127 }
func (greeting) Size() int              { return 0 }
func (greeting) Append(b []byte) []byte { return b }
func (greeting) Lent() bool             { return false }

// heard is the event of a greeting that arrived.
type heard struct {
	protocol.EventMark
	from protocol.NodeID
}

// greeter greets whoever listens at an address when it starts.
type greeter struct{ address protocol.Address }

func (g greeter) Start(_ protocol.Time, out *protocol.Output) {
	if g.address != "" {
		out.SendAddress(g.address, greeting{})
	}
}
func (greeter) Receive(_ protocol.Time, from protocol.NodeID, _ protocol.Message, out *protocol.Output) {
	out.Emit(heard{from: from})
}
func (greeter) Notify(protocol.Time, protocol.Event, *protocol.Output) {}
func (greeter) Timeout(protocol.Time, *protocol.Output)                {}
func (greeter) Deadline() protocol.Time                                { return protocol.Never }

func Example() {
	link := &sim.Link{Latency: sim.Constant(20 * time.Millisecond)}
	w := sim.New(sim.Config{Seed: 1, Network: sim.Network{Topology: sim.Flat{Link: link}}})
	w.Add(sim.HostConfig{ID: 1, Address: "one", Build: func(sim.Boot) protocol.Machine { return greeter{} }})
	w.Add(sim.HostConfig{ID: 2, Address: "two", Build: func(sim.Boot) protocol.Machine { return greeter{address: "one"} }})
	w.Observe(func(now protocol.Time, id protocol.NodeID, e protocol.Event) {
		fmt.Printf("%v: host %v heard host %v\n", now, id, e.(heard).from)
	})
	w.At(protocol.Time(time.Second), func() { w.Restart(2, true) })
	w.Run(protocol.Time(time.Minute))
	// Output:
	// 20ms: host 0000000000000001 heard host 0000000000000002
	// 1.02s: host 0000000000000001 heard host 0000000000000002
}
