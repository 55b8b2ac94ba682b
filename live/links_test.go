package live

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/seal"
)

// counting is a machine that counts what it hears by sender.
type counting struct {
	toy
	mutex sync.Mutex
	heard map[protocol.NodeID]int
}

func newCounting() *counting {
	c := &counting{heard: map[protocol.NodeID]int{}}
	c.receive = func(_ protocol.Time, from protocol.NodeID, _ []byte, _ *protocol.Output) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.heard[from]++
	}
	return c
}

func (c *counting) of(id protocol.NodeID) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.heard[id]
}

// exchange makes two nodes send to each other, as many messages and as often. What it returns tells how many of them have not arrived yet.
func exchange(t *testing.T, a, b *Node, messages int, every time.Duration) (missing func() int) {
	t.Helper()
	introduce(t, a, b)
	introduce(t, b, a)
	ma, mb := a.machine.(*counting), b.machine.(*counting)
	before := [2]int{ma.of(b.config.ID), mb.of(a.config.ID)}
	var sending sync.WaitGroup
	for _, pair := range [][2]*Node{{a, b}, {b, a}} {
		sending.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for range messages {
				say(t, pair[0], []protocol.NodeID{pair[1].config.ID}, "message")
				<-tick.C
			}
		})
	}
	sending.Wait()
	return func() int { return 2*messages - (ma.of(b.config.ID) - before[0]) - (mb.of(a.config.ID) - before[1]) }
}

// losesNothing has two nodes exchange messages, and waits until all have arrived.
func losesNothing(t *testing.T, a, b *Node, messages int, every time.Duration) {
	t.Helper()
	missing := exchange(t, a, b, messages, every)
	eventually(t, "all messages", func() bool { return missing() == 0 })
}

// Sessions are replaced under traffic, by age or by the number of datagrams, and nothing is lost. The control keeps no old sessions.
func TestSessionsAreReplacedWithoutLoss(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit func(*limits)
		loses bool
	}{
		{"by age", func(l *limits) { l.rekeyAge, l.sessionLife = 50*time.Millisecond, patience }, false},
		{"by number", func(l *limits) { l.rekeyPackets = 300 }, false},
		{"control", func(l *limits) { l.rekeyAge, l.sessionLife, l.sessionsPerPeer = 5*time.Millisecond, patience, 1 }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet(t, 1)
			limit := func(l *limits) {
				l.period, l.addressBurst, l.noticeRate, l.noticeBurst = time.Millisecond, 1000, 0, 0
				c.limit(l)
			}
			a, b := f.run(t, 1, newCounting(), limit), f.run(t, 2, newCounting(), limit)
			refused := func() uint64 { return a.Stats().Drops[ReasonSessionUnknown] + b.Stats().Drops[ReasonSessionUnknown] }
			rekeys := uint64(0)
			for tries := 0; tries < 100 && (rekeys < 5 || c.loses && refused() == 0); tries++ {
				missing := exchange(t, a, b, 200, 100*time.Microsecond) // what the smallest buffers of sockets hold, should nobody read for a while
				eventually(t, "all messages, or the refusal of some", func() bool { return missing() == 0 || c.loses && refused() > 0 })
				rekeys = a.Stats().Rekeys + b.Stats().Rekeys
			}
			if rekeys < 5 || (refused() > 0) != c.loses {
				t.Errorf("%d refused with %d sessions replaced, want some: %t; drops %v, %v", refused(), rekeys, c.loses, a.Stats().Drops, b.Stats().Drops)
			}
			if used := a.links.table.used(); used > a.links.limits.sessionsPerPeer+2 {
				t.Errorf("%d sessions are kept", used)
			}
		})
	}
}

// Two nodes that begin at the same time lose nothing, then or later.
func TestBothBeginAtOnce(t *testing.T) {
	both := 0
	for range 20 {
		f := newFleet(t, 1)
		a, b := f.run(t, 1, newCounting(), nil), f.run(t, 2, newCounting(), nil)
		introduce(t, a, b)
		introduce(t, b, a)
		losesNothing(t, a, b, 20, 100*time.Microsecond)
		if a.Stats().Handshakes == 2 {
			both++
		}
		_, _ = a.Close(), b.Close()
	}
	if both == 0 {
		t.Error("they never began at once, which the test is about")
	}
}

