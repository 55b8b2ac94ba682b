package plan

import (
	"math"
	"time"
)

// histogram counts latencies. Those below histogramSpan are told apart by histogramStep, which is less than a hundredth of what matters; longer ones are counted together.
type histogram struct {
	counts []uint32
	long   uint64
	total  uint64
}

const (
	histogramStep = 10 * time.Microsecond
	histogramSpan = 10 * time.Second
)

func (h *histogram) add(d time.Duration) {
	h.total++
	if d >= histogramSpan {
		h.long++
		return
	}
	at := int(d / histogramStep)
	for at >= len(h.counts) {
		h.counts = append(h.counts, make([]uint32, 1024)...)
	}
	h.counts[at]++
}

// batches are the latencies of messages that were published one after the other. What becomes of a message at many members depends on each other, and on the messages right before it; what becomes of
// different batches does not.
type batches []histogram

// batchesMost is how many batches there are; and student the factor of a standard error that a mean of so many is within, with a probability of 95 in 100.
const (
	batchesMost = 20
	student     = 2.09
)

// quantile returns the least latency that so large a part of all does not exceed, and between which latencies that lies with a probability of 95 in 100: those which so large a part does not exceed within
// the error of that part, by how it differs from batch to batch.
func (b batches) quantile(part float64) (at, low, high time.Duration) {
	steps := 0
	for i := range b {
		steps = max(steps, len(b[i].counts))
	}
	low, high = -1, 0
	at = -1
	sums := make([]float64, len(b))
	for step := range steps {
		changed := false
		for i := range b {
			if step < len(b[i].counts) && b[i].counts[step] > 0 {
				sums[i] += float64(b[i].counts[step])
				changed = true
			}
		}
		if !changed {
			continue
		}
		middle := time.Duration(step)*histogramStep + histogramStep/2
		mean, err := b.part(sums)
		if at < 0 && mean > part {
			at = middle
		}
		if low < 0 && mean+student*err > part {
			low = middle
		}
		if high = middle; mean-student*err > part {
			return at, low, high
		}
	}
	if at < 0 {
		at = histogramSpan
	}
	if low < 0 {
		low = at
	}
	return at, low, histogramSpan
}

// part returns which part of all so many of each batch are, and its standard error.
func (b batches) part(sums []float64) (part, err float64) {
	total, sum := 0.0, 0.0
	for i := range b {
		total += float64(b[i].total)
		sum += sums[i]
	}
	if total == 0 {
		return 0, 0
	}
	part = sum / total
	squares := 0.0
	for i := range b {
		off := sums[i] - part*float64(b[i].total)
		squares += off * off
	}
	n := float64(len(b))
	return part, math.Sqrt(squares*n/max(n-1, 1)) / total
}
