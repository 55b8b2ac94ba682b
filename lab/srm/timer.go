package srm

import (
	"math"
	"math/rand/v2"
	"time"
)

// Goals and steps of adaptive timers.
const (
	goalDuplicates = 1.0 // a packet
	goalDelay      = 1.0 // round trips
	tolerance      = 0.1

	fewDuplicates = 0.25 // below which the start of the interval comes nearer
	stepSent      = 0.1  // of the start, when the member itself has sent
	stepLess      = 0.05 // of the start
	stepMore      = 0.1
	widthLess     = 0.1
	widthMore     = 0.5

	// closer says from which ratio of distances on a member takes itself for the closer one.
	closer = 1.5
)

// timer is the interval from which times are drawn, and what moves it if it is adaptive.
type timer struct {
	Interval
	adaptive   bool
	least      Interval
	most       Interval
	duplicates int  // heard since the latest loss or request
	closest    bool // this member sent, and so did one that is farther away
	averages   struct {
		duplicates, delay float64
		known             bool // delay is
		counted           bool // duplicates are
	}
}

// draw returns how long to wait at a distance.
func (t *timer) draw(r *rand.Rand, distance time.Duration) time.Duration {
	return time.Duration((t.Start + t.Width*r.Float64()) * float64(distance))
}

// begin begins the period of another loss, or request: what the last one has brought moves the interval.
func (t *timer) begin(members int) {
	if !t.adaptive {
		return
	}
	t.most = Interval{Start: t.most.Start, Width: max(t.least.Width, float64(members))}
	if t.averages.known {
		t.averages.duplicates = average(t.averages.duplicates, float64(t.duplicates), t.averages.counted)
		t.averages.counted = true
		t.move()
	}
	t.duplicates = 0
	t.limit()
}

func (t *timer) move() {
	switch a := &t.averages; {
	case t.closest:
		t.Width -= widthLess
		t.closest = false
	case a.duplicates >= goalDuplicates:
		t.Start += stepMore
		t.Width += widthMore
	case a.duplicates < goalDuplicates-tolerance:
		if a.delay > goalDelay {
			t.Width -= widthLess
		}
		if a.duplicates < fewDuplicates {
			t.Start -= stepLess
		}
	default:
		t.Start += stepLess
	}
}

// sent takes note that this member sent the first one.
func (t *timer) sent() {
	if t.adaptive {
		t.Start -= stepSent
		t.limit()
	}
}

// first takes note of how long the first one took to come, in round trips.
func (t *timer) first(delay, distance time.Duration) {
	if distance <= 0 {
		return
	}
	t.averages.delay = average(t.averages.delay, float64(delay)/float64(2*distance), t.averages.known)
	t.averages.known = true
}

func (t *timer) limit() {
	t.Start = min(max(t.Start, t.least.Start), max(t.most.Start, t.least.Start))
	t.Width = min(max(t.Width, t.least.Width), max(t.most.Width, t.least.Width))
}

func average(before, value float64, known bool) float64 {
	if !known {
		return value
	}
	return before + smoothing*(value-before)
}

// requestTimer returns the timer of requests as it begins.
func requestTimer(c *Config) timer {
	return timer{Interval: c.Request, adaptive: c.Adaptive, least: Interval{0.5, 1}, most: Interval{2, 1}}
}

// repairTimer returns the timer of repairs as it begins.
func repairTimer(c *Config) timer {
	return timer{Interval: c.Repair, adaptive: c.Adaptive, least: Interval{0.5, 1}, most: Interval{0.5, 1}}
}

// grow has an adaptive timer of repairs follow the size of the group, which its bounds, and where it begins, depend on.
func (t *timer) grow(members int) {
	if !t.adaptive {
		return
	}
	t.most.Start = math.Log10(float64(max(members, 1)))
	if !t.averages.known {
		t.Start, t.Width = t.most.Start, t.most.Start
	}
}
