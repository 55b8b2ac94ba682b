package sim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
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
			signed.Signature = sign(w.PublicKey(h.place.ID), v.Context, v.Message)
		}
		w.complete(h, at, signed, aside{work: ok})
	case *protocol.Verify:
		at, ok := w.compute(h, h.cost.Verify)
		valid := ok && subtle.ConstantTimeCompare(sign(v.PublicKey, v.Context, v.Message), v.Signature) == 1
		w.complete(h, at, protocol.Verified{Number: v.Number, Valid: valid}, aside{work: ok})
	case *protocol.StreamOpen:
		w.openStream(h, v)
	case *protocol.StreamWrite:
		w.writeStream(h, v)
	case *protocol.StreamClose:
		w.closeStream(h, v)
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

// PublicKey returns the public key of a host. Simulated signatures are as long as those of Ed25519 and valid under the signer's key,
// context and message only; they are no secret from machines that would compute them.
func (w *World) PublicKey(id protocol.NodeID) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], combine(w.config.Seed, purposeKey, uint64(id), 0, 0))
	binary.BigEndian.PutUint64(b[8:], uint64(id))
	sum := sha256.Sum256(b[:])
	return sum[:]
}

func sign(publicKey []byte, context string, message []byte) []byte {
	d := sha256.New()
	var length [8]byte
	for _, part := range [][]byte{publicKey, []byte(context), message} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		d.Write(length[:])
		d.Write(part)
	}
	first := d.Sum(nil)
	second := sha256.Sum256(first)
	return append(first, second[:]...)
}
