package live

import (
	"errors"
	"log/slog"
	"math/bits"
	"net/netip"
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// carryOut does what the output asks for, in order, and empties it.
func (n *Node) carryOut(now protocol.Time) {
	if len(n.output.Effects) == 0 {
		return
	}
	for i := range n.output.Effects {
		e := &n.output.Effects[i]
		switch e.Kind {
		case protocol.EffectSend:
			n.single[0] = e.To
			n.send(now, n.single[:], e.Message)
		case protocol.EffectSpread:
			n.send(now, e.Targets, e.Message)
		case protocol.EffectSendAddress:
			n.sendAddress(now, e.Address, e.Message, true)
		case protocol.EffectEmit:
			n.count.events.Add(1)
			n.book.observe(now, e.Event)
			n.config.OnEvent(now, e.Event)
		case protocol.EffectDrop:
			n.drop(e.To, e.Reason, 1)
		case protocol.EffectWork:
			n.do(now, e.Work)
		case protocol.EffectMulticast:
			n.sendGroup(now, e.Group, e.Targets, e.Message)
		case protocol.EffectJoinGroup:
			if n.multicast != nil {
				n.multicast.join(e.Group)
			}
		case protocol.EffectLeaveGroup:
			if n.multicast != nil {
				n.multicast.leave(e.Group)
			}
		case protocol.EffectBroadcast:
			n.drop(0, ReasonRadioNone, 1)
		default:
			panic("live: effect of unknown kind")
		}
	}
	n.output.Reset()
}

// send encodes a message once for all of the peers.
func (n *Node) send(now protocol.Time, ids []protocol.NodeID, m protocol.Message) {
	if ids = n.speaking(now, ids, m); len(ids) == 0 {
		return
	}
	if !fits(m) {
		n.drop(0, ReasonMessageOversize, uint64(len(ids)))
		return
	}
	l := n.out.find(ids, "")
	if l == nil {
		l = n.out.begin(ids, "")
		n.route(now, l, ids)
	}
	if l.missing > 0 {
		n.drop(0, ReasonAddressUnknown, uint64(l.missing))
	}
	n.addTo(now, l, m)
}

// route gives a new lane the addresses of its peers.
func (n *Node) route(now protocol.Time, l *lane, ids []protocol.NodeID) {
	for _, id := range ids {
		if route, ok := n.book.route(now, id); !ok {
			l.missing++
		} else if n.links == nil {
			l.parcel.targets = append(l.parcel.targets, target{to: route})
		} else if s := n.links.sessionWith(now, id); s != nil {
			l.parcel.targets = append(l.parcel.targets, target{to: route, session: s})
		} else {
			l.waits = append(l.waits, destination{id: id})
		}
	}
}

// routeAddresses gives a new lane the addresses of the targets.
func (n *Node) routeAddresses(now protocol.Time, l *lane) {
	for _, route := range n.targets {
		if n.links == nil {
			l.parcel.targets = append(l.parcel.targets, target{to: route})
		} else if s := n.links.sessionAt(now, route); s != nil {
			l.parcel.targets = append(l.parcel.targets, target{to: route, session: s})
		} else {
			l.waits = append(l.waits, destination{route: route})
		}
	}
}

// awaitAll lets a message wait for the destinations of its lane to which there is no session yet.
func (n *Node) awaitAll(now protocol.Time, l *lane, m protocol.Message) {
	for _, to := range l.waits {
		n.await(now, to, m)
	}
}

// sendAddress sends to every IP address that an address stands for. hold tells that the message may wait for these to be found.
func (n *Node) sendAddress(now protocol.Time, address protocol.Address, m protocol.Message, hold bool) {
	if !fits(m) {
		n.drop(0, ReasonMessageOversize, 1)
		return
	}
	if wire.KindFormat(m.Kind()) > wire.FormatOldest { // each route by itself, since each has to know it
		for _, route := range slices.Clone(n.appendRoutes(now, n.targets[:0], address, m, hold)) {
			n.sendRoute(now, route, m)
		}
		return
	}
	l := n.out.find(nil, address)
	if l == nil {
		n.targets = n.appendRoutes(now, n.targets[:0], address, m, hold)
		if len(n.targets) == 0 {
			return
		}
		l = n.out.begin(nil, address)
		n.routeAddresses(now, l)
	}
	n.addTo(now, l, m)
}

// sendRoute sends a message, which fits, to whoever is at a route.
func (n *Node) sendRoute(now protocol.Time, route netip.AddrPort, m protocol.Message) {
	if !n.understood(now, route, m) {
		n.drop(0, ReasonFormat, 1)
		return
	}
	name := protocol.Address(route.String())
	l := n.out.find(nil, name)
	if l == nil {
		n.targets = append(n.targets[:0], route)
		l = n.out.begin(nil, name)
		n.routeAddresses(now, l)
	}
	n.addTo(now, l, m)
}

// addTo gives a message to a lane.
func (n *Node) addTo(now protocol.Time, l *lane, m protocol.Message) {
	n.awaitAll(now, l, m)
	if len(l.parcel.targets) > 0 {
		n.count.messagesSent.Add(1)
		n.out.add(l, m)
	}
}

// appendRoutes appends the routes of an address. When there are none it holds or drops the message.
func (n *Node) appendRoutes(now protocol.Time, routes []netip.AddrPort, address protocol.Address, m protocol.Message,
	hold bool) []netip.AddrPort {
	if route, ok := n.routeThroughGateway(address); ok {
		if !route.IsValid() {
			n.drop(0, ReasonAddressUnresolved, 1)
			return routes
		}
		return append(routes, route)
	}
	if route, err := netip.ParseAddrPort(string(address)); err == nil {
		if !sendable(unmap(route)) {
			n.drop(0, ReasonAddressBad, 1)
			return routes
		}
		return append(routes, unmap(route))
	}
	known := n.names.lookUp(now, address)
	if known == nil {
		return routes // counted as a bad address
	}
	if len(known.routes) == 0 && !(hold && known.hold(m)) {
		n.drop(0, ReasonAddressUnresolved, 1)
	}
	return append(routes, known.routes...)
}

// answered takes in what a lookup found, and sends what waited for it.
func (n *Node) answered(a answer) {
	now := n.now()
	held, failing := n.names.answered(now, a)
	if failing {
		n.config.Logger.Warn("cannot resolve address; trying again, further failures are only counted", "address", string(a.address), "error", a.err)
	}
	for _, m := range held {
		n.sendAddress(now, a.address, m, false)
	}
}

// drop counts what was not acted upon, and logs the first, second, fourth, eighth and so on for each reason.
func (n *Node) drop(from protocol.NodeID, reason protocol.Reason, times uint64) {
	total := n.count.drops.add(reason, times)
	if bits.Len64(total) != bits.Len64(total-times) && n.debug {
		n.config.Logger.LogAttrs(n.lifetime, slog.LevelDebug, "dropped",
			slog.String("reason", string(reason)), slog.String("peer", from.String()), slog.Uint64("total", total))
	}
}

func decodeReason(err error) protocol.Reason {
	if errors.Is(err, wire.ErrKind) {
		return ReasonFrameKind
	}
	return ReasonFrameMalformed
}
