package stack_test

import (
	"fmt"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
)

// A member that subscribes to a topic with streams under way gets, or is told of, every message published from then on by those that hear it, on
// a network that loses a tenth of all packets: the streams begin for it at most where they stood when it subscribed.
func TestSubscribingLateMissesNothingInSilence(t *testing.T) {
	sim.Swarm(t, 20, func(seed uint64) error {
		w := sim.New(sim.Config{Seed: seed, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(2 * time.Millisecond), Loss: 0.1}}}})
		f := newFleet(w, 3, 20*time.Millisecond, protocol.Time(12*time.Second))
		const newcomer = protocol.NodeID(9)
		w.Add(sim.HostConfig{ID: newcomer, Address: "a9", Zone: "/lab", Build: func(b sim.Boot) protocol.Machine {
			n, err := stack.New(nodeConfig(b, 0, false))
			if err != nil {
				panic(err)
			}
			return n
		}})
		at := map[streamName]uint64{}
		first := map[streamName]uint64{}
		w.At(protocol.Time(8*time.Second), func() {
			w.Command(newcomer, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				if err := m.(*stack.Node).Subscribe(now, topic, out); err != nil {
					panic(err)
				}
			})
			for author := range protocol.NodeID(3) {
				stream := streamName{author + 1, 1}
				at[stream] = f.published[stream]
			}
		})
		begins := func(s *sim.Step, stream streamName, number uint64) {
			if _, known := first[stream]; s.Host == newcomer && !known {
				first[stream] = number
			}
		}
		w.Trace(func(s *sim.Step) {
			for i := range s.Effects {
				switch e := s.Effects[i].Event.(type) {
				case *bimodal.Delivery:
					begins(s, streamName{e.Author, e.Epoch}, e.First)
				case *bimodal.Gap:
					begins(s, streamName{e.Author, e.Epoch}, e.First)
				}
			}
		})
		w.Run(protocol.Time(16 * time.Second))
		for author := range protocol.NodeID(3) {
			stream := streamName{author + 1, 1}
			if first[stream] == 0 || first[stream] > at[stream]+1 {
				return fmt.Errorf("stream %v stood at %d and begins with %d", stream, at[stream], first[stream])
			}
		}
		return w.Finish()
	})
}
