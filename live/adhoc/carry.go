package adhoc

import (
	"net/netip"
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// input gives the machine one input, and carries out what comes of it.
func (n *Node) input(f func(now protocol.Time, out *protocol.Output)) {
	f(n.now(), &n.output)
	for i := range n.output.Effects {
		e := &n.output.Effects[i]
		switch e.Kind {
		case protocol.EffectSend:
			n.unicast(e.To, e.Message)
		case protocol.EffectBroadcast:
			n.broadcast(e.Message)
		case protocol.EffectEmit:
			n.config.Event(e.Event)
		case protocol.EffectDrop:
			n.stats.Drops[e.Reason]++
		default:
			n.stats.EffectsRefused++
		}
	}
	n.output.Reset()
}

func (n *Node) broadcast(m protocol.Message) {
	n.stats.Broadcasts++
	n.write(datagram(n.config.Self, m), n.network.broadcast)
}

// unicast sends a message to a neighbour until it is acknowledged. A neighbour whose address is not known is reached by a broadcast that names it.
func (n *Node) unicast(to protocol.NodeID, m protocol.Message) {
	n.stats.Unicasts++
	if len(n.underway) >= UnderwayMax {
		n.stats.UnicastsRefused++
		return
	}
	n.number++
	u := &unicast{to: to, number: n.number, message: m, data: datagram(n.config.Self, &hop{to: to, number: n.number}, m), at: n.now().Add(AckTimeout)}
	n.underway = append(n.underway, u)
	n.write(u.data, n.addressOf(to))
}

func (n *Node) addressOf(id protocol.NodeID) netip.AddrPort {
	if address, ok := n.neighbours[id]; ok {
		return address
	}
	return n.network.broadcast
}

// sendAgain repeats unicasts that were not acknowledged in time, and gives up those that were repeated often enough.
func (n *Node) sendAgain() {
	now := n.now()
	var broken []*unicast
	n.underway = slices.DeleteFunc(n.underway, func(u *unicast) bool {
		switch {
		case u.at > now:
			return false
		case u.tries >= Retries:
			broken = append(broken, u)
			return true
		}
		u.tries++
		u.at = now.Add(AckTimeout)
		n.stats.UnicastsAgain++
		n.write(u.data, n.addressOf(u.to))
		return false
	})
	for _, u := range broken {
		n.stats.UnicastsBroken++
		n.forget(u.to)
		n.input(func(now protocol.Time, out *protocol.Output) {
			n.config.Machine.Notify(now, protocol.LinkBroken{To: u.to, Message: u.message}, out)
		})
	}
}

func (n *Node) write(data []byte, to netip.AddrPort) {
	if len(data) > DatagramMax {
		n.stats.Oversized++
		return
	}
	if _, err := n.air.WriteToUDPAddrPort(data, to); err != nil {
		n.stats.SendFailed++
		return
	}
	n.stats.DatagramsSent++
	n.stats.BytesSent += uint64(len(data))
}

// receive takes a datagram apart.
func (n *Node) receive(p packet) {
	sender, frames, err := wire.OpenDatagram(p.data)
	if err != nil || len(p.data) > DatagramMax {
		n.stats.Malformed++
		return
	}
	if sender == n.config.Self {
		return // broadcasts come back
	}
	n.stats.DatagramsReceived++
	n.stats.BytesReceived += uint64(len(p.data))
	n.learn(sender, p.from)
	for first := true; ; first = false {
		kind, body, rest, err := wire.NextFrame(frames)
		if err != nil {
			n.stats.Malformed++
			return
		}
		if kind == wire.KindPadding {
			return
		}
		frames = rest
		if kind == wire.KindHop || kind == wire.KindHopAck {
			h, err := decodeHop(kind, body)
			if err != nil || !first {
				n.stats.Malformed++
				return
			}
			if !n.takeHop(sender, h) {
				return
			}
			continue
		}
		n.take(sender, kind, body)
	}
}

// takeHop acknowledges a unicast, or takes an acknowledgement, and reports whether what follows is to be looked at.
func (n *Node) takeHop(sender protocol.NodeID, h hop) bool {
	switch {
	case h.to != n.config.Self:
		n.stats.UnicastsForeign++
		return false
	case h.ack:
		i := slices.IndexFunc(n.underway, func(u *unicast) bool { return u.number == h.number && u.to == sender })
		if i < 0 {
			n.stats.AcksStray++
			return false
		}
		n.stats.AcksReceived++
		n.underway = slices.Delete(n.underway, i, i+1)
		return false
	}
	n.stats.AcksSent++
	n.write(datagram(n.config.Self, &hop{to: sender, number: h.number, ack: true}), n.addressOf(sender))
	if !n.seen.Add(seenKey{sender, h.number}) {
		n.stats.UnicastsTwice++
		return false
	}
	return true
}

// take gives the machine a message.
func (n *Node) take(sender protocol.NodeID, kind protocol.Kind, body []byte) {
	if kind < wire.KindAdhocFirst || kind > wire.KindAdhocLast {
		n.stats.Unknown++
		return
	}
	m, err := n.config.Decoder.Decode(kind, body)
	if err != nil {
		n.stats.Malformed++
		return
	}
	n.input(func(now protocol.Time, out *protocol.Output) { n.config.Machine.Receive(now, sender, m, out) })
}

// learn remembers where a neighbour is.
func (n *Node) learn(id protocol.NodeID, from netip.AddrPort) {
	if _, known := n.neighbours[id]; !known {
		if len(n.known) >= NeighboursMax {
			delete(n.neighbours, n.known[0])
			n.known = slices.Delete(n.known, 0, 1)
			n.stats.NeighboursEvicted++
		}
		n.known = append(n.known, id)
	}
	n.neighbours[id] = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

// forget forgets where a neighbour was: it may have another address when it comes back.
func (n *Node) forget(id protocol.NodeID) {
	if i := slices.Index(n.known, id); i >= 0 {
		n.known = slices.Delete(n.known, i, i+1)
		delete(n.neighbours, id)
	}
}
