package stack_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
)

// BenchmarkSimulated runs whole shipping nodes in the simulator: events (inputs of hosts) per second of one core, and bytes of memory per node.
// Each node gossips membership and holds one topic, to which one node publishes 100 messages of 1000 bytes a second.
func BenchmarkSimulated(b *testing.B) {
	for _, size := range []int{32, 128, 512} {
		b.Run(fmt.Sprintf("nodes=%d", size), func(b *testing.B) { benchmarkSimulated(b, size) })
	}
}

func benchmarkSimulated(b *testing.B, size int) {
	before := heap()
	w := sim.New(sim.Config{Seed: 1, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(time.Millisecond), Loss: 0.01}}}})
	for i := 1; i <= size; i++ {
		w.Add(sim.HostConfig{ID: protocol.NodeID(i), Address: protocol.Address(fmt.Sprint("a", i)), Build: func(boot sim.Boot) protocol.Machine {
			config := nodeConfig(boot, 0, i == 1)
			config.Membership.ZoneLimit = 1024
			n, err := stack.New(config)
			if err != nil {
				panic(err)
			}
			return subscribed{n}
		}})
	}
	var publish func()
	publish = func() {
		w.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			if err := m.(subscribed).Publish(now, topic, make([]byte, 1000), out); err != nil {
				panic(err)
			}
		})
		w.At(w.Now().Add(10*time.Millisecond), publish)
	}
	w.At(protocol.Time(5*time.Second), publish)
	w.Run(protocol.Time(20 * time.Second)) // everybody knows everybody, and buffers have their steady size
	used := heap() - before
	inputs := w.Stats().Inputs
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		w.Run(w.Now().Add(100 * time.Millisecond))
	}
	b.ReportMetric(float64(used)/float64(size), "B/node")
	b.ReportMetric(float64(w.Stats().Inputs-inputs)/b.Elapsed().Seconds(), "events/s")
	runtime.KeepAlive(w)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSyntheticView shows that a node costs memory by its view and not by the fleet: nodes that gossip one topic, each with a
// view of 24 peers out of all, as the zone tree will hand them out.
func BenchmarkSyntheticView(b *testing.B) {
	const view = 24
	for _, size := range []int{1_000, 20_000} {
		b.Run(fmt.Sprintf("nodes=%d", size), func(b *testing.B) {
			before := heap()
			w := sim.New(sim.Config{Seed: 1, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(time.Millisecond)}}}})
			interest := []protocol.Attribute{{Name: bimodal.InterestAttribute, Value: bimodal.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(topic)})}}
			peers := make([]*protocol.Peer, size)
			for i := range peers {
				peers[i] = &protocol.Peer{ID: protocol.NodeID(i + 1), Epoch: 1, Attributes: interest}
			}
			for i := 1; i <= size; i++ {
				w.Add(sim.HostConfig{ID: protocol.NodeID(i), Build: func(boot sim.Boot) protocol.Machine {
					config := bimodal.DefaultConfig()
					config.Self, config.Epoch, config.Rand = boot.ID, 1, rand.New(rand.NewPCG(uint64(i), 1))
					m, err := bimodal.New(config)
					if err != nil {
						panic(err)
					}
					return viewer{m, peers, i, view}
				}})
			}
			w.At(0, func() {
				for i := range min(size, 100) {
					w.Command(protocol.NodeID(i*size/100+1), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
						if err := m.(viewer).Publish(now, topic, make([]byte, 100), out); err != nil {
							panic(err)
						}
					})
				}
			})
			w.Run(protocol.Time(time.Second))
			used := heap() - before
			inputs := w.Stats().Inputs
			b.ResetTimer()
			for b.Loop() {
				w.Run(w.Now().Add(10 * time.Millisecond))
			}
			b.ReportMetric(float64(used)/float64(size), "B/node")
			b.ReportMetric(float64(w.Stats().Inputs-inputs)/b.Elapsed().Seconds(), "events/s")
			runtime.KeepAlive(w)
		})
	}
}

// viewer is a multicast machine that knows the peers around it in a ring.
type viewer struct {
	*bimodal.Machine
	peers []*protocol.Peer
	own   int
	view  int
}

func (v viewer) Start(now protocol.Time, out *protocol.Output) {
	v.Machine.Start(now, out)
	if err := v.Subscribe(now, topic, out); err != nil {
		panic(err)
	}
	for d := 1; d <= v.view; d++ {
		v.Notify(now, protocol.PeerUp{Peer: v.peers[(v.own-1+d*d*d)%len(v.peers)]}, out)
	}
}
