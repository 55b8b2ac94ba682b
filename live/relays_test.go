package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/relay"
)

// gateway starts a node that is a gateway.
func (f *fleet) gateway(t testing.TB, id protocol.NodeID, m protocol.Machine, change func(*Config)) *Node {
	t.Helper()
	return run(t, id, m, func(c *Config) {
		f.change(t, id, f.quick)(c)
		c.Gateway = true
		if change != nil {
			change(c)
		}
	})
}

// enclave starts a node that reaches others, and is reached, through gateways only.
func (f *fleet) enclave(t testing.TB, id protocol.NodeID, m protocol.Machine, gateways []*Node, change func(*Config)) *Node {
	t.Helper()
	return run(t, id, m, func(c *Config) {
		f.change(t, id, f.quick)(c)
		c.Outbound, c.Listen = true, ""
		for _, g := range gateways {
			c.Join = append(c.Join, string(g.Advertised()))
		}
		if change != nil {
			change(c)
		}
	})
}

// quick are limits by which failures are got over sooner, and nodes of one test may connect as they like.
func (f *fleet) quick(l *limits) {
	l.backoff, l.addressBurst, l.period = 5*time.Millisecond, 1000, 10*time.Millisecond
}

// addresses returns all addresses of a node.
func addresses(n *Node) []protocol.Address {
	if !n.config.Outbound {
		return []protocol.Address{n.Advertised()}
	}
	var all []protocol.Address
	for _, gateway := range n.config.Join {
		all = append(all, RelayAddress(n.config.ID, gateway))
	}
	return all
}

