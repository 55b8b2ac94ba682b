package sim

import (
	"fmt"

	"spinglass/protocol"
)

// Clock checks that time never runs backwards: "now never decreases over the inputs of a machine".
type Clock struct {
	last protocol.Time
	err  error
}

// Observe implements Checker.
func (c *Clock) Observe(s *Step) {
	if s.Now < c.last && c.err == nil {
		c.err = fmt.Errorf("clock: host %v got a %v at %v, after something that happened at %v", s.Host, s.Input, s.Now, c.last)
	}
	c.last = max(c.last, s.Now)
}

// Finish implements Checker.
func (c *Clock) Finish() error { return c.err }
