package live

import "time"

// Clock is what the loop of a node knows of time: when it is, and how to be woken. Config.Clock can replace the real one, for tests that
// move time by hand and for simulations around a whole node. Its methods are called from any goroutine.
type Clock interface {
	// Now returns the present instant. It never goes back.
	Now() time.Time
	// NewTimer returns a timer that is not set.
	NewTimer() Timer
}

// Timer wakes its owner, which is one goroutine.
type Timer interface {
	// C returns the channel on which the timer fires. It is always the same.
	C() <-chan time.Time
	// Set makes the timer fire once, as soon as the clock has come to an instant; at once when it is there already. A setting before is
	// void: nothing of it is received after Set has returned. The instant is absolute, so that time which passes while a timer is
	// being set cannot delay it.
	Set(at time.Time)
	// Stop makes the setting void.
	Stop()
}

// realClock is the clock of package time.
type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) NewTimer() Timer {
	t := realTimer{time.NewTimer(time.Hour)}
	t.Stop()
	return t
}

type realTimer struct{ timer *time.Timer }

func (t realTimer) C() <-chan time.Time { return t.timer.C }
func (t realTimer) Set(at time.Time)    { t.timer.Reset(time.Until(at)) }
func (t realTimer) Stop()               { t.timer.Stop() }
