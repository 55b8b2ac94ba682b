package live

import (
	"net/netip"
	"sync/atomic"

	"spinglass/protocol"
	"spinglass/wire"
)

// call tells a member, over the ordinary link with it, that a client of this gateway wants it that is reached through gateways only.
func (n *Node) call(member, caller protocol.NodeID) {
	now := n.now()
	if last := n.links.calls.get(member); last != nil && now.Sub(*last) < callSpacing || !n.book.knows(member) {
		return
	}
	n.links.calls.put(member, now)
	n.relays.callsSent.Add(1)
	n.single[0] = member
	n.send(now, n.single[:], relayCall{caller})
}

// called takes in a call, and reports whether it was well-formed. It leads to connections to the gateways in the row of the caller, and to nothing else.
func (n *Node) called(now protocol.Time, from protocol.NodeID, body []byte) bool {
	r := wire.NewReader(body)
	caller := protocol.NodeID(r.Fixed64())
	if r.Done() != nil {
		return false
	}
	calls := n.links.callers.get(from)
	if calls == nil {
		n.links.callers.put(from, bucket{})
		calls = n.links.callers.get(from)
	}
	if calls.take(now, callRate, callBurst) && n.wantGateways(caller) {
		n.relays.callsFollowed.Add(1)
	} else {
		n.relays.callsIgnored.Add(1)
	}
	return true
}

// wantGateways sees to connections to all gateways of a peer, so that there is another when one is lost, and reports whether it has any.
func (n *Node) wantGateways(id protocol.NodeID) bool {
	c := n.book.peers.get(id)
	if c == nil || !c.relayed {
		return false
	}
	for _, route := range c.routes {
		if isRelayed(route) {
			n.relays.want(route)
		}
	}
	return true
}

// routeThroughGateway returns the route to an address that only relays know how to send to, and whether it is one. The route is not valid when there is none.
func (n *Node) routeThroughGateway(address protocol.Address) (route netip.AddrPort, ok bool) {
	member, gateway, ok := parseRelayAddress(address)
	r := n.relays
	switch {
	case r == nil || !ok && !r.outbound:
		return netip.AddrPort{}, ok
	case ok:
		return r.choose(r.appendRoutes(r.appendOwn(nil, member), member, gateway)), true
	}
	for _, own := range r.own {
		if own == address { // the gateway itself
			return r.name(r.choose(r.appendRoutes(nil, 0, own))), true
		}
	}
	if owner := n.book.owners.get(address); owner != nil {
		return r.choose(r.appendOwn(nil, *owner)), true
	}
	return netip.AddrPort{}, true
}

// choose returns the first of some routes that can be sent to, or else the first.
func (r *relays) choose(routes []netip.AddrPort) netip.AddrPort {
	for _, route := range routes {
		if r.usable(route) {
			return route
		}
	}
	if len(routes) == 0 {
		return netip.AddrPort{}
	}
	return routes[0]
}

// name names the gateway in a route to whichever it is, if that is known.
func (r *relays) name(route netip.AddrPort) netip.AddrPort {
	if !route.IsValid() {
		return route
	}
	if _, c := r.connection(route); c != nil {
		return relayRoute(c.Peer, route.Port())
	}
	return route
}

// fill fills in what is counted apart.
func (r *relays) fill(s *Stats) {
	c := &r.counters
	s.RelayedSent, s.RelayedSentBytes, s.RelayedReceived = r.sent.Load(), r.sentBytes.Load(), r.received.Load()
	s.GatewayConnections, s.GatewayFailures, s.GatewaysLost, s.GatewaysRefused = r.connections.Load(), r.failures.Load(), r.lost.Load(), r.refused.Load()
	s.GatewayCallsFollowed, s.GatewayCallsIgnored, s.GatewayCallsSent = r.callsFollowed.Load(), r.callsIgnored.Load(), r.callsSent.Load()
	s.ClientsRefused, s.ClientsReplaced = c.ClientsRefused.Load(), c.ClientsReplaced.Load()
	s.RelayedPassed, s.RelayedPassedBytes, s.RelayConnsRevoked = c.Passed.Load(), c.PassedBytes.Load(), r.revoked.Load()
	s.RelayFramesMalformed, s.RelayFramesUnknown, s.RelayNewsLost = c.Malformed.Load(), c.Unknown.Load(), r.untold.Load()
	s.RelayedStreamsOpened, s.RelayedStreamsRefused, s.RelayedStreamsBroken = c.StreamsOpened.Load(), c.StreamRefused.Load(), c.StreamBroken.Load()
	s.Clients, s.RelayedStreams = uint64(max(0, c.Clients.Load())), uint64(max(0, c.Streams.Load()))
	r.mutex.Lock()
	for _, g := range r.bySlot {
		if g.conn != nil {
			s.Gateways++
		}
	}
	r.mutex.Unlock()
	for reason, count := range map[protocol.Reason]*atomic.Uint64{
		ReasonRelayQueue: &c.QueueFull, ReasonGatewayQueue: &c.PassQueueFull, ReasonGatewayRate: &c.PassRate, ReasonGatewayAbsent: &c.PassAbsent,
	} {
		if n := count.Load(); n > 0 {
			s.Drops[reason] = n
		}
	}
}

// describe returns how a route is to be shown.
func (r *relays) describe(route netip.AddrPort) string {
	if !isRelayed(route) {
		return route.String()
	}
	member, slot := relayedTo(route)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch g := r.bySlot[slot]; {
	case g != nil && member == 0:
		return string(g.address)
	case g != nil:
		return string(RelayAddress(member, string(g.address)))
	}
	return string(RelayAddress(member, "here"))
}
