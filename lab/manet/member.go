package manet

import (
	"math"
	"time"

	"spinglass/protocol"
)

// member is what one has received.
type member struct {
	have     []bool
	received int
	twice    int // packets that were delivered again
	delays   []time.Duration
	arrivals []protocol.Time
}

func newMember(packets int) *member { return &member{have: make([]bool, packets)} }

func (m *member) deliver(now protocol.Time, number int, sent protocol.Time) {
	if m.have[number] {
		m.twice++
		return
	}
	m.have[number] = true
	m.received++
	m.delays = append(m.delays, now.Sub(sent))
	m.arrivals = append(m.arrivals, now)
}

// gaps returns the standard deviation of the time between two arrivals, in seconds. The first and the last one are those of the stream, so that what is missing at its ends counts.
func (m *member) gaps(begin, end protocol.Time) float64 {
	last, gaps := begin, make([]float64, 0, len(m.arrivals)+1)
	for _, at := range m.arrivals {
		gaps = append(gaps, at.Sub(last).Seconds())
		last = at
	}
	if end > last {
		gaps = append(gaps, end.Sub(last).Seconds())
	}
	return deviation(gaps)
}

// interarrival returns the interarrival jitter of RFC 3550, section 6.4.1, in seconds: the mean of the differences of the delays of two packets that arrived one after the other, without their sign and unsmoothed.
func (m *member) interarrival() float64 {
	differences := make([]float64, 0, len(m.delays))
	for i := 1; i < len(m.delays); i++ {
		differences = append(differences, math.Abs((m.delays[i] - m.delays[i-1]).Seconds()))
	}
	return mean(differences)
}

// rates returns the standard deviation of the rate in windows, per second.
func (m *member) rates(begin, end protocol.Time, window time.Duration) float64 {
	counts := make([]float64, int(end.Sub(begin)/window))
	for _, at := range m.arrivals {
		if i := int(at.Sub(begin) / window); i < len(counts) {
			counts[i]++
		}
	}
	return deviation(counts) / window.Seconds()
}

// deviation returns the standard deviation of values, 0 of none.
func deviation(values []float64) float64 {
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	if len(values) == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(len(values)))
}

// mean returns the mean of values, 0 of none.
func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
