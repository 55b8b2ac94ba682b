package vsync_test

import (
	"encoding/binary"

	"spinglass/protocol"
	"spinglass/vsync"
)

// sendingView: a cast is delivered in the view in which it was sent, once, and by nobody before it was sent.
type sendingView struct {
	found
	seen map[*app]map[uint64]bool // since the member joined
}

func newSendingView() *sendingView { return &sendingView{seen: map[*app]map[uint64]bool{}} }

func (c *sendingView) watch(_ protocol.Time, a *app, e protocol.Event) {
	switch e := e.(type) {
	case *vsync.Installed:
		if e.Joined {
			c.seen[a] = map[uint64]bool{}
		}
	case *vsync.Delivery:
		id := binary.BigEndian.Uint64(e.Payload)
		sent, known := a.fleet.casts[id]
		if !known || sent.view != e.View || sent.sender != e.Sender || a.view == nil || a.view.ID != e.View {
			c.say("host %d in view %v delivers cast %d of %d as of view %v; it was sent by %d in view %v", a.host, a.view.ID, id, e.Sender, e.View, sent.sender, sent.view)
		}
		if c.seen[a][id] {
			c.say("host %d delivers cast %d twice", a.host, id)
		}
		c.seen[a][id] = true
	}
}
