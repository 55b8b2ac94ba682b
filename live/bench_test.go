//go:build unix

package live

import (
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/relay"
	"spinglass/seal"
	"spinglass/wire"
)

const (
	benchReceivers = 8
	benchBody      = 1200 - wire.HeaderSize - 3 // so that a datagram is 1200 bytes
)

// BenchmarkRawFanout is the limit: datagrams of 1200 bytes to eight sockets in sends of 54 segments, without any protocol. An
// operation is one datagram to all receivers.
func BenchmarkRawFanout(b *testing.B) {
	for _, mode := range []string{"gso", "plain"} {
		b.Run(mode, func(b *testing.B) { rawFanout(b, mode == "plain") })
	}
}

func rawFanout(b *testing.B, plain bool) {
	var received atomic.Uint64
	var readers sync.WaitGroup
	defer readers.Wait() // after the sockets are closed
	var targets []netip.AddrPort
	for range benchReceivers {
		conn := listenLoopback(b)
		targets = append(targets, conn.LocalAddr().(*net.UDPAddr).AddrPort())
		l := newLink(conn, plain, SocketBufferDefault)
		readers.Go(func() {
			buffer := make([]byte, slabSize)
			for {
				a, err := l.read(buffer)
				if err != nil {
					return
				}
				received.Add(uint64((&slabArrival{end: a.size, segment: a.segment}).datagrams()))
			}
		})
		defer conn.Close()
	}
	l := newLink(listenLoopback(b), plain, SocketBufferDefault)
	defer l.(*udpLink).conn.Close()
	const segment, segments = 1200, 54
	buffer := make([]byte, segment*segments)
	used := cpuTime(b)
	b.ResetTimer()
	for sent := 0; sent < b.N; sent += segments {
		for _, to := range targets {
			if !plain {
				if err := l.write(buffer, segment, to); err != nil {
					b.Fatal(err)
				}
				continue
			}
			for i := range segments {
				if err := l.write(buffer[i*segment:(i+1)*segment], 0, to); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	settle(&received)
	b.StopTimer()
	used = cpuTime(b) - used
	b.ReportMetric(float64(received.Load())/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64(received.Load())/float64(b.N*benchReceivers), "delivered")
	b.ReportMetric(float64(used.Nanoseconds())/float64(received.Load()), "cpu-ns/delivery")
}

func listenLoopback(b *testing.B) *net.UDPConn {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	return conn
}

// cpuTime returns what the process has used so far. Unlike deliveries per second it depends little on what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// settle waits until a counter stands still.
func settle(count *atomic.Uint64) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for last, still := uint64(0), 0; still < 5; {
		<-tick.C
		if now := count.Load(); now != last {
			last, still = now, 0
		} else {
			still++
		}
	}
}

// BenchmarkFanout is the same through nodes: a flooding machine spreads messages to eight others, of which each decodes and counts.
func BenchmarkFanout(b *testing.B) {
	for _, mode := range []string{"gso", "gso-sealed", "plain", "plain-sealed"} {
		b.Run(mode, func(b *testing.B) { fanout(b, strings.HasPrefix(mode, "plain"), strings.HasSuffix(mode, "sealed")) })
	}
}

func fanout(b *testing.B, plain, sealed bool) {
	var received atomic.Uint64
	issuer := newFleet(b, 1)
	change := func(id protocol.NodeID) func(c *Config) {
		return func(c *Config) {
			c.PlainDatagrams = plain
			if sealed {
				issuer.change(b, id, func(l *limits) { l.peerRate, l.peerBurst = 1e9, 1e9 })(c)
			}
		}
	}
	var receivers []*Node
	var targets []protocol.NodeID
	for i := range benchReceivers {
		id := protocol.NodeID(i + 2)
		receivers = append(receivers, run(b, id, &counter{total: &received}, change(id)))
		targets = append(targets, id)
	}
	size := benchBody
	if sealed {
		size -= seal.TagSize
	}
	flood := newFlood(targets, size)
	sender := run(b, 1, flood, change(1))
	introduce(b, sender, receivers...)
	if sealed {
		say(b, sender, targets, "first")
		eventually(b, "all sessions", func() bool { return sender.Stats().Sessions == benchReceivers })
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := cpuTime(b)
	b.ResetTimer()
	flood.flood(sender, b.N)
	<-flood.done
	settle(&received)
	b.StopTimer()
	used = cpuTime(b) - used
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(received.Load())/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64(received.Load())/float64(b.N*benchReceivers), "delivered")
	b.ReportMetric(float64(used.Nanoseconds())/float64(received.Load()), "cpu-ns/delivery")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N*benchReceivers), "allocs/delivery")
}

