package vsync_test

import (
	"encoding/binary"

	"spinglass/protocol"
	"spinglass/vsync"
)

// fifoOrder: the casts of one sender in a view are delivered in the order in which they were sent, none left out in between.
type fifoOrder struct {
	found
	last map[*app]map[protocol.NodeID]uint64
}

func newFIFOOrder() *fifoOrder { return &fifoOrder{last: map[*app]map[protocol.NodeID]uint64{}} }

func (c *fifoOrder) watch(_ protocol.Time, a *app, e protocol.Event) {
	switch e := e.(type) {
	case *vsync.Installed:
		c.last[a] = map[protocol.NodeID]uint64{}
	case *vsync.Delivery:
		sent := a.fleet.casts[binary.BigEndian.Uint64(e.Payload)]
		before, begun := c.last[a][e.Sender]
		if begun && sent.number != before+1 {
			c.say("host %d delivers cast number %d of %d after number %d", a.host, sent.number, e.Sender, before)
		}
		c.last[a][e.Sender] = sent.number
	}
}

// causalOrder: when a cast is delivered, what its sender had delivered of the view before it sent it was delivered here.
type causalOrder struct {
	found
	seen map[*app]map[protocol.NodeID]uint64 // number of the latest cast, by sender
	part map[*app]bool                       // the state holds some of the view
}

func newCausalOrder() *causalOrder {
	return &causalOrder{seen: map[*app]map[protocol.NodeID]uint64{}, part: map[*app]bool{}}
}

func (c *causalOrder) watch(_ protocol.Time, a *app, e protocol.Event) {
	switch e := e.(type) {
	case *vsync.Installed:
		c.seen[a], c.part[a] = map[protocol.NodeID]uint64{}, !a.ready
	case vsync.Ready:
		c.part[a] = a.view.ID.Number > 1 && a.fleet.options.State
	case *vsync.Delivery:
		sent := a.fleet.casts[binary.BigEndian.Uint64(e.Payload)]
		c.seen[a][e.Sender] = sent.number
		if c.part[a] {
			return
		}
		for sender, count := range sent.after {
			if id := protocol.NodeID(sender); c.seen[a][id] < count && id != e.Sender {
				c.say("host %d delivers a cast of %d that was sent after number %d of %d, of which it has %d", a.host, e.Sender, count, id, c.seen[a][id])
			}
		}
	}
}

// totalOrder: members that install the same two consecutive views have delivered the casts between them in one order; so have those that deliver in a view at all, up to where the shorter of two ends, unless
// one of them is ejected from it.
type totalOrder struct {
	found
	now     map[*app]*between
	changes map[[2]vsync.ViewID][]uint64
}

func newTotalOrder() *totalOrder {
	return &totalOrder{now: map[*app]*between{}, changes: map[[2]vsync.ViewID][]uint64{}}
}

func (c *totalOrder) watch(_ protocol.Time, a *app, e protocol.Event) {
	switch e := e.(type) {
	case *vsync.Installed:
		if b := c.now[a]; b != nil && !e.Joined {
			c.compare(a, [2]vsync.ViewID{b.view, e.View.ID}, b.casts)
		}
		c.now[a] = &between{view: e.View.ID}
	case *vsync.Delivery:
		if b := c.now[a]; b != nil {
			b.casts = append(b.casts, binary.BigEndian.Uint64(e.Payload))
		}
	case vsync.Ejected, vsync.Left:
		delete(c.now, a)
	}
}

// compare compares the orders of two members from the ends of the view on, since who has got the state in it has delivered the later part.
func (c *totalOrder) compare(a *app, change [2]vsync.ViewID, casts []uint64) {
	other := c.changes[change]
	for i := 1; i <= min(len(other), len(casts)); i++ {
		if x, y := other[len(other)-i], casts[len(casts)-i]; x != y {
			c.say("between views %v and %v host %d delivered cast %d where another one delivered %d, %d before the end", change[0], change[1], a.host, y, x, i)
			return
		}
	}
	if len(casts) > len(other) {
		c.changes[change] = casts
	}
}
