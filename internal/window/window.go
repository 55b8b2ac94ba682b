// Package window keeps a sender at most a given number of units ahead of the slowest of its receivers, all in one process. It is
// how the benchmark finds the rate that is sustained without loss: a closed loop.
package window

import (
	"context"
	"sync/atomic"
	"time"
)

// Window counts what each receiver has got. Advance is for the receivers, Wait for the one sender.
type Window struct {
	limit    uint64
	counters []counter
	target   atomic.Uint64 // the sender waits until all have this much; 0 when it does not wait
	progress chan struct{}
	slowest  uint64 // as of the sender's last look
}

// counter has a cache line of its own, so that receivers do not slow each other down.
type counter struct {
	got atomic.Uint64
	_   [56]byte
}

// New returns a window of limit units for a number of receivers.
func New(receivers int, limit uint64) *Window {
	return &Window{limit: max(limit, 1), counters: make([]counter, receivers), progress: make(chan struct{}, 1)}
}

// Advance tells that a receiver has got n units more.
func (w *Window) Advance(receiver int, n uint64) {
	got := w.counters[receiver].got.Add(n)
	if target := w.target.Load(); target > 0 && got >= target && got-n < target {
		w.signal()
	}
}

func (w *Window) signal() {
	select {
	case w.progress <- struct{}{}:
	default:
	}
}

// Got returns what a receiver has got.
func (w *Window) Got(receiver int) uint64 { return w.counters[receiver].got.Load() }

// Slowest returns what the slowest receiver has got.
func (w *Window) Slowest() uint64 {
	slowest := w.counters[0].got.Load()
	for i := range w.counters[1:] {
		slowest = min(slowest, w.counters[i+1].got.Load())
	}
	return slowest
}

// Wait returns true once unit number sent+1 may be sent. It returns false when ctx ends, or when for stall no receiver that is
// waited for has got anything.
func (w *Window) Wait(ctx context.Context, sent uint64, stall time.Duration) bool {
	if sent < w.slowest+w.limit {
		return true
	}
	w.slowest = w.Slowest()
	if sent < w.slowest+w.limit {
		return true
	}
	return w.until(ctx, sent-w.limit+max(w.limit/4, 1), stall)
}

// Drained returns true once every receiver has got sent units, and false as Wait does.
func (w *Window) Drained(ctx context.Context, sent uint64, stall time.Duration) bool {
	return w.until(ctx, sent, stall)
}

// until waits until the slowest receiver has got target units.
func (w *Window) until(ctx context.Context, target uint64, stall time.Duration) bool {
	w.target.Store(target)
	defer w.target.Store(0)
	timer := time.NewTimer(stall)
	defer timer.Stop()
	for {
		before := w.slowest
		w.slowest = w.Slowest()
		if w.slowest >= target {
			return true
		}
		if w.slowest > before {
			timer.Reset(stall)
		}
		select {
		case <-w.progress:
		case <-timer.C:
			before, w.slowest = w.slowest, w.Slowest()
			if w.slowest == before {
				return false
			}
			timer.Reset(stall)
		case <-ctx.Done():
			return false
		}
	}
}