// meet makes all nodes know each other.
func meet(t testing.TB, nodes ...*Node) {
	t.Helper()
	for _, n := range nodes {
		err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
			for _, p := range nodes {
				if p != n {
					out.Emit(protocol.PeerUp{Peer: &protocol.Peer{ID: p.config.ID, Addresses: addresses(p)}})
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// insist sends a message until it has arrived.
func insist(t testing.TB, from *Node, to protocol.NodeID, at *transcript, body string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%q from %d to %d", body, from.config.ID, to), func() bool {
		say(t, from, []protocol.NodeID{to}, body)
		return at.count(fmt.Sprintf("%d %s", from.config.ID, body)) > 0
	})
}

// connected waits until a node has connections to so many gateways.
func connected(t testing.TB, n *Node, gateways uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d gateways of node %d", gateways, n.config.ID), func() bool { return n.Stats().Gateways == gateways })
}

// Two nodes that have no sockets talk to each other, to their gateway, and to a node outside that knows the gateway by their addresses only; each of these begins. The gateway
// passes on what it cannot read.
func TestEnclavesTalkThroughAGateway(t *testing.T) {
	f := newFleet(t, 1)
	var machines [4]*transcript
	for i := range machines {
		machines[i] = newTranscript()
	}
	gateway := f.gateway(t, 1, machines[0], nil)
	one := f.enclave(t, 2, machines[1], []*Node{gateway}, nil)
	two := f.enclave(t, 3, machines[2], []*Node{gateway}, nil)
	outside := run(t, 4, machines[3], f.change(t, 4, f.quick))
	connected(t, one, 1)
	connected(t, two, 1)
	nodes := []*Node{gateway, one, two, outside}
	meet(t, nodes...)
	for i, from := range nodes {
		for j, to := range nodes {
			if i != j {
				insist(t, from, to.config.ID, machines[j], "hello")
			}
		}
	}
	large := strings.Repeat("large ", 10_000)
	insist(t, one, 3, machines[2], large)
	insist(t, two, 1, machines[0], large)
	for _, n := range []*Node{one, two} {
		eventually(t, "all that has come is with the loop", func() bool { s := n.Stats(); return s.RelayedReceived == s.DatagramsReceived })
		if s := n.Stats(); s.DatagramsSent != 0 || s.SendCalls != 0 || s.RelayedSent == 0 || s.Sessions != 3 {
			t.Errorf("node %d sent %d datagrams by a socket, %d through gateways; %d sessions", n.config.ID, s.DatagramsSent, s.RelayedSent, s.Sessions)
		}
	}
	if s := gateway.Stats(); s.RelayedPassed == 0 || s.Clients != 3 || s.Drops[ReasonDatagramForged] != 0 {
		t.Errorf("%d datagrams passed on between %d clients, drops %v", s.RelayedPassed, s.Clients, s.Drops)
	}
}

// A node in an enclave that begins to talk to one outside, which has no connection to the gateway: the gateway calls it. Without the call, which is the control, it hears nothing.
func TestAGatewayCallsWhoIsWanted(t *testing.T) {
	for _, known := range []bool{true, false} {
		f := newFleet(t, 1)
		heard := newTranscript()
		gateway := f.gateway(t, 1, &toy{}, nil)
		inside := f.enclave(t, 2, &toy{}, []*Node{gateway}, nil)
		outside := run(t, 4, heard, f.change(t, 4, f.quick))
		connected(t, inside, 1)
		introduce(t, inside, gateway, outside)
		introduce(t, outside, gateway, inside)
		if known {
			introduce(t, gateway, inside, outside)
			insist(t, inside, 4, heard, "hello")
		} else {
			for range 50 {
				say(t, inside, []protocol.NodeID{4}, "hello")
			}
			eventually(t, "a drop", func() bool { return inside.Stats().Drops[ReasonLinkDown] > 0 })
		}
		g, o := gateway.Stats(), outside.Stats()
		if called := g.GatewayCallsSent > 0 && o.GatewayCallsFollowed > 0; called != known || (heard.count("2 hello") > 0) != known {
			t.Errorf("known %t: %d calls sent, %d followed, heard %d times", known, g.GatewayCallsSent, o.GatewayCallsFollowed, heard.count("2 hello"))
		}
	}
}

// A call leads to the gateways of the caller's row, and to nothing else; and not often.
func TestCallsAreBelievedLittle(t *testing.T) {
	f := newFleet(t, 1)
	gateway := f.gateway(t, 1, &toy{}, nil)
	inside := f.enclave(t, 2, &toy{}, []*Node{gateway}, nil)
	liar := run(t, 3, &toy{}, f.change(t, 3, f.quick))
	victim := run(t, 4, &toy{}, f.change(t, 4, f.quick))
	introduce(t, liar, victim)
	introduce(t, victim, liar, inside)
	for _, caller := range []protocol.NodeID{99, 3, 4, 0} {
		err := liar.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) { out.Send(4, relayCall{caller}) })
		if err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "four calls", func() bool { return victim.Stats().GatewayCallsIgnored == 4 })
	if s := victim.Stats(); s.Gateways != 0 || s.GatewayFailures != 0 {
		t.Errorf("%d gateways, %d failures", s.Gateways, s.GatewayFailures)
	}
	start := time.Now()
	for range 200 {
		if err := liar.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) { out.Send(4, relayCall{2}) }); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all calls", func() bool { s := victim.Stats(); return s.GatewayCallsFollowed+s.GatewayCallsIgnored == 204 })
	most := callBurst + callRate*time.Since(start).Seconds()
	if s := victim.Stats(); s.GatewayCallsFollowed < 1 || float64(s.GatewayCallsFollowed) > most {
		t.Errorf("%d of 200 calls were followed, of %.0f at most", s.GatewayCallsFollowed, most)
	}
	connected(t, victim, 1)
}

