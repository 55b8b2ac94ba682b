package live

import (
	"bytes"
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

// spiedOn starts two nodes, of which the first has sent the second a message through a gateway that is a spy.
func (f *fleet) spiedOn(t *testing.T) (liar *spy, one, two *Node, heard *transcript) {
	t.Helper()
	liar, address := spying(t, f.gateway(t, 1, &toy{}, nil))
	heard = newTranscript()
	behind := func(c *Config) { c.Join = []string{address} }
	one, two = f.enclave(t, 2, &toy{}, nil, behind), f.enclave(t, 3, heard, nil, behind)
	connected(t, two, 1)
	meet(t, one, two)
	insist(t, one, 3, heard, "hello")
	return liar, one, two, heard
}

// A gateway that lies gets nothing accepted: what it changes is forged, what it repeats is a replay. It cannot read what it passes on.
func TestAGatewayCannotForge(t *testing.T) {
	f := newFleet(t, 1)
	liar, one, two, heard := f.spiedOn(t)
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
