package sim

import (
	"errors"
	"slices"
	"time"

	"spinglass/protocol"
)

// Limits of streams.
const (
	StreamsMax     = 1024                   // streams of one host
	StreamWindow   = 256 << 10              // bytes under way that the receiving machine has not taken yet
	StreamPieceMax = 16 << 10               // bytes of one StreamRead
	StreamTimeout  = 15 * time.Second       // after so long without a way through, a stream breaks
	streamRetry    = 200 * time.Millisecond // what a lost segment costs, and how often a stalled stream tries again
)

// Errors of StreamClosed.
var (
	ErrStreamRefused = errors.New("sim: the host is unknown, down or has too many streams")
	ErrStreamTimeout = errors.New("sim: no way through to the host")
	ErrStreamReset   = errors.New("sim: the host at the other end crashed")
)

// end is one end of a stream. Each end sends to the other by itself.
type end struct {
	host    *host
	peer    *end // nil until the handshake has reached the other side
	remote  *host
	number  uint64
	stream  uint64 // of the world, the same at both ends
	open    bool   // the machine was told StreamOpened
	closed  bool   // the machine was or will be told StreamClosed, or its host crashed
	closing bool   // the machine wants to close
	fin     bool   // the peer was sent the end
	writing bool   // StreamWritten is owed
	pumping bool   // pump will be called

	pending []byte        // what is left of the write under way
	unread  int           // bytes sent that the peer's machine has not taken yet
	held    bool          // the machine wants no more for now
	taken   int           // bytes that it was given since, of which the peer is not told
	arrival protocol.Time // of the latest piece at the peer
	stalled protocol.Time // since when there is no way through; Never when there is
	draws   uint64        // of delays so far
}

// piece is a part of a stream on its way.
type piece struct {
	to   *end
	data []byte
	fin  bool
}

func (h *host) stream(number uint64) *end {
	if h.extra == nil {
		return nil
	}
	for _, e := range h.extra.streams {
		if e.number == number {
			return e
		}
	}
	return nil
}

// newEnd makes an end at a host; nil when the host has too many.
func (w *World) newEnd(h, remote *host, number uint64) *end {
	x := h.more()
	if len(x.streams) >= StreamsMax {
		w.stats.StreamsRefused++
		return nil
	}
	e := &end{host: h, remote: remote, number: number, stalled: protocol.Never}
	x.streams = append(x.streams, e)
	return e
}

func (w *World) openStream(h *host, v *protocol.StreamOpen) {
	if v.Number>>63 != 0 || h.stream(v.Number) != nil {
		panic("sim: a machine opens a stream under a number that is taken or not its own to give")
	}
	remote, known := w.find(v.To)
	var e *end
	if known {
		if e = w.newEnd(h, remote, v.Number); e != nil {
			w.streams++
			e.stream = w.streams
		}
	}
	if e == nil {
		w.stats.StreamsBroken++
		w.complete(h, h.free, protocol.StreamClosed{Number: v.Number, Err: ErrStreamRefused}, aside{})
		return
	}
	w.At(h.free, func() { w.greet(e) })
}

// greet sends the opening of a stream to the other side, again and again while there is no way through.
func (w *World) greet(e *end) {
	if e.closed || !w.passable(e, w.greet) {
		return
	}
	w.At(w.now.Add(w.delay(e, 0)), func() { w.greeted(e) })
}

// greeted is the arrival of the opening on the other side.
func (w *World) greeted(e *end) {
	if e.closed {
		return
	}
	var peer *end
	if e.remote.machine != nil {
		x := e.remote.more()
		x.taken++
		peer = w.newEnd(e.remote, e.host, 1<<63|x.taken)
	}
	if peer == nil {
		w.At(w.now.Add(w.delay(e, 0)), func() { w.shut(e, ErrStreamRefused) })
		return
	}
	e.peer, peer.peer, peer.open, peer.stream = peer, e, true, e.stream
	w.stats.StreamsOpened++
	w.complete(peer.host, w.now, protocol.StreamOpened{Number: peer.number, From: e.host.place.ID}, aside{})
	w.At(w.now.Add(w.delay(peer, 0)), func() {
		if e.closed {
			return
		}
		e.open = true
		w.complete(e.host, w.now, protocol.StreamOpened{Number: e.number, From: e.remote.place.ID}, aside{})
		w.wakePump(e, w.now)
	})
}

func (w *World) writeStream(h *host, v *protocol.StreamWrite) {
	e := h.stream(v.Number)
	if e == nil || e.closed || e.closing {
		w.stats.StreamStale++
		return
	}
	if e.writing {
		panic("sim: a machine writes to a stream while a write is under way")
	}
	e.writing, e.pending = true, v.Data
	w.wakePump(e, h.free)
}

func (w *World) closeStream(h *host, v *protocol.StreamClose) {
	e := h.stream(v.Number)
	if e == nil || e.closed || e.closing {
		w.stats.StreamStale++
		return
	}
	e.closing = true
	w.wakePump(e, h.free)
}

// holdStream has the sender at the other end wait once the window is full, or go on.
func (w *World) holdStream(h *host, v *protocol.StreamHold) {
	e := h.stream(v.Number)
	if e == nil || e.closed {
		w.stats.StreamStale++
		return
	}
	if e.held = v.Hold; !e.held && e.taken > 0 {
		taken := e.taken
		e.taken = 0
		w.At(w.now.Add(w.delay(e, 0)), func() { w.credit(e.peer, taken) })
	}
}

// credit tells a sender that the machine at the other end has taken so much.
func (w *World) credit(sender *end, taken int) {
	sender.unread -= taken
	w.wakePump(sender, w.now)
}

// shut ends a stream at one end.
func (w *World) shut(e *end, err error) {
	if e.closed {
		return
	}
	w.forget(e)
	if err != nil {
		w.stats.StreamsBroken++
	}
	w.complete(e.host, w.now, protocol.StreamClosed{Number: e.number, Err: err}, aside{})
}

func (w *World) forget(e *end) {
	e.closed, e.pending = true, nil
	x := e.host.extra
	x.streams = slices.DeleteFunc(x.streams, func(other *end) bool { return other == e })
}

// breakStreams ends all streams of a host that crashes. Peers hear of it as soon as there is a way through.
func (w *World) breakStreams(h *host) {
	if h.extra == nil {
		return
	}
	for len(h.extra.streams) > 0 {
		e := h.extra.streams[0]
		w.forget(e)
		if peer := e.peer; peer != nil && !peer.closed {
			w.At(w.now.Add(w.delay(e, 0)), func() { w.reset(peer) })
		}
	}
}

func (w *World) reset(e *end) {
	if !e.closed && w.passable(e, w.reset) {
		w.shut(e, ErrStreamReset)
	}
}

// passable reports whether there is a way through for a stream, which needs both directions. If not, it has again called later, and
// breaks the stream after StreamTimeout.
func (w *World) passable(e *end, again func(*end)) bool {
	if len(w.barriers) == 0 || !w.severed(e.host.index, e.remote.index) && !w.severed(e.remote.index, e.host.index) {
		e.stalled = protocol.Never
		return true
	}
	e.stalled = min(e.stalled, w.now)
	if w.now.Sub(e.stalled) >= StreamTimeout {
		w.shut(e, ErrStreamTimeout)
		return false
	}
	w.At(w.now.Add(streamRetry), func() { again(e) })
	return false
}
