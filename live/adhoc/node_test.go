package adhoc

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/anonymous"
	"spinglass/adhoc/aodv"
	"spinglass/adhoc/maodv"
	"spinglass/protocol"
	"spinglass/wire"
)

// hub is a network in memory: each node has an address, and hears those that it is linked with.
type hub struct {
	mutex sync.Mutex
	ports map[netip.AddrPort]*port
	deaf  map[[2]netip.AddrPort]bool
	lose  func(data []byte) bool
}

type port struct {
	hub     *hub
	address netip.AddrPort
	arrived chan packet
	closed  chan struct{}
}

func newHub() *hub {
	return &hub{ports: map[netip.AddrPort]*port{}, deaf: map[[2]netip.AddrPort]bool{}, lose: func([]byte) bool { return false }}
}

func addressOf(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), PortDefault)
}

func (h *hub) port(i int) *port {
	p := &port{h, addressOf(i), make(chan packet, 1000), make(chan struct{})}
	h.ports[p.address] = p
	return p
}

// cut says whether two nodes do not hear each other.
func (h *hub) cut(a, b int, on bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.deaf[[2]netip.AddrPort{addressOf(a), addressOf(b)}] = on
	h.deaf[[2]netip.AddrPort{addressOf(b), addressOf(a)}] = on
}

func (p *port) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case got := <-p.arrived:
		return copy(b, got.data), got.from, nil
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (p *port) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	p.hub.mutex.Lock()
	defer p.hub.mutex.Unlock()
	for address, other := range p.hub.ports {
		if (to == address || !to.Addr().IsPrivate()) && !p.hub.deaf[[2]netip.AddrPort{p.address, address}] && !p.hub.lose(b) {
			other.arrived <- packet{slices.Clone(b), p.address}
		}
	}
	return len(b), nil
}

func (p *port) Close() error { close(p.closed); return nil }

// toy records what it is given.
type toy struct {
	received []string
	broken   []protocol.NodeID
	out      []protocol.Event
}

type text struct{ body string }

func (m *text) Kind() protocol.Kind    { return wire.KindFlood }
func (m *text) Size() int              { return len(m.body) }
func (m *text) Append(b []byte) []byte { return append(b, m.body...) }
func (m *text) Lent() bool             { return true }

type textDecoder struct{}

func (textDecoder) Decode(_ protocol.Kind, body []byte) (protocol.Message, error) {
	return &text{string(body)}, nil
}

func (y *toy) Start(protocol.Time, *protocol.Output) {}
func (y *toy) Receive(_ protocol.Time, from protocol.NodeID, m protocol.Message, _ *protocol.Output) {
	y.received = append(y.received, fmt.Sprint(uint64(from), m.(*text).body))
}
func (y *toy) Notify(_ protocol.Time, e protocol.Event, _ *protocol.Output) {
	if b, ok := e.(protocol.LinkBroken); ok {
		y.broken = append(y.broken, b.To)
	}
}
func (y *toy) Timeout(protocol.Time, *protocol.Output) {}
func (y *toy) Deadline() protocol.Time                 { return protocol.Never }

func startToy(t *testing.T, h *hub, i int) (*Node, *toy) {
	t.Helper()
	y := &toy{}
	n, err := Start(Config{Self: protocol.NodeID(i), Machine: y, Decoder: textDecoder{}, Event: func(e protocol.Event) { y.out = append(y.out, e) }, air: h.port(i)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n, y
}

func (n *Node) do(t *testing.T, f func(out *protocol.Output)) {
	t.Helper()
	if err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) { f(out) }); err != nil {
		t.Fatal(err)
	}
}

// received returns what the machine of a node has received, broken the links that it was told of.
func (n *Node) received(t *testing.T, y *toy) (received []string) {
	n.do(t, func(*protocol.Output) { received = slices.Clone(y.received) })
	return received
}

func (n *Node) broken(t *testing.T, y *toy) (broken []protocol.NodeID) {
	n.do(t, func(*protocol.Output) { broken = slices.Clone(y.broken) })
	return broken
}

