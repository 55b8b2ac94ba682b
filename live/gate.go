package live

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
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
	server   *tls.Config                    // the node's, which tells room of each ClientHello
	sources  *recent[netip.Prefix, *source] // of the goroutine that accepts
	room     room
	accepted atomic.Int64 // connections of further protocols
}

func newGate(n *Node, listener net.Listener, relayed bool) *gate {
	l := &n.links.limits
	g := &gate{
		node: n, links: n.links, relayed: relayed, server: n.links.server.Clone(), sources: newRecent[netip.Prefix, *source](addressesWatched),
		room:     room{places: l.inbound, short: l.helloTimeout, count: &n.count},
		acceptor: acceptor{lifetime: n.lifetime, listener: listener, count: &n.count, logger: n.config.Logger},
	}
	g.server.GetConfigForClient = func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		return nil, g.room.heard(info, l.handshakeTimeout)
	}
	return g
}

// accept takes connections until the listener is closed.
func (g *gate) accept() {
	g.acceptor.run(func(conn net.Conn) {
		in := g.admits(conn)
		if in == nil {
			_ = conn.Close()
			return
		}
		g.node.running.Go(func() { g.serve(in) })
	})
}

// admits gives a connection its place, if a handshake is to begin, and else returns nil. No source has more than a part of all handshakes under way.
func (g *gate) admits(conn net.Conn) *inbound {
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
	share := math.Ceil(factor * float64(max(1, l.inbound/sourceShare)))
	in := g.room.enter(conn, from, int(share), time.Now())
	if in == nil {
		g.node.count.connectionsCrowded.Add(1)
	}
	return in
}

// serve carries one connection from its handshake to its end.
func (g *gate) serve(in *inbound) {
	n := g.node
	defer in.Close()
	defer context.AfterFunc(n.lifetime, func() { _ = in.Close() })()
	next := g.begin(in)
	g.room.leave(in)
	if next != nil {
		next()
	}
}

// begin does the handshake, and returns what is to be done with the connection afterwards, nil when nothing is.
func (g *gate) begin(in *inbound) (next func()) {
	n := g.node
	conn := tls.Server(in, g.server)
	hello, handshake := g.room.patience(g.links.limits.handshakeTimeout)
	err := errors.Join(in.SetDeadline(in.since.Add(handshake)), in.SetReadDeadline(in.since.Add(hello)))
	if err == nil {
		err = conn.HandshakeContext(n.lifetime)
	}
	if err != nil {
		n.count.handshakesFailed.Add(1)
		return nil
	}
	name := conn.ConnectionState().NegotiatedProtocol
	serve := g.links.security.Accept[name]
	switch service, _ := splitProtocol(name); {
	case service == protocolFormats:
		l := outcome(linked{}, nil, g.links.tellFormats(conn, addrPort(in.RemoteAddr()).Addr().String()))
		n.work.finish(completion{kind: completionLink, link: &l})
		return nil
	case service == protocolLink:
		l := g.links.answerLink(conn)
		n.work.finish(completion{kind: completionLink, link: &l})
		return nil
	case service == protocolStream:
		return g.welcome(conn, func(protocol.NodeID) error { return nil }, g.stream)
	case service == protocolRelay && !g.relayed:
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
