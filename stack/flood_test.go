package stack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/table"
	"spinglass/wire"
)

// siege is a fleet of whole nodes, each of which takes up a bounded number of messages a round, and a flood of fakes at some of them. The first member is the
// author, the last are the flooders, and before those the droppers.
type siege struct {
	flooders int
	fakes    int // a round to each victim
	droppers int // members that hand nothing on
	gossip   bool
	open     bool // without quotas

	world  *sim.World
	got    map[protocol.NodeID]bool // the message under way
	done   protocol.Time            // when all honest members had it
	sent   int                      // fakes
	rounds []float64                // that each message took
}

const (
	siegeMembers  = 64
	siegeVictims  = 6
	siegeCapacity = 64  // messages that a member takes up in a round
	siegeInbox    = 600 // datagrams that wait; more than all that come in a round
	siegeRound    = 100 * time.Millisecond
	siegePatience = 60 // rounds after which a message is given up
)

// besieged is a node in a siege.
type besieged struct {
	*stack.Node
	open   bool // without quotas
	silent bool // hands no packet on, and repairs nothing
	alone  bool // keeps its packets to itself until it is asked for them
}

func (n *besieged) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	if n.open {
		n.Router.Receive(now, from, m, out)
	} else {
		n.Node.Receive(now, from, m, out)
	}
	n.withhold(out)
}

func (n *besieged) Timeout(now protocol.Time, out *protocol.Output) {
	n.Node.Timeout(now, out)
	n.withhold(out)
}

func (n *besieged) withhold(out *protocol.Output) {
	if !n.silent && !n.alone {
		return
	}
	out.Effects = slices.DeleteFunc(out.Effects, func(e protocol.Effect) bool {
		switch e.Message.(type) {
		case *bimodal.Packet, *bimodal.Relay:
			return true
		case *bimodal.Repair:
			return n.silent
		}
		return false
	})
}

// effort is what a message costs its receiver, unless a quota refuses it.
func (s *siege) effort(step *sim.Step) time.Duration {
	if step.Input != sim.InputReceive || s.got == nil {
		return 0
	}
	for _, e := range step.Effects {
		if e.Kind == protocol.EffectDrop && strings.HasSuffix(string(e.Reason), "_quota") {
			return 0
		}
	}
	return siegeRound / siegeCapacity
}

// form makes the fleet, and lets its members come to know each other before anything costs them.
func (s *siege) form(seed uint64) {
	link := &sim.Link{Latency: sim.Uniform{Min: 500 * time.Microsecond, Max: 2 * time.Millisecond}, Loss: 0.01}
	s.world = sim.New(sim.Config{Seed: seed, Network: sim.Network{Topology: sim.Flat{Link: link}}, Cost: sim.Cost{
		ReceivePacket: time.Microsecond, SendPacket: time.Microsecond, InboxPackets: siegeInbox, Effort: s.effort,
	}})
	class := stack.Quota{All: siegeCapacity / stack.Classes, Source: siegeCapacity / stack.Classes / 2}
	quotas := stack.Quotas{Period: siegeRound, Push: class, Request: class, Reply: class, Membership: class}
	for i := 1; i <= siegeMembers; i++ {
		id := protocol.NodeID(i)
		s.world.Add(sim.HostConfig{ID: id, Address: protocol.Address(fmt.Sprint("a", i)), Zone: "/lab", Build: func(b sim.Boot) protocol.Machine {
			config := nodeConfig(b, 0, i == 1)
			config.Quotas = quotas
			n, err := stack.New(config)
			if err != nil {
				panic(err)
			}
			return &besieged{Node: n, open: true}
		}})
		s.command(id, func(now protocol.Time, n *besieged, out *protocol.Output) error {
			if err := n.Bimodal.Configure(now, topic, bimodal.TopicOptions{Knobs: bimodal.Knobs{Fanout: 4, Life: 10 * siegePatience}}); err != nil {
				return err
			}
			return n.Subscribe(now, topic, out)
		})
	}
	s.world.Run(protocol.Time(15 * time.Second))
}

func (s *siege) command(id protocol.NodeID, f func(now protocol.Time, n *besieged, out *protocol.Output) error) {
	s.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := f(now, m.(*besieged), out); err != nil {
			panic(err)
		}
	})
}

// honest returns whether a member is neither a flooder nor a dropper.
func (s *siege) honest(i int) bool { return i <= siegeMembers-s.flooders-s.droppers }

// begin begins the siege.
func (s *siege) begin() {
	s.got = map[protocol.NodeID]bool{}
	for i := 1; i <= siegeMembers; i++ {
		n := s.world.Machine(protocol.NodeID(i)).(*besieged)
		n.open = s.open
		n.silent = !s.honest(i) && i <= siegeMembers-s.flooders
		n.alone = s.gossip && i == 1
	}
	s.world.Observe(func(now protocol.Time, id protocol.NodeID, e protocol.Event) {
		if d, ok := e.(*bimodal.Delivery); ok && d.Author == 1 && s.honest(int(id)) {
			if s.got[id] = true; s.honest(len(s.got)) && !s.honest(len(s.got)+1) {
				s.done = now
			}
		}
	})
	if s.flooders > 0 {
		s.flood()
	}
}

// flood sends a few fakes to each victim, and more a little later, evenly over each round.
func (s *siege) flood() {
	const parts = 64 // of a round
	for f := range s.flooders {
		id := protocol.NodeID(siegeMembers - f)
		s.command(id, func(now protocol.Time, n *besieged, out *protocol.Output) error {
			for victim := range protocol.NodeID(siegeVictims) {
				for range s.fakes / parts / s.flooders {
					out.Send(victim+1, s.fake(now, id))
				}
			}
			return nil
		})
	}
	s.world.At(s.world.Now().Add(siegeRound/parts), s.flood)
}