func statsOf(t *testing.T, n *Node) Stats {
	t.Helper()
	s, err := n.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A broadcast is heard by whoever is within one hop; a unicast by the one that it is for, also when its address is not known yet.
func TestBroadcastAndUnicast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, _ := startToy(t, h, 1)
		bn, b := startToy(t, h, 2)
		c, _ := startToy(t, h, 3)
		dn, d := startToy(t, h, 4)
		h.cut(1, 4, true)
		a.do(t, func(out *protocol.Output) { out.Send(2, &text{"early"}); out.Broadcast(&text{"all"}) })
		time.Sleep(time.Second)
		a.do(t, func(out *protocol.Output) { out.Send(2, &text{"late"}) })
		time.Sleep(time.Second)
		if got := fmt.Sprint(bn.received(t, b)); got != "[1early 1all 1late]" {
			t.Errorf("2 has %s", got)
		}
		if got := dn.received(t, d); len(got) != 0 {
			t.Errorf("4 has %v", got)
		}
		if s := statsOf(t, c); s.UnicastsForeign != 1 {
			t.Errorf("%+v", s)
		}
		if s := statsOf(t, a); s.Unicasts != 2 || s.AcksReceived != 2 || s.UnicastsAgain != 0 || s.Underway != 0 || s.Neighbours != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A unicast is repeated until it is acknowledged, and arrives once; after Retries the machine is told.
func TestAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, y := startToy(t, h, 1)
		b, z := startToy(t, h, 2)
		acks := 0
		h.mutex.Lock()
		h.lose = func(data []byte) bool { // the first two acknowledgements
			if data[wire.HeaderSize] == byte(wire.KindHopAck) {
				acks++
				return acks <= 2
			}
			return false
		}
		h.mutex.Unlock()
		a.do(t, func(out *protocol.Output) { out.Send(2, &text{"x"}) })
		time.Sleep(time.Second)
		if len(b.received(t, z)) != 1 || statsOf(t, b).UnicastsTwice != 2 || statsOf(t, a).UnicastsAgain != 2 || len(a.broken(t, y)) != 0 {
			t.Errorf("received %v; %+v; %+v", b.received(t, z), statsOf(t, a), statsOf(t, b))
		}
		h.cut(1, 2, true)
		begin := time.Now()
		a.do(t, func(out *protocol.Output) { out.Send(2, &text{"y"}) })
		time.Sleep((Retries+1)*AckTimeout - time.Millisecond)
		synctest.Wait()
		if len(a.broken(t, y)) != 0 {
			t.Errorf("broken after %v", time.Since(begin))
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if s, broken := statsOf(t, a), a.broken(t, y); len(broken) != 1 || broken[0] != 2 || s.UnicastsBroken != 1 || s.UnicastsAgain != 2+Retries || s.Neighbours != 0 {
			t.Errorf("broken %v, %+v", broken, s)
		}
	})
}

// A call that the loop has taken returns once it is carried out, also if the node is ended meanwhile: what it writes is the caller's afterwards.
func TestCallWhileClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _ := startToy(t, newHub(), 1)
		release, returned, carriedOut := make(chan struct{}), false, false
		var err error
		go func() {
			err = n.Call(t.Context(), func(protocol.Time, *protocol.Output) {
				<-release
				carriedOut = true
			})
			returned = true
		}()
		synctest.Wait()
		go n.Close()
		synctest.Wait()
		if returned {
			t.Errorf("it returned %v before it was carried out", err)
		}
		close(release)
		synctest.Wait()
		if !returned || !carriedOut || err != nil {
			t.Errorf("returned %v, carried out %v: %v", returned, carriedOut, err)
		}
		if err := n.Call(t.Context(), func(protocol.Time, *protocol.Output) {}); err != ErrClosed {
			t.Errorf("a call after the end: %v", err)
		}
	})
}

// failing is a socket that gives errors until it is closed.
type failing struct{ *port }

