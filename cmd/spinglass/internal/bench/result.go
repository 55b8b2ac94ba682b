package bench

import (
	"math"

	"spinglass/internal/measure"
)

// Result is what a benchmark found. Rates are per second. Published to Allocations are about the highest rate that is sustained, or about the offered
// one if there was no search; P50 and P99 about half of the highest rate, or the offered one.
type Result struct {
	Type        string  `json:"type"` // result
	Members     int     `json:"members"`
	Size        int     `json:"size"`
	Spread      string  `json:"spread"`
	Published   float64 `json:"published_per_s"`
	Delivered   float64 `json:"delivered_per_s"` // mean over the receivers, each; over the healthy ones if some are perturbed
	Megabytes   float64 `json:"mb_per_s"`        // of 10^6 bytes of payload, in the same way
	P50         float64 `json:"p50_us"`          // from when a message was due to when a receiver has it
	P99         float64 `json:"p99_us"`
	Lost        uint64  `json:"lost"` // messages, at all healthy receivers together
	CPU         float64 `json:"cpu_us_per_delivery"`
	Resident    float64 `json:"rss_mb_per_member"`
	Allocations float64 `json:"allocs_per_delivery"`
	Datagram    int     `json:"datagram"`  // bytes of the largest datagrams
	Processes   bool    `json:"processes"` // each member had one of its own
	Sustained   bool    `json:"sustained"` // every healthy receiver got everything, in order, without growing delay
	Offered     float64 `json:"offered_per_s,omitempty"`
	HalfRate    float64 `json:"half_rate_per_s,omitempty"`
	Steps       int     `json:"steps,omitempty"` // trials that the search took
	Limit       string  `json:"limit,omitempty"` // what was amiss at the lowest rate that was not sustained
	// Raw and Single are what plain UDP reaches, as messages at each receiver: packed into datagrams, and one a datagram (0 where it does not fit).
	// Ratio is the part of Raw that was reached.
	Raw         float64      `json:"raw_per_s"`
	Single      float64      `json:"raw_single_per_s"`
	Ratio       float64      `json:"ratio"`
	SingleRatio float64      `json:"single_ratio"`
	Perturbed   *Perturbance `json:"perturbed,omitempty"`
}

// Perturbance is what was received while some members slept.
type Perturbance struct {
	Members            int     `json:"members"`
	Sleep              float64 `json:"sleep"`
	Offered            float64 `json:"offered_per_s"`
	HealthyMean        float64 `json:"healthy_mean_share"`        // of the offered rate
	HealthyWorst       float64 `json:"healthy_worst_500ms_share"` // of any healthy receiver
	HealthyDelivered   float64 `json:"healthy_delivered"`         // part of all messages, late ones too
	PerturbedDelivered float64 `json:"perturbed_delivered"`
	Gaps               uint64  `json:"gaps"` // told at perturbed members
	GapMessages        uint64  `json:"gap_messages"`
	P99                float64 `json:"p99_us"` // at healthy members
}

// rates fills in what is about the highest, or the offered, rate.
func (r *Result) rates(o *measure.Outcome) {
	r.Published = rounded(float64(o.Published) / o.Lasted.Seconds())
	r.Delivered = rounded(o.PerSecond())
	r.Megabytes = rounded(o.PerSecond() * float64(r.Size) / 1e6)
	r.CPU = precise(float64(o.CPU().Nanoseconds()) / 1e3)
	r.Resident = rounded(float64(o.Used.Resident) / 1e6 / float64(r.Members))
	r.Allocations = precise(float64(o.Used.Allocations) / float64(max(o.Deliveries(), 1)))
	r.Sustained = o.Sustained() == nil
	r.Lost = o.Missing()
}

func (r *Result) latencies(o *measure.Outcome) {
	r.P50 = rounded(float64(o.Latency.Quantile(0.50)) / 1e3)
	r.P99 = rounded(float64(o.Latency.Quantile(0.99)) / 1e3)
}

func (r *Result) perturbance(o *measure.Outcome) {
	s := o.Shares()
	r.Perturbed = &Perturbance{
		Members: o.Trial.Perturbed, Sleep: o.Trial.Sleep, Offered: rounded(o.Trial.Rate), HealthyMean: precise(s.Mean), HealthyWorst: precise(s.Worst),
		HealthyDelivered: share(s.HealthyDelivered), PerturbedDelivered: share(s.PerturbedDelivered),
		Gaps: s.Gaps, GapMessages: s.GapMessages, P99: rounded(float64(o.Latency.Quantile(0.99)) / 1e3),
	}
}

// rounded keeps one digit after the point, precise four, each zero for what is no number.
func rounded(x float64) float64 { return round(x, 10) }
func precise(x float64) float64 { return round(x, 1e4) }

// share keeps six digits and is 1 only for all.
func share(x float64) float64 { return math.Floor(x*1e6) / 1e6 }

func round(x, unit float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	return math.Round(x*unit) / unit
}
