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
	addresses  []protocol.Address
	routes     []netip.AddrPort
	named      bool          // some addresses are names
	resolved   protocol.Time // when the routes were made
	generation uint64        // of the answers about names that the routes were made from
	current    int           // index of the route in use
	settled    bool          // the peer was heard from there
}

// book knows where peers are. The loop owns it.
type book struct {
	peers     *recent[protocol.NodeID, contact]
	strangers *recent[protocol.NodeID, netip.AddrPort]
	names     *names
	count     *counters
}

func newBook(c *Config, names *names, count *counters) *book {
	return &book{
		peers: newRecent[protocol.NodeID, contact](c.Peers), strangers: newRecent[protocol.NodeID, netip.AddrPort](c.Strangers),
		names: names, count: count,
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
	if c := b.peers.get(p.ID); c != nil {
		if !slices.Equal(c.addresses, addresses) {
			*c = contact{addresses: addresses}
			b.resolve(now, c)
		}
		return
	}
	c := contact{addresses: addresses}
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
	c.routes, c.named, c.settled = c.routes[:0], false, false
	for _, address := range c.addresses {
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
	if s := b.strangers.get(id); s != nil && *s == from || !sendable(from) {
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
	if !c.settled {
		c.current = (c.current + 1) % len(c.routes)
	}
	return c.routes[c.current], true
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
	for skip := range c.routes {
		if next := c.routes[(first+try+skip)%len(c.routes)]; reaches(next) {
			return next, true
		}
	}
	return route, true
}

// sendable reports whether an address is one that a member can have.
func sendable(a netip.AddrPort) bool {
	ip := a.Addr()
	return a.IsValid() && a.Port() != 0 && !ip.IsUnspecified() && !ip.IsMulticast() && ip != broadcast
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