func (f failing) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, syscall.ENETDOWN
}

// A socket that fails is tried again, and that it does is counted.
func TestReceiveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := Start(Config{Self: 1, Machine: &toy{}, Decoder: textDecoder{}, Event: func(protocol.Event) {}, air: failing{newHub().port(1)}})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		time.Sleep(10*AckTimeout + AckTimeout/2)
		if s := statsOf(t, n); s.ReceiveFailed != 11 {
			t.Errorf("%+v", s)
		}
	})
}

// refusing is a socket whose kernel refuses what is sent, as without a route.
type refusing struct{ *port }

func (r refusing) WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error) {
	return 0, syscall.ENETUNREACH
}

// A unicast that the kernel refuses each time it is sent is told as a broken link, as one that nobody acknowledges; a broadcast is counted.
func TestSendFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := &toy{}
		n, err := Start(Config{Self: 1, Machine: y, Decoder: textDecoder{}, Event: func(protocol.Event) {}, air: refusing{newHub().port(1)}})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		n.do(t, func(out *protocol.Output) { out.Send(2, &text{"x"}); out.Broadcast(&text{"y"}) })
		time.Sleep((Retries + 2) * AckTimeout)
		synctest.Wait()
		if s, broken := statsOf(t, n), n.broken(t, y); !slices.Equal(broken, []protocol.NodeID{2}) || s.SendFailed != Retries+2 || s.DatagramsSent != 0 || s.UnicastsBroken != 1 {
			t.Errorf("broken %v, %+v", broken, s)
		}
	})
}

// Addresses are bounded: the one that was learned first goes, and is learned again.
func TestNeighboursAreBounded(t *testing.T) {
	n := &Node{neighbours: map[protocol.NodeID]netip.AddrPort{}}
	for i := range protocol.NodeID(NeighboursMax + 3) {
		n.learn(10+i, addressOf(9))
		n.learn(10+i, addressOf(8))
	}
	if len(n.neighbours) != NeighboursMax || len(n.known) != NeighboursMax || n.stats.NeighboursEvicted != 3 {
		t.Errorf("%d addresses of %d, %d evicted", len(n.neighbours), len(n.known), n.stats.NeighboursEvicted)
	}
	if n.addressOf(12) != n.network.broadcast || n.addressOf(13) != addressOf(8) {
		t.Errorf("%v and %v", n.addressOf(12), n.addressOf(13))
	}
}

// Garbage, frames of others and what does not fit are counted, and nothing more.
func TestGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, y := startToy(t, h, 1)
		r := rand.New(rand.NewPCG(1, 1))
		for range 200 {
			data := make([]byte, r.IntN(60))
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			h.ports[addressOf(1)].arrived <- packet{data, addressOf(9)}
			good := datagram(9, &hop{to: 1, number: 3}, &text{"x"})
			good[r.IntN(len(good))] ^= byte(1 + r.IntN(255))
			h.ports[addressOf(1)].arrived <- packet{good, addressOf(9)}
			time.Sleep(time.Millisecond)
		}
		late := wire.BeginDatagram(nil, 9)
		late = wire.AppendFrame(wire.AppendFrame(late, &text{"first"}), &hop{to: 1, number: 3})
		wire.FinishDatagram(late)
		h.ports[addressOf(1)].arrived <- packet{late, addressOf(9)}
		a.do(t, func(out *protocol.Output) { out.Broadcast(&text{string(make([]byte, DatagramMax))}); out.JoinGroup(3) })
		time.Sleep(time.Second)
		if s := statsOf(t, a); s.Malformed != 401 || s.Oversized != 1 || s.EffectsRefused != 1 || len(a.received(t, y)) != 1 {
			t.Errorf("%+v, received %v", s, a.received(t, y))
		}
	})
}

