package protocol

import (
	"math"
	"time"
)

// Time is an instant in nanoseconds since the driver's epoch (the start of the process or of the simulation).
// It says nothing about wall-clock time.
type Time int64

// Never is later than every instant: the deadline of an idle machine.
const Never Time = math.MaxInt64

// Add returns the instant d after t. It saturates at Never.
func (t Time) Add(d time.Duration) Time {
	s := t + Time(d)
	if d > 0 && s < t {
		return Never
	}
	return s
}

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// String returns the instant as a duration since the driver's epoch.
func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return time.Duration(t).String()
}
