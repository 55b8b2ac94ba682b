package throughput

import (
	"context"
	"slices"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// traditionalGroup is a group of lab/traditional.
type traditionalGroup struct {
	*run
	messages int   // at the measured member since the first sample
	ejected  until // zero while nobody was
}

func (g *traditionalGroup) build(boot sim.Boot) protocol.Machine {
	c := traditional.DefaultConfig()
	c.Self, c.Members, c.Window, c.Buffer = boot.ID, g.ranked(), g.config.Window, g.config.Buffer
	if g.config.Order == vsync.OrderTotal {
		c.Order = traditional.OrderTotal
	}
	c.PingsMissed = g.config.Missed
	if c.PingsMissed == 0 {
		c.PingsMissed = MissedMax + 1
	}
	m, err := traditional.New(c)
	if err != nil {
		panic(err) // Validate has said what is wrong
	}
	return m
}

// gather implements group: all begin in a view of all.
func (g *traditionalGroup) gather(context.Context) error { return nil }

func (g *traditionalGroup) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) int {
	switch e := e.(type) {
	case *traditional.Delivery:
		if id == first && now >= g.start {
			g.messages++
		}
		return 1
	case *traditional.Installed:
		if id == first && g.ejected.at == 0 && slices.ContainsFunc(g.disturbed(), func(id protocol.NodeID) bool { return e.View.Rank(id) < 0 }) {
			g.ejected = until{now, g.messages}
		}
	case traditional.Writable:
		if id == sender {
			g.begin()
		}
	}
	return 0
}

// begin sends one message after the other until the protocol refuses one: each is an input of its own, so that others have their turn.
func (g *traditionalGroup) begin() {
	g.world.Command(sender, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if m.(*traditional.Machine).Send(now, g.payload, out) == nil {
			g.world.At(now, g.begin)
		}
	})
}

func (g *traditionalGroup) finish(r *Result) {
	s := g.world.Machine(sender).(*traditional.Machine).Stats()
	r.Views, r.HeldMost = s.Views, s.OwnHeldMost
	r.Repairs = thousandths(float64(s.Repairs) / g.world.Now().Sub(0).Seconds())
	g.ejected.tell(g.run, r)
}
