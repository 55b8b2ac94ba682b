package membership

import (
	"time"

	"spinglass/protocol"
)

// awake is the member's clock of its own awake time. Time counts as awake only until the next round is due: what goes by after
// that, while the round has not been served, was slept through or spent on other things, and says nothing about others. Silence
// is measured by this clock, so the timeouts of a member that is late stretch by themselves (after Lifeguard's local health).
type awake struct {
	off  bool // experiments: trust the driver's clock
	due  protocol.Time
	seen protocol.Time // up to when the driver's clock is accounted for
	time protocol.Time // awake time so far
}

// observe accounts for the time up to now.
func (a *awake) observe(now protocol.Time) {
	until := now
	if !a.off {
		until = min(now, a.due)
	}
	if until > a.seen {
		a.time += until - a.seen
		a.seen = until
	}
}

// serve notes that the round that was due is served now and the next one is due at next. It returns how late it was.
func (a *awake) serve(now, next protocol.Time) time.Duration {
	a.observe(now)
	late := now.Sub(min(now, a.due))
	a.seen, a.due = now, next
	return late
}
