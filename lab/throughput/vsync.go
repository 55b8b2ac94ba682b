package throughput

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
	"spinglass/wire"
)

// Times of a group of vsync before anything is measured.
const (
	foundAfter = 300 * time.Millisecond // of hearing of nobody, its founder founds it
	formingMax = time.Minute
)

// numberedBytes is by how much a cast is longer as a message of the topic, about: the view and the number, and with causal order a little for what it depends on.
const numberedBytes = 18

// vsyncGroup is a group of shipping machines, over shipping multicast, that know each other.
type vsyncGroup struct {
	*run
	options  vsync.Options
	peers    []*protocol.Peer
	views    []*vsync.View // by member, nil for none
	messages int           // at the measured member since the first sample
	ejected  until         // zero while nobody was
	before   vsync.Stats   // of the sender, when the group had formed
}

func newVsyncGroup(r *run) *vsyncGroup {
	g := &vsyncGroup{run: r, views: make([]*vsync.View, len(r.members)+1)}
	g.options = vsync.Options{Order: r.config.Order, Weight: 1}
	interest := []protocol.Attribute{{Name: bimodal.InterestAttribute, Value: bimodal.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(vsync.TopicOf(topic))})}}
	for _, id := range r.members {
		g.peers = append(g.peers, &protocol.Peer{ID: id, Epoch: 1, RoundTrip: 2 * Latency, Attributes: interest})
	}
	return g
}

// groupMember is a machine that learns of everybody when it starts, and joins.
type groupMember struct {
	*vsync.Carrier
	group *vsyncGroup
	id    protocol.NodeID
}

// Start implements protocol.Machine.
func (m groupMember) Start(now protocol.Time, out *protocol.Output) {
	m.Carrier.Start(now, out)
	for _, p := range m.group.peers {
		if p.ID != m.id {
			m.Notify(now, protocol.PeerUp{Peer: p}, out)
		}
	}
	options := m.group.options
	if m.id == m.group.ranked()[0] {
		options.FoundAfter = foundAfter
	}
	if err := m.Groups.Join(now, topic, options, out); err != nil {
		panic(err) // Validate has said what is wrong
	}
	if rate := m.group.config.Rate; rate > 0 && m.id == sender { // else as it ships
		size := wire.RecordSize(m.group.config.Size + numberedBytes)
		err := m.Bimodal.Configure(now, vsync.TopicOf(topic), bimodal.TopicOptions{Spread: m.group.config.Spread, Rate: int64(rate) * int64(size), Burst: burst})
		if err != nil {
			panic(err)
		}
	}
}

func (g *vsyncGroup) build(boot sim.Boot) protocol.Machine {
	c := bimodal.DefaultConfig()
	c.Self, c.Epoch, c.Rand = boot.ID, 1, boot.Rand
	multicast, err := bimodal.New(c)
	if err != nil {
		panic(err)
	}
	v := vsync.DefaultConfig()
	v.Self, v.Epoch, v.Rand = boot.ID, 1, boot.Rand
	carrier, err := vsync.NewCarrier(v, multicast)
	if err != nil {
		panic(err)
	}
	return groupMember{carrier, g, boot.ID}
}

// gather lets the group form, with nobody perturbed: until all members are in a view of all.
func (g *vsyncGroup) gather(ctx context.Context) error {
	for !g.formed() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if g.world.Now() >= protocol.Time(formingMax) {
			return fmt.Errorf("throughput: a group of %d has not formed in %v", len(g.members), formingMax)
		}
		g.world.Run(g.world.Now().Add(tick))
	}
	g.before = g.machine(sender).Stats()
	return nil
}

func (g *vsyncGroup) formed() bool {
	return !slices.ContainsFunc(g.members, func(id protocol.NodeID) bool { return g.views[id] == nil || len(g.views[id].Members) < len(g.members) })
}

func (g *vsyncGroup) machine(id protocol.NodeID) *vsync.Machine {
	return g.world.Machine(id).(groupMember).Groups
}

func (g *vsyncGroup) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) int {
	switch e := e.(type) {
	case *vsync.Delivery:
		if id == first && now >= g.start {
			g.messages++
		}
		return 1
	case *vsync.Installed:
		g.views[id] = e.View
		if id == first && g.begun > 0 && g.ejected.at == 0 && slices.ContainsFunc(g.disturbed(), func(id protocol.NodeID) bool { return e.View.Rank(id) < 0 }) {
			g.ejected = until{now, g.messages}
		}
		g.goOn(id)
	case vsync.Ejected:
		g.views[id] = nil
	case vsync.Ready, vsync.Writable:
		g.goOn(id)
	}
	return 0
}

// goOn has the sender cast again, as a node does when it is told of these events.
func (g *vsyncGroup) goOn(id protocol.NodeID) {
	if id == sender && g.begun > 0 {
		g.begin()
	}
}

// begin casts one message after the other until the group refuses one, as a node does for its application: what says that the member has to wait is followed by an event, and so is the end of being outside.
func (g *vsyncGroup) begin() {
	if g.casting {
		return
	}
	g.casting = true
	g.world.Command(sender, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		g.casting = false
		switch err := m.(groupMember).Groups.Cast(now, topic, g.payload, out); {
		case err == nil:
			g.world.At(now, g.begin)
		case !errors.Is(err, vsync.ErrBlocked) && !errors.Is(err, vsync.ErrFull) && !errors.Is(err, vsync.ErrNotMember) && !errors.Is(err, vsync.ErrNotPrimary):
			panic(err)
		}
	})
}

func (g *vsyncGroup) finish(r *Result) {
	s := g.machine(sender).Stats()
	r.Views, r.HeldMost = s.ViewsInstalled-g.before.ViewsInstalled, s.HeldMost
	r.Blocked = thousandths(float64(s.BlockedTime-g.before.BlockedTime) / float64(g.world.Now().Sub(g.begun)))
	r.Repairs = thousandths(float64(g.world.Machine(first).(groupMember).Bimodal.Stats().PacketsRepaired) / g.world.Now().Sub(g.begun).Seconds())
	g.ejected.tell(g.run, r)
}