// When one of two gateways ends, the other is used at once; when it comes back, it is connected again. With one gateway, the control, nothing arrives.
func TestAGatewayIsLost(t *testing.T) {
	for _, count := range []int{2, 1} {
		f := newFleet(t, 1)
		var gateways []*Node
		for i := range count {
			gateways = append(gateways, f.gateway(t, protocol.NodeID(10+i), &toy{}, nil))
		}
		heard := [3]*transcript{newTranscript(), newTranscript(), newTranscript()}
		one, two := f.enclave(t, 1, heard[0], gateways, nil), f.enclave(t, 2, heard[1], gateways, nil)
		outside := run(t, 3, heard[2], f.change(t, 3, f.quick))
		nodes := []*Node{one, two, outside}
		meet(t, append(slices.Clone(gateways), nodes...)...)
		talk := func(body string) {
			for i, from := range nodes {
				insist(t, from, nodes[(i+1)%3].config.ID, heard[(i+1)%3], body)
				insist(t, from, nodes[(i+2)%3].config.ID, heard[(i+2)%3], body)
			}
		}
		talk("before")
		for _, n := range nodes {
			connected(t, n, uint64(count))
		}
		address, was := gateways[0].LocalAddr().String(), gateways[0].config
		_ = gateways[0].Close()
		for _, n := range nodes {
			connected(t, n, uint64(count-1))
		}
		sessions := one.Stats().Handshakes
		if count == 1 {
			say(t, one, []protocol.NodeID{2}, "after")
			eventually(t, "a drop", func() bool { return one.Stats().Drops[ReasonRelayDown] > 0 })
			continue
		}
		for i, from := range nodes { // the first message that is sent is not lost
			say(t, from, []protocol.NodeID{nodes[(i+1)%3].config.ID}, "after")
		}
		for i, from := range nodes {
			eventually(t, "the first message after", func() bool { return heard[(i+1)%3].count(fmt.Sprintf("%d after", from.config.ID)) == 1 })
		}
		if again := one.Stats().Handshakes; again != sessions {
			t.Errorf("%d new sessions because of another gateway", again-sessions)
		}
		was.Conn, was.Listen, was.Machine = nil, address, &toy{}
		back, err := Start(was)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = back.Close() })
		for _, n := range []*Node{one, two} {
			connected(t, n, 2)
		}
	}
}

// spy is a gateway that looks at what it passes on, and sends what it likes.
type spy struct {
	relay.Switch
	limits   relay.Limits
	counters relay.Counters
	mutex    sync.Mutex
	seen     [][]byte // datagrams
}

// spying starts a spy with the identity of a node, and returns where.
func spying(t *testing.T, n *Node) (*spy, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &spy{limits: relay.DefaultLimits}
	s.Switch = relay.Switch{Self: n.config.ID, Limits: &s.limits, Counters: &s.counters, Absent: func(protocol.NodeID, protocol.NodeID) {}}
	var serving sync.WaitGroup
	serving.Go(func() {
		accepting := acceptor{lifetime: t.Context(), listener: listener, count: &n.count, logger: n.config.Logger}
		accepting.run(func(conn net.Conn) { serving.Go(func() { s.serve(n, tls.Server(conn, n.links.server)) }) })
	})
	t.Cleanup(func() {
		_ = listener.Close()
		for _, c := range s.Clients() {
			c.Close()
		}
		serving.Wait()
	})
	return s, listener.Addr().String()
}

func (s *spy) serve(n *Node, conn *tls.Conn) {
	defer conn.Close()
	peer, err := n.links.welcome(conn, func(protocol.NodeID) error { return nil })
	if err != nil {
		return
	}
	c := relay.New(conn, relay.Config{Limits: &s.limits, Counters: &s.counters, Peer: peer.id, Self: n.config.ID, Take: func(c *relay.Conn, f *relay.Frame) bool {
		if f.Kind == relay.KindDatagrams {
			s.mutex.Lock()
			s.seen = append(s.seen, slices.Clone(f.Data))
			s.mutex.Unlock()
		}
		return s.Pass(c, f)
	}})
	if s.Join(c) == nil {
		_ = c.Serve()
		s.Leave(c)
	}
}

// last returns the datagrams that were seen last.
func (s *spy) last() []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.seen) == 0 {
		return nil
	}
	return s.seen[len(s.seen)-1]
}

