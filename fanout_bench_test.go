//go:build unix

package spinglass_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"spinglass"
	"spinglass/internal/memoryfleet"
)

// fanoutAheadBytes is how far the publishers of a benchmark may be ahead of the slowest receiver, all topics together.
const fanoutAheadBytes = 1 << 20

// BenchmarkFanout publishes to members on the loopback interface as fast as the slowest takes it, open, and sealed and signed. An operation is one message
// at all receivers.
func BenchmarkFanout(b *testing.B) {
	for _, secure := range []bool{false, true} {
		for _, members := range []int{8, 32} {
			for _, size := range []int{100, 1024, 7168} {
				b.Run(fmt.Sprintf("secure=%v/members=%d/size=%d", secure, members, size), func(b *testing.B) { fanout(b, startFleet(b, members, secure), size, 1) })
			}
		}
	}
}

// BenchmarkTopics is the same with one and with four topics, each with a publisher of its own, on one node and one other member that receives
// them; run it with -cpu 1,2 to see what more processors bring.
func BenchmarkTopics(b *testing.B) {
	for _, topics := range []int{1, 4} {
		b.Run(fmt.Sprintf("topics=%d", topics), func(b *testing.B) { fanout(b, startFleet(b, 2, false), 1024, topics) })
	}
}

func fanout(b *testing.B, nodes []*spinglass.Node, size, topics int) {
	members := len(nodes)
	var receiving sync.WaitGroup
	ctx, cancel := context.WithCancel(b.Context())
	defer receiving.Wait()
	defer cancel()
	var counts []*progress
	var names []string
	for t := range topics {
		name := fmt.Sprintf("topic-%d", t)
		names = append(names, name)
		if err := nodes[0].ConfigureTopic(ctx, name, spinglass.Rate(0)); err != nil {
			b.Fatal(err)
		}
		count := &progress{got: make([]paddedCount, members-1), limit: uint64(max(fanoutAheadBytes/topics/size, 16))}
		counts = append(counts, count)
		for i, node := range nodes[1:] {
			subscription, err := node.Subscribe(ctx, name)
			if err != nil {
				b.Fatal(err)
			}
			receiving.Go(func() { count.receive(ctx, subscription, i) })
		}
	}
	for t, name := range names {
		counts[t].settle(b, nodes[0], name)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := processTime(b)
	b.SetBytes(int64(size))
	b.ResetTimer()
	var publishing sync.WaitGroup
	for t, name := range names {
		publishing.Go(func() { counts[t].publish(b, nodes[0], name, size, b.N/topics+1) })
	}
	publishing.Wait()
	b.StopTimer()
	used = processTime(b) - used
	runtime.ReadMemStats(&after)
	deliveries := float64(b.N) * float64(members-1)
	b.ReportMetric(deliveries/b.Elapsed().Seconds()/float64(members-1), "messages/s")
	b.ReportMetric(float64(used.Nanoseconds())/deliveries, "cpu-ns/delivery")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/deliveries, "allocs/delivery")
	for _, count := range counts {
		if lost := count.lost.Load(); lost > 0 {
			b.ReportMetric(float64(lost), "lost")
		}
	}
}

func startFleet(b *testing.B, members int, secure bool) []*spinglass.Node {
	var nodes []*spinglass.Node
	authority, err := memoryfleet.New()
	if err != nil {
		b.Fatal(err)
	}
	for i := range members {
		config := spinglass.Config{Name: fmt.Sprintf("/local/m%03d", i), Listen: "127.0.0.1:0", First: i == 0}
		if i > 0 {
			config.Join = []string{nodes[0].Addr()}
		}
		if secure {
			if config.Identity, err = authority.Identity(config.Name); err != nil {
				b.Fatal(err)
			}
		}
		node, err := spinglass.Start(b.Context(), config)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = node.Close() })
		nodes = append(nodes, node)
	}
	for _, node := range nodes {
		for {
			peers, err := node.Peers(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			if len(peers) == members {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nodes
}

// processTime returns what the process has used so far. Unlike messages per second it depends little on what else the machine does.
func processTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// progress keeps a publisher within a bounded number of messages of its slowest receiver.
type progress struct {
	limit uint64
	sent  uint64
	got   []paddedCount
	lost  atomic.Uint64
}

// paddedCount has a cache line of its own.
type paddedCount struct {
	atomic.Uint64
	_ [56]byte
}

func (p *progress) receive(ctx context.Context, s *spinglass.Subscription, i int) {
	batch := max(1, p.limit/64)
	count := uint64(0)
	for _, err := range s.Messages(ctx) {
		if gap, ok := err.(*spinglass.Gap); ok {
			p.lost.Add(gap.Count)
			count += gap.Count
		} else if err != nil {
			return
		} else if count++; count%batch != 0 && count > 64 {
			continue
		}
		p.got[i].Store(count)
	}
}

func (p *progress) slowest() uint64 {
	least := p.got[0].Load()
	for i := range p.got {
		least = min(least, p.got[i].Load())
	}
	return least
}

// settle publishes one by one until all receivers get what is sent.
func (p *progress) settle(b *testing.B, n *spinglass.Node, topic string) {
	for deadline := time.Now().Add(10 * time.Second); ; {
		if err := n.Publish(b.Context(), topic, make([]byte, 16)); err != nil {
			b.Fatal(err)
		}
		p.sent++
		time.Sleep(20 * time.Millisecond)
		if p.sent >= 5 && p.slowest() >= p.sent {
			return
		}
		if time.Now().After(deadline) {
			b.Fatal("receivers do not get what is published")
		}
	}
}

func (p *progress) publish(b *testing.B, n *spinglass.Node, topic string, size, count int) {
	payload := make([]byte, size)
	end := p.sent + uint64(count)
	for slowest := uint64(0); p.sent < end; p.sent++ {
		for spin := 0; p.sent-slowest >= p.limit; spin++ {
			if slowest = p.slowest(); p.sent-slowest < p.limit {
				break
			}
			time.Sleep(20 * time.Microsecond)
		}
		if err := n.Publish(b.Context(), topic, payload); err != nil {
			b.Error(err)
			return
		}
	}
	for batch := max(1, p.limit/64); p.slowest()+batch <= end; {
		time.Sleep(20 * time.Microsecond)
	}
}
