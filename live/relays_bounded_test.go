package live

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/relay"
)

// A gateway that tells of absent members without end is not listened to much, and what it carries is.
func TestNewsOfAGatewayIsLimited(t *testing.T) {
	f := newFleet(t, 1)
	liar, one, two, heard := f.spiedOn(t)
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