// A gateway that lies gets nothing accepted: what it changes is forged, what it repeats is a replay. It cannot read what it passes on.
func TestAGatewayCannotForge(t *testing.T) {
	f := newFleet(t, 1)
	liar, address := spying(t, f.gateway(t, 1, &toy{}, nil))
	heard := newTranscript()
	behind := func(c *Config) { c.Join = []string{address} }
	one, two := f.enclave(t, 2, &toy{}, nil, behind), f.enclave(t, 3, heard, nil, behind)
	connected(t, two, 1)
	meet(t, one, two)
	insist(t, one, 3, heard, "hello")
	say(t, one, []protocol.NodeID{3}, "captured")
	eventually(t, "the message", func() bool { return heard.count("2 captured") == 1 })
	captured, victim := liar.last(), liar.Client(3)
	if bytes.Contains(captured, []byte("captured")) || len(captured) == 0 {
		t.Fatalf("the gateway sees %q", captured)
	}
	before := two.Stats().MessagesReceived
	victim.Send(&relay.Frame{Kind: relay.KindDatagrams, Peer: 2, Data: captured})
	eventually(t, "the replay", func() bool { return two.Stats().Drops[ReasonDatagramReplayed] == 1 })
	forged := uint64(0)
	for i := 13; i < len(captured); i++ {
		changed := slices.Clone(captured)
		changed[i] ^= 1
		changed[12]++ // a number that was not opened yet
		victim.Send(&relay.Frame{Kind: relay.KindDatagrams, Peer: 2, Data: changed})
		forged++
	}
	victim.Send(&relay.Frame{Kind: relay.KindDatagrams, Peer: 77, Data: captured}) // in another's name: it is still a replay
	eventually(t, "the forgeries", func() bool {
		drops := two.Stats().Drops
		return drops[ReasonDatagramForged] == forged && drops[ReasonDatagramReplayed] == 2
	})
	if got := two.Stats().MessagesReceived; got != before {
		t.Errorf("%d messages were accepted", got-before)
	}
}

// A gateway that tells of absent members without end is not listened to much, and what it carries is.
func TestNewsOfAGatewayIsLimited(t *testing.T) {
	f := newFleet(t, 1)
	liar, address := spying(t, f.gateway(t, 1, &toy{}, nil))
	heard := newTranscript()
	behind := func(c *Config) { c.Join = []string{address} }
	one, two := f.enclave(t, 2, &toy{}, nil, behind), f.enclave(t, 3, heard, nil, behind)
	connected(t, two, 1)
	meet(t, one, two)
	insist(t, one, 3, heard, "before")
	const news = 20_000 // more than the rate lets through while is waited
	start := time.Now()
	for sent := 0; sent < news; {
		if liar.Client(3).Send(&relay.Frame{Kind: relay.KindAbsent, Peer: 2}) {
			sent++
		}
	}
	eventually(t, "most of it is ignored", func() bool {
		return float64(two.Stats().RelayNewsLost) >= news-newsBurst-newsRate*time.Since(start).Seconds()
	})
	insist(t, one, 3, heard, "after")
}

// A gateway serves members of its fleet only, and no longer those who were revoked. A member that was not told to be one does not serve.
func TestWhoMayUseAGateway(t *testing.T) {
	f := newFleet(t, 1)
	fast := func(c *Config) {
		l := relay.DefaultLimits
		l.Period = time.Millisecond
		c.Security.relayLimits = &l
	}
	gateway := f.gateway(t, 1, &toy{}, fast)
	member := f.enclave(t, 2, &toy{}, []*Node{gateway}, nil)
	connected(t, member, 1)
	stranger := newFleet(t, 99).enclave(t, 3, &toy{}, []*Node{gateway}, func(c *Config) { c.Security.Policy = f.policy })
	eventually(t, "a refusal", func() bool { return stranger.Stats().GatewayFailures > 0 && gateway.Stats().HandshakesRefused > 0 })
	plain := run(t, 4, &toy{}, f.change(t, 4, f.quick))
	var log logBuffer
	misled := f.enclave(t, 5, &toy{}, []*Node{plain}, func(c *Config) { c.Logger = log.logger() })
	eventually(t, "a failure", func() bool {
		return misled.Stats().GatewayFailures > 0 && strings.Contains(log.String(), "Is it one (--gateway)")
	})
	if s := gateway.Stats(); s.Clients != 1 || s.RelayConnsRevoked != 0 {
		t.Errorf("%d clients, %d connections revoked", s.Clients, s.RelayConnsRevoked)
	}
	f.revoke(member.config.Security.Key.Public())
	eventually(t, "the end of the connection", func() bool { s := gateway.Stats(); return s.Clients == 0 && s.RelayConnsRevoked == 1 })
	eventually(t, "the refusal of a new connection", func() bool { s := member.Stats(); return s.GatewayFailures > 0 && s.Gateways == 0 })
	if times := member.Stats().GatewayConnections; times != 1 {
		t.Errorf("connected %d times", times)
	}
}