// FuzzReceive: a node takes whatever arrives.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{byte(wire.KindHop), 9, 0, 0, 0, 0, 0, 0, 0, 1, 3, byte(wire.KindFlood), 1, 'x'})
	f.Add([]byte{byte(wire.KindHopAck), 9, 0, 0, 0, 0, 0, 0, 0, 1, 3})
	f.Fuzz(func(t *testing.T, frames []byte) {
		n := &Node{config: Config{Self: 1, Machine: &toy{}, Decoder: textDecoder{}, Event: func(protocol.Event) {}}, air: (&hub{}).mute(),
			neighbours: map[protocol.NodeID]netip.AddrPort{}, stats: Stats{Drops: map[protocol.Reason]uint64{}}}
		b := append(wire.BeginDatagram(nil, 9), frames...)
		wire.FinishDatagram(b)
		n.receive(packet{b, addressOf(9)})
		n.receive(packet{frames, addressOf(9)})
	})
}

func (h *hub) mute() *port { return &port{hub: h} }

// The machines as they ship, in a chain that breaks and heals: every member has every message.
func TestChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		const size, group = 5, adhoc.Group(9)
		var mutex sync.Mutex
		delivered := make([]map[uint64]bool, size+1)
		var nodes []*Node
		machines := make([]*anonymous.Machine, size+1)
		for i := 1; i <= size; i++ {
			delivered[i] = map[uint64]bool{}
			c := anonymous.DefaultConfig()
			c.Self, c.Epoch, c.Rand = protocol.NodeID(i), 1, rand.New(rand.NewPCG(1, uint64(i)))
			c.Routing = maodv.New(maodv.Config{Self: c.Self, Rand: rand.New(rand.NewPCG(2, uint64(i))), Jitter: aodv.JitterDefault})
			machines[i] = anonymous.New(c)
			n, err := Start(Config{Self: c.Self, Machine: machines[i], Decoder: &anonymous.Decoder{Under: new(maodv.Decoder)}, air: h.port(i), Event: func(e protocol.Event) {
				if d, ok := e.(anonymous.Delivery); ok {
					mutex.Lock()
					defer mutex.Unlock()
					delivered[i][d.Number] = true
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(n.Close)
			nodes = append(nodes, n)
			for j := 1; j < i-1; j++ {
				h.cut(i, j, true)
			}
		}
		for i, n := range nodes {
			n.callMachine(t, func(now protocol.Time, out *protocol.Output) {
				if err := machines[i+1].Join(now, group, out); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(15 * time.Second)
		const count = 40
		for i := range count {
			nodes[0].callMachine(t, func(now protocol.Time, out *protocol.Output) {
				if _, err := machines[1].Publish(now, group, []byte(fmt.Sprint(i)), out); err != nil {
					t.Error(err)
				}
			})
			h.cut(3, 4, i >= 10 && i < 25)
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(20 * time.Second)
		mutex.Lock()
		defer mutex.Unlock()
		for i := 2; i <= size; i++ {
			if len(delivered[i]) != count {
				t.Errorf("%d has %d of %d", i, len(delivered[i]), count)
			}
		}
	})
}

func (n *Node) callMachine(t *testing.T, f func(now protocol.Time, out *protocol.Output)) {
	t.Helper()
	if err := n.Call(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// The broadcast address is the last one of the network, and interfaces that cannot be used are refused with a reason.
func TestNetwork(t *testing.T) {
	for text, want := range map[string]string{"10.77.0.3/24": "10.77.0.255:7475", "10.1.2.3/20": "10.1.15.255:7475", "192.168.7.9/30": "192.168.7.11:7475"} {
		ip, net4, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := newNetwork(&net.IPNet{IP: ip, Mask: net4.Mask}, PortDefault).broadcast.String(); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
	y := &toy{}
	if _, err := Start(Config{Self: 1, Machine: y, Decoder: textDecoder{}, Event: func(protocol.Event) {}, Interface: "none-such"}); err == nil {
		t.Error("an interface that is not there")
	}
	if _, err := Start(Config{Self: 1, Machine: y, Decoder: textDecoder{}}); err == nil {
		t.Error("no Event")
	}
}
