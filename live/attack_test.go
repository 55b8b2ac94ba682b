package live

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/seal"
	"spinglass/wire"
)

// tap is a UDP socket that notes what comes, and can keep it from who reads.
type tap struct {
	*net.UDPConn
	mutex    sync.Mutex
	captured [][]byte
	holding  bool
}

func (c *tap) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(b)
		c.mutex.Lock()
		holds := c.holding
		if err == nil {
			c.captured = append(c.captured, slices.Clone(b[:n]))
		}
		c.mutex.Unlock()
		if err != nil || !holds {
			return n, from, err
		}
	}
}

func (c *tap) hold(holds bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.holding = holds
}

func (c *tap) all() [][]byte {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.captured)
}

// runTapped starts a node whose datagrams are captured, at an address or any.
func runTapped(t *testing.T, id protocol.NodeID, m protocol.Machine, address string, change func(*Config)) (*Node, *tap) {
	t.Helper()
	udp, tcp, err := listenFree(address)
	if err != nil {
		t.Fatal(err)
	}
	c := &tap{UDPConn: udp}
	n := run(t, id, m, func(config *Config) {
		change(config)
		config.Conn, config.Listener = c, tcp
		if config.Security == nil {
			_ = tcp.Close()
		}
	})
	return n, c
}

// outsider is a socket from which anybody sends anything.
func outsider(t testing.TB, to *Node) func(b []byte) {
	t.Helper()
	conn, err := net.Dial("udp", to.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return func(b []byte) {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

// What an outsider has captured and sends again ten times in any order, also after a restart of the receiver, is received once. The control: without Security
// it is received again and again.
func TestReplay(t *testing.T) {
	for _, secured := range []bool{true, false} {
		t.Run(fmt.Sprintf("secured=%t", secured), func(t *testing.T) {
			f := newFleet(t, 1)
			identity := f.member(t, 2)
			change := func(c *Config) {
				if secured {
					c.Security = identity
				}
			}
			heard := newTranscript()
			receiver, conn := runTapped(t, 2, heard, "127.0.0.1:0", change)
			sender := run(t, 1, &toy{}, func(c *Config) {
				if secured {
					f.change(t, 1, nil)(c)
				}
			})
			introduce(t, sender, receiver)
			const messages = 50
			for i := range messages {
				say(t, sender, []protocol.NodeID{2}, fmt.Sprint("message ", i))
			}
			eventually(t, "all messages", func() bool { _, n := heard.most(); return n == messages })
			captured := conn.all()
			address := receiver.LocalAddr().String()
			replay := func(n *Node, times int) {
				before := n.Stats().DatagramsReceived
				send, total := outsider(t, n), 0
				for range times {
					for _, i := range rand.Perm(len(captured)) {
						send(captured[i])
						total++
					}
					eventually(t, "all replayed", func() bool { return n.Stats().DatagramsReceived >= before+uint64(total) })
				}
			}
			replay(receiver, 10)
			_ = receiver.Close()
			again := newTranscript()
			receiver, _ = runTapped(t, 2, again, address, change)
			replay(receiver, 1)
			times, _ := heard.most()
			timesAgain, _ := again.most()
			if secured != (times == 1 && timesAgain == 0) {
				t.Errorf("secured %t: received up to %d times, and %d times after the restart", secured, times, timesAgain)
			}
		})
	}
}

// No datagram of which a bit was flipped, or that was cut, is received; the control is that it is as it was sent.
func TestDamagedSealedDatagrams(t *testing.T) {
	f := newFleet(t, 1)
	heard := newTranscript()
	receiver, conn := runTapped(t, 2, heard, "127.0.0.1:0", f.change(t, 2, nil))
	sender := f.run(t, 1, &toy{}, nil)
	introduce(t, sender, receiver)
	say(t, sender, []protocol.NodeID{2}, "first")
	eventually(t, "the first message", func() bool { return heard.count("1 first") == 1 })
	conn.hold(true)
	say(t, sender, []protocol.NodeID{2}, "second")
	eventually(t, "the second message", func() bool { return len(conn.all()) == 2 })
	conn.hold(false)
	original := conn.all()[1]
	write, damaged := outsider(t, receiver), uint64(0)
	before := receiver.Stats().DatagramsReceived
	send := func(b []byte) {
		write(b)
		if damaged%50 == 0 { // no faster than the socket's buffer takes
			eventually(t, "the damaged so far", func() bool { return receiver.Stats().DatagramsReceived > before+damaged })
		}
	}
	for bit := range len(original) * 8 {
		b := slices.Clone(original)
		b[bit/8] ^= 1 << (bit % 8)
		send(b)
		damaged++
	}
	for size := range len(original) {
		send(original[:size])
		damaged++
	}
	send(original)
	eventually(t, "the original", func() bool { return heard.count("1 second") == 1 })
	var dropped uint64
	for _, times := range receiver.Stats().Drops {
		dropped += times
	}
	if _, different := heard.most(); different != 2 || dropped != damaged {
		t.Errorf("%d different messages and %d drops, want 2 and %d: %v", different, dropped, damaged, receiver.Stats().Drops)
	}
}

// A flood of 200,000 forged datagrams of all sorts, some for a real session, reaches nobody, costs no signature check and little memory, and a peer is heard all the
// while. The control: without Security the flood reaches the machine.
func TestForgedFlood(t *testing.T) {
	f := newFleet(t, 1)
	heard := newTranscript()
	receiver := f.run(t, 2, heard, nil)
	sender := f.run(t, 1, &toy{}, nil)
	introduce(t, sender, receiver)
	say(t, sender, []protocol.NodeID{2}, "before")
	eventually(t, "the first message", func() bool { return heard.count("1 before") == 1 })
	eventually(t, "a session", func() bool { return receiver.Stats().Sessions == 1 })
	handshakes := receiver.Stats().Handshakes + receiver.Stats().HandshakesFailed
	index := receiver.links.peers[1].current.index // nothing changes it now

	const size, segments = 300, 50
	parcel := make([]byte, size*segments)
	for i := range segments {
		b := parcel[i*size : (i+1)*size]
		switch i % 4 {
		case 0:
			copy(b, datagram(1, string(bytes.Repeat([]byte{'x'}, size-wire.HeaderSize-3))))
		case 1:
			b[0] = seal.Version // of no session
		case 2:
			b[0] = seal.Version
			b[1], b[2], b[3], b[4] = byte(index>>24), byte(index>>16), byte(index>>8), byte(index)
			b[11] = byte(i)
		case 3:
			b[0] = 77
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	flood(t, receiver, parcel, size, 200_000, func(i int) {
		if i%100 == 0 {
			say(t, sender, []protocol.NodeID{2}, fmt.Sprint("during ", i))
		}
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	eventually(t, "the peer", func() bool { _, n := heard.most(); return n == 1+4000/100 })
	s := receiver.Stats()
	for _, reason := range []protocol.Reason{ReasonDatagramVersion, ReasonSessionUnknown, ReasonDatagramForged} {
		if s.Drops[reason] < 20_000 {
			t.Errorf("%d drops for %s", s.Drops[reason], reason)
		}
	}
	if times, _ := heard.most(); times != 1 || s.Handshakes+s.HandshakesFailed != handshakes {
		t.Errorf("a message was received %d times, %d handshakes more", times, s.Handshakes+s.HandshakesFailed-handshakes)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d bytes more are held", grown)
	}
	if most := noticeBurst + noticeRate*time.Since(start).Seconds(); float64(s.NoticesSent) > most {
		t.Errorf("%d notices were sent, of %.0f at most", s.NoticesSent, most)
	}

	open := newTranscript()
	unsecured := run(t, 3, open, nil)
	flood(t, unsecured, parcel, size, 1000, func(int) {})
	if times, _ := open.most(); times == 0 {
		t.Error("the flood does not reach a node without Security either")
	}
}

// flood sends a parcel until there were so many datagrams, no faster than they are received.
func flood(t *testing.T, to *Node, parcel []byte, size, datagrams int, between func(i int)) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l := newLink(conn, false, SocketBufferDefault)
	route := netip.MustParseAddrPort(to.LocalAddr().String())
	start := to.Stats().DatagramsReceived
	for i := range datagrams / (len(parcel) / size) {
		if l.segments() {
			err = l.write(parcel, size, route)
		}
		for b := parcel; !l.segments() && len(b) > 0 && err == nil; b = b[size:] {
			err = l.write(b[:size], 0, route)
		}
		if err != nil {
			t.Fatal(err)
		}
		between(i)
		if sent := uint64((i + 1) * (len(parcel) / size)); i%20 == 19 {
			eventually(t, "the flood so far", func() bool { return to.Stats().DatagramsReceived-start >= sent })
		}
	}
}

// connectMany makes connections to a node that say something, or nothing.
func connectMany(t *testing.T, n *Node, connections int, say []byte) {
	t.Helper()
	for range connections {
		conn, err := net.Dial("tcp", n.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = conn.Write(say)
	}
}

// Garbage on TCP ends at once, and one address gets no more than its share of handshakes. The control has a larger share.
func TestGarbageOnTCP(t *testing.T) {
	for _, share := range []float64{5, 1000} {
		f := newFleet(t, 1)
		n := f.run(t, 2, &toy{}, func(l *limits) { l.loopbackFactor, l.addressBurst, l.addressRate, l.inbound = 1, share, 0.001, 1000 })
		connectMany(t, n, 100, []byte("GET / HTTP/1.1\r\n\r\n"))
		eventually(t, "all connections", func() bool { s := n.Stats(); return s.HandshakesFailed+s.ConnectionsLimited == 100 })
		if got, want := n.Stats().HandshakesFailed, min(uint64(share), 100); got != want {
			t.Errorf("%d handshakes of a share of %v, want %d", got, share, want)
		}
		eventually(t, "no handshake is under way", func() bool { return n.gate.room.len() == 0 })
	}
}

// Who connects and says nothing takes one of a bounded number of places, and loses it after a time, or when another one wants it. Members get in. The control
// has more places.
func TestSlowHandshakes(t *testing.T) {
	for _, places := range []int{4, 200} {
		f := newFleet(t, 1)
		heard := newTranscript()
		n := f.run(t, 2, heard, func(l *limits) {
			l.addressBurst, l.inbound, l.handshakeTimeout = 1000, places, 300*time.Millisecond
		})
		connectMany(t, n, 100, nil)
		eventually(t, "all connections", func() bool {
			return int64(n.gate.room.len())+int64(n.Stats().ConnectionsCrowded+n.Stats().HandshakesFailed) == 100
		})
		if got, want := n.Stats().ConnectionsCrowded+n.Stats().ConnectionsDisplaced, uint64(100-min(places, 100)); got > want || (got == 0) != (want == 0) {
			t.Errorf("%d connections refused or displaced with %d places, want %d", got, places, want)
		}
		eventually(t, "the end of the slow ones", func() bool { return int64(n.gate.room.len()) == 0 })
		member := f.run(t, 1, &toy{}, nil)
		introduce(t, member, n)
		insist(t, member, 2, heard, "hello") // its own handshake, too, has 300 ms only
	}
}

// One session gets its share of what is opened. The control has a larger share.
func TestTheRateOfASessionIsBounded(t *testing.T) {
	for _, share := range []float64{10, 1000} {
		f := newFleet(t, 1)
		heard := newTranscript()
		receiver := f.run(t, 2, heard, func(l *limits) { l.peerBurst, l.peerRate = share, 0.001 })
		sender := f.run(t, 1, &toy{}, nil)
		introduce(t, sender, receiver)
		for i := range 50 {
			say(t, sender, []protocol.NodeID{2}, fmt.Sprint(i)+string(make([]byte, 1200))) // a datagram each
		}
		eventually(t, "all datagrams", func() bool { return receiver.Stats().DatagramsReceived == 50 })
		if _, got := heard.most(); got != int(min(share, 50)) || receiver.Stats().Drops[ReasonSessionRate] != uint64(50-got) {
			t.Errorf("%d received of a share of %v, drops %v", got, share, receiver.Stats().Drops)
		}
	}
}

// One address that connects and says nothing leaves room for others; without the share it would not.
func TestOneSourceLeavesRoomForOthers(t *testing.T) {
	for factor, want := range map[float64]int64{1: 2, 1000: 16} { // a factor beyond sourceShare switches the share off
		n := newFleet(t, 1).run(t, 2, &toy{}, func(l *limits) {
			l.addressRate, l.addressBurst, l.inbound, l.loopbackFactor, l.handshakeTimeout, l.helloTimeout = 1000, 1000, 16, factor, patience, patience
		})
		connectMany(t, n, 40, nil)
		eventually(t, "all connections are looked at", func() bool {
			s := n.Stats()
			return n.gate.room.len()+int(s.ConnectionsCrowded+s.HandshakesFailed) == 40 && s.ConnectionsCrowded+s.ConnectionsDisplaced > 0
		})
		if got := int64(n.gate.room.len()); got != want {
			t.Errorf("factor %v: %d handshakes of one address are under way, want %d of 16", factor, got, want)
		}
	}
}
