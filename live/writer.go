package live

import (
	"errors"
	"math"
	"net/netip"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/seal"
	"spinglass/wire"
)

// errFamily says that the socket was opened for addresses of the other family only.
var errFamily = errors.New("the socket does not send to this family of addresses, IPv4 or IPv6, because of the address that it listens on")

// writer sends parcels. It stops asking the kernel for segments that the kernel refused.
type writer struct {
	node       *Node
	segmentMax int    // bytes; larger segments were refused
	sealed     parcel // one of those at hand, for one destination

	parcels                 []*parcel     // at hand, which go to the same destinations
	calls, datagrams, bytes uint64        // of these
	sending                 time.Duration // these, without what sealing took: receivers have no part in that
	spent                   time.Duration // on parcels since the last rest
}

// write sends what the loop hands over, until there is no more.
func (n *Node) write() {
	defer close(n.written)
	w := writer{node: n, segmentMax: math.MaxInt}
	for p := range n.out.full {
		for p != nil {
			p = w.run(p)
		}
	}
}

// runMax is how many parcels in a row go to one destination. A receiver's socket has room for more.
const runMax = 4

// run sends a parcel, and those behind it that go to the same destinations: all to one, then all to the next. So a receiver is woken once for them, and finds
// the next one when it is done with one. It returns the first parcel that goes elsewhere, nil when there is none.
func (w *writer) run(first *parcel) (next *parcel) {
	w.parcels = append(w.parcels[:0], first)
	size := len(first.buffer)
	for len(w.parcels) < runMax && len(w.node.out.full) > 0 { // nobody else takes them
		if next = <-w.node.out.full; !slices.Equal(next.targets, first.targets) {
			break
		}
		w.parcels, size, next = append(w.parcels, next), size+len(next.buffer), nil
	}
	w.sending = 0
	w.deliver(first.targets)
	if next == nil {
		w.rest(size, w.sending)
	} else {
		w.spent += w.sending
	}
	for _, p := range w.parcels {
		w.node.out.takeBack(p)
	}
	return next
}

// Rests of the writer.
const (
	restMin = 200 * time.Microsecond // what took less to send is sent as it comes
	restMax = time.Millisecond
)

// rest lets the writer pause for as long as it took to send what there was, so that more comes together in the meantime. What is sent to many
// costs the same for a few messages as for many, at the receivers most of all, each of which has to be woken. Full parcels do not wait.
func (w *writer) rest(size int, took time.Duration) {
	if size > parcelSize/2 {
		w.spent = 0
		return
	}
	if w.spent += took; len(w.node.out.full) > 0 {
		return
	}
	if w.spent >= restMin {
		w.node.count.writerRests.Add(1)
		nap(min(w.spent, restMax))
	}
	w.spent = 0
}

// deliver sends the parcels at hand to their destinations. Checksums, or seals, are left to it, since the loop has more to do.
func (w *writer) deliver(targets []target) {
	if w.node.links == nil {
		for _, p := range w.parcels {
			finish(p)
		}
	}
	for i := range targets {
		for _, p := range w.parcels {
			w.parcel(p, &targets[i])
		}
	}
	count := &w.node.count
	count.sendCalls.Add(w.calls)
	count.datagramsSent.Add(w.datagrams)
	count.bytesSent.Add(w.bytes)
	w.calls, w.datagrams, w.bytes = 0, 0, 0
}

// parcel sends a parcel to one destination.
func (w *writer) parcel(p *parcel, to *target) {
	if w.node.links != nil {
		if !w.seal(p, to) {
			return
		}
		p = &w.sealed
	}
	begun := time.Now()
	w.send(p, to.to)
	w.sending += time.Since(begun)
}

// finish fills in checksums.
func finish(p *parcel) {
	for b := p.buffer; len(b) > 0; {
		datagram := firstDatagram(b, p.segment)
		b = b[len(datagram):]
		wire.FinishDatagram(datagram)
	}
}

// seal seals the datagrams of a parcel for one target, and reports whether it could.
func (w *writer) seal(p *parcel, to *target) bool {
	if to.group != nil {
		ok := w.sealBy(p, to.group, 0)
		to.group.sealed.Store(to.group.Sealed())
		return ok
	}
	ok := w.sealBy(p, to.session.sealer, to.session.peer)
	to.session.sealed.Store(to.session.sealer.Sealed())
	return ok
}

// sealBy does it by one key. peer is whose, 0 for a group.
func (w *writer) sealBy(p *parcel, s interface {
	Seal(b, frames []byte) ([]byte, error)
}, peer protocol.NodeID) bool {
	w.sealed.buffer, w.sealed.count, w.sealed.segment = w.sealed.buffer[:0], p.count, p.segment+seal.TagSize
	for b := p.buffer; len(b) > 0; {
		datagram := firstDatagram(b, p.segment)
		b = b[len(datagram):]
		var err error
		if w.sealed.buffer, err = s.Seal(w.sealed.buffer, datagram[wire.HeaderSize:]); err != nil {
			w.node.drop(peer, ReasonSessionExhausted, uint64(p.count))
			return false
		}
	}
	return true
}

func (w *writer) send(p *parcel, to netip.AddrPort) {
	n := w.node
	switch {
	case isRelayed(to):
		n.relays.send(to, p.segment, p.buffer)
		return
	case !n.link.reaches(to):
		n.sendFailed(to, errFamily, p.count)
		return
	case p.count > 1 && p.segment <= w.segmentMax && n.segments.Load():
		err := n.link.write(p.buffer, p.segment, to)
		if err == nil {
			w.sent(p.count, len(p.buffer))
			return
		}
		never, smaller := refusal(err)
		if never {
			n.segments.Store(false)
			n.config.Logger.Info("kernel refuses to cut datagrams; sending them one by one", "error", err)
		}
		if smaller {
			w.segmentMax = p.segment - 1
		}
		if !never && !smaller {
			n.sendFailed(to, err, p.count)
			return
		}
	}
	w.sendPlain(p, to)
}

// sendPlain sends the datagrams of a parcel one by one.
func (w *writer) sendPlain(p *parcel, to netip.AddrPort) {
	for b := p.buffer; len(b) > 0; {
		datagram := firstDatagram(b, p.segment)
		b = b[len(datagram):]
		if err := w.node.link.write(datagram, 0, to); err != nil {
			w.node.sendFailed(to, err, 1)
			continue
		}
		w.sent(1, len(datagram))
	}
}

func (w *writer) sent(datagrams, bytes int) {
	w.calls++
	w.datagrams += uint64(datagrams)
	w.bytes += uint64(bytes)
}

func (n *Node) sendFailed(to netip.AddrPort, err error, datagrams int) {
	reason := ReasonSendUnreachable
	switch {
	case isRelayed(to):
		n.drop(0, ReasonRelayDown, uint64(datagrams))
		return
	case err != errFamily:
		reason = sendReason(err)
	}
	if n.count.drops.add(reason, uint64(datagrams)) == uint64(datagrams) {
		n.config.Logger.Warn("sending failed; further failures of this kind are only counted", "to", to, "reason", reason, "error", err)
	}
}
