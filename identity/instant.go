package identity

import (
	"math"
	"time"
)

// Instant is wall-clock time in whole seconds since 1970, UTC. It serves expiry only; order is by numbers and sequences, never by it. Negative
// instants are in no encoding.
type Instant int64

// InstantMax is the last second of the year 9999: the latest instant that can be encoded, and "for ever" where a statement has no end.
const InstantMax Instant = 253402300799

// Allowances of time. Certificates, lists and beacons of hosts whose clocks differ by no more than Skew are understood.
const (
	Skew         = 5 * time.Minute
	GraceDefault = 7 * 24 * time.Hour
	GraceMax     = 30 * 24 * time.Hour
)

// InstantOf returns the second in which t lies.
func InstantOf(t time.Time) Instant { return Instant(t.Unix()) }

// Add returns the instant d after t, in whole seconds and within 0 to InstantMax.
func (t Instant) Add(d time.Duration) Instant {
	return min(max(t+Instant(d/time.Second), 0), InstantMax)
}

// Sub returns the duration from u to t, at most the longest there is (292 years).
func (t Instant) Sub(u Instant) time.Duration {
	const most = Instant(math.MaxInt64 / int64(time.Second))
	return time.Duration(min(max(t-u, -most), most)) * time.Second
}

// String returns the instant as 2006-01-02T15:04:05Z.
func (t Instant) String() string { return time.Unix(int64(t), 0).UTC().Format(time.RFC3339) }
