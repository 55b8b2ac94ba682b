package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestEveryValueIsInItsBucket(t *testing.T) {
	values := []uint64{0, 1, 31, 32, 33, 63, 64, 65, 1000, 1 << 20, 1<<20 - 1, math.MaxInt64}
	for i := range uint64(4096) {
		values = append(values, i)
	}
	for _, v := range values {
		bucket := bucketOf(v)
		if bucket >= histogramBuckets {
			t.Fatalf("%d is in bucket %d of %d", v, bucket, histogramBuckets)
		}
		if end := bucketEnd(bucket); v > end || float64(end-v) > float64(v)/histogramSteps {
			t.Errorf("%d is in bucket %d, which ends at %d", v, bucket, end)
		}
		if bucket > 0 && bucketEnd(bucket-1) >= v {
			t.Errorf("%d is in bucket %d, but the one before ends at %d", v, bucket, bucketEnd(bucket-1))
		}
	}
}

func TestQuantilesAgreeWithSorting(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h, half Histogram
	var durations []time.Duration
	for i := range 10000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		durations = append(durations, d)
		if i%2 == 0 {
			h.record(d)
		} else {
			half.record(d)
		}
	}
	h.merge(&half)
	slices.Sort(durations)
	for _, part := range []float64{0, 0.5, 0.99, 0.999} {
		want, got := durations[int(part*10000)], h.Quantile(part)
		if got < want || float64(got-want) > float64(want)/histogramSteps+1 {
			t.Errorf("quantile %v is %v, want %v", part, got, want)
		}
	}
	if got, want := h.Quantile(1), durations[9999]; got < want {
		t.Errorf("quantile 1 is %v, want at least %v", got, want)
	}
	if got := new(Histogram).Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	h := new(Histogram)
	if n := testing.AllocsPerRun(100, func() { h.record(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations per recording", n)
	}
}
