package views

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/vsync"
	"spinglass/wire"
)

const groupName = "views"

// nodes is a group of whole nodes, as they ship but for identities.
type nodes struct{ *run }

// node is one that joins as soon as it starts.
type node struct {
	*stack.Node
	group  nodes
	founds bool
}

// zoneLeast is the least limit of a zone, as it ships.
const zoneLeast = 128

// foundAfter is the default of a node.
const foundAfter = 2 * time.Second

func address(i int) protocol.Address { return protocol.Address(fmt.Sprint("m", i)) }

func (g nodes) build(b sim.Boot) protocol.Machine {
	stored, _ := b.Disk.Get(membership.EpochKey)
	epoch, err := membership.ParseEpoch(stored)
	if err != nil {
		panic(err) // nothing else writes it
	}
	source := func() *rand.Rand { return rand.New(rand.NewPCG(b.Rand.Uint64(), b.Rand.Uint64())) }
	topics := bimodal.DefaultConfig()
	topics.Self, topics.Zone, topics.Epoch, topics.Rand = b.ID, "/lab", epoch+1, source()
	groups := vsync.DefaultConfig()
	groups.Rand = source()
	n, err := stack.New(stack.Config{
		Membership: membership.Config{
			Self: b.ID, Epoch: epoch, Durable: true, Name: fmt.Sprintf("/lab/m%d", b.ID), Addresses: []protocol.Address{b.Address},
			Seeds: []protocol.Address{address(1), address(2), address(3)}, First: b.ID == 1, Rand: source(), ZoneLimit: max(g.config.Members, zoneLeast),
		},
		Bimodal: topics,
		Tables:  astrolabe.Config{Rand: source()},
		Groups:  groups,
	})
	if err != nil {
		panic(err) // the grid has said what is wrong
	}
	return node{n, g, b.ID == 1 && b.Incarnation == 0}
}

// Start implements protocol.Machine.
func (n node) Start(now protocol.Time, out *protocol.Output) {
	n.Node.Start(now, out)
	n.group.joinAs(now, n, out)
}

func (g nodes) joinAs(now protocol.Time, n node, out *protocol.Output) {
	options := vsync.Options{Order: g.config.Order, Weight: 1}
	if n.founds {
		options.FoundAfter = foundAfter
	}
	if err := n.JoinGroup(now, groupName, options, out); err != nil {
		panic(err)
	}
}

func (g nodes) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	switch e := e.(type) {
	case *vsync.Installed:
		members := make([]protocol.NodeID, len(e.View.Members))
		for i := range e.View.Members {
			members[i] = e.View.Members[i].ID
		}
		g.installed(id, members)
		g.castMore(id)
	case vsync.Blocked:
		g.blocked(now, id)
	case vsync.Ejected:
		g.out(now, id)
	case vsync.Left:
		g.out(now, id)
	case vsync.Suspected:
		g.suspected(now, e.Member)
	case *vsync.Delivery:
		g.delivered(now, id, e.Payload)
	case vsync.Writable, vsync.Ready:
		g.castMore(id)
	}
}

func (g nodes) proposes(m protocol.Message) bool {
	p, ok := m.(*vsync.Part)
	return m.Kind() == wire.KindGroupProposal || ok && p.Inner == wire.KindGroupProposal
}

func (g nodes) cast(now protocol.Time, m protocol.Machine, payload []byte, out *protocol.Output) bool {
	err := m.(node).Cast(now, groupName, payload, out)
	for _, wait := range []error{vsync.ErrBlocked, vsync.ErrFull, vsync.ErrNotMember, vsync.ErrNotPrimary} {
		if errors.Is(err, wait) {
			return false
		}
	}
	if err != nil {
		panic(err)
	}
	return true
}

func (g nodes) leave(now protocol.Time, m protocol.Machine, out *protocol.Output) {
	if err := m.(node).LeaveGroup(now, groupName, out); err != nil {
		panic(err)
	}
}

func (g nodes) join(now protocol.Time, m protocol.Machine, out *protocol.Output) {
	n := m.(node)
	n.founds = false
	g.joinAs(now, n, out)
}
