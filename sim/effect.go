package sim

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// effect carries out one effect of the input that the host has just handled.
func (w *World) effect(h *host, e *protocol.Effect) {
	switch e.Kind {
	case protocol.EffectSend:
		w.sendTo(h, e.To, e.Message, w.emit(h, e.Message, nil))
	case protocol.EffectSendAddress:
		w.sendAddress(h, e.Address, e.Message, w.emit(h, e.Message, nil))
	case protocol.EffectSpread:
		w.spread(h, e.Targets, e.Message)
	case protocol.EffectEmit:
		for _, f := range w.observers {
			f(w.now, h.place.ID, e.Event)
		}
	case protocol.EffectDrop:
		w.countDrop(e.Reason)
	case protocol.EffectWork:
		w.work(h, e.Work)
	case protocol.EffectMulticast:
		w.multicast(h, e.Group, e.Targets, e.Message)
	case protocol.EffectJoinGroup:
		w.joinGroup(h, e.Group)
	case protocol.EffectLeaveGroup:
		h.leaveGroup(e.Group)
	case protocol.EffectBroadcast:
		w.broadcast(h, e.Message)
	default:
		panic("sim: an effect of unknown kind")
	}
}

func (w *World) sendTo(h *host, to protocol.NodeID, m protocol.Message, sent *emission) {
	target, _ := w.find(to)
	w.send(h, target, &w.stats.NoHost, m, sent)
}

// sendAddress does what a socket does: the datagram goes to whoever listens at the address.
func (w *World) sendAddress(h *host, to protocol.Address, m protocol.Message, sent *emission) {
	var target *host
	if index, known := w.addresses[to]; known {
		target = w.hosts[index]
	}
	w.send(h, target, &w.stats.NoAddress, m, sent)
}

func (w *World) spread(h *host, targets []protocol.NodeID, m protocol.Message) {
	if len(targets) == 0 {
		return
	}
	sent := w.emit(h, m, targets)
	if !w.config.Network.Multicast || w.medium != nil {
		for _, to := range targets {
			w.sendTo(h, to, m, sent)
		}
		return
	}
	size := datagramSize(m)
	left, full := w.leave(h, size)
	for _, to := range targets {
		w.countSent(h, size)
		target, _ := w.find(to)
		w.proceed(h, target, &w.stats.NoHost, left, full, size, m, sent)
	}
}

// datagramSize returns the size of the datagram that carries m alone, as UDP payload.
func datagramSize(m protocol.Message) int { return wire.HeaderSize + wire.FrameSize(m.Size()) }

// send sends a datagram to a host, or to nobody (nil), which costs the sender as much and is counted in missing.
func (w *World) send(h, to *host, missing *uint64, m protocol.Message, sent *emission) {
	if w.medium != nil && to != nil {
		w.unicast(h, to.index, m, sent)
		return
	}
	size := datagramSize(m)
	w.countSent(h, size)
	left, full := w.leave(h, size)
	w.proceed(h, to, missing, left, full, size, m, sent)
}

// proceed takes a datagram on that has left its host, or was lost before full.
func (w *World) proceed(h, to *host, missing *uint64, left protocol.Time, full *uint64, size int, m protocol.Message, sent *emission) {
	switch {
	case full != nil:
		*full++
	case to == nil:
		*missing++
	default:
		w.transmit(h, to, left, size, m, sent)
	}
}

func (w *World) countSent(h *host, size int) {
	w.stats.Sent++
	w.stats.SentBytes += uint64(size)
	h.stats.Sent++
	h.stats.SentBytes += uint64(size)
	if size > wire.DatagramDefault {
		w.stats.Oversized++
	}
}

// leave takes a datagram through the core and the egress of its host and returns when it is on the network, or the counter of what it was
// lost before.
func (w *World) leave(h *host, size int) (left protocol.Time, full *uint64) {
	h.sent++
	w.busy(h, h.cost.send(size))
	if size > wire.DatagramMax {
		return 0, &w.stats.TooLarge
	}
	if h.bandwidth <= 0 {
		return h.free, nil
	}
	left, ok := serialize(&h.egress, h.free, size+Overhead, h.bandwidth, w.config.Network.EgressQueue)
	if !ok {
		return 0, &w.stats.EgressFull
	}
	return left, nil
}

// transmit takes a datagram over the network.
func (w *World) transmit(h, to *host, left protocol.Time, size int, m protocol.Message, sent *emission) {
	if len(w.barriers) > 0 {
		if w.severed(h.index, to.index) {
			w.stats.Cut++
			return
		}
		left = w.unclogged(h.index, to.index, left)
	}
	f := flight{from: h, to: to, counter: h.sent, size: size}
	at, corrupt, ok := w.carry(f, left)
	if !ok {
		return
	}
	in := input{kind: InputReceive, message: m, from: h.index, to: to.index, size: int32(size), corrupt: corrupt}
	if sent != nil {
		in.aside = &aside{sent: sent}
	}
	w.fly(in, at)
	if at, twice := w.duplicated(f, left); twice {
		w.stats.Duplicated++
		w.fly(in, at)
	}
}

func (w *World) fly(in input, at protocol.Time) {
	if w.pending >= w.config.FlightMax {
		w.stats.FlightFull++
		return
	}
	w.queue.push(entry{at: max(at, w.now), ref: w.slot(in), kind: entryArrive})
}