// fake returns a message that its receiver can do nothing with, of each class by turns.
func (s *siege) fake(now protocol.Time, from protocol.NodeID) protocol.Message {
	stream := bimodal.StreamID{Author: from, Epoch: 1, Topic: bimodal.TopicOf(topic)}
	packet := &bimodal.Packet{Stream: stream, Seq: 1, Count: 1, Body: wire.AppendRecord(nil, wire.Record{Data: make([]byte, 10)})}
	s.sent++
	switch s.sent % stack.Classes {
	case 0:
		return packet
	case 1:
		return &bimodal.Poll{Entries: []bimodal.PollEntry{{Stream: stream}}}
	case 2:
		return &bimodal.Repair{Packet: packet}
	}
	return &membership.Digest{Stamp: uint64(now), Held: table.Digest{Last: 1<<64 - 1}}
}

// publish has the author publish messages, one after the other, and measures how many rounds each takes to all.
func (s *siege) publish(messages int) {
	for range messages {
		s.world.Run(s.world.Now().Add(20*siegeRound + siegeRound*3/8)) // at another phase each time
		clear(s.got)
		start := s.world.Now()
		s.done = protocol.Never
		s.command(1, func(now protocol.Time, n *besieged, out *protocol.Output) error {
			return n.Publish(now, topic, make([]byte, 100), out)
		})
		end := start.Add(siegePatience * siegeRound)
		for s.done == protocol.Never && s.world.Now() < end {
			s.world.Run(s.world.Now().Add(siegeRound))
		}
		s.rounds = append(s.rounds, float64(min(s.done, end).Sub(start))/float64(siegeRound))
	}
}

// run returns the mean of how many rounds messages take to all, and what 99 of 100 take at most.
func (s siege) run(seeds uint64, messages int) (mean, p99 float64) {
	for seed := range seeds {
		s.form(seed + 1)
		s.begin()
		s.publish(messages)
		s.got = nil
	}
	slices.Sort(s.rounds)
	for _, r := range s.rounds {
		mean += r / float64(len(s.rounds))
	}
	return mean, s.rounds[(len(s.rounds)*99+99)/100-1]
}

// "Simulated, n = 64, fanout 4: baseline 4.9 rounds to all (p99 6); with 30 % droppers 5.7 (8); under a focused flood of 512 fakes a round push-only needs 75
// rounds, pull-only 39, split quotas 5.9 (7). Tests: the flood (mean <= 1.3x baseline while the push-only control is >= 10x)." The figures are those of a model,
// which lab/drum has. Here the nodes are those that ship, each of which takes up 64 messages a round, and the fakes come from members: from one, or from four
// together. The author is one of six victims, and as in the model its messages go out by gossip alone. Without quotas the fakes take the time, and the places in
// the inbox.
func TestFloodOfFakes(t *testing.T) {
	quiet, p99 := siege{gossip: true}.run(2, siegeMessages())
	t.Logf("%.2f rounds to all (p99 %.1f)", quiet, p99)
	for _, c := range []struct {
		what        string
		siege       siege
		messages    int
		least, most float64 // times as long as without a flood
	}{
		{"droppers", siege{droppers: 19}, siegeMessages(), 0, 1.3},
		{"flood by one member", siege{flooders: 1, fakes: 512}, siegeMessages(), 0, 1.3},
		{"flood by four members", siege{flooders: 4, fakes: 512}, siegeMessages(), 0, 1.3},
		{"flood by one member, without quotas", siege{flooders: 1, fakes: 512, open: true}, 3, 10, siegePatience},
	} {
		c.siege.gossip = true
		mean, p99 := c.siege.run(2, c.messages)
		t.Logf("%s: %.2f rounds to all (p99 %.1f), %.2f times as long", c.what, mean, p99, mean/quiet)
		if mean < c.least*quiet || mean > c.most*quiet {
			t.Errorf("%s: %.2f times as long as without", c.what, mean/quiet)
		}
	}
}

// siegeMessages is how many messages are measured for each seed.
func siegeMessages() int {
	if testing.Short() {
		return 20
	}
	return 40
}

// The same where messages go out as they do otherwise, by trees. That takes some milliseconds when nothing happens, so that the time which the fakes take at the
// victims shows: it is less than a round. Droppers cost the rounds in which gossip brings what they do not hand on.
func TestFloodOfFakesAtTrees(t *testing.T) {
	quiet, _ := siege{}.run(2, siegeMessages())
	for _, c := range []struct {
		what        string
		siege       siege
		messages    int
		least, most float64 // rounds longer than without a flood
	}{
		{"droppers", siege{droppers: 19}, siegeMessages(), 0, 4},
		{"flood by one member", siege{flooders: 1, fakes: 512}, siegeMessages(), 0, 1},
		{"flood by four members", siege{flooders: 4, fakes: 512}, siegeMessages(), 0, 1},
		{"flood by one member, without quotas", siege{flooders: 1, fakes: 512, open: true}, 3, 10, siegePatience},
	} {
		mean, p99 := c.siege.run(2, c.messages)
		t.Logf("%s: %.2f rounds to all (p99 %.1f), without %.2f", c.what, mean, p99, quiet)
		if mean < quiet+c.least || mean > quiet+c.most {
			t.Errorf("%s: %.2f rounds to all, without %.2f", c.what, mean, quiet)
		}
	}
}