// A gateway has no more clients than it may; the one that is too many is told so, and served when another leaves.
func TestClientsOfAGatewayAreBounded(t *testing.T) {
	f := newFleet(t, 1)
	gateway := f.gateway(t, 1, &toy{}, func(c *Config) { c.Clients = 1 })
	first := f.enclave(t, 2, &toy{}, []*Node{gateway}, nil)
	eventually(t, "a client", func() bool { return gateway.Stats().Clients == 1 }) // its own end may know of it sooner
	var log logBuffer
	second := f.enclave(t, 3, &toy{}, []*Node{gateway}, func(c *Config) { c.Logger = log.logger() })
	eventually(t, "a refusal", func() bool {
		return gateway.Stats().ClientsRefused > 0 && strings.Contains(log.String(), "it is the gateway of too many clients")
	})
	_ = first.Close()
	connected(t, second, 1)
}

// Connections to gateways of others end when they are not used; those of a node in an enclave do not.
func TestConnectionsToGatewaysEndWhenNotUsed(t *testing.T) {
	f := newFleet(t, 1)
	heard := newTranscript()
	fast := func(c *Config) {
		l := relay.DefaultLimits
		l.Period = time.Millisecond
		c.Security.relayLimits = &l
	}
	gateway := f.gateway(t, 1, &toy{}, nil)
	inside := f.enclave(t, 2, heard, []*Node{gateway}, fast)
	outside := run(t, 3, &toy{}, func(c *Config) {
		f.change(t, 3, func(l *limits) {
			f.quick(l)
			l.rekeyAge = 50 * time.Millisecond // for which a session is in use after the last message
		})(c)
		fast(c)
	})
	outside.relays.idle = 50 * time.Millisecond
	inside.relays.idle = 50 * time.Millisecond
	meet(t, gateway, inside, outside)
	insist(t, outside, 2, heard, "hello")
	connected(t, outside, 0)
	if s := outside.Stats(); s.GatewayConnections == 0 || s.GatewaysLost != 0 || inside.Stats().Gateways != 1 {
		t.Errorf("%d connections, %d lost; the node in the enclave has %d", s.GatewayConnections, s.GatewaysLost, inside.Stats().Gateways)
	}
	insist(t, outside, 2, heard, "again")
}

// Two addresses of one gateway lead to one connection.
func TestAGatewayWithTwoAddresses(t *testing.T) {
	f := newFleet(t, 1)
	heard := newTranscript()
	gateway := f.gateway(t, 1, heard, func(c *Config) { c.Listen = ":0" })
	_, port, _ := net.SplitHostPort(gateway.LocalAddr().String())
	var log logBuffer
	inside := f.enclave(t, 2, heard, nil, func(c *Config) {
		c.Join = []string{"127.0.0.1:" + port, "127.0.0.2:" + port}
		c.Logger = log.logger()
	})
	eventually(t, "a warning", func() bool { return strings.Contains(log.String(), "those of the same member") })
	other := f.enclave(t, 3, heard, nil, func(c *Config) { c.Join = []string{"127.0.0.3:" + port} })
	meet(t, gateway, inside, other)
	insist(t, inside, 3, heard, "hello")
	insist(t, other, 2, heard, "hello")
	if s, g := inside.Stats(), gateway.Stats(); s.Gateways != 1 || g.Clients != 2 || g.ClientsReplaced != 0 {
		t.Errorf("%d connections; the gateway has %d clients, %d replaced", s.Gateways, g.Clients, g.ClientsReplaced)
	}
}

