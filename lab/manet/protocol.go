package manet

import (
	"fmt"
	"strings"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/anonymous"
	"spinglass/adhoc/aodv"
	"spinglass/adhoc/flood"
	"spinglass/adhoc/maodv"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/wire"
)

// groupName is the name of the group of all runs.
const groupName = "manet"

var group = adhoc.GroupOf(groupName)

// Node is the machine of a node.
type Node interface {
	protocol.Machine
	// Join makes the node a member of a group.
	Join(now protocol.Time, group adhoc.Group, out *protocol.Output)
	// Multicast publishes a payload to a group of which the node is a member.
	Multicast(now protocol.Time, group adhoc.Group, payload []byte, out *protocol.Output)
}

// Protocol is one that is measured.
type Protocol struct {
	Name  string
	build func(c *Config, b sim.Boot) Node
	// delivered returns the payload of an event that tells the application of one.
	delivered func(e protocol.Event) (payload []byte, ok bool)
	// repairs returns how many repairs a node has received so far, and how many of them were new to it; nil where there are none.
	repairs func(n Node) (received, useful uint64)
	// walk returns one step of a gossip walk that an event tells of; nil where there are none.
	walk func(e protocol.Event) (to protocol.NodeID, ok bool)
	// gossip returns how members gossip; nil where they do not.
	gossip func() anonymous.Config
}

// protocols are those that can be measured.
var protocols = []*Protocol{
	{Name: "flood", build: buildFlood, delivered: arrived},
	{Name: "maodv", build: buildMaodv, delivered: arrived},
	gossiping("maodv-gossip", buildMaodv, anonymous.DefaultConfig, nil),
	gossiping("maodv-gossip-no-hints", buildMaodv, withoutHints, nil),
	gossiping("maodv-gossip-published", buildMaodv, anonymous.PublishedConfig, nil),
	gossiping("maodv-gossip-signed", buildMaodv, anonymous.DefaultConfig, signed),
	gossiping("flood-gossip", buildFlood, anonymous.DefaultConfig, nil),
}

// gossiping returns a protocol that gossips over a routing. What is configured for all nodes may be changed for each.
func gossiping(name string, routing func(*Config, sim.Boot) Node, configured func() anonymous.Config, change func(*anonymous.Config, *Config, sim.Boot)) *Protocol {
	return &Protocol{Name: name, build: gossipOver(routing, configured, change), delivered: gossiped, repairs: repairs, walk: walked, gossip: configured}
}

func buildFlood(_ *Config, b sim.Boot) Node {
	return flood.New(flood.Config{Self: b.ID, Rand: b.Rand, Jitter: flood.JitterDefault, TTL: flood.TTLDefault})
}

func buildMaodv(_ *Config, b sim.Boot) Node {
	return maodv.New(maodv.Config{Self: b.ID, Rand: b.Rand, Jitter: aodv.JitterDefault})
}

// gossipNode is a node that repairs by gossip what its routing loses.
type gossipNode struct{ *anonymous.Machine }

// Join implements Node.
func (g gossipNode) Join(now protocol.Time, _ adhoc.Group, out *protocol.Output) {
	if err := g.JoinName(now, groupName, out); err != nil {
		panic(err) // there is one group
	}
}

// Multicast implements Node.
func (g gossipNode) Multicast(now protocol.Time, group adhoc.Group, payload []byte, out *protocol.Output) {
	if _, err := g.Publish(now, group, payload, out); err != nil {
		panic(err) // all payloads here are short, and the source is a member
	}
}

func withoutHints() anonymous.Config {
	c := anonymous.DefaultConfig()
	c.Hints = false
	return c
}

// gossipOver returns what builds a node that gossips over a routing, with what is configured but for the history of a run, if that has one.
func gossipOver(routing func(*Config, sim.Boot) Node, configured func() anonymous.Config, change func(*anonymous.Config, *Config, sim.Boot)) func(*Config, sim.Boot) Node {
	return func(run *Config, b sim.Boot) Node {
		c := configured()
		c.Self, c.Epoch, c.Rand = b.ID, 1, b.Rand
		c.Routing = routing(run, b).(adhoc.Routing)
		if run.History > 0 { // who misses a message asks for it for as long as others may hold it, and a while longer
			c.History, c.Lost = run.History, max(c.Lost, 2*run.History)
			c.LostLife = max(c.LostLife, 2*time.Duration(run.History)*Interval)
		}
		if change != nil {
			change(&c, run, b)
		}
		return gossipNode{anonymous.New(c)}
	}
}

func repairs(n Node) (received, useful uint64) {
	s := n.(gossipNode).Stats()
	return s.MessagesUseful + s.MessagesUseless, s.MessagesUseful
}

func walked(e protocol.Event) (protocol.NodeID, bool) {
	w, ok := e.(anonymous.Walk)
	return w.To, ok && w.Group == group
}

// gossiped is delivered for protocols with gossip.
func gossiped(e protocol.Event) ([]byte, bool) {
	d, ok := e.(anonymous.Delivery)
	return d.Payload, ok && d.Group == group
}

// arrived is delivered for protocols without anything above their routing.
func arrived(e protocol.Event) ([]byte, bool) {
	a, ok := e.(adhoc.MulticastArrival)
	return a.Payload, ok && a.Group == group
}

// find returns the protocol that is called so.
func find(name string) (*Protocol, error) {
	for _, p := range protocols {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("--protocol: %q is none of %s", name, strings.Join(ProtocolNames(), ", "))
}

// ProtocolNames returns the names of the protocols that can be measured.
func ProtocolNames() (names []string) {
	for _, p := range protocols {
		names = append(names, p.Name)
	}
	return names
}

// class says what a message is for.
type class int

const (
	classData    class = iota // a packet on its first way
	classControl              // all that keeps routes and trees
	classGossip               // requests of gossip
	classRepair               // answers to them, and requests to cached members, at each hop
	classes
)

// classOf returns the class of a message.
func classOf(m protocol.Message) class {
	switch m.Kind() {
	case wire.KindTreePacket:
		return classData
	case wire.KindFlood:
		if p, ok := m.(*flood.Packet); ok && p.Group == 0 {
			return classRepair
		}
		return classData
	case wire.KindGossipRequest:
		return classGossip
	case wire.KindRoutedPacket:
		return classRepair // and cached requests
	}
	return classControl
}
