package demo

import (
	"context"
	"errors"
	"sync/atomic"

	"spinglass"
)

// receiver counts what a member gets.
type receiver struct {
	perturbed    bool
	subscription *spinglass.Subscription
	delivered    atomic.Uint64
	gaps         atomic.Uint64
	lost         atomic.Uint64
}

// run counts until the subscription or ctx ends.
func (r *receiver) run(ctx context.Context) error {
	for _, err := range r.subscription.Messages(ctx) {
		if err == nil {
			r.delivered.Add(1)
			continue
		}
		gap, ok := errors.AsType[*spinglass.Gap](err)
		if !ok {
			return err
		}
		r.gaps.Add(1)
		r.lost.Add(gap.Count)
	}
	return nil
}

// reset forgets what was counted. It is for when nothing is under way.
func (r *receiver) reset() {
	r.delivered.Store(0)
	r.gaps.Store(0)
	r.lost.Store(0)
}

// counts is a snapshot of a receiver.
type counts struct{ delivered, gaps, lost uint64 }

func (r *receiver) counts() counts {
	return counts{delivered: r.delivered.Load(), gaps: r.gaps.Load(), lost: r.lost.Load()}
}
