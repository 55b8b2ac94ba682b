package plan

import (
	"slices"
	"time"
)

// histogram counts latencies. Those below histogramSpan are told apart by histogramStep, which is less than a hundredth of what matters; longer ones are kept as they are.
type histogram struct {
	counts []uint64
	long   []time.Duration
	total  uint64
}

const (
	histogramStep = 10 * time.Microsecond
	histogramSpan = 10 * time.Second
)

func (h *histogram) add(d time.Duration) {
	h.total++
	if d >= histogramSpan {
		h.long = append(h.long, d)
		return
	}
	at := int(d / histogramStep)
	for at >= len(h.counts) {
		h.counts = append(h.counts, make([]uint64, 1024)...)
	}
	h.counts[at]++
}

// quantile returns the least latency that so large a part of all does not exceed; 0 if there are none.
func (h *histogram) quantile(part float64) time.Duration {
	rank := uint64(part * float64(h.total))
	for at, count := range h.counts {
		if count > rank {
			return time.Duration(at)*histogramStep + histogramStep/2
		}
		rank -= count
	}
	if len(h.long) == 0 {
		return 0
	}
	slices.Sort(h.long)
	return h.long[min(int(rank), len(h.long)-1)]
}
