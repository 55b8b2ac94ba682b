package vsync_test

import (
	"spinglass/protocol"
	"spinglass/vsync"
)

// onePrimary: at the time when anybody installs a view, fewer than a majority of the view before go on in that: the others are blocked in it, or out of it. And views follow on each other one by one: of each there is one.
type onePrimary struct {
	found
	first map[vsync.ViewID]*vsync.View
}

func newOnePrimary() *onePrimary { return &onePrimary{first: map[vsync.ViewID]*vsync.View{}} }

func (c *onePrimary) watch(_ protocol.Time, a *app, e protocol.Event) {
	v, ok := e.(*vsync.Installed)
	if !ok || c.first[v.View.ID] != nil {
		return
	}
	c.first[v.View.ID] = v.View
	if v.View.ID.Number == 1 {
		if len(c.first) > 1 {
			c.say("host %d founds the group once more, as %v", a.host, v.View.ID)
		}
		return
	}
	before := c.first[vsync.ViewID{Epoch: v.View.ID.Epoch, Number: v.View.ID.Number - 1}]
	if before == nil {
		return // those that have installed it wait for the state, or are gone
	}
	whole, active := uint64(0), uint64(0)
	for _, m := range before.Members {
		whole += m.Weight
		other := a.fleet.apps[m.ID]
		if other != nil && other != a && a.fleet.world.Up(m.ID) && other.view != nil && other.view.ID == before.ID && !other.blocked && !other.outside {
			active += m.Weight
		}
	}
	if 2*active > whole {
		c.say("view %v is installed at host %d while members of weight %d of %d go on in view %v", v.View.ID, a.host, active, whole, before.ID)
	}
}
