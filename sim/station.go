package sim

import (
	"time"

	"spinglass/protocol"
)

// frame is a datagram at its host's radio.
type frame struct {
	message   protocol.Message
	sent      *emission // wire mode
	number    uint64    // of all frames of the world, so that a repetition is told from a new one
	to        uint32    // index of the host
	broadcast bool
	size      int // of the datagram
}

// bytes returns how long the frame is on the radio.
func (f *frame) bytes() int { return f.size + Overhead + RadioFrameOverhead }

// station is the radio of a host: its queue, and the distributed coordination of IEEE 802.11 (9.2) without RTS. The first frame of the queue is the one that it sends.
type station struct {
	host  *host
	path  Path
	queue []frame

	window  int           // from which backoff is drawn
	tries   int           // of the first frame
	slots   int           // of backoff that are left
	ready   protocol.Time // from when on slots pass, unless the medium gets busy
	attempt protocol.Time // when the first frame is to be sent; Never while the medium is busy, or an acknowledgement is awaited
	timeout protocol.Time // when the acknowledgement is given up; Never if none is awaited

	busy         int // transmissions that are sensed, its own included
	transmitting bool
	damaged      bool          // what was sensed last was not understood, so that more time is left for an acknowledgement that it may bring
	reserved     protocol.Time // until when a frame that was overheard has reserved the medium

	arrivals []arrival
	heard    map[uint32]uint64 // the number of the latest unicast frame from each host
}

// broadcast gives a message of a machine to the radio.
func (w *World) broadcast(h *host, m protocol.Message) {
	sent := w.emit(h, m, nil)
	if w.medium == nil {
		w.stats.RadioNone++
		return
	}
	w.stats.Radio.Broadcasts++
	w.air(h, frame{message: m, sent: sent, broadcast: true})
}

// unicast gives a datagram for one host to the radio.
func (w *World) unicast(h *host, to uint32, m protocol.Message, sent *emission) {
	w.stats.Radio.Unicasts++
	w.air(h, frame{message: m, sent: sent, to: to})
}

// air takes a datagram through the core of its host to the queue of its radio.
func (w *World) air(h *host, f frame) {
	f.size = datagramSize(f.message)
	w.countSent(h, f.size)
	h.sent++
	w.busy(h, h.cost.send(f.size))
	if f.bytes() > RadioFrameMax {
		w.stats.Radio.TooLarge++
		return
	}
	s := w.medium.stations[h.index]
	if h.free <= w.now {
		w.queueFrame(s, f)
		return
	}
	incarnation := h.incarnation
	w.medium.waiting++
	w.At(h.free, func() {
		w.medium.waiting--
		if h.incarnation == incarnation {
			w.queueFrame(s, f)
		} else {
			w.stats.Radio.QueueLost++
		}
	})
}

func (w *World) queueFrame(s *station, f frame) {
	if len(s.queue) >= w.medium.radio.Queue {
		w.stats.Radio.QueueFull++
		return
	}
	w.medium.numbers++
	f.number = w.medium.numbers
	s.queue = append(s.queue, f)
	if len(s.queue) == 1 {
		s.ready = max(s.ready, w.now.Add(RadioDIFS))
		w.contend(s)
	}
}

// contend draws a backoff for the first frame. ns-2 does so even when the medium has been idle; the standard lets a frame go at once then, which would have all that hear a broadcast
// repeat it in the same instant.
func (w *World) contend(s *station) {
	f := &s.queue[0]
	s.slots = w.draw(purposeBackoff, uint64(s.host.place.ID), f.number, uint64(s.tries)).IntN(s.window + 1)
	s.ready = max(s.ready, w.now)
	w.resume(s)
}

// resume counts down the backoff if the medium is idle.
func (w *World) resume(s *station) {
	if s.busy > 0 || len(s.queue) == 0 || s.timeout != protocol.Never || s.transmitting {
		return
	}
	s.attempt = s.ready.Add(time.Duration(s.slots) * RadioSlot)
	w.queue.push(entry{at: s.attempt, ref: s.host.index, kind: entryAttempt})
}

// sense tells a radio that a transmission begins. Its backoff stops, unless it begins to transmit in the same instant.
func (s *station) sense(now protocol.Time) {
	s.busy++
	if s.attempt == protocol.Never || s.attempt == now {
		return
	}
	if now > s.ready {
		s.slots -= int(now.Sub(s.ready) / RadioSlot)
	}
	s.attempt = protocol.Never
}

// quiet tells a radio that a transmission has ended.
func (w *World) quiet(s *station) {
	s.busy--
	if s.busy > 0 {
		return
	}
	space := time.Duration(RadioDIFS)
	if s.damaged {
		space = RadioSIFS + w.medium.acktime + RadioDIFS
	}
	s.ready = max(w.now, s.reserved).Add(space)
	w.resume(s)
}

// attempt transmits the first frame of a radio whose time has come.
func (w *World) attempt(s *station) {
	s.attempt = protocol.Never
	f := &s.queue[0]
	w.stats.Radio.Frames++
	if s.tries++; s.tries > 1 {
		w.stats.Radio.Repetitions++
	}
	rate := w.medium.radio.Rate
	if f.broadcast {
		rate = w.medium.radio.BasicRate
	}
	ref := w.medium.transmissionSlot(transmission{frame: *f, from: s.host.index})
	w.beginAir(s, ref, f.bytes(), airTime(f.bytes(), rate))
}

// transmitted tells a radio that its frame was on the air.
func (w *World) transmitted(s *station, f *frame) {
	if len(s.queue) == 0 || s.queue[0].number != f.number {
		return // the host has crashed meanwhile
	}
	if f.broadcast {
		w.stats.Radio.Done++
		w.next(s)
		return
	}
	s.timeout = w.now.Add(RadioSIFS + w.medium.acktime + RadioSlot)
	w.queue.push(entry{at: s.timeout, ref: s.host.index, kind: entryAckTimeout})
}

// acknowledged tells a radio that a frame of it has arrived.
func (w *World) acknowledged(s *station, number uint64) {
	if s.timeout == protocol.Never || s.queue[0].number != number {
		return
	}
	w.stats.Radio.Acknowledged++
	w.next(s)
}

// unacknowledged has a radio repeat its frame, or give it up.
func (w *World) unacknowledged(s *station) {
	s.timeout = protocol.Never
	if s.tries < RadioTriesMax {
		s.window = min(2*s.window+1, RadioWindowMax)
		w.contend(s)
		return
	}
	w.stats.Radio.Broken++
	f := &s.queue[0]
	w.complete(s.host, w.now, protocol.LinkBroken{To: w.hosts[f.to].place.ID, Message: f.message}, aside{})
	w.next(s)
}

// next goes on to the next frame of the queue.
func (w *World) next(s *station) {
	copy(s.queue, s.queue[1:])
	s.queue[len(s.queue)-1] = frame{}
	s.queue = s.queue[:len(s.queue)-1]
	s.tries, s.window, s.timeout = 0, RadioWindowMin, protocol.Never
	if len(s.queue) > 0 {
		s.ready = max(s.ready, w.now.Add(RadioDIFS))
		w.contend(s)
	}
}

// silence empties the queue of a radio whose host goes down. What is on the air stays there.
func (w *World) silence(s *station) {
	w.stats.Radio.QueueLost += uint64(len(s.queue))
	clear(s.queue)
	s.queue = s.queue[:0]
	s.tries, s.window, s.attempt, s.timeout = 0, RadioWindowMin, protocol.Never, protocol.Never
	clear(s.heard)
}
