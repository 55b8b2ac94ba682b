package enrolment

import (
	"sync"
	"time"
)

// refusalLog bounds the lines about refusals, which anybody can cause.
type refusalLog struct {
	mutex  sync.Mutex
	bucket bucket
	before int // refusals since the latest line
}

// take reports whether there may be a line about a refusal, and how many refusals there were without one before it.
func (l *refusalLog) take(now time.Time) (before int, ok bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.bucket.at.IsZero() {
		l.bucket.filled = RefusalLogBurst
	}
	if l.bucket = l.bucket.refilled(now, RefusalLogRate, RefusalLogBurst); l.bucket.filled < 1 {
		l.before++
		return 0, false
	}
	l.bucket.filled--
	before, l.before = l.before, 0
	return before, true
}
