package throughput

import (
	"context"
	"errors"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/wire"
)

const topic = "throughput"

// burst is the least that a topic can have, in bytes, so that its rate is as even as it can be.
const burst = 64 << 10

// bimodalGroup is a group of shipping machines that know each other.
type bimodalGroup struct {
	*run
	peers []*protocol.Peer
}

// member is a machine that subscribes and learns of everybody when it starts.
type member struct {
	*bimodal.Machine
	group *bimodalGroup
	id    protocol.NodeID
}

// Start implements protocol.Machine.
func (m member) Start(now protocol.Time, out *protocol.Output) {
	m.Machine.Start(now, out)
	err := m.Subscribe(now, topic, out)
	if err == nil {
		options := bimodal.TopicOptions{Spread: m.group.config.Spread, Rate: int64(m.group.config.Rate) * int64(wire.RecordSize(m.group.config.Size)), Burst: burst}
		if m.group.config.Rate == 0 { // as it ships
			options.Burst, options.Flow = 0, bimodal.Flow{Adaptive: true}
		}
		err = m.Configure(now, topic, options)
	}
	if err != nil {
		panic(err) // Validate has said what is wrong
	}
	for _, p := range m.group.peers {
		if p.ID != m.id {
			m.Notify(now, protocol.PeerUp{Peer: p}, out)
		}
	}
}

func (g *bimodalGroup) build(boot sim.Boot) protocol.Machine {
	if g.peers == nil {
		interest := []protocol.Attribute{{Name: bimodal.InterestAttribute, Value: bimodal.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(topic)})}}
		for _, id := range g.members {
			g.peers = append(g.peers, &protocol.Peer{ID: id, Epoch: 1, RoundTrip: 2 * Latency, Attributes: interest})
		}
	}
	c := bimodal.DefaultConfig()
	c.Self, c.Epoch, c.Rand = boot.ID, 1, boot.Rand
	m, err := bimodal.New(c)
	if err != nil {
		panic(err)
	}
	return member{m, g, boot.ID}
}

// gather implements group: all know each other from the beginning.
func (g *bimodalGroup) gather(context.Context) error { return nil }

func (g *bimodalGroup) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) int {
	switch e := e.(type) {
	case *bimodal.Delivery:
		return e.Count
	case *bimodal.Gap:
		if id == first && now >= g.start {
			g.lost += e.Count
		}
	case *bimodal.Writable:
		if id == sender {
			g.begin()
		}
	}
	return 0
}

// begin publishes until the rate of the topic refuses a message.
func (g *bimodalGroup) begin() {
	g.world.Command(sender, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		switch err := m.(member).Publish(now, topic, g.payload, out); {
		case err == nil:
			g.world.At(now, g.begin)
		case !errors.Is(err, bimodal.ErrWouldBlock):
			panic(err)
		}
	})
}

func (g *bimodalGroup) finish(r *Result) {
	s := g.world.Machine(first).(member).Stats()
	r.Repairs = thousandths(float64(s.PacketsRepaired) / g.world.Now().Sub(g.begun).Seconds())
}
