package measure

import (
	"context"
	"fmt"
	"time"
)

const (
	leadTime     = 20 * time.Millisecond // from telling of a trial to its beginning
	watchEvery   = 10 * time.Millisecond
	drainEvery   = 5 * time.Millisecond
	behindMax    = 400 * time.Millisecond // of what is due; a trial that is further behind is not sustained and ends
	trialTimeout = 30 * time.Second       // beyond its duration, after which a member counts as dead
)

// Run runs a trial and waits until everything has arrived or counts as lost.
func (g *Group) Run(ctx context.Context, t Trial) (*Outcome, error) {
	if g.spoilt != nil {
		return nil, g.spoilt
	}
	if t.Perturbed < 0 || t.Perturbed > g.Receivers() {
		return nil, fmt.Errorf("%d of %d receivers cannot be perturbed", t.Perturbed, g.Receivers())
	}
	limit := t.Duration + trialTimeout + g.options.System.Patience
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: a trial took longer than %v", g.options.System.Name, limit))
	defer cancel()
	outcome, err := g.run(limited, t)
	if err != nil {
		g.spoilt = err
		return nil, err
	}
	return outcome, nil
}

func (g *Group) run(ctx context.Context, t Trial) (*Outcome, error) {
	g.trials++
	o := order{
		Number: g.trials, Rate: t.Rate, Window: uint64(t.Window), Duration: t.Duration, WarmUp: t.WarmUp, Sample: sampleFor(t.Rate, t.Window),
		Last: g.Receivers() - t.Perturbed,
	}
	before := make([]Usage, len(g.members)+1)
	if err := g.each(0, func(i int) error {
		answer, err := g.members[i].ask(ctx, request{Expect: &o})
		before[i] = answer.Usage
		return err
	}); err != nil {
		return nil, err
	}
	if err := g.serverUsage(ctx, &before[len(g.members)]); err != nil {
		return nil, err
	}
	o.Begin = g.clock.Now() + leadTime
	done, err := g.publish(ctx, o, t)
	if err != nil {
		return nil, err
	}
	if err := g.drain(ctx, done.Messages); err != nil {
		return nil, err
	}
	outcome := &Outcome{Trial: t, Published: done.Messages, Lasted: done.End - o.Begin, ordered: g.options.System.Ordered, size: g.options.Size}
	return outcome, g.collect(ctx, outcome, before)
}

// publish lets the publisher publish, the perturbed receivers sleep, and ends what cannot be sustained.
func (g *Group) publish(ctx context.Context, o order, t Trial) (published, error) {
	wake, err := g.perturb(ctx, t, o.Begin)
	if err != nil {
		return published{}, err
	}
	watched, stop := context.WithCancel(ctx)
	watching := make(chan struct{})
	go func() { defer close(watching); g.watch(watched, o, t) }()
	answer, err := g.members[0].ask(ctx, request{Publish: &o})
	stop()
	<-watching
	if failed := wake(ctx); err == nil {
		err = failed
	}
	return answer.Published, err
}

// watch stops an open loop once a receiver is too far behind, unless some are meant to be.
func (g *Group) watch(ctx context.Context, o order, t Trial) {
	if t.Rate == 0 || t.Perturbed > 0 {
		return
	}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		due := (g.clock.Now() - o.Begin - behindMax).Seconds() * t.Rate
		if due > float64(g.progress.slowest(o.Last)+o.Sample) && due > 1 {
			g.progress.stopped().Store(o.Number)
			return
		}
	}
}

// drain waits until every receiver has got, or was told that it lost, what was published. It gives up on those that get nothing for as long as
// the system may take to repair.
func (g *Group) drain(ctx context.Context, published uint64) error {
	ticker := time.NewTicker(drainEvery)
	defer ticker.Stop()
	for sum, since := uint64(0), time.Now(); ; {
		waiting, now := false, uint64(0)
		for i := 1; i <= g.Receivers(); i++ {
			answer, err := g.members[i].ask(ctx, request{Count: true})
			if err != nil {
				return err
			}
			now += answer.Count
			waiting = waiting || answer.Count < published
		}
		if now > sum {
			sum, since = now, time.Now()
		}
		if !waiting || time.Since(since) > g.options.System.Patience {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// collect gathers what the receivers noted and what all have used.
func (g *Group) collect(ctx context.Context, outcome *Outcome, before []Usage) error {
	after := make([]Usage, len(before))
	outcome.Reports = make([]*Report, len(g.members))
	if err := g.each(0, func(i int) error {
		answer, err := g.members[i].ask(ctx, request{Report: true})
		after[i], outcome.Reports[i] = answer.Usage, answer.Report
		return err
	}); err != nil {
		return err
	}
	if err := g.serverUsage(ctx, &after[len(g.members)]); err != nil {
		return err
	}
	outcome.Reports = outcome.Reports[1:]
	for i := range before {
		if g.launcher == nil && i > 0 {
			break // all members of one process report the same
		}
		outcome.Used.CPU += after[i].CPU - before[i].CPU
		outcome.Used.Allocations += after[i].Allocations - before[i].Allocations
		outcome.Used.Resident += after[i].Resident
	}
	for _, report := range outcome.healthy() {
		outcome.Latency.merge(&report.Latency)
	}
	return nil
}

// serverUsage asks the server, if there is one, what it has used.
func (g *Group) serverUsage(ctx context.Context, usage *Usage) error {
	if g.server == nil {
		return nil
	}
	answer, err := g.server.ask(ctx, request{Usage: true})
	*usage = answer.Usage
	return err
}
