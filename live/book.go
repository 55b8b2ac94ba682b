package live

import (
	"net/netip"
	"slices"

	"spinglass/protocol"
)

// addressesMax bounds how many addresses of a peer, or of a name, are used.
const addressesMax = 16

// contact is where a peer can be reached.
type contact struct {
	id         protocol.NodeID
	relayed    bool // there are routes through gateways
	addresses  []protocol.Address
	routes     []netip.AddrPort
	named      bool          // some addresses are names, or of gateways
	resolved   protocol.Time // when the routes were made
	generation uint64        // of the answers about names that the routes were made from
	current    int           // index of the route in use
	settled    bool          // the peer was heard from there
}

// book knows where peers are. The loop owns it.
type book struct {
	peers     *recent[protocol.NodeID, contact]
	strangers *recent[protocol.NodeID, netip.AddrPort]
	owners    *recent[protocol.Address, protocol.NodeID] // whose addresses are, for a node in an enclave, which sends by NodeID only
	names     *names
	relays    *relays // nil: there are none
	count     *counters
}

func newBook(c *Config, names *names, count *counters) *book {
	return &book{
		peers: newRecent[protocol.NodeID, contact](c.Peers), strangers: newRecent[protocol.NodeID, netip.AddrPort](c.Strangers),
		owners: newRecent[protocol.Address, protocol.NodeID](c.Strangers), names: names, count: count,
	}
}

// observe learns from an event that the machine emitted.
func (b *book) observe(now protocol.Time, e protocol.Event) {
	switch e := e.(type) {
	case protocol.PeerUp:
		b.learn(now, e.Peer)
	case protocol.PeerChanged:
		b.learn(now, e.Peer)
	case protocol.PeerUnreachable:
		// Another of its addresses may do.
		if c := b.peers.get(e.Peer.ID); c != nil {
			c.settled = false
		}
	case protocol.PeerDropped:
		b.peers.delete(e.Peer.ID)
		b.count.peers.Store(uint64(b.peers.len()))
	}
}

func (b *book) learn(now protocol.Time, p *protocol.Peer) {
	addresses := p.Addresses[:min(len(p.Addresses), addressesMax)]
	if b.relays != nil && b.relays.outbound {
		for _, address := range addresses {
			b.owners.put(address, p.ID)
		}
	}
	if c := b.peers.get(p.ID); c != nil {
		if !slices.Equal(c.addresses, addresses) {
			*c = contact{id: p.ID, addresses: addresses}
			b.resolve(now, c)
		}
		return
	}
	c := contact{id: p.ID, addresses: addresses}
	b.resolve(now, &c)
	if stranger := b.strangers.get(p.ID); stranger != nil {
		c.settle(*stranger)
		b.strangers.delete(p.ID)
	}
	if b.peers.put(p.ID, c) {
		b.count.peersForgotten.Add(1)
	}
	b.count.peers.Store(uint64(b.peers.len()))
}

// resolve makes the routes of a contact.
func (b *book) resolve(now protocol.Time, c *contact) {
	var settled netip.AddrPort
	if c.settled {
		settled = c.routes[c.current]
	}
	c.routes, c.named, c.relayed, c.settled = c.routes[:0], false, false, false
	if b.relays != nil {
		c.routes = b.relays.appendOwn(c.routes, c.id)
	}
	for _, address := range c.addresses {
		if member, gateway, ok := parseRelayAddress(address); ok {
			if member == c.id && b.relays != nil {
				c.routes = b.relays.appendRoutes(c.routes, member, gateway)
			}
			continue
		}
		if b.relays != nil && b.relays.outbound {
			continue // it could not be sent to
		}
		route, err := netip.ParseAddrPort(string(address))
		if err == nil {
			if sendable(unmap(route)) {
				c.routes = append(c.routes, unmap(route))
			}
			continue
		}
		c.named = true
		c.routes = append(c.routes, b.names.routes(now, address)...)
	}
	c.routes = c.routes[:min(len(c.routes), addressesMax)]
	c.relayed = slices.ContainsFunc(c.routes, isRelayed)
	c.named = c.named || c.relayed
	c.current %= max(1, len(c.routes))
	c.resolved, c.generation = now, b.names.generation
	if settled.IsValid() {
		c.settle(settled)
	}
}