// A node talks to more peers than it has sessions: the one least recently talked to makes room, and every message arrives. The control has room for all.
func TestMorePeersThanSessions(t *testing.T) {
	const peers = 6
	for _, room := range []int{2, peers} {
		f := newFleet(t, 1)
		hub := run(t, 1, &toy{}, func(c *Config) {
			f.change(t, 1, nil)(c)
			c.Sessions = room
		})
		heard := newTranscript()
		for i := range peers {
			introduce(t, hub, f.run(t, protocol.NodeID(i+2), heard, nil))
		}
		for round := range 3 {
			for i := range peers {
				body := fmt.Sprintf("round %d to %d", round, i)
				say(t, hub, []protocol.NodeID{protocol.NodeID(i + 2)}, body)
				eventually(t, body, func() bool { return heard.count("1 "+body) == 1 })
			}
		}
		s := hub.Stats()
		want := uint64(0)
		if room < peers {
			want = uint64(3*peers - room)
		}
		if s.Sessions != uint64(room) || s.SessionsEvicted != want || len(s.Drops) != 0 || hub.links.table.used() != room {
			t.Errorf("room for %d: %d sessions, %d evicted, want %d; %d indices, drops %v", room, s.Sessions, s.SessionsEvicted, want, hub.links.table.used(), s.Drops)
		}
	}
}

// A node that has restarted tells who sends to it by an old session, and is soon sent to by a new one. The control does not tell.
func TestRestart(t *testing.T) {
	for _, tells := range []float64{100, 0} {
		f := newFleet(t, 1)
		limit, start := func(l *limits) { l.noticeRate, l.noticeBurst = tells, tells }, time.Now()
		identity := f.change(t, 2, limit)
		heard := newTranscript()
		server := run(t, 2, heard, identity)
		client := f.run(t, 1, &toy{}, nil)
		introduce(t, client, server)
		say(t, client, []protocol.NodeID{2}, "before")
		eventually(t, "the message", func() bool { return heard.count("1 before") == 1 })
		address := server.LocalAddr().String()
		_ = server.Close()
		heard = newTranscript()
		server = run(t, 2, heard, func(c *Config) {
			identity(c)
			c.Listen = address
		})
		recovers := func() bool {
			say(t, client, []protocol.NodeID{2}, "after")
			return heard.count("1 after") > 0
		}
		if tells > 0 {
			eventually(t, "what was sent after the restart", recovers)
		}
		for i := uint64(0); tells == 0 && i < 20; i++ {
			if recovers() {
				t.Error("the client has found out without a notice")
			}
			eventually(t, "the datagram", func() bool { return server.Stats().Drops[ReasonSessionUnknown] > i })
		}
		if got, most := server.Stats().NoticesSent, tells*(1+time.Since(start).Seconds()); float64(got) > most || (got > 0) != (tells > 0) {
			t.Errorf("%d notices were sent, of %.0f at most", got, most)
		}
	}
}

// Forged notices make a node begin a handshake a second, and disturb nothing. The control allows more.
func TestForgedNotices(t *testing.T) {
	for _, spacing := range []time.Duration{noticeSpacing, 0} {
		f, start := newFleet(t, 1), time.Now()
		heard := newTranscript()
		server, conn := runTapped(t, 2, heard, "127.0.0.1:0", f.change(t, 2, func(l *limits) { l.addressBurst = 100 }))
		client := f.run(t, 1, &toy{}, func(l *limits) { l.noticeSpacing, l.noticeBurst = spacing, 1000 })
		introduce(t, client, server)
		send := outsider(t, client)
		for i := range 100 {
			body := fmt.Sprint("message ", i)
			say(t, client, []protocol.NodeID{2}, body)
			eventually(t, body, func() bool { return heard.count("1 "+body) == 1 })
			captured := conn.all()
			b := slices.Clone(captured[len(captured)-1][:noticeSize])
			b[0] = noticeVersion
			send(b)
			b[12] += 100 // a datagram that was never sent
			send(b)
			eventually(t, "the notices", func() bool { return client.Stats().NoticesReceived == uint64(2*i+2) })
		}
		eventually(t, "the refusal of those about nothing", func() bool { return client.Stats().NoticesLimited >= 100 })
		most := 1 + uint64(time.Since(start)/noticeSpacing)
		if followed := client.Stats().NoticesFollowed; followed == 0 || (followed <= most) != (spacing > 0) {
			t.Errorf("spacing %v: %d of 200 notices followed, of %d at most with a spacing", spacing, followed, most)
		}
	}
}

