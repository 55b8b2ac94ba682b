package bimodal

import (
	"time"

	"spinglass/protocol"
)

// Ranges of rates, in bytes a second, and of bursts, in bytes.
const (
	rateMax  = 1 << 40
	burstMin = 64 << 10
	burstMax = 1 << 30
)

// byteScale is the unit that tokens are counted in: so many to a byte, such that a byte a second is one a nanosecond.
const byteScale = int64(time.Second)

// bucket is a token bucket. A message may be published while there are tokens, and may leave the bucket in debt, so that a
// message larger than the burst passes too.
type bucket struct {
	rate  int64 // bytes a second; 0 is unlimited
	burst int64 // bytes
	level int64 // in 1/byteScale bytes
	at    protocol.Time
}

func newBucket(now protocol.Time, rate, burst int64) bucket {
	return bucket{rate: rate, burst: burst, level: burst * byteScale, at: now}
}

// change sets another rate and burst, and keeps the debt.
func (b *bucket) change(now protocol.Time, rate, burst int64) {
	b.refill(now)
	b.rate, b.burst = rate, burst
	b.level = min(b.level, burst*byteScale)
}

func (b *bucket) refill(now protocol.Time) {
	full := b.burst * byteScale
	elapsed := int64(now.Sub(b.at))
	b.at = now
	if b.rate == 0 || elapsed >= (full-b.level)/b.rate+1 {
		b.level = full
		return
	}
	b.level = min(full, b.level+elapsed*b.rate)
}

// ready reports whether anything may be published.
func (b *bucket) ready(now protocol.Time) bool {
	b.refill(now)
	return b.level > 0
}

// take takes n bytes after ready reported true.
func (b *bucket) take(n int) {
	if b.rate > 0 {
		b.level -= int64(n) * byteScale
	}
}

// wait returns when a quarter of the burst will be there, so that who waits is woken for more than one message.
func (b *bucket) wait(now protocol.Time) protocol.Time {
	b.refill(now)
	lack := b.burst*byteScale/4 - b.level
	if b.rate == 0 || lack <= 0 {
		return now
	}
	return now.Add(time.Duration(lack/b.rate + 1))
}
