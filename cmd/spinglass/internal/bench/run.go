package bench

import (
	"context"
	"math"
	"time"

	"spinglass/internal/measure"
	"spinglass/internal/measure/node"
	"spinglass/internal/rawudp"
)

// rawRuns is how many runs the duration of a raw limit is divided into.
const rawRuns = 3

// calm is how long a fleet is left alone after trials that were too much for it, before it is looked at closely.
const calm = 500 * time.Millisecond

// run is one benchmark under way.
type run struct {
	options Options
	group   *measure.Group
	show    func(text string)
	result  Result
}

// Run measures a fleet, and then the raw limits for as long. It tells show what it is doing.
func Run(ctx context.Context, options Options, show func(text string)) (Result, error) {
	if err := options.Check(); err != nil {
		return Result{}, err
	}
	r := &run{options: options, show: show}
	r.result = Result{
		Type: "result", Members: options.Members, Size: options.Size, Spread: options.Spread, Datagram: options.datagram(),
		Processes: options.Process != nil,
	}
	if err := r.fleet(ctx); err != nil {
		return Result{}, err
	}
	if err := r.raw(ctx); err != nil {
		return Result{}, err
	}
	return r.result, nil
}

// fleet measures the fleet.
func (r *run) fleet(ctx context.Context) error {
	r.show("starting")
	var err error
	r.group, err = measure.Start(ctx, measure.Options{
		System: node.System(), Setting: r.options.setting(), Members: r.options.Members, Size: r.options.Size, Process: r.options.Process,
	})
	if err != nil {
		return err
	}
	defer r.group.Close()
	if r.options.Rate > 0 {
		return r.offered(ctx)
	}
	return r.searched(ctx)
}

// offered measures at the rate that is wanted.
func (r *run) offered(ctx context.Context) error {
	outcome, err := r.trial(ctx, r.options.Rate, r.options.PerturbedMembers())
	if err != nil {
		return err
	}
	r.result.Offered = r.options.Rate
	r.result.rates(outcome)
	r.result.latencies(outcome)
	if r.options.PerturbedMembers() > 0 {
		r.result.perturbance(outcome)
	}
	return nil
}

// searched looks for the highest rate and then measures at half of it.
func (r *run) searched(ctx context.Context) error {
	found, err := r.group.Search(ctx, measure.Search{Duration: r.options.Duration, Window: r.options.Window, Progress: r.show})
	if err != nil {
		return err
	}
	r.result.rates(found.Outcome)
	r.result.Steps, r.result.Limit = found.Steps, found.Limit
	half := math.Max(found.Rate/2, measure.RateMin)
	r.result.HalfRate = rounded(half)
	outcome, err := r.trial(ctx, half, 0)
	if err != nil {
		return err
	}
	r.result.latencies(outcome)
	r.result.Lost += outcome.Missing()
	if r.options.PerturbedMembers() == 0 {
		return nil
	}
	if outcome, err = r.trial(ctx, half, r.options.PerturbedMembers()); err != nil {
		return err
	}
	r.result.perturbance(outcome)
	return nil
}

// trial runs a trial of full length, some receivers perturbed.
func (r *run) trial(ctx context.Context, rate float64, perturbed int) (*measure.Outcome, error) {
	r.show("letting the fleet calm down")
	if err := pause(ctx, calm); err != nil {
		return nil, err
	}
	r.show("measuring")
	return r.group.Run(ctx, measure.Trial{
		Rate: rate, Duration: r.options.Duration, WarmUp: measure.WarmUp(r.options.Duration), Perturbed: perturbed, Sleep: r.options.Sleep, Seed: sleepSeed,
	})
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// raw measures the raw limits.
func (r *run) raw(ctx context.Context) error {
	r.show("measuring plain UDP")
	size, messages := rawDatagram(r.options.Size, min(r.options.datagram(), rawudp.DatagramMax))
	raw, err := r.datagrams(ctx, size)
	if err != nil {
		return err
	}
	single := raw
	switch {
	case r.options.Size > rawudp.DatagramMax:
		single = 0
	case size != r.options.Size:
		r.show("measuring plain UDP, one message a datagram")
		if single, err = r.datagrams(ctx, r.options.Size); err != nil {
			return err
		}
	}
	r.result.Raw, r.result.Single = rounded(raw*messages), rounded(single)
	r.result.Ratio, r.result.SingleRatio = precise(r.result.Delivered/r.result.Raw), precise(r.result.Delivered/r.result.Single)
	return nil
}

// datagrams returns how many datagrams of a size per second plain UDP brings to each receiver: the best of a few runs, since it is to be a limit,
// which whatever else the machine does must not lower.
func (r *run) datagrams(ctx context.Context, size int) (best float64, err error) {
	for range rawRuns {
		raw, err := rawudp.Measure(ctx, rawudp.Options{Receivers: r.options.Receivers(), DatagramSize: size, Duration: r.options.Duration / rawRuns})
		if err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		best = max(best, float64(raw.Datagrams)/raw.Seconds/float64(r.options.Receivers()))
	}
	return best, nil
}

// rawDatagram returns the size of the datagrams, up to a limit, that carry messages of a size, and how many messages one of them carries.
func rawDatagram(size, limit int) (datagramSize int, messages float64) {
	if size <= limit {
		packed := limit / size
		return packed * size, float64(packed)
	}
	pieces := (size + limit - 1) / limit
	return (size + pieces - 1) / pieces, 1 / float64(pieces)
}
