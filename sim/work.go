package sim

import (
	"crypto/sha256"
	"errors"
	"time"

	"spinglass/protocol"
)

// WorkMax is how much work one host may have under way. Beyond it Persist fails with ErrWorkMax, Verify says no and Sign brings no
// signature.
const WorkMax = 1 << 16

// ErrWorkMax is the error of a Persist of a host that has WorkMax under way.
var ErrWorkMax = errors.New("sim: too much work under way")

// work does what the real driver does off its loop. Completions come back through the inbox.
func (w *World) work(h *host, work protocol.Work) {
	switch v := work.(type) {
	case *protocol.Persist:
		w.persist(h, v)
	case *protocol.Sign:
		at, ok := w.compute(h, h.cost.Sign)
		signed := protocol.Signed{Number: v.Number}
		if ok {
			signed.Signature = w.sign(h.place.ID, v)
		}
		w.complete(h, at, signed, aside{work: ok})
	case *protocol.Verify:
		valid, checked := w.verify(v.Checks)
		at, ok := w.compute(h, h.cost.Verify*time.Duration(checked))
		w.complete(h, at, protocol.Verified{Number: v.Number, Valid: ok && valid}, aside{work: ok})
	case *protocol.StreamOpen:
		w.openStream(h, v)
	case *protocol.StreamWrite:
		w.writeStream(h, v)
	case *protocol.StreamClose:
		w.closeStream(h, v)
	case *protocol.StreamHold:
		w.holdStream(h, v)
	default:
		panic("sim: work of unknown kind")
	}
}

// complete brings a completion to a host at the given time, unless it crashes before.
func (w *World) complete(h *host, at protocol.Time, e protocol.Event, a aside) {
	a.event, a.incarnation = e, h.incarnation
	ref := w.slot(input{kind: InputNotify, to: h.index, aside: &a})
	w.queue.push(entry{at: max(at, w.now), ref: ref, kind: entryArrive})
}

// beginWork counts a piece of work; false when there is too much of it.
func (w *World) beginWork(h *host) bool {
	x := h.more()
	if x.work >= WorkMax {
		w.stats.WorkRefused++
		return false
	}
	x.work++
	return true
}

// compute lets the core that is free first take its time and returns when it is done.
func (w *World) compute(h *host, cost time.Duration) (protocol.Time, bool) {
	if !w.beginWork(h) {
		return h.free, false
	}
	if h.cost.Cores <= 1 {
		w.busy(h, cost)
		return h.free, true
	}
	if h.extra.cores == nil {
		h.extra.cores = make([]protocol.Time, h.cost.Cores-1)
	}
	first := 0
	for i, free := range h.extra.cores {
		if free < h.extra.cores[first] {
			first = i
		}
	}
	core := &h.extra.cores[first]
	*core = max(*core, h.free).Add(cost)
	return *core, true
}

// persist writes to the disk. The value is durable when the completion arrives at the host, be the host paused or not.
func (w *World) persist(h *host, v *protocol.Persist) {
	if !w.beginWork(h) {
		w.complete(h, h.free, protocol.Persisted{Number: v.Number, Key: v.Key, Err: ErrWorkMax}, aside{})
		return
	}
	x := h.extra
	x.written = max(x.written, h.free).Add(h.cost.Persist)
	persisted := protocol.Persisted{Number: v.Number, Key: v.Key, Err: x.failure}
	sum := sha256.Sum256(v.Value)
	w.complete(h, x.written, persisted, aside{work: true, done: func() {
		if sha256.Sum256(v.Value) != sum {
			panic("sim: the value of a Persist was changed before it was durable")
		}
		if persisted.Err == nil {
			x.disk.put(v.Key, v.Value)
		}
	}})
}

// FailDisk has every later Persist of a host fail with err; nil ends that.
func (w *World) FailDisk(id protocol.NodeID, err error) { w.must(id).more().failure = err }