// counter counts what it receives.
type counter struct {
	toy
	total *atomic.Uint64
	own   uint64
}

func (c *counter) Receive(protocol.Time, protocol.NodeID, protocol.Message, *protocol.Output) {
	c.own++
	if c.own%64 == 0 {
		c.total.Add(64)
	}
}

// floodMachine spreads messages as fast as its driver takes them.
type floodMachine struct {
	toy
	targets []protocol.NodeID
	message *text
	left    int
	done    chan struct{}
}

const floodBatch = 54

func newFlood(targets []protocol.NodeID, size int) *floodMachine {
	return &floodMachine{targets: targets, message: &text{body: make([]byte, size)}, done: make(chan struct{})}
}

func (f *floodMachine) flood(n *Node, messages int) {
	_ = n.Do(func(protocol.Time, *protocol.Output) { f.left = messages })
}

func (f *floodMachine) Deadline() protocol.Time {
	if f.left > 0 {
		return 0
	}
	return protocol.Never
}

func (f *floodMachine) Timeout(_ protocol.Time, out *protocol.Output) {
	if f.left <= 0 {
		return
	}
	for range floodBatch {
		out.Spread(f.targets, f.message)
	}
	if f.left -= floodBatch; f.left <= 0 {
		close(f.done)
	}
}

// BenchmarkHandshake is what a session costs both ends together, connection and certificates included.
func BenchmarkHandshake(b *testing.B) {
	f := newFleet(b, 1)
	server := f.run(b, 2, &toy{}, func(l *limits) { l.addressRate, l.addressBurst = 1e9, 1e9 })
	client := f.run(b, 1, &toy{}, nil)
	route := addrPort(server.LocalAddr())
	used := cpuTime(b)
	for b.Loop() {
		l := client.links.dialLink(b.Context(), destination{id: 2}, route)
		if l.err != nil {
			b.Fatal(l.err)
		}
		client.links.table.free(l.session.index)
	}
	b.ReportMetric(float64((cpuTime(b)-used).Nanoseconds())/float64(b.N), "cpu-ns/handshake")
}

// BenchmarkSession reports what a session takes.
func BenchmarkSession(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newSession(make([]byte, seal.SecretSize), true, 1, 2); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkThroughAGateway sends datagrams of 1200 bytes from one node to another through a gateway, all in this process, as fast as they arrive.
func BenchmarkThroughAGateway(b *testing.B) {
	f := newFleet(b, 1)
	var received atomic.Uint64
	gateway := f.gateway(b, 1, &toy{}, func(c *Config) {
		l := relay.DefaultLimits
		l.Rate, l.Burst = 1<<40, 1<<30
		c.Security.relayLimits = &l
	})
	more := func(l *limits) { l.peerRate, l.peerBurst = 1e9, 1e9 }
	from := f.enclave(b, 2, &toy{}, []*Node{gateway}, f.change(b, 2, more))
	to := f.enclave(b, 3, &counter{total: &received}, []*Node{gateway}, f.change(b, 3, more))
	meet(b, gateway, from, to)
	for received.Load() == 0 {
		say(b, from, []protocol.NodeID{3}, "first")
	}
	first, message := received.Load(), &text{body: make([]byte, benchBody-seal.TagSize)}
	const underWay = 256
	used := cpuTime(b)
	b.ResetTimer()
	for sent := uint64(0); sent < uint64(b.N); sent += 64 {
		for sent > received.Load()-first+underWay {
			runtime.Gosched()
		}
		_ = from.Do(func(_ protocol.Time, out *protocol.Output) {
			for range 64 {
				out.Send(3, message)
			}
		})
	}
	b.StopTimer()
	got := float64(received.Load() - first)
	b.ReportMetric(got/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64((cpuTime(b)-used).Nanoseconds())/got, "cpu-ns/delivery")
}
