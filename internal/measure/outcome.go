package measure

import (
	"fmt"
	"slices"
	"time"
)

const (
	growthShare = 0.03                  // of the time between two looks that the delay may have grown by: the rate is 3 % too high at most
	growthMin   = 10 * time.Millisecond // that it may have grown by anyway
	lateMax     = 250 * time.Millisecond
)

// Outcome is what came of a trial.
type Outcome struct {
	Trial     Trial
	Published uint64
	Lasted    time.Duration // from the beginning to the end of publishing
	Reports   []*Report     // of all receivers, the perturbed last
	Latency   Histogram     // at the healthy receivers
	Used      Usage         // by all members, the server among them; memory is what is resident at the end

	ordered bool
	size    int
}

// healthy returns the reports of the receivers that were not perturbed.
func (o *Outcome) healthy() []*Report { return o.Reports[:len(o.Reports)-o.Trial.Perturbed] }

// perturbed returns the reports of the others.
func (o *Outcome) perturbed() []*Report { return o.Reports[len(o.Reports)-o.Trial.Perturbed:] }

// Offered returns how many messages were to be published.
func (o *Outcome) Offered() uint64 {
	if o.Trial.Rate == 0 {
		return o.Published
	}
	return (&order{Rate: o.Trial.Rate, Duration: o.Trial.Duration}).total()
}

// Missing returns how many messages the healthy receivers together have not got.
func (o *Outcome) Missing() uint64 { return missing(o.healthy(), o.Published) }

func missing(reports []*Report, published uint64) (n uint64) {
	for _, r := range reports {
		n += published - min(published, r.Delivered)
	}
	return n
}

// Deliveries returns how many messages all receivers together have got.
func (o *Outcome) Deliveries() (n uint64) {
	for _, r := range o.Reports {
		n += r.Delivered
	}
	return n
}

// Sustained returns nil when every healthy receiver got everything and its delay did not keep growing, and otherwise what was amiss.
func (o *Outcome) Sustained() error {
	if offered := o.Offered(); o.Published < offered {
		return fmt.Errorf("%d of %d messages were published in time", o.Published, offered)
	}
	if missing := o.Missing(); missing > 0 {
		return fmt.Errorf("%d of %d deliveries are missing", missing, o.Published*uint64(len(o.healthy())))
	}
	for i, r := range o.healthy() {
		if o.ordered && r.Disordered > 0 {
			return fmt.Errorf("receiver %d got %d messages out of order", i+1, r.Disordered)
		}
		if err := r.growing(o.Trial.Duration); err != nil && o.Trial.Rate > 0 {
			return fmt.Errorf("receiver %d: %w", i+1, err)
		}
	}
	return nil
}

// growing tells whether the delay grew from the second to the last quarter of a trial.
func (r *Report) growing(duration time.Duration) error {
	quarter := int(duration / binDuration / 4)
	early, late := r.delay(quarter, 2*quarter), r.delay(3*quarter, 4*quarter)
	if allowed := max(growthMin, time.Duration(growthShare*float64(duration)/2)); late-early > allowed {
		return fmt.Errorf("the delay grew from %v to %v", early, late)
	}
	if late > lateMax {
		return fmt.Errorf("the delay was %v", late)
	}
	return nil
}

// delay returns the median of the mean delays of some bins, 0 when there is none.
func (r *Report) delay(from, to int) time.Duration {
	var delays []time.Duration
	for _, bin := range r.Bins[min(from, len(r.Bins)):min(max(to, from+1), len(r.Bins))] {
		if bin.Sampled > 0 {
			delays = append(delays, bin.Delay/time.Duration(bin.Sampled))
		}
	}
	if len(delays) == 0 {
		return 0
	}
	slices.Sort(delays)
	return delays[len(delays)/2]
}

// span returns the bins between warm-up and the end of publishing.
func (o *Outcome) span() (from, to int) {
	return int((o.Trial.WarmUp + binDuration - 1) / binDuration), int(o.Trial.Duration / binDuration)
}

// PerSecond returns how many messages a healthy receiver got per second on average, after the warm-up and while publishing went on.
func (o *Outcome) PerSecond() float64 {
	from, to := o.span()
	if from >= to {
		return 0
	}
	total := uint64(0)
	for _, r := range o.healthy() {
		for _, bin := range r.Bins[from:to] {
			total += bin.Delivered
		}
	}
	return float64(total) / (time.Duration(to-from) * binDuration).Seconds() / float64(len(o.healthy()))
}

// Worst returns the fewest messages per second that any healthy receiver got in 500 ms of the time that PerSecond is about.
func (o *Outcome) Worst() float64 {
	from, to := o.span()
	if to-from < binsOfWorst {
		return o.PerSecond()
	}
	worst := ^uint64(0)
	for _, r := range o.healthy() {
		for at := from; at+binsOfWorst <= to; at++ {
			sum := uint64(0)
			for _, bin := range r.Bins[at : at+binsOfWorst] {
				sum += bin.Delivered
			}
			worst = min(worst, sum)
		}
	}
	return float64(worst) / (binsOfWorst * binDuration).Seconds()
}

// CPU returns the processor time of one delivery.
func (o *Outcome) CPU() time.Duration {
	if n := o.Deliveries(); n > 0 {
		return time.Duration(float64(o.Used.CPU) / float64(n))
	}
	return 0
}

// Shares says what receivers got of what was offered while some of them slept.
type Shares struct {
	Mean               float64 // rate of a healthy receiver on average, as a part of the offered rate
	Worst              float64 // the same in the worst 500 ms of any healthy receiver
	HealthyDelivered   float64 // part of all offered messages that healthy receivers got, late ones too
	PerturbedDelivered float64 // the same of perturbed ones; 0 without any
	Gaps               uint64  // that were told, at perturbed receivers
	GapMessages        uint64  // that were told to be missing, at perturbed receivers
}

// Shares returns what healthy and perturbed receivers got of an open loop.
func (o *Outcome) Shares() Shares {
	s := Shares{Mean: o.PerSecond() / o.Trial.Rate, Worst: o.Worst() / o.Trial.Rate}
	s.HealthyDelivered = deliveredShare(o.healthy(), o.Offered())
	s.PerturbedDelivered = deliveredShare(o.perturbed(), o.Offered())
	for _, r := range o.perturbed() {
		s.Gaps += r.Gaps
		s.GapMessages += r.Told
	}
	return s
}

func deliveredShare(reports []*Report, offered uint64) float64 {
	if len(reports) == 0 || offered == 0 {
		return 0
	}
	delivered := uint64(0)
	for _, r := range reports {
		delivered += r.Delivered
	}
	return float64(delivered) / float64(offered) / float64(len(reports))
}
