package demo

import "math"

// Second is what happened in one full second of publishing. Rates are in messages per second and member.
type Second struct {
	Type          string  `json:"type"` // second
	Second        int     `json:"second"`
	Offered       float64 `json:"offered_per_s"`
	HealthyMean   float64 `json:"healthy_mean_per_s"`
	HealthyMin    float64 `json:"healthy_min_per_s"`
	PerturbedMean float64 `json:"perturbed_mean_per_s"`
	PerturbedMin  float64 `json:"perturbed_min_per_s"`
	Gaps          uint64  `json:"gaps"`
	Lost          uint64  `json:"lost"`
}

// Summary is the result of a demonstration.
type Summary struct {
	Type      string  `json:"type"` // summary
	Members   int     `json:"members"`
	Perturbed int     `json:"perturbed_members"`
	Published uint64  `json:"published"`
	Rate      float64 `json:"rate_per_s"` // at which was published
	// HealthyMean is the mean over the healthy receivers and the full seconds.
	HealthyMean float64 `json:"healthy_mean_per_s"`
	// HealthyMin is the fewest that any healthy receiver got in any full second.
	HealthyMin float64 `json:"healthy_min_per_s"`
	// HealthyDelivered and PerturbedDelivered are parts of (published messages x receivers of that kind), after the drain.
	HealthyDelivered   float64 `json:"healthy_delivered"`
	PerturbedDelivered float64 `json:"perturbed_delivered"` // 1 when no member is perturbed
	Gaps               uint64  `json:"gaps"`                // told to all receivers together
	Lost               uint64  `json:"lost"`                // messages in those gaps
	Drain              float64 `json:"drain_s"`
}

// rates are the receptions per second of members of one kind.
type rates struct {
	sum, min float64
	count    int
}

func (r *rates) add(perSecond float64) {
	if r.count == 0 || perSecond < r.min {
		r.min = perSecond
	}
	r.sum += perSecond
	r.count++
}

func (r *rates) merge(other rates) {
	if other.count == 0 {
		return
	}
	if r.count == 0 || other.min < r.min {
		r.min = other.min
	}
	r.sum += other.sum
	r.count += other.count
}

func (r *rates) mean() float64 {
	if r.count == 0 {
		return 0
	}
	return r.sum / float64(r.count)
}

// rounded keeps one digit after the point.
func rounded(x float64) float64 { return math.Round(x*10) / 10 }

// fraction returns part of whole, without rounding up to 1; 1 of nothing.
func fraction(part, whole uint64) float64 {
	if whole == 0 {
		return 1
	}
	return math.Floor(float64(part)/float64(whole)*1e6) / 1e6
}