// A node joins by the address of its gateway, before it knows anybody, and reaches addresses that it has seen in rows, also of members that have vanished.
func TestAddressesFromWithinAnEnclave(t *testing.T) {
	f := newFleet(t, 1)
	heard := newTranscript()
	gateway := f.gateway(t, 1, heard, nil)
	inside := f.enclave(t, 2, heard, []*Node{gateway}, nil)
	other := f.enclave(t, 3, heard, []*Node{gateway}, nil)
	outside := run(t, 4, heard, f.change(t, 4, f.quick))
	to := func(from *Node, address protocol.Address, body string) {
		t.Helper()
		eventually(t, body, func() bool {
			err := from.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) { out.SendAddress(address, &text{body: []byte(body)}) })
			return err == nil && heard.count(fmt.Sprintf("%d %s", from.config.ID, body)) > 0
		})
	}
	to(inside, gateway.Advertised(), "to the gateway")
	to(inside, other.Advertised(), "to another one inside")
	to(gateway, inside.Advertised(), "to a client")
	to(outside, inside.Advertised(), "from outside")
	meet(t, gateway, inside, outside)
	err := inside.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
		out.Emit(protocol.PeerDropped{Peer: &protocol.Peer{ID: 4}})
		out.SendAddress("192.0.2.1:7400", &text{body: []byte("to nobody")})
	})
	if err != nil {
		t.Fatal(err)
	}
	to(inside, outside.Advertised(), "to one that has vanished")
	if got := inside.Stats().Drops[ReasonAddressUnresolved]; got != 1 {
		t.Errorf("%d messages to unknown addresses were dropped, want 1", got)
	}
}

// A node in an enclave that has restarted tells who sends to it by an old session, like any other.
func TestRestartBehindAGateway(t *testing.T) {
	f := newFleet(t, 1)
	gateway := f.gateway(t, 1, &toy{}, nil)
	identity := f.change(t, 2, f.quick)
	again := func() (*Node, *transcript) {
		heard := newTranscript()
		return f.enclave(t, 2, heard, []*Node{gateway}, identity), heard
	}
	inside, heard := again()
	outside := run(t, 3, &toy{}, f.change(t, 3, f.quick))
	meet(t, gateway, inside, outside)
	insist(t, outside, 2, heard, "before")
	_ = inside.Close()
	inside, heard = again()
	insist(t, outside, 2, heard, "after")
	if s := inside.Stats(); s.NoticesSent == 0 || s.Drops[ReasonSessionUnknown] == 0 {
		t.Errorf("%d notices were sent, drops %v", s.NoticesSent, s.Drops)
	}
}

