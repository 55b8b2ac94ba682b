package live

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/relay"
)

// gateway is a member through which others are reached, as this node knows it. The mutex of relays guards it.
type gateway struct {
	address  protocol.Address    // host:port
	slot     uint16              // its number in routes
	kept     bool                // the node is in an enclave behind it
	conn     *relay.Conn         // nil: none
	same     *gateway            // another address of the same gateway, by which there was a connection already
	claim    *identity.PublicKey // whose it is, while there is a connection, or about to be one
	itself   bool                // it is this node
	keeping  bool                // a goroutine keeps it connected
	wanted   time.Time           // when it was last asked for
	failures int                 // in a row
	retry    time.Time           // no attempt before
	changed  chan struct{}       // closed when any of this has changed
}

// at returns the gateway under the address by which there is a connection, or is about to be one.
func (g *gateway) at() *gateway {
	if g.conn == nil && g.same != nil && g.same.claim != nil {
		return g.same
	}
	return g
}

// change tells who waits that the gateway has changed.
func (g *gateway) change() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// find returns the gateway at an address, nil when there are too many; the mutex is held. Those that are not in use make room.
func (r *relays) find(address protocol.Address) *gateway {
	if g := r.byAddress[address]; g != nil {
		return g
	}
	if len(r.byAddress) >= gatewaysKnownMax {
		var oldest *gateway
		for _, g := range r.byAddress {
			if !g.keeping && (oldest == nil || g.wanted.Before(oldest.wanted)) {
				oldest = g
			}
		}
		if oldest == nil {
			return nil
		}
		delete(r.byAddress, oldest.address)
		delete(r.bySlot, oldest.slot)
	}
	for r.lastSlot++; r.lastSlot <= ownSlot || r.bySlot[r.lastSlot] != nil; {
		r.lastSlot++
	}
	g := &gateway{address: address, slot: r.lastSlot, changed: make(chan struct{}), wanted: time.Now()}
	r.byAddress[address], r.bySlot[g.slot] = g, g
	return g
}

// appendRoutes appends the ways to a member behind the gateway at an address: the node's own clients, if it is a gateway, and that one.
func (r *relays) appendRoutes(routes []netip.AddrPort, member protocol.NodeID, address protocol.Address) []netip.AddrPort {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.table != nil {
		routes = appendNew(routes, relayRoute(member, ownSlot))
	}
	if g := r.find(address); g == nil {
		r.refused.Add(1)
	} else if g = g.at(); !g.itself {
		routes = appendNew(routes, relayRoute(member, g.slot))
	}
	return routes
}

// appendOwn appends the ways to a member through the gateways of a node in an enclave.
func (r *relays) appendOwn(routes []netip.AddrPort, member protocol.NodeID) []netip.AddrPort {
	for _, address := range r.own {
		routes = r.appendRoutes(routes, member, address)
	}
	return routes
}

func appendNew(routes []netip.AddrPort, route netip.AddrPort) []netip.AddrPort {
	for _, known := range routes {
		if known == route {
			return routes
		}
	}
	return append(routes, route)
}

// want sees to it that there is, or will be, a connection to the gateway of a route.
func (r *relays) want(route netip.AddrPort) {
	_, slot := relayedTo(route)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if g := r.bySlot[slot]; g != nil {
		r.wantGateway(g.at())
	}
}

// wantGateway is want with the mutex held. It reports whether the gateway may be waited for.
func (r *relays) wantGateway(g *gateway) bool {
	g.wanted = time.Now()
	switch {
	case g.itself:
		return false
	case g.conn != nil:
		g.conn.Use()
	case !g.keeping && r.used >= r.usedMax:
		r.refused.Add(1)
		return false
	case !g.keeping:
		r.keepConnected(g)
	}
	return true
}

// keepConnected starts the goroutine that does it; the mutex is held.
func (r *relays) keepConnected(g *gateway) {
	if g.keeping || r.node.lifetime.Err() != nil {
		return
	}
	g.keeping = true
	r.used++
	r.node.running.Go(func() { r.keep(g) })
}

