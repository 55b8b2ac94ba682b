package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"spinglass"
	"spinglass/cmd/spinglass/internal/fleet"
)

// Watcher is told how a demonstration goes on. Its methods are called from one goroutine.
type Watcher interface {
	Forming(ready, members int)
	Formed(after time.Duration)
	Second(Second) error
	Draining()
}

// run is one demonstration under way.
type run struct {
	options   Options
	watcher   Watcher
	fleet     *fleet.Fleet
	receivers []*receiver
	published atomic.Uint64
	healthy   rates // over all full seconds
}

// Run runs a demonstration until it is over or ctx ends. When ctx ends after the fleet has formed, the summary is of what
// happened so far.
func Run(ctx context.Context, options Options, watcher Watcher) (Summary, error) {
	if err := options.Check(); err != nil {
		return Summary{}, err
	}
	r := &run{options: options, watcher: watcher}
	if err := r.form(ctx); err != nil {
		return Summary{}, err
	}
	defer r.fleet.Close()
	receiving, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	defer done.Wait()
	defer stop()
	if err := r.subscribe(receiving, &done); err != nil {
		return Summary{}, err
	}
	if err := r.settle(ctx); err != nil {
		return Summary{}, err
	}
	if err := r.perturb(); err != nil {
		return Summary{}, err
	}
	lasted, err := r.publish(ctx)
	if err != nil {
		return Summary{}, err
	}
	watcher.Draining()
	return r.summary(lasted, r.drain(ctx)), nil
}

func (r *run) form(ctx context.Context) error {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, formTimeout)
	defer cancel()
	var err error
	r.fleet, err = fleet.Start(ctx, r.options.Members, func(ready int) { r.watcher.Forming(ready, r.options.Members) })
	if err != nil {
		return err
	}
	r.watcher.Formed(time.Since(start))
	return nil
}

// subscribe makes a receiver of every member but the first, which publishes. The last ones are to be perturbed.
func (r *run) subscribe(ctx context.Context, done *sync.WaitGroup) error {
	healthy := r.options.HealthyReceivers()
	for i, node := range r.fleet.Nodes[1:] {
		subscription, err := node.Subscribe(ctx, topic)
		if err != nil {
			return fmt.Errorf("subscribing: %w", err)
		}
		receiver := &receiver{perturbed: i >= healthy, subscription: subscription}
		r.receivers = append(r.receivers, receiver)
		done.Go(func() { _ = receiver.run(ctx) }) // it ends with ctx
	}
	rate := int64(r.options.Rate * float64(r.options.Size))
	return r.fleet.Nodes[0].ConfigureTopic(ctx, topic, spinglass.Rate(max(rateLow, 2*rate)))
}

// settle waits until the publisher knows of all subscriptions. What is published for that does not count.
func (r *run) settle(ctx context.Context) error {
	node, probes := r.fleet.Nodes[0], uint64(0)
	publish := func(ctx context.Context) error {
		probes++
		return node.Publish(ctx, topic, nil)
	}
	if err := fleet.Settle(ctx, publish, func() bool { return r.drained(probes) }); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	for _, receiver := range r.receivers {
		receiver.reset()
	}
	return nil
}

// perturb puts the perturbed members to sleep from now on.
func (r *run) perturb() error {
	for i, receiver := range r.receivers {
		if !receiver.perturbed {
			continue
		}
		if err := r.fleet.Nodes[i+1].SetFault(spinglass.Fault{Sleep: r.options.Sleep, Slot: Slot}); err != nil {
			return err
		}
	}
	return nil
}

// publish publishes for the duration and reports every full second. It returns how long publishing lasted.
func (r *run) publish(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Duration)
	defer cancel()
	start := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- r.offer(ctx, start) }()
	measured := r.measure(ctx, cancel, start)
	err := <-ended
	return time.Since(start), errors.Join(err, measured)
}

// offer publishes at the wanted rate until ctx ends. What a delay held up is published after it. It stays a little ahead, so that the rate on
// the whole is at least the wanted one.
func (r *run) offer(ctx context.Context, start time.Time) error {
	const (
		tick = 2 * time.Millisecond
		lead = 10 * time.Millisecond
	)
	node, payload := r.fleet.Nodes[0], make([]byte, r.options.Size)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		due := uint64((time.Since(start) + lead).Seconds() * r.options.Rate)
		for r.published.Load() < due && ctx.Err() == nil {
			if err := node.Publish(ctx, topic, payload); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return fmt.Errorf("publishing: %w", err)
			}
			r.published.Add(1)
		}
	}
}

// measure reports every full second until ctx ends.
func (r *run) measure(ctx context.Context, cancel context.CancelFunc, start time.Time) error {
	before := make([]counts, len(r.receivers))
	published, at := uint64(0), start
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for second := 1; ; second++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			// The last second ends together with publishing.
			if time.Since(at) < 990*time.Millisecond {
				return nil
			}
		}
		now, offered := time.Now(), r.published.Load()
		row := r.second(second, now.Sub(at), offered-published, before)
		if err := r.watcher.Second(row); err != nil {
			cancel()
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		published, at = offered, now
	}
}

// second makes the row of a second and moves before on to its end.
func (r *run) second(number int, lasted time.Duration, offered uint64, before []counts) Second {
	var healthy, perturbed rates
	row := Second{Type: "second", Second: number, Offered: rounded(float64(offered) / lasted.Seconds())}
	for i, receiver := range r.receivers {
		now := receiver.counts()
		perSecond := float64(now.delivered-before[i].delivered) / lasted.Seconds()
		if receiver.perturbed {
			perturbed.add(perSecond)
		} else {
			healthy.add(perSecond)
		}
		row.Gaps += now.gaps - before[i].gaps
		row.Lost += now.lost - before[i].lost
		before[i] = now
	}
	r.healthy.merge(healthy)
	row.HealthyMean, row.HealthyMin = rounded(healthy.mean()), rounded(healthy.min)
	row.PerturbedMean, row.PerturbedMin = rounded(perturbed.mean()), rounded(perturbed.min)
	return row
}

// drain waits until every receiver has or misses every message, at most drainTimeout.
func (r *run) drain(ctx context.Context) time.Duration {
	const poll = 20 * time.Millisecond
	start, published := time.Now(), r.published.Load()
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	for ctx.Err() == nil && !r.drained(published) {
		time.Sleep(poll)
	}
	return time.Since(start)
}

func (r *run) drained(published uint64) bool {
	for _, receiver := range r.receivers {
		if c := receiver.counts(); c.delivered+c.lost < published {
			return false
		}
	}
	return true
}

func (r *run) summary(lasted, drain time.Duration) Summary {
	published := r.published.Load()
	s := Summary{
		Type: "summary", Members: r.options.Members, Perturbed: r.options.PerturbedMembers(), Published: published,
		Rate: rounded(float64(published) / lasted.Seconds()), HealthyMean: rounded(r.healthy.mean()), HealthyMin: rounded(r.healthy.min),
		Drain: rounded(drain.Seconds()),
	}
	var healthy, perturbed uint64
	for _, receiver := range r.receivers {
		c := receiver.counts()
		if receiver.perturbed {
			perturbed += c.delivered
		} else {
			healthy += c.delivered
		}
		s.Gaps += c.gaps
		s.Lost += c.lost
	}
	s.HealthyDelivered = fraction(healthy, published*uint64(r.options.HealthyReceivers()))
	s.PerturbedDelivered = fraction(perturbed, published*uint64(r.options.PerturbedMembers()))
	return s
}
