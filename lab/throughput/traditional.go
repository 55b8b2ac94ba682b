package throughput

import (
	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
)

// traditionalGroup is a group of lab/traditional.
type traditionalGroup struct{ *run }

func (g *traditionalGroup) build(boot sim.Boot) protocol.Machine {
	c := traditional.DefaultConfig()
	c.Self, c.Members, c.Window, c.Buffer = boot.ID, g.members, g.config.Window, g.config.Buffer
	m, err := traditional.New(c)
	if err != nil {
		panic(err) // Validate has said what is wrong
	}
	return m
}

func (g *traditionalGroup) observe(_ protocol.Time, id protocol.NodeID, e protocol.Event) int {
	switch e.(type) {
	case *traditional.Delivery:
		return 1
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
}
