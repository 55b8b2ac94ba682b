package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"spinglass"
	"spinglass/cmd/spinglass/internal/fleet"
	"spinglass/cmd/spinglass/internal/rawudp"
	"spinglass/cmd/spinglass/internal/window"
	"spinglass/wire"
)

// errStalled says that a receiver did not get on.
var errStalled = fmt.Errorf("a receiver got nothing for %v", stallTimeout)

// Result is what a benchmark found. Rates are per second.
type Result struct {
	Type        string  `json:"type"` // result
	Members     int     `json:"members"`
	Size        int     `json:"size"`
	Spread      Spread  `json:"spread"`
	Published   float64 `json:"published_per_s"`
	Delivered   float64 `json:"delivered_per_s"` // mean over the receivers, each
	Megabytes   float64 `json:"mb_per_s"`        // of 10^6 bytes of payload, mean over the receivers, each
	P50         float64 `json:"p50_us"`
	P99         float64 `json:"p99_us"`
	Lost        uint64  `json:"lost"` // messages, at all receivers together
	CPU         float64 `json:"cpu_us_per_delivery"`
	Resident    float64 `json:"rss_mb_per_member"`
	Allocations float64 `json:"allocs_per_delivery"`
	Window      int     `json:"window"`
	// Raw is how many deliveries, at all receivers together, plain UDP reaches; Ratio is the part of it that was reached.
	Raw   float64 `json:"raw_deliveries_per_s"`
	Ratio float64 `json:"ratio"`
}

// run is one benchmark under way.
type run struct {
	options   Options
	fleet     *fleet.Fleet
	window    *window.Window
	receivers []*receiver
	payload   []byte
	epoch     time.Time
	measuring atomic.Bool
	published atomic.Uint64
}

// Run measures, and then measures the raw limit for as long.
func Run(ctx context.Context, options Options) (Result, error) {
	if err := options.Check(); err != nil {
		return Result{}, err
	}
	r := &run{
		options: options, payload: make([]byte, options.Size), epoch: time.Now(),
		window: window.New(options.Receivers(), uint64(options.window())),
	}
	result, err := r.measure(ctx)
	if err != nil {
		return Result{}, err
	}
	raw, err := rawLimit(ctx, options)
	if err != nil {
		return Result{}, err
	}
	result.Raw = rounded(raw)
	result.Ratio = math.Round(result.Delivered*float64(options.Receivers())/raw*1000) / 1000
	return result, nil
}

// measure runs the fleet.
func (r *run) measure(ctx context.Context) (Result, error) {
	forming, cancel := context.WithTimeout(ctx, formTimeout)
	defer cancel()
	var err error
	if r.fleet, err = fleet.Start(forming, r.options.Members, nil); err != nil {
		return Result{}, err
	}
	defer r.fleet.Close()
	receiving, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	defer done.Wait()
	defer stop()
	if err := r.subscribe(receiving, &done); err != nil {
		return Result{}, err
	}
	if err := fleet.Settle(ctx, r.publishOne, func() bool { return r.window.Slowest() >= r.published.Load() }); err != nil {
		return Result{}, err
	}
	publishing, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.publish(publishing) }()
	before, after, err := r.observe(ctx, ended)
	if err != nil {
		return Result{}, err
	}
	resident := residentBytes()
	cancel()
	if err := <-ended; err != nil {
		return Result{}, err
	}
	if !r.window.Drained(ctx, r.published.Load(), stallTimeout) {
		return Result{}, errors.Join(context.Cause(ctx), errStalled)
	}
	stop()
	done.Wait()
	return r.result(before, after, resident), nil
}

// subscribe makes a receiver of every member but the first, which publishes.
func (r *run) subscribe(ctx context.Context, done *sync.WaitGroup) error {
	for i, node := range r.fleet.Nodes[1:] {
		subscription, err := node.Subscribe(ctx, topic, spinglass.Queue(queueBytes))
		if err != nil {
			return fmt.Errorf("subscribing: %w", err)
		}
		receiver := &receiver{index: i, window: r.window, subscription: subscription, epoch: r.epoch, measuring: &r.measuring}
		r.receivers = append(r.receivers, receiver)
		done.Go(func() { receiver.run(ctx) })
	}
	return r.fleet.Nodes[0].ConfigureTopic(ctx, topic, spinglass.Rate(0))
}

