package vsync_test

import (
	"encoding/binary"

	"spinglass/protocol"
	"spinglass/vsync"
)

// sameMessages: members that install the same two consecutive views have delivered the same casts between them. A member that got the state of the group while it was in the first of them counts with the next.
type sameMessages struct {
	found
	now     map[*app]*between
	changes map[[2]vsync.ViewID]uint64
	counts  map[[2]vsync.ViewID]int
	pairs   int
}

// between is what was delivered since a view.
type between struct {
	view  vsync.ViewID
	whole bool // from the beginning
	casts []uint64
}

func newSameMessages() *sameMessages {
	return &sameMessages{now: map[*app]*between{}, changes: map[[2]vsync.ViewID]uint64{}, counts: map[[2]vsync.ViewID]int{}}
}

func (c *sameMessages) watch(_ protocol.Time, a *app, e protocol.Event) {
	switch e := e.(type) {
	case *vsync.Installed:
		if b := c.now[a]; b != nil && b.whole && !e.Joined {
			c.compare(a, [2]vsync.ViewID{b.view, e.View.ID}, b.casts)
		}
		c.now[a] = &between{view: e.View.ID, whole: !e.Joined && a.ready || e.View.ID.Number == 1}
	case *vsync.Delivery:
		if b := c.now[a]; b != nil {
			b.casts = append(b.casts, binary.BigEndian.Uint64(e.Payload))
		}
	case vsync.Ready:
		if b := c.now[a]; b != nil && b.view.Number > 1 {
			b.whole = false
		}
	case vsync.Ejected, vsync.Left:
		delete(c.now, a)
	}
}

func (c *sameMessages) compare(a *app, change [2]vsync.ViewID, casts []uint64) {
	sum, known := c.changes[change]
	if !known {
		c.changes[change], c.counts[change] = setOf(casts), len(casts)
		return
	}
	if c.pairs++; sum != setOf(casts) {
		c.say("between views %v and %v host %d delivered %d casts, and another one %d, or others", change[0], change[1], a.host, len(casts), c.counts[change])
	}
}