// Notices are never larger than what came, at most one for each arrival, and not more than their rate. The control has a larger rate.
func TestNoticesAreBounded(t *testing.T) {
	for _, rate := range []float64{5, 1000} {
		f := newFleet(t, 1)
		n := f.run(t, 2, &toy{}, func(l *limits) { l.noticeBurst, l.noticeRate = rate, 0 })
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		unknown := make([]byte, seal.SizeMin)
		unknown[0] = seal.Version
		for range 100 {
			if _, err := conn.WriteTo(unknown, n.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "all datagrams", func() bool { return n.Stats().Drops[ReasonSessionUnknown] == 100 })
		s := n.Stats()
		if want := min(uint64(rate), 100); s.NoticesSent != want || s.NoticesLimited != 100-want {
			t.Errorf("rate %v: %d notices sent, %d not", rate, s.NoticesSent, s.NoticesLimited)
		}
		answer := make([]byte, 100)
		size, err := conn.Read(answer)
		if err != nil || size != noticeSize || size > len(unknown) || !bytes.Equal(answer[1:size], unknown[1:noticeSize]) || answer[0] != noticeVersion {
			t.Errorf("notice %x, %v", answer[:size], err)
		}
	}
}

// What waits for a session is bounded, and so is how often one is tried. The control waits for more.
func TestWaitingIsBounded(t *testing.T) {
	for _, room := range []int{3, 30} {
		silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		f := newFleet(t, 1)
		n := f.run(t, 1, &toy{}, func(l *limits) { l.waiting, l.backoff = room, time.Hour })
		introduceAt(t, n, 2, silent.Addr().String())
		for range 20 {
			say(t, n, []protocol.NodeID{2}, "message")
		}
		full := uint64(20 - min(room, 20))
		if got := n.Stats().Drops[ReasonLinkWaiting]; got != full {
			t.Errorf("room for %d: %d dropped, want %d", room, got, full)
		}
		conn, err := silent.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		eventually(t, "the failure", func() bool { return n.Stats().HandshakesFailed == 1 })
		say(t, n, []protocol.NodeID{2}, "later")
		if got := n.Stats().Drops[ReasonLinkDown]; got != 20-full+1 {
			t.Errorf("%d dropped after the failure, want %d", got, 20-full+1)
		}
		if s := n.Stats(); s.HandshakesFailed != 1 || s.DatagramsSent != 0 {
			t.Errorf("%d handshakes, %d datagrams sent", s.HandshakesFailed, s.DatagramsSent)
		}
	}
}

func introduceAt(t testing.TB, n *Node, id protocol.NodeID, address string) {
	t.Helper()
	err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
		out.Emit(protocol.PeerUp{Peer: &protocol.Peer{ID: id, Addresses: []protocol.Address{protocol.Address(address)}}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Of several addresses of a peer, each in turn is tried for a handshake; that none is reached is logged once.
func TestHandshakesTryEachAddress(t *testing.T) {
	for _, reached := range []bool{true, false} {
		f := newFleet(t, 1)
		heard := newTranscript()
		peer := f.run(t, 2, heard, nil)
		var log logBuffer
		n := run(t, 1, &toy{}, func(c *Config) {
			f.change(t, 1, func(l *limits) { l.backoff = time.Millisecond })(c)
			c.Logger = log.logger()
		})
		addresses := []protocol.Address{"127.0.0.1:1", "127.0.0.1:2"} // nobody is there
		if reached {
			addresses[1] = peer.Advertised()
		}
		err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
			out.Emit(protocol.PeerUp{Peer: &protocol.Peer{ID: 2, Addresses: addresses}})
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "a session, or attempts enough", func() bool {
			say(t, n, []protocol.NodeID{2}, "hello")
			return heard.count("1 hello") > 0 || n.Stats().HandshakesFailed > 5
		})
		if failed := n.Stats().HandshakesFailed; (failed <= 2) != reached {
			t.Errorf("reached %t: %d failures", reached, failed)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != 0 && reached || got != 1 && !reached {
			t.Errorf("reached %t: log %s", reached, log.String())
		}
	}
}

// Handshakes beyond those that may be under way at once wait for their turn.
func TestHandshakesWaitForTheirTurn(t *testing.T) {
	f := newFleet(t, 1)
	most := make(chan int, 100)
	hub := run(t, 1, &toy{}, func(c *Config) {
		f.change(t, 1, func(l *limits) { l.outbound, l.period = 1, time.Millisecond })(c)
		var underWay atomic.Int64
		c.Security.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			most <- int(underWay.Add(1))
			defer underWay.Add(-1)
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	})
	heard := newTranscript()
	var all []protocol.NodeID
	for id := protocol.NodeID(2); id < 8; id++ {
		introduce(t, hub, f.run(t, id, heard, nil))
		all = append(all, id)
	}
	say(t, hub, all, "hello")
	eventually(t, "all peers", func() bool { return hub.Stats().Sessions == 6 && heard.count("1 hello") == 6 })
	for range 6 {
		if got := <-most; got != 1 {
			t.Errorf("%d handshakes at once", got)
		}
	}
}

// A node that joins by its own address, or one where nobody is, keeps quiet about it.
func TestJoiningOneself(t *testing.T) {
	f := newFleet(t, 1)
	var log logBuffer
	n := run(t, 1, &toy{}, func(c *Config) {
		f.change(t, 1, nil)(c)
		c.Logger = log.logger()
	})
	_ = n.Do(func(_ protocol.Time, out *protocol.Output) {
		out.SendAddress(n.Advertised(), &text{body: []byte("me")})
	})
	eventually(t, "both ends of the failure", func() bool { return n.Stats().HandshakesFailed == 2 })
	if log.String() != "" || n.Stats().MessagesReceived != 0 {
		t.Errorf("log: %s", log.String())
	}
}

// An idle session ends, and is made again when it is wanted.
func TestAnIdleSessionEnds(t *testing.T) {
	f := newFleet(t, 1)
	heard := newTranscript()
	limit := func(l *limits) {
		l.rekeyAge, l.sessionLife, l.sessionLinger, l.period = 20*time.Millisecond, 50*time.Millisecond, 20*time.Millisecond, time.Millisecond
	}
	a, b := f.run(t, 1, &toy{}, limit), f.run(t, 2, heard, limit)
	introduce(t, a, b)
	say(t, a, []protocol.NodeID{2}, "first")
	eventually(t, "the end of the session", func() bool {
		return a.Stats().SessionsExpired > 0 && b.Stats().SessionsExpired > 0 && a.links.table.used()+b.links.table.used() == 0
	})
	insist(t, a, 2, heard, "second") // on a busy machine a session may end before what was sent by it arrives
}

func TestSecuredStreams(t *testing.T) {
	f := newFleet(t, 1)
	ma, as := listening()
	mb, bs := listening()
	a, b := f.run(t, 1, ma, nil), f.run(t, 2, mb, nil)
	introduce(t, a, b)
	number := open(t, a, 7, as, bs)
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	ask(t, a, &protocol.StreamWrite{Number: 7, Data: data}, &protocol.StreamClose{Number: 7})
	var got []byte
	for closed := false; !closed; {
		switch e := next(t, bs).(type) {
		case protocol.StreamRead:
			got = append(got, e.Data...)
		case protocol.StreamClosed:
			if closed = true; e.Err != nil || e.Number != number {
				t.Errorf("%+v", e)
			}
		}
	}
	if !bytes.Equal(got, data) {
		t.Errorf("%d bytes arrived of %d, or others", len(got), len(data))
	}
	eventually(t, "no stream left", func() bool { return a.Stats().Streams+b.Stats().Streams == 0 })
	// A greeting in the clear opens none.
	failed := b.Stats().HandshakesFailed
	connectMany(t, b, 1, appendGreeting(nil, 1, 2))
	eventually(t, "the refusal", func() bool { return b.Stats().HandshakesFailed == failed+1 })
	if len(bs) != 0 {
		t.Errorf("the machine heard %v", <-bs)
	}
}

// Who is no member opens no stream.
func TestAStrangerOpensNoStream(t *testing.T) {
	f := newFleet(t, 1)
	mb, bs := listening()
	b := f.run(t, 2, mb, nil)
	ma, as := listening()
	stranger := run(t, 1, ma, func(c *Config) {
		c.Security = newFleet(t, 99).member(t, 1)
		c.Security.Policy = f.policy
	})
	introduce(t, stranger, b)
	ask(t, stranger, &protocol.StreamOpen{Number: 1, To: 2})
	if e, ok := next(t, as).(protocol.StreamClosed); !ok || e.Err == nil {
		t.Errorf("%+v", e)
	}
	eventually(t, "the refusal", func() bool { return b.Stats().HandshakesRefused == 1 && b.Stats().StreamsRefused == 1 })
	if len(bs) != 0 {
		t.Errorf("the machine heard %v", <-bs)
	}
}

// A node is closed whatever its handshakes are at.
func TestCloseWithHandshakes(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	f := newFleet(t, 1)
	n := f.run(t, 1, &toy{}, nil)
	introduceAt(t, n, 2, silent.Addr().String())
	say(t, n, []protocol.NodeID{2}, "never")
	connectMany(t, n, 3, nil)
	eventually(t, "the connections", func() bool { return int64(n.gate.room.len()) == 3 })
	start := time.Now()
	_ = n.Close()
	if took := time.Since(start); took > patience/2 {
		t.Errorf("closing took %v", took)
	}
}

func TestHello(t *testing.T) {
	f := newFleet(t, 1)
	said := hello{from: 1, to: 2, index: 0xa1b2c3d4, chain: f.member(t, 1).Chain()}
	b := said.append(nil)
	if got, want := hex.EncodeToString(b[2:24]), "010100000000000000010000000000000002a1b2c3d4"; got != want {
		t.Errorf("greeting %s, want %s", got, want)
	}
	got, err := readHello(bytes.NewReader(b))
	if err != nil || got.from != 1 || got.to != 2 || got.index != 0xa1b2c3d4 || !got.chain.Leaf().Equal(said.chain.Leaf()) {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range b {
		if _, err := readHello(bytes.NewReader(b[:n])); err == nil {
			t.Errorf("cut to %d bytes it was read", n)
		}
	}
	for code := refusalOther; int(code) < len(refusalTexts); code++ {
		if _, err := readHello(bytes.NewReader((&hello{refusal: code}).append(nil))); err == nil || refusalTexts[code] == "" {
			t.Errorf("refusal %d: %v", code, err)
		}
	}
}

func FuzzHello(f *testing.F) {
	issuer := newFleet(f, 1)
	f.Add((&hello{from: 1, to: 2, index: 3, chain: issuer.member(f, 1).Chain()}).append(nil)[2:])
	f.Add((&hello{refusal: refusalBusy}).append(nil)[2:])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHello(b)
		if err != nil || h.refusal != 0 {
			return
		}
		if again := h.append(nil)[2:]; !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to what is encoded as %x", b, again)
		}
	})
}

// "No allocation per packet", sealed.
func TestSealedPacketsAllocateNothing(t *testing.T) {
	f := newFleet(t, 1)
	a, b := f.run(t, 1, &toy{}, nil), f.run(t, 2, &toy{}, nil)
	introduce(t, a, b)
	say(t, a, []protocol.NodeID{2}, "first")
	eventually(t, "a session, its handshake ended", func() bool { return a.Stats().Sessions+b.Stats().Sessions == 2 && !b.links.table.expected(1) })
	_ = a.Close() // a handshake that it breaks off takes the session along
	_ = b.Close()
	w := writer{node: a, segmentMax: 1 << 30}
	sent, received := a.links.peers[2].current, b.links.peers[1].current
	p := &parcel{targets: []target{{to: mustAddr("10.0.0.2:7400"), session: sent}}}
	for range 10 {
		p.buffer = append(p.buffer, datagram(1, string(make([]byte, 1200)))...)
	}
	p.count, p.segment = 10, len(p.buffer)/10
	r := reader{node: b, incoming: nullLink{}}
	if n := testing.AllocsPerRun(100, func() {
		if !w.seal(p, &p.targets[0]) {
			t.Fatal("not sealed")
		}
		r.unseal(w.sealed.buffer, w.sealed.segment, mustAddr("10.0.0.1:7400"))
		if w.sealed.buffer[0] == refused {
			t.Fatal("not opened")
		}
	}); n != 0 {
		t.Errorf("%v allocations for ten datagrams", n)
	}
	if got := received.heard.Load(); got == 0 {
		t.Error("nothing was opened")
	}
}
