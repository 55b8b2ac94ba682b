package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"spinglass"
	"spinglass/cmd/spinglass/internal/window"
)

// stampSize is the number of bytes at the start of a payload that hold the time of sending.
const stampSize = 8

// receiver measures what one member receives.
type receiver struct {
	index        int
	window       *window.Window
	subscription *spinglass.Subscription
	epoch        time.Time
	measuring    *atomic.Bool
	latency      histogram // of the messages while measuring
	delivered    atomic.Uint64
	lost         atomic.Uint64
}

// run receives until the subscription or ctx ends.
func (r *receiver) run(ctx context.Context) {
	for m, err := range r.subscription.Messages(ctx) {
		if err == nil {
			r.message(m.Payload)
			continue
		}
		if gap, ok := errors.AsType[*spinglass.Gap](err); ok {
			r.lost.Add(gap.Count)
			r.window.Advance(r.index, gap.Count)
		}
	}
}

func (r *receiver) message(payload []byte) {
	if r.measuring.Load() && len(payload) >= stampSize {
		sent := time.Duration(binary.LittleEndian.Uint64(payload))
		r.latency.record(time.Since(r.epoch) - sent)
	}
	r.delivered.Add(1)
	r.window.Advance(r.index, 1)
}
