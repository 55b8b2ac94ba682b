package sim

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"spinglass/protocol"
)

// pinger sends a ping to its successor every period; nobody answers.
type pinger struct {
	next protocol.Time
	to   protocol.NodeID
	ping toyMessage
}

func (p *pinger) Start(now protocol.Time, _ *protocol.Output) {
	p.next = now.Add(time.Duration(mix(uint64(p.to)) % uint64(time.Second)))
}
func (p *pinger) Receive(protocol.Time, protocol.NodeID, protocol.Message, *protocol.Output) {}
func (p *pinger) Notify(protocol.Time, protocol.Event, *protocol.Output)                     {}
func (p *pinger) Timeout(now protocol.Time, out *protocol.Output) {
	p.next = now.Add(time.Second)
	out.Send(p.to, &p.ping)
}
func (p *pinger) Deadline() protocol.Time { return p.next }

func pingWorld(n int) *World {
	link := &Link{Latency: Exponential{Min: time.Millisecond, Mean: 20 * time.Millisecond}}
	w := New(Config{Network: Network{Topology: Flat{link}}, Cost: CommodityCost()})
	for i := range n {
		w.Add(HostConfig{ID: protocol.NodeID(i + 1), Build: func(b Boot) protocol.Machine {
			return &pinger{to: protocol.NodeID((i+7919)%n + 1)}
		}})
	}
	return w
}

// BenchmarkEvents reports inputs of machines per second of real time, and the memory of a host.
func BenchmarkEvents(b *testing.B) {
	for _, n := range []int{1e3, 1e5, 1e6} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			w := pingWorld(n)
			w.Run(seconds(1.5))
			runtime.GC()
			runtime.ReadMemStats(&after)
			inputs := w.Stats().Inputs
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				w.Step(protocol.Never)
			}
			b.ReportMetric(float64(w.Stats().Inputs-inputs)/b.Elapsed().Seconds(), "inputs/s")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/host")
		})
	}
}
