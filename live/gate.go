package live

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"spinglass/protocol"
)

// gate takes the connections of a secured node: handshakes, streams, clients of a gateway, and further protocols. Those that come through gateways have a gate of their own.
type gate struct {
	node     *Node
	links    *links
	acceptor acceptor
	relayed  bool
	sources  *recent[netip.Prefix, *source] // of the goroutine that accepts
	inbound  atomic.Int64                   // handshakes under way
	accepted atomic.Int64                   // connections of further protocols
}

// source is whom connections come from.
type source struct {
	bucket bucket       // of the goroutine that accepts
	open   atomic.Int64 // handshakes under way
}

func newGate(n *Node, listener net.Listener, relayed bool) *gate {
	return &gate{
		node: n, links: n.links, relayed: relayed, sources: newRecent[netip.Prefix, *source](addressesWatched),
		acceptor: acceptor{lifetime: n.lifetime, listener: listener, count: &n.count, logger: n.config.Logger},
	}
}

// accept takes connections until the listener is closed.
func (g *gate) accept() {
	g.acceptor.run(func(conn net.Conn) {
		from := g.admits(conn)
		if from == nil {
			_ = conn.Close()
			return
		}
		g.inbound.Add(1)
		from.open.Add(1)
		g.node.running.Go(func() { g.serve(conn, from) })
	})
}

// admits returns whom a connection is from, if a handshake is to begin, and else nil. No source has more than a part of all handshakes under way, so that one that
// connects and says nothing does not keep others out.
func (g *gate) admits(conn net.Conn) *source {
	l := &g.links.limits
	prefix, factor := sourceOf(addrPort(conn.RemoteAddr()).Addr()), 1.0
	if prefix.Addr().IsLoopback() {
		factor = l.loopbackFactor
	}
	known := g.sources.get(prefix)
	if known == nil {
		g.sources.put(prefix, &source{})
		known = g.sources.get(prefix)
	}
	from := *known
	if !from.bucket.take(g.node.now(), l.addressRate*factor, l.addressBurst*factor) {
		g.node.count.connectionsLimited.Add(1)
		return nil
	}
	if g.inbound.Load() >= int64(l.inbound) || float64(from.open.Load()) >= factor*float64(max(1, l.inbound/sourceShare)) {
		g.node.count.connectionsCrowded.Add(1)
		return nil
	}
	return from
}

// sourceOf returns whom connections from an address are counted for.
func sourceOf(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip.Is6() {
		bits = 64
		if ip.IsLoopback() || relayedIP(ip) {
			bits = 128
		}
	}
	source, _ := ip.WithZone("").Prefix(bits) // the zero prefix for no address
	return source
}

// serve carries one connection from its handshake to its end.
func (g *gate) serve(raw net.Conn, from *source) {
	n := g.node
	defer raw.Close()
	defer context.AfterFunc(n.lifetime, func() { _ = raw.Close() })()
	next := g.begin(raw)
	g.inbound.Add(-1)
	from.open.Add(-1)
	if next != nil {
		next()
	}
}

// begin does the handshake, and returns what is to be done with the connection afterwards, nil when nothing is.
func (g *gate) begin(raw net.Conn) (next func()) {
	n := g.node
	conn := tls.Server(raw, g.links.server)
	err := raw.SetDeadline(time.Now().Add(g.links.limits.handshakeTimeout))
	if err == nil {
		err = conn.HandshakeContext(n.lifetime)
	}
	if err != nil {
		n.count.handshakesFailed.Add(1)
		return nil
	}
	name := conn.ConnectionState().NegotiatedProtocol
	switch serve := g.links.security.Accept[name]; {
	case name == protocolLink:
		l := g.links.answerLink(conn)
		n.work.finish(completion{kind: completionLink, link: &l})
		return nil
	case name == protocolStream:
		return g.welcome(conn, func(protocol.NodeID) error { return nil }, g.stream)
	case name == protocolRelay && !g.relayed:
		return g.welcome(conn, n.relays.admits, n.relays.serve)
	case serve != nil:
		return func() { g.further(conn, serve) }
	}
	n.count.handshakesFailed.Add(1) // it named none, or one that is not to be had this way
	return nil
}

// welcome greets who wants a connection that lasts, and returns what is to be done with it then.
func (g *gate) welcome(conn *tls.Conn, admits func(protocol.NodeID) error, serve func(*tls.Conn, greeted)) func() {
	peer, err := g.links.welcome(conn, admits)
	if err != nil {
		l := outcome(linked{}, nil, err)
		g.node.work.finish(completion{kind: completionLink, link: &l})
		g.node.count.streamsRefused.Add(1)
		return nil
	}
	return func() { serve(conn, peer) }
}

// stream hands a stream over.
func (g *gate) stream(conn *tls.Conn, peer greeted) {
	s := g.node.streams
	if !s.acquire() {
		g.node.count.streamsRefused.Add(1)
		return
	}
	defer s.release()
	s.welcomed(conn, peer.id)
}

// further serves a connection of a further protocol.
func (g *gate) further(conn *tls.Conn, serve func(*tls.Conn)) {
	defer g.accepted.Add(-1)
	if g.accepted.Add(1) > int64(g.links.limits.accepted) {
		g.node.count.connectionsCrowded.Add(1)
		return
	}
	if conn.SetDeadline(time.Now().Add(acceptedTimeout)) == nil {
		serve(conn)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_ = conn.CloseWrite()
}