// publish publishes as far ahead as the window allows until ctx ends.
func (r *run) publish(ctx context.Context) error {
	for {
		if !r.window.Wait(ctx, r.published.Load(), stallTimeout) {
			if ctx.Err() != nil {
				return nil
			}
			return errStalled
		}
		if err := r.publishOne(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// publishOne publishes one message that tells when it was sent.
func (r *run) publishOne(ctx context.Context) error {
	binary.LittleEndian.PutUint64(r.payload, uint64(time.Since(r.epoch)))
	if err := r.fleet.Nodes[0].Publish(ctx, topic, r.payload); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	r.published.Add(1)
	return nil
}

// observe lets the fleet warm up and returns what it had used before and after the measurement.
func (r *run) observe(ctx context.Context, ended chan error) (before, after usage, err error) {
	if err := pause(ctx, r.options.WarmUp, ended); err != nil {
		return before, after, err
	}
	r.measuring.Store(true)
	before = r.usage()
	if err := pause(ctx, r.options.Duration, ended); err != nil {
		return before, after, err
	}
	after = r.usage()
	r.measuring.Store(false)
	return before, after, nil
}

// usage returns what was used and achieved up to now.
func (r *run) usage() usage {
	u := usageNow()
	u.published = r.published.Load()
	for _, receiver := range r.receivers {
		u.delivered += receiver.delivered.Load()
	}
	return u
}

// pause waits for d, unless publishing fails or ctx ends before.
func pause(ctx context.Context, d time.Duration, ended chan error) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-ended:
		if err == nil {
			err = context.Cause(ctx)
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *run) result(before, after usage, resident uint64) Result {
	seconds := after.at.Sub(before.at).Seconds()
	deliveries := float64(after.delivered - before.delivered)
	each := deliveries / float64(len(r.receivers)) / seconds
	var latency histogram
	lost := uint64(0)
	for _, receiver := range r.receivers {
		latency.merge(&receiver.latency)
		lost += receiver.lost.Load()
	}
	return Result{
		Type: "result", Members: r.options.Members, Size: r.options.Size, Spread: r.options.Spread, Window: r.options.window(),
		Published: rounded(float64(after.published-before.published) / seconds),
		Delivered: rounded(each),
		Megabytes: rounded(each * float64(r.options.Size) / 1e6),
		P50:       rounded(float64(latency.quantile(0.50)) / 1e3),
		P99:       rounded(float64(latency.quantile(0.99)) / 1e3),
		Lost:      lost,
		CPU:       precise(float64((after.cpu - before.cpu).Nanoseconds()) / 1e3 / deliveries),
		Resident:  rounded(float64(resident) / 1e6 / float64(r.options.Members)),

		Allocations: precise(float64(after.allocations-before.allocations) / deliveries),
	}
}

// rawLimit returns how many deliveries of the same size per second plain UDP reaches, at all receivers together.
func rawLimit(ctx context.Context, options Options) (float64, error) {
	size, perDatagram := rawDatagram(options.Size)
	raw, err := rawudp.Measure(ctx, rawudp.Options{Receivers: options.Receivers(), DatagramSize: size, Duration: options.Duration})
	if err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return float64(raw.Datagrams) / raw.Seconds * perDatagram, nil
}

// rawDatagram returns the size of the datagrams that carry messages of a size, and how many messages one of them carries.
func rawDatagram(size int) (datagramSize int, messages float64) {
	if size <= wire.DatagramDefault {
		packed := wire.DatagramDefault / size
		return packed * size, float64(packed)
	}
	pieces := (size + wire.DatagramDefault - 1) / wire.DatagramDefault
	return (size + pieces - 1) / pieces, 1 / float64(pieces)
}

// rounded keeps one digit after the point, precise four.
func rounded(x float64) float64 { return math.Round(x*10) / 10 }

func precise(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0 // nothing was delivered
	}
	return math.Round(x*1e4) / 1e4
}