// await returns the connection to a gateway, once there is one, unless the first attempt fails.
func (r *relays) await(ctx context.Context, slot uint16) (*relay.Conn, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	g := r.bySlot[slot]
	if g == nil {
		return nil, errGatewayUnknown
	}
	for {
		now := g.at()
		switch may := r.wantGateway(now); {
		case now.conn != nil:
			return now.conn, nil
		case now.itself:
			return nil, errGatewayItself
		case !may:
			return nil, errGatewayUnknown
		case now.failures > 0:
			return nil, errGatewayDown
		}
		changed := now.changed
		r.mutex.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		r.mutex.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// keep keeps a gateway connected, until nobody wants it any more.
func (r *relays) keep(g *gateway) {
	for r.mayTry(g) {
		conn, peer, err := r.connect(r.node.lifetime, g)
		switch {
		case errors.Is(err, errGatewaySame):
			r.awaitSame(g)
		case err != nil:
			r.failed(g, err)
		default:
			r.carry(g, conn, peer)
		}
	}
}

// mayTry waits until a gateway may be connected to, and reports whether it is still to be. If not, nobody keeps it connected any more.
func (r *relays) mayTry(g *gateway) bool {
	r.mutex.Lock()
	pause := time.Until(g.retry)
	r.mutex.Unlock()
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-r.node.closing:
		}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if !r.node.closed() && !g.itself && (g.kept || time.Since(g.wanted) < r.idle) {
		return true
	}
	g.keeping = false
	r.used--
	g.change()
	return false
}

// connect makes a connection to a gateway, at the first of its addresses that answers.
func (r *relays) connect(ctx context.Context, g *gateway) (conn *tls.Conn, peer greeted, err error) {
	admits := func(key identity.PublicKey) error { return r.claim(g, key) }
	routes, err := resolve(ctx, r.node.config.Resolver, string(g.address))
	for _, route := range routes {
		if conn, peer, err = r.node.links.dialGreeted(ctx, 0, route, r.node.links.relay, admits); err == nil || errors.Is(err, errGatewaySame) {
			break
		}
		r.unclaim(g)
	}
	return conn, peer, err
}

// claim makes a gateway the address by which the holder of a key is connected to, unless that is another one.
func (r *relays) claim(g *gateway, key identity.PublicKey) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if holder := r.claimed[key]; holder != nil {
		if g.kept && holder.kept && g.same != holder {
			r.node.config.Logger.Warn("two addresses of gateways are those of the same member", "address", string(g.address), "other", string(holder.address))
		}
		g.same, g.failures = holder, 0
		g.change()
		return errGatewaySame
	}
	r.claimed[key], g.claim, g.same = g, &key, nil
	return nil
}

// unclaim ends claim.
func (r *relays) unclaim(g *gateway) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if g.claim != nil {
		delete(r.claimed, *g.claim)
		g.claim = nil
		g.change()
	}
}

// awaitSame waits until the connection by another address has ended.
func (r *relays) awaitSame(g *gateway) {
	for r.node.lifetime.Err() == nil {
		r.mutex.Lock()
		same, changed := g.at(), g.at().changed
		r.mutex.Unlock()
		if same == g {
			return
		}
		select {
		case <-changed:
		case <-r.node.lifetime.Done():
		}
	}
}

// failed takes in that an attempt came to nothing.
func (r *relays) failed(g *gateway, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	defer g.change()
	if errors.Is(err, errSelf) {
		g.itself = true
		return
	}
	r.failures.Add(1)
	r.setBack(g)
	logger := r.node.config.Logger
	if g.kept && g.failures == 1 && !r.node.closed() {
		logger.Warn("no connection to a gateway; trying again. Is it one (--gateway), and does a firewall let its TCP port be reached?", "address", string(g.address), "error", err)
		return
	}
	logger.Debug("no connection to a gateway", "address", string(g.address), "error", err)
}

// setBack sets back the next attempt; the mutex is held.
func (r *relays) setBack(g *gateway) {
	pause := min(r.backoff<<min(g.failures, 16), backoffMax)
	g.failures++
	g.retry = time.Now().Add(pause/2 + rand.N(pause))
}

// carry serves a connection to a gateway to its end.
func (r *relays) carry(g *gateway, conn *tls.Conn, peer greeted) {
	defer context.AfterFunc(r.node.lifetime, func() { _ = conn.NetConn().Close() })()
	config := r.config(peer, g.slot)
	r.mutex.Lock()
	if !g.kept {
		config.Idle = r.idle
	}
	c := relay.New(conn, config)
	begun := time.Now()
	g.conn, g.failures = c, 0
	g.change()
	r.mutex.Unlock()
	r.connections.Add(1)
	logger := r.node.config.Logger
	logger.Info("connected to a gateway", "address", string(g.address), "peer", peer.name)
	err := c.Serve()
	r.unclaim(g)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	defer g.change()
	g.conn = nil
	if errors.Is(err, relay.ErrIdle) {
		g.wanted = time.Time{}
		return
	}
	if r.node.closed() {
		return
	}
	r.lost.Add(1)
	logger.Warn("the connection to a gateway is lost; connecting again", "address", string(g.address), "error", err)
	r.setBack(g)
	if time.Since(begun) >= gatewayShort {
		g.failures = 0
	}
}
