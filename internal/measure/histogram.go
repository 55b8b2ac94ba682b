package measure

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"time"
)

const (
	histogramBits    = 5 // of precision: a bucket is at most 1/32 wide
	histogramSteps   = 1 << histogramBits
	histogramBuckets = (64 - histogramBits) * histogramSteps
)

// Histogram counts durations in buckets whose width grows with the duration: 3 % of it. Recording allocates nothing. In JSON it is a list of pairs, a
// bucket and its count.
type Histogram struct {
	counts [histogramBuckets]uint64
	total  uint64
}

func (h *Histogram) record(d time.Duration) {
	h.counts[bucketOf(uint64(max(d, 0)))]++
	h.total++
}

func (h *Histogram) merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// MarshalJSON implements json.Marshaler.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	pairs := [][2]uint64{}
	for bucket, n := range h.counts {
		if n > 0 {
			pairs = append(pairs, [2]uint64{uint64(bucket), n})
		}
	}
	return json.Marshal(pairs)
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	var pairs [][2]uint64
	if err := json.Unmarshal(text, &pairs); err != nil {
		return err
	}
	*h = Histogram{}
	for _, pair := range pairs {
		if pair[0] >= histogramBuckets {
			return fmt.Errorf("bucket %d of %d", pair[0], histogramBuckets)
		}
		h.counts[pair[0]] += pair[1]
		h.total += pair[1]
	}
	return nil
}

// Quantile returns the upper end of the bucket that holds the given part of the durations; 0 when there are none.
func (h *Histogram) Quantile(part float64) time.Duration {
	wanted, seen := uint64(part*float64(h.total)), uint64(0)
	for i, n := range h.counts {
		seen += n
		if n > 0 && seen > wanted || seen == h.total && seen > 0 {
			return time.Duration(bucketEnd(i))
		}
	}
	return 0
}

func bucketOf(v uint64) int {
	if v < histogramSteps {
		return int(v)
	}
	shift := bits.Len64(v) - histogramBits - 1
	return shift*histogramSteps + int(v>>shift)
}

// bucketEnd returns the largest value of a bucket.
func bucketEnd(bucket int) uint64 {
	if bucket < 2*histogramSteps {
		return uint64(bucket)
	}
	shift := bucket/histogramSteps - 1
	return (uint64(bucket%histogramSteps)+histogramSteps+1)<<shift - 1
}