// settle keeps to the route that the peer was heard from, if it is one of its own.
func (c *contact) settle(from netip.AddrPort) {
	if i := slices.Index(c.routes, from); i >= 0 {
		c.current, c.settled = i, true
	}
}

// heard learns where a datagram came from.
func (b *book) heard(id protocol.NodeID, from netip.AddrPort) {
	if c := b.peers.get(id); c != nil {
		if !c.settled || c.routes[c.current] != from {
			c.settle(from)
		}
		return
	}
	if s := b.strangers.get(id); s != nil && *s == from || !answerable(from) {
		return
	}
	if b.strangers.put(id, from) {
		b.count.strangersForgotten.Add(1)
	}
}

// knows reports whether a sender is a peer. What comes by multicast teaches no addresses, and other fleets may use the same groups.
func (b *book) knows(id protocol.NodeID) bool { return b.peers.get(id) != nil }

// route returns the address to send to next, and whether there is one.
func (b *book) route(now protocol.Time, id protocol.NodeID) (netip.AddrPort, bool) {
	c := b.peers.get(id)
	if c == nil {
		if s := b.strangers.get(id); s != nil {
			return *s, true
		}
		return netip.AddrPort{}, false
	}
	if c.named && (c.generation != b.names.generation || now.Sub(c.resolved) >= nameRetry) {
		b.resolve(now, c)
	}
	if len(c.routes) == 0 {
		return netip.AddrPort{}, false
	}
	switch {
	case c.relayed:
		b.turn(c)
	case !c.settled:
		c.current = (c.current + 1) % len(c.routes)
	}
	return c.routes[c.current], true
}

// turn turns to the next route that can be sent to, unless the one in use is settled and can.
func (b *book) turn(c *contact) {
	if c.settled && b.relays.usable(c.routes[c.current]) {
		return
	}
	next := (c.current + 1) % len(c.routes)
	for i := range c.routes {
		if at := (next + i) % len(c.routes); b.relays.usable(c.routes[at]) {
			next = at
			break
		}
	}
	c.settled = c.settled && next == c.current
	c.current = next
}

// absent takes in that a peer is not to be had by a route.
func (b *book) absent(id protocol.NodeID, route netip.AddrPort) {
	if c := b.peers.get(id); c != nil && c.settled && c.routes[c.current] == route {
		c.settled = false
	}
}

// routeToDial returns the address at which to try a handshake, and whether there is one. Each try in a row goes to another one of those that can be reached, and those
// of route, which are counted apart, do not matter.
func (b *book) routeToDial(now protocol.Time, id protocol.NodeID, try int, reaches func(netip.AddrPort) bool) (netip.AddrPort, bool) {
	route, ok := b.route(now, id)
	c := b.peers.get(id)
	if !ok || c == nil {
		return route, ok
	}
	first := 0
	if c.settled {
		first = c.current
	}
	may := []func(netip.AddrPort) bool{reaches}
	if c.relayed {
		may = []func(netip.AddrPort) bool{b.relays.usable, reaches} // better those that are connected
	}
	for _, may := range may {
		for skip := range c.routes {
			if next := c.routes[(first+try+skip)%len(c.routes)]; may(next) {
				return next, true
			}
		}
	}
	return route, true
}

// sendable reports whether an address is one that a member can have.
func sendable(a netip.AddrPort) bool {
	ip := a.Addr()
	return a.IsValid() && a.Port() != 0 && !ip.IsUnspecified() && !ip.IsMulticast() && ip != broadcast && !relayedIP(ip)
}

// answerable reports whether an answer can be sent to where something came from.
func answerable(from netip.AddrPort) bool { return sendable(from) || isRelayed(from) }

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