// Of several ways to a peer the book uses those that are connected, and leaves the one in use when the gateway says that the peer is not there.
func TestTheBookChoosesAmongGateways(t *testing.T) {
	f := newFleet(t, 1)
	one, two := f.gateway(t, 10, &toy{}, nil), f.gateway(t, 11, &toy{}, nil)
	n := f.enclave(t, 1, &toy{}, []*Node{one, two}, nil)
	connected(t, n, 2)
	err := n.Call(t.Context(), func(now protocol.Time, _ *protocol.Output) {
		know(n, 2, string(RelayAddress(2, string(two.Advertised()))))
		know(n, 3, "10.0.0.3:7400")
		know(n, 4, string(RelayAddress(5, string(one.Advertised())))) // somebody else's
		for id := range protocol.NodeID(3) {
			if got := n.book.peers.get(id + 2).routes; len(got) != 2 || got[0] == got[1] || !isRelayed(got[0]) || !isRelayed(got[1]) {
				t.Errorf("routes to %d: %v", id+2, got)
			}
		}
		first, _ := n.book.route(now, 2)
		second, _ := n.book.route(now, 2)
		if first == second {
			t.Errorf("an unsettled peer is sent to at %s only", first)
		}
		n.book.heard(2, first)
		for range 3 {
			if got, _ := n.book.route(now, 2); got != first {
				t.Errorf("a settled peer is sent to at %s, and not at %s", got, first)
			}
		}
		n.book.absent(2, second)
		if got, _ := n.book.route(now, 2); got != first {
			t.Errorf("left for what another gateway says")
		}
		n.book.absent(2, first)
		if got, _ := n.book.route(now, 2); got != second {
			t.Errorf("not left though the gateway says that the peer is not there")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = one.Close()
	connected(t, n, 1)
	err = n.Call(t.Context(), func(now protocol.Time, _ *protocol.Output) {
		first, _ := n.book.route(now, 2)
		second, _ := n.book.route(now, 2)
		if first != second || !n.relays.usable(first) {
			t.Errorf("with one gateway left, sent to at %s and %s", first, second)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Bulk streams go through gateways like all else.
func TestAStreamThroughAGateway(t *testing.T) {
	f := newFleet(t, 1)
	gateway := f.gateway(t, 10, &toy{}, nil)
	ma, as := listening()
	mb, bs := listening()
	a, b := f.enclave(t, 1, ma, []*Node{gateway}, nil), f.enclave(t, 2, mb, []*Node{gateway}, nil)
	connected(t, a, 1)
	connected(t, b, 1)
	meet(t, a, b)
	open(t, a, 7, as, bs)
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	ask(t, a, &protocol.StreamWrite{Number: 7, Data: data}, &protocol.StreamClose{Number: 7})
	var got []byte
	for closed := false; !closed; {
		switch e := next(t, bs).(type) {
		case protocol.StreamRead:
			got = append(got, e.Data...)
		case protocol.StreamClosed:
			closed = true
		}
	}
	if !bytes.Equal(got, data) {
		t.Errorf("%d bytes arrived of %d", len(got), len(data))
	}
	if s := gateway.Stats(); s.RelayedPassedBytes < uint64(len(data)) || s.RelayedStreamsBroken != 0 {
		t.Errorf("the gateway passed %d bytes on, %d streams broke", s.RelayedPassedBytes, s.RelayedStreamsBroken)
	}
}

// What was sent before Close leaves.
func TestCloseBehindAGateway(t *testing.T) {
	f := newFleet(t, 1)
	heard := newTranscript()
	gateway := f.gateway(t, 1, &toy{}, nil)
	one, two := f.enclave(t, 2, &toy{}, []*Node{gateway}, nil), f.enclave(t, 3, heard, []*Node{gateway}, nil)
	connected(t, two, 1)
	meet(t, gateway, one, two)
	insist(t, one, 3, heard, "hello")
	var bodies []string
	for i := range 200 {
		bodies = append(bodies, fmt.Sprint("last ", i, strings.Repeat("x", 1000)))
	}
	say(t, one, []protocol.NodeID{3}, bodies...)
	one.linger = patience // as for handshakes: see change
	_ = one.Close()
	eventually(t, "all messages", func() bool { return heard.count("2 "+bodies[len(bodies)-1]) == 1 })
	if _, different := heard.most(); different != 201 {
		t.Errorf("%d of 201 messages arrived", different)
	}
}

// Nobody can be made to send to an address of the range that stands for relayed destinations.
func TestRelayedDestinationsAreNoAddresses(t *testing.T) {
	f := newFleet(t, 1)
	n := run(t, 1, &toy{}, f.change(t, 1, nil))
	literal := relayRoute(7, ownSlot)
	know(n, 2, literal.String())
	if got := route(t, n, 2); got != "none" {
		t.Errorf("a row leads to %s", got)
	}
	err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
		out.SendAddress(protocol.Address(literal.String()), &text{body: []byte("x")})
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a drop", func() bool { return n.Stats().Drops[ReasonAddressBad] == 1 })
	for text, want := range map[protocol.Address]bool{
		"relay:0000000000000007@10.0.0.1:7400": true, "relay:0000000000000007@gw.example:7400": true, "relay:0000000000000007@[::1]:7400": true,
		"relay:0000000000000000@10.0.0.1:7400": false, "relay:7@10.0.0.1:7400": false, "relay:0000000000000007@:7400": false, "relay:0000000000000007@10.0.0.1:0": false,
		"relay:0000000000000007@relay:0000000000000007@10.0.0.1:7400": false, "relay:0000000000000007": false, "10.0.0.1:7400": false, "": false,
	} {
		if _, _, ok := parseRelayAddress(text); ok != want {
			t.Errorf("%q is an address through a gateway: %t", text, ok)
		}
	}
	if member, slot := relayedTo(relayRoute(0xfedcba9876543210, 77)); member != 0xfedcba9876543210 || slot != 77 || !isRelayed(relayRoute(1, 2)) || isRelayed(mustAddr("[2001:db8::1]:1")) {
		t.Errorf("member %s, slot %d", member, slot)
	}
}

func FuzzRelayAddress(f *testing.F) {
	f.Add("relay:0000000000000007@10.0.0.1:7400")
	f.Add("relay:0000000000000007@[::1%eth0]:7400")
	f.Fuzz(func(t *testing.T, text string) {
		member, gateway, ok := parseRelayAddress(protocol.Address(text))
		if ok && (!strings.EqualFold(string(RelayAddress(member, string(gateway))), text) || member == 0 || gateway == "") {
			t.Errorf("%q is %s at %q", text, member, gateway)
		}
	})
}

// The gateways whose addresses are known are bounded, and so are those that connections are kept to.
func TestGatewaysAreBounded(t *testing.T) {
	f := newFleet(t, 1)
	dials := make(chan struct{}, 1000)
	n := run(t, 1, &toy{}, func(c *Config) {
		f.change(t, 1, f.quick)(c)
		c.Security.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			dials <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	err := n.Call(t.Context(), func(now protocol.Time, _ *protocol.Output) {
		for i := range protocol.NodeID(2 * gatewaysKnownMax) {
			know(n, 100+i, string(RelayAddress(100+i, fmt.Sprintf("10.0.%d.%d:7400", i/250, i%250))))
			n.wantGateways(100 + i)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for range gatewaysUsedMax {
		<-dials
	}
	if s := n.Stats(); len(dials) > 0 || s.GatewaysRefused == 0 || len(n.relays.byAddress) > gatewaysKnownMax || len(n.relays.bySlot) != len(n.relays.byAddress) {
		t.Errorf("%d more are dialled, %d refused, %d known", len(dials), s.GatewaysRefused, len(n.relays.byAddress))
	}
}

func TestFewFilesAreFewClients(t *testing.T) {
	for _, c := range []struct{ clients, files, clientsMax, gatewaysMax int }{{512, 1 << 20, 512, 64}, {512, 1024, 256, 64}, {512, 32, 8, 2}, {512, 1, 1, 1}, {5, 1024, 5, 64}} {
		if clients, gateways := relayFiles(c.clients, c.files); clients != c.clientsMax || gateways != c.gatewaysMax {
			t.Errorf("%d clients wished and %d files: %d clients, %d gateways; want %d, %d", c.clients, c.files, clients, gateways, c.clientsMax, c.gatewaysMax)
		}
	}
}

func TestConfigurationsOfGateways(t *testing.T) {
	f := newFleet(t, 1)
	for want, change := range map[string]func(*Config){
		"live: gateways and nodes behind them need Security":                                   func(c *Config) { c.Security, c.Outbound = nil, true },
		"live: a node that nobody can connect to cannot be a gateway":                          func(c *Config) { c.Outbound, c.Gateway = true, true },
		"live: 0 gateways are not 1 to 4":                                                      func(c *Config) { c.Outbound, c.Join = true, nil },
		"live: 5 gateways are not 1 to 4":                                                      func(c *Config) { c.Outbound, c.Join = true, make([]string, 5) },
		"live: gateway 10.0.0.1: address 10.0.0.1: missing port in address":                    func(c *Config) { c.Join[0] = "10.0.0.1" },
		"live: gateway 10.0.0.1:0: address 10.0.0.1:0: no host or port":                        func(c *Config) { c.Join[0] = "10.0.0.1:0" },
		"live: 8193 clients are more than 8192":                                                func(c *Config) { c.Outbound, c.Gateway, c.Listen, c.Clients = false, true, ":0", ClientsMax+1 },
		"live: a node with only outbound connections has no use for an injected one":           func(c *Config) { c.Conn = newMemoryConn("10.0.0.1:1") },
		"live: gateway " + strings.Repeat("x", 250) + ":1: an address of this form would be l": func(c *Config) { c.Join[0] = strings.Repeat("x", 250) + ":1" },
	} {
		c := Config{ID: 1, Machine: &toy{}, Decoder: &textDecoder{}, Outbound: true, Join: []string{"10.0.0.1:7400"}, Security: f.member(t, 1)}
		change(&c)
		if c.Conn != nil {
			c.Listener = &relayListener{lifetime: t.Context()}
		}
		n, err := Start(c)
		if err == nil {
			_ = n.Close()
			t.Errorf("started, want %q", want)
		} else if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
