package sim

import (
	"fmt"

	"spinglass/protocol"
)

// Crashes checks that the dead are silent: the first input of each life of a host is its start, and none follows its crash.
type Crashes struct {
	lives map[protocol.NodeID]*life
	err   error
}

// life is what a host has done so far.
type life struct {
	incarnation int
	started     bool
	crashed     bool
}

// Observe implements Checker.
func (c *Crashes) Observe(s *Step) {
	if c.lives == nil {
		c.lives = make(map[protocol.NodeID]*life)
	}
	l := c.lives[s.Host]
	if l == nil || s.Incarnation > l.incarnation {
		l = &life{incarnation: s.Incarnation}
		c.lives[s.Host] = l
	}
	switch {
	case s.Incarnation < l.incarnation || l.crashed:
		c.fail("a %v after its crash", s)
	case s.Input == InputCrash:
		l.crashed = true
	case l.started == (s.Input == InputStart):
		c.fail("a %v out of turn with its start", s)
	default:
		l.started = true
	}
}

func (c *Crashes) fail(what string, s *Step) {
	if c.err == nil {
		c.err = fmt.Errorf("crashes: at %v host %v, start %d, got "+what, s.Now, s.Host, s.Incarnation, s.Input)
	}
}

// Finish implements Checker.
func (c *Crashes) Finish() error { return c.err }
