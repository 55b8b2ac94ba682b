package live

import (
	"sync"
	"testing"
	"time"

	"spinglass/protocol"
)

// manualClock stands still until it is advanced.
type manualClock struct {
	mutex  sync.Mutex
	now    time.Time
	timers []*manualTimer
}

type manualTimer struct {
	clock *manualClock
	fired chan time.Time
	at    time.Time
	set   bool
}

func newManualClock() *manualClock { return &manualClock{now: time.Unix(1_000_000, 0)} }

func (c *manualClock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *manualClock) NewTimer() Timer {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	t := &manualTimer{clock: c, fired: make(chan time.Time, 1)}
	c.timers = append(c.timers, t)
	return t
}

func (c *manualClock) advance(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(d)
	for _, t := range c.timers {
		t.fire()
	}
}

// fire fires the timer if it is due. The mutex is held.
func (t *manualTimer) fire() {
	if t.set && !t.at.After(t.clock.now) {
		t.set = false
		t.fired <- t.clock.now
	}
}

func (t *manualTimer) C() <-chan time.Time { return t.fired }

func (t *manualTimer) Set(at time.Time) {
	t.Stop()
	t.clock.mutex.Lock()
	defer t.clock.mutex.Unlock()
	t.at, t.set = at, true
	t.fire()
}

func (t *manualTimer) Stop() {
	t.clock.mutex.Lock()
	defer t.clock.mutex.Unlock()
	t.set = false
	select {
	case <-t.fired:
	default:
	}
}

// barrier returns once the loop has run what was at hand, and what became due by that, and is about to wait.
func barrier(t *testing.T, n *Node) {
	t.Helper()
	for range 3 {
		if err := n.Call(t.Context(), func(protocol.Time, *protocol.Output) {}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRoundsRunOnlyWhenTheClockIsAdvanced(t *testing.T) {
	clock := newManualClock()
	rounds := make(chan protocol.Time, 16)
	m := &toy{deadline: protocol.Time(time.Millisecond)}
	m.timeout = func(now protocol.Time, _ *protocol.Output) {
		m.deadline = now.Add(time.Millisecond)
		rounds <- now
	}
	n := run(t, 1, m, func(c *Config) { c.Conn, c.Clock = newMemoryConn("10.0.0.1:7400"), clock })
	for round := range 10 {
		for end := time.Now().Add(2 * time.Millisecond); time.Now().Before(end); { // by the real clock a round would be due
			barrier(t, n)
		}
		if len(rounds) > 0 {
			t.Fatalf("a round at %v while the clock stands at %v", <-rounds, time.Duration(round)*time.Millisecond)
		}
		clock.advance(time.Millisecond)
		if at, want := <-rounds, protocol.Time(round+1)*protocol.Time(time.Millisecond); at != want {
			t.Fatalf("round %d at %v, want %v", round, at, want)
		}
	}
	clock.advance(time.Hour)
	if at := <-rounds; at != protocol.Time(time.Hour+10*time.Millisecond) {
		t.Errorf("after an hour a round at %v", at)
	}
}

func TestPausesFollowTheClock(t *testing.T) {
	clock := newManualClock()
	n := run(t, 1, &toy{}, func(c *Config) { c.Conn, c.Clock = newMemoryConn("10.0.0.1:7400"), clock })
	barrier(t, n)
	n.Pause(time.Hour)
	eventually(t, "the loop took up the pause", func() bool { return n.pause.Load() == 0 })
	ran := make(chan protocol.Time, 1)
	if err := n.Do(func(now protocol.Time, _ *protocol.Output) { ran <- now }); err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Hour)
	if at := <-ran; at != protocol.Time(time.Hour) {
		t.Errorf("a call during a pause of an hour ran at %v", at)
	}
}
