package main

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"
	"time"

	"spinglass/internal/measure"
)

const (
	calm      = 300 * time.Millisecond // that a system is left alone before it is looked at closely
	sleepSeed = 1                      // of the slots slept through, the same for all
)

// result is what one system reached, at one size and number of members. Rates are messages a second, at each receiver.
type result struct {
	Type      string        `json:"type"` // result
	System    string        `json:"system"`
	Members   int           `json:"members"`
	Size      int           `json:"size"`
	Rate      float64       `json:"rate_per_s"` // the highest that every receiver sustains; 0 when there is none
	Megabytes float64       `json:"mb_per_s"`   // of payload at that rate
	HalfRate  float64       `json:"half_rate_per_s"`
	P50       float64       `json:"p50_us"` // at half of the rate
	P99       float64       `json:"p99_us"`
	CPU       float64       `json:"cpu_us_per_delivery"`
	Resident  float64       `json:"rss_mb_per_member"`   // the server's among it
	Ratio     float64       `json:"of_gso,omitempty"`    // of the rate of udp-gso, in the same run
	Limit     string        `json:"limit,omitempty"`     // what was amiss at the lowest rate that was not sustained
	Lowest    *lowest       `json:"lowest,omitempty"`    // what became of the lowest rate that was tried, when none is sustained
	Perturbed []perturbance `json:"perturbed,omitempty"` // at half of the rate
	Error     string        `json:"error,omitempty"`     // why the system was not measured to the end
}

// lowest is a rate that was not sustained.
type lowest struct {
	Rate      float64 `json:"rate_per_s"`
	Delivered float64 `json:"delivered"` // part of all messages
}

// perturbance is what healthy receivers got while others slept.
type perturbance struct {
	Members            int     `json:"members"`
	Sleep              float64 `json:"sleep"`
	Mean               float64 `json:"healthy_mean_share"` // of the offered rate
	Worst              float64 `json:"healthy_worst_500ms_share"`
	HealthyDelivered   float64 `json:"healthy_delivered"` // part of all messages, late ones too
	PerturbedDelivered float64 `json:"perturbed_delivered"`
	P99                float64 `json:"p99_us"`
}

// compare measures all systems at all sizes and numbers of members.
func compare(ctx context.Context, o *options, w io.Writer, progress *progress) error {
	begun := time.Now()
	runs, done := len(o.members)*len(o.sizes)*len(o.systems), 0
	for _, members := range o.members {
		for _, size := range o.sizes {
			var results []*result
			for _, c := range o.systems {
				r := &result{Type: "result", System: c.Name, Members: members, Size: size}
				done++
				m := &measurement{options: o, contender: c, result: r, show: func(text string) {
					progress.show("%v, %d of %d: %s, %d members, %d bytes: %s", time.Since(begun).Round(time.Second), done, runs, c.Name, members, size, text)
				}}
				err := m.run(ctx)
				progress.clear()
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err != nil {
					r.Error = err.Error()
				}
				results = append(results, r)
				r.relate(results)
				if o.json {
					if err := json.NewEncoder(w).Encode(r); err != nil {
						return err
					}
				}
			}
			if !o.json {
				if err := writeTables(w, results); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// relate fills in which part of the limit a result is.
func (r *result) relate(results []*result) {
	for _, limit := range results {
		if limit.System == segmentsSystem().Name && limit.Rate > 0 {
			r.Ratio = precise(r.Rate / limit.Rate)
		}
	}
}

// measurement is that of one system at one size and number of members.
type measurement struct {
	options   *options
	contender contender
	result    *result
	show      func(text string)
	group     *measure.Group
}

func (m *measurement) run(ctx context.Context) error {
	m.show("starting")
	var err error
	m.group, err = measure.Start(ctx, measure.Options{
		System: m.contender.System, Members: m.result.Members, Size: m.result.Size, Process: []string{memberCommand},
	})
	if err != nil {
		return err
	}
	defer m.group.Close()
	found, err := m.group.Search(ctx, measure.Search{Duration: m.options.duration, Progress: m.show})
	if err != nil {
		return err
	}
	m.found(found)
	if found.Rate == 0 {
		return nil
	}
	half, err := m.trial(ctx, measure.Trial{Rate: found.Rate / 2})
	if err != nil {
		return err
	}
	m.result.HalfRate = rounded(found.Rate / 2)
	m.result.P50, m.result.P99 = microseconds(half.Latency.Quantile(0.50)), microseconds(half.Latency.Quantile(0.99))
	if m.contender.perturbed && slices.Contains(m.options.perturbed, m.result.Size) {
		return m.perturb(ctx, found.Rate/2)
	}
	return nil
}

// found notes what the search found.
func (m *measurement) found(found *measure.Found) {
	r, o := m.result, found.Outcome
	r.Rate, r.Limit = rounded(found.Rate), found.Limit
	r.Megabytes = rounded(found.Rate * float64(r.Size) / 1e6)
	r.CPU = precise(float64(o.CPU().Nanoseconds()) / 1e3)
	r.Resident = rounded(float64(o.Used.Resident) / 1e6 / float64(r.Members))
	if found.Rate == 0 {
		r.Lowest = &lowest{Rate: rounded(o.Trial.Rate), Delivered: share(o.Shares().HealthyDelivered)}
	}
}

// perturb measures with one and with a quarter of the receivers asleep.
func (m *measurement) perturb(ctx context.Context, rate float64) error {
	counts := slices.Compact([]int{1, max(1, int(math.Round(float64(m.group.Receivers())/4)))})
	for _, sleep := range m.options.sleeps {
		for _, perturbed := range counts {
			if perturbed >= m.group.Receivers() {
				continue // nobody would be healthy
			}
			o, err := m.trial(ctx, measure.Trial{Rate: rate, Perturbed: perturbed, Sleep: sleep, Seed: sleepSeed})
			if err != nil {
				return err
			}
			s := o.Shares()
			m.result.Perturbed = append(m.result.Perturbed, perturbance{
				Members: perturbed, Sleep: sleep, Mean: precise(s.Mean), Worst: precise(s.Worst), HealthyDelivered: share(s.HealthyDelivered),
				PerturbedDelivered: share(s.PerturbedDelivered), P99: microseconds(o.Latency.Quantile(0.99)),
			})
		}
	}
	return nil
}

// trial runs a trial of full length once the system has recovered from the one before.
func (m *measurement) trial(ctx context.Context, t measure.Trial) (*measure.Outcome, error) {
	m.show("recovering")
	if err := m.group.Settle(ctx); err != nil {
		return nil, err
	}
	timer := time.NewTimer(calm)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	text := "at half of the rate"
	if t.Perturbed > 0 {
		text += ", some asleep"
	}
	m.show(text)
	t.Duration, t.WarmUp = m.options.duration, measure.WarmUp(m.options.duration)
	return m.group.Run(ctx, t)
}

// rounded keeps one digit after the point, precise four, share six, but is 1 only for all.
func rounded(x float64) float64 { return math.Round(x*10) / 10 }
func precise(x float64) float64 { return math.Round(x*1e4) / 1e4 }
func share(x float64) float64   { return math.Floor(x*1e6) / 1e6 }

func microseconds(d time.Duration) float64 { return rounded(float64(d) / 1e3) }
