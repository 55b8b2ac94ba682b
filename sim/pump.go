package sim

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// segmentSize is how many bytes of a stream travel, and are lost, together.
const segmentSize = 1344

// resendMax bounds how often one piece is sent again.
const resendMax = 16

// wakePump has pump called at the given time, unless it will be anyway.
func (w *World) wakePump(e *end, at protocol.Time) {
	if e.pumping {
		return
	}
	e.pumping = true
	w.At(at, func() {
		e.pumping = false
		w.pump(e)
	})
}

// pump sends the next piece of a stream, if the window has room, and the end after the last piece. Between two pieces others get their
// turn at the egress.
func (w *World) pump(e *end) {
	if !e.open || e.closed || e.fin || e.peer == nil || !w.passable(e, w.pump) {
		return
	}
	n := min(len(e.pending), StreamPieceMax, StreamWindow-e.unread)
	if n > 0 {
		left := w.sendPiece(e, piece{to: e.peer, data: slices.Clone(e.pending[:n])})
		e.pending = e.pending[n:]
		e.unread += n
		if len(e.pending) > 0 || e.closing {
			w.wakePump(e, left)
		}
		if len(e.pending) == 0 {
			w.written(e, left)
		}
		return
	}
	if len(e.pending) > 0 {
		return // until the peer has read
	}
	w.written(e, w.now)
	if e.closing {
		e.fin = true
		w.sendPiece(e, piece{to: e.peer, fin: true})
	}
}

// written tells the machine that its write was taken over.
func (w *World) written(e *end, at protocol.Time) {
	if e.writing {
		e.writing, e.pending = false, nil
		w.complete(e.host, at, protocol.StreamWritten{Number: e.number}, aside{})
	}
}

// sendPiece sends a piece after those before it and returns when it has left the host.
func (w *World) sendPiece(e *end, p piece) protocol.Time {
	h := e.host
	w.busy(h, h.cost.send(len(p.data)))
	left := w.now
	if h.bandwidth > 0 {
		h.egress = max(h.egress, w.now) + protocol.Time(int64(len(p.data)+Overhead)*int64(time.Second)/h.bandwidth)
		left = h.egress
	}
	e.arrival = max(e.arrival, w.unclogged(h.index, e.remote.index, left).Add(w.delay(e, len(p.data))))
	a := aside{piece: &p, incarnation: e.remote.incarnation}
	ref := w.slot(input{kind: InputNotify, to: e.remote.index, aside: &a})
	w.queue.push(entry{at: e.arrival, ref: ref, kind: entryArrive})
	return left
}

// delay draws how long size bytes of a stream are on their way: the latency of each link, its bandwidth, and one streamRetry for each
// time that a segment was lost.
func (w *World) delay(e *end, size int) time.Duration {
	topology := w.config.Network.Topology
	if topology == nil {
		return 0
	}
	e.draws++
	var d time.Duration
	segments := max(1, (size+segmentSize-1)/segmentSize)
	w.hops = topology.Route(&e.host.place, &e.remote.place, w.hops[:0])
	for _, hop := range w.hops {
		r := w.draw(purposeStream, uint64(e.host.place.ID), mix(e.number)+e.draws, hop.Key)
		if hop.Link.Latency != nil {
			d += hop.Link.Latency.Draw(r)
		}
		if hop.Link.Bandwidth > 0 {
			d += time.Duration(int64(size) * int64(time.Second) / hop.Link.Bandwidth)
		}
		for lost, again := segments, 0; lost > 0 && hop.Link.Loss > 0 && again < resendMax; again++ {
			left := 0
			for range lost {
				if r.Float64() < hop.Link.Loss {
					left++
				}
			}
			if lost = left; lost > 0 {
				d += streamRetry
			}
		}
	}
	return d
}

// readPiece gives a piece that has arrived to the machine, lent; false when the stream broke while the piece was under way.
func (w *World) readPiece(h *host, p *piece) bool {
	e := p.to
	w.busy(h, h.cost.receive(len(p.data)))
	if e.closed {
		return false
	}
	sender := e.peer
	if p.fin {
		w.forget(e)
		w.step = Step{Input: InputNotify, Event: protocol.StreamClosed{Number: e.number}}
		w.At(w.now.Add(w.delay(e, 0)), func() { w.shut(sender, nil) })
		h.machine.Notify(w.now, w.step.Event, &w.output)
		return true
	}
	w.stats.StreamBytes += uint64(len(p.data))
	w.encoder.received = append(w.encoder.received[:0], p.data...)
	lent := w.encoder.received
	w.step = Step{Input: InputNotify, Event: protocol.StreamRead{Number: e.number, Data: p.data}}
	h.machine.Notify(w.now, protocol.StreamRead{Number: e.number, Data: lent}, &w.output)
	for i := range lent {
		lent[i] = scribble
	}
	size := len(p.data)
	w.At(w.now.Add(w.delay(e, 0)), func() {
		if e.held {
			e.taken += size
		} else {
			w.credit(sender, size)
		}
	})
	return true
}
