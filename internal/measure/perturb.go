package measure

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// perturb puts the last receivers of a trial to sleep now and then, from its beginning on. What it returns wakes them for good.
func (g *Group) perturb(ctx context.Context, t Trial, begin time.Duration) (wake func(context.Context) error, err error) {
	if t.Perturbed == 0 {
		return func(context.Context) error { return nil }, nil
	}
	if g.launcher == nil {
		return g.perturbWithin(ctx, t)
	}
	asleep, cancel := context.WithCancel(ctx)
	var sleeping sync.WaitGroup
	for i := len(g.members) - t.Perturbed; i < len(g.members); i++ {
		sleeping.Go(func() { g.nap(asleep, g.members[i].process, t, begin, rand.New(rand.NewPCG(t.Seed, uint64(i)))) })
	}
	return func(context.Context) error { cancel(); sleeping.Wait(); return nil }, nil
}

// perturbWithin lets the members themselves do it, which share a process.
func (g *Group) perturbWithin(ctx context.Context, t Trial) (wake func(context.Context) error, err error) {
	all := func(ctx context.Context, share float64) error {
		var errs []error
		for _, r := range g.members[len(g.members)-t.Perturbed:] {
			_, err := r.ask(ctx, request{Sleep: &perturbance{Share: share, Slot: SlotDefault}})
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	return func(ctx context.Context) error { return all(ctx, 0) }, all(ctx, t.Sleep)
}

// nap stops a process in each slot with the probability of the trial, until ctx ends. The process runs afterwards.
func (g *Group) nap(ctx context.Context, p *process, t Trial, begin time.Duration, random *rand.Rand) {
	defer p.resume()
	timer := time.NewTimer(begin - g.clock.Now())
	defer timer.Stop()
	for slot := time.Duration(1); ; slot++ {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if random.Float64() < t.Sleep {
			p.stop()
		} else {
			p.resume()
		}
		timer.Reset(begin + slot*SlotDefault - g.clock.Now())
	}
}
