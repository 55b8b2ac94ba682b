package views

import (
	"slices"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// pinging is a group of the traditional protocol, whose members all begin in the first view.
type pinging struct{ *run }

func (g pinging) build(b sim.Boot) protocol.Machine {
	c := traditional.DefaultConfig()
	c.Self, c.Members, c.PingsMissed = b.ID, g.hosts, g.config.Missed
	if g.config.Order == vsync.OrderTotal {
		c.Order = traditional.OrderTotal
	}
	if b.Incarnation > 0 { // who returns is not of the first view, and asks to join
		c.Members = append(slices.DeleteFunc(slices.Clone(g.hosts), func(id protocol.NodeID) bool { return id == b.ID }), b.ID)
		c.First = len(c.Members) - 1
	}
	m, err := traditional.New(c)
	if err != nil {
		panic(err) // the grid has said what is wrong
	}
	return m
}

func (g pinging) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	switch e := e.(type) {
	case *traditional.Installed:
		g.installed(id, e.View.Members)
	case traditional.Blocked:
		g.blocked(now, id)
	case traditional.Ejected, traditional.Left:
		g.out(now, id)
	case traditional.Suspected:
		g.suspected(now, e.Member)
	case *traditional.Delivery:
		g.delivered(now, id, e.Payload)
	case traditional.Writable:
		g.castMore(id)
	}
}

func (g pinging) proposes(m protocol.Message) bool { return m.Kind() == traditional.KindCut }

func (g pinging) cast(now protocol.Time, m protocol.Machine, payload []byte, out *protocol.Output) bool {
	return m.(*traditional.Machine).Send(now, payload, out) == nil
}

func (g pinging) leave(now protocol.Time, m protocol.Machine, out *protocol.Output) {
	m.(*traditional.Machine).Leave(now, out)
}

func (g pinging) join(now protocol.Time, m protocol.Machine, _ *protocol.Output) {
	m.(*traditional.Machine).Join(now)
}
