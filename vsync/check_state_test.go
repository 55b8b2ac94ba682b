package vsync_test

import (
	"spinglass/protocol"
	"spinglass/vsync"
)

// stateAtCut: members that install a view and have the state of the group have the same state then: what all views before it have delivered, in one order where the order is total.
type stateAtCut struct {
	found
	states map[vsync.ViewID][2]uint64
	sizes  map[vsync.ViewID]int
	joined int // comparisons of a state that was transferred
	given  map[*app]bool
}

func newStateAtCut() *stateAtCut {
	return &stateAtCut{states: map[vsync.ViewID][2]uint64{}, sizes: map[vsync.ViewID]int{}, given: map[*app]bool{}}
}

func (c *stateAtCut) watch(_ protocol.Time, a *app, e protocol.Event) {
	switch e := e.(type) {
	case vsync.Ready:
		c.given[a] = true
	case vsync.Ejected, vsync.Left:
		delete(c.given, a)
	case *vsync.Installed:
		if e.Joined || !a.ready {
			return
		}
		state := [2]uint64{setOf(a.log)}
		if a.fleet.options.Order == vsync.OrderTotal {
			for _, id := range a.log {
				state[1] = state[1]*31 + id
			}
		}
		known, ok := c.states[e.View.ID]
		if ok && known != state {
			c.say("host %d has a state of %d casts when it installs view %v, and another one of %d, or others", a.host, len(a.log), e.View.ID, c.sizes[e.View.ID])
		}
		c.states[e.View.ID], c.sizes[e.View.ID] = state, len(a.log)
		if ok && c.given[a] {
			c.joined++
		}
		delete(c.given, a)
	}
}
