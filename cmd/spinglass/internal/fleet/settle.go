package fleet

import (
	"context"
	"time"
)

const (
	settleProbes  = 5                     // in a row that must arrive quickly
	settleQuick   = 50 * time.Millisecond // less than gossip needs to bring what was not sent directly
	settleTimeout = 10 * time.Second
	settlePoll    = time.Millisecond
)

// Settle publishes probes, one at a time, until they reach all receivers so quickly that the publisher must know of every
// subscription. Before that some of the receivers get by gossip what the others are sent. publish sends one probe, arrived
// reports whether everyone has all of them. It gives up after a while, since a slow machine can be too slow for its notion of
// quick.
func Settle(ctx context.Context, publish func(context.Context) error, arrived func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	ticker := time.NewTicker(settlePoll)
	defer ticker.Stop()
	for quick := 0; quick < settleProbes; {
		start := time.Now()
		if err := publish(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		for !arrived() {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return nil
			}
		}
		if quick++; time.Since(start) > settleQuick {
			quick = 0
		}
	}
	return nil
}
