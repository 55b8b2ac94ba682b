package live

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/relay"
)

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
