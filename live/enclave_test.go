package live

import (
	"fmt"
	"testing"
	"time"

	"spinglass/protocol"
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
