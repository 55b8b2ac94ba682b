package compare

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"spinglass/bimodal"
	"spinglass/lab/rmtp"
	"spinglass/lab/stream"
	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/wire"
)

// Limits of a Config.
const (
	MembersMax = 2000
	RateMax    = 100_000
	SizeMin    = 16
	SizeMax    = 1200

	unstoppedBuffer = 1 << 32 // bytes, of a traditional sender that is not to be stopped
)

// Config describes a group.
type Config struct {
	Protocol *Protocol
	Members  int // 2 to MembersMax
	Layout   Layout
	Rate     int // packets a second, 1 to RateMax
	Size     int // of their payload, bytes: SizeMin to SizeMax
	Scope    int // of the requests of SRM: levels apart; 0 for none
	Seed     uint64
	Cost     sim.Cost
	Wire     bool // encode every message

	Unicast   bool // the network has no multicast: what is sent to many is as many datagrams
	View      View // what members of the shipping protocol know of each other
	Unstopped bool // the sender of the traditional protocol publishes at the rate whatever others lack
	// Joins says when each member joins, ascending; nil for all at once. Member 0 is there from the beginning.
	Joins []time.Duration
}

// Count is a number of packets, and their bytes as UDP payload.
type Count struct{ Packets, Bytes uint64 }

func (c *Count) add(size int) {
	c.Packets++
	c.Bytes += uint64(size)
}

// Load is what a member has sent, each multicast once, and received, by class.
type Load struct{ Sent, Received [classes]Count }

// Packets returns how many packets a member has sent and received.
func (l *Load) Packets() (n uint64) {
	for class := range classes {
		n += l.Sent[class].Packets + l.Received[class].Packets
	}
	return n
}

// Bytes returns how many bytes these had.
func (l *Load) Bytes() (n uint64) {
	for class := range classes {
		n += l.Sent[class].Bytes + l.Received[class].Bytes
	}
	return n
}

// Recovery counts the requests that all members sent for one packet, and the repairs.
type Recovery struct{ Requests, Repairs int }

// Delivery tells that a member got a packet.
type Delivery struct {
	Member    int
	Published protocol.Time // when it was to be published
	Now       protocol.Time
}

// Group is a group in a simulated world.
type Group struct {
	World *sim.World
	Loads []Load // by member

	config    Config
	peers     map[peerKey]*protocol.Peer
	present   []bool
	published uint64
	firstWay  uint64
	repaired  []Recovery // by number of the packet, of protocols that ask for packets one by one
	waiting   [][]byte   // packets that the protocol had no room for
	deliver   func(Delivery)
	err       error
}

// peerKey names what one member knows of another: many know the same.
type peerKey struct {
	index    int
	distance time.Duration
	apart    int
}

func idOf(index int) protocol.NodeID { return protocol.NodeID(index + 1) }

// New returns a group at time 0. deliver is told of every packet that a member gets, in order.
func New(c Config, deliver func(Delivery)) (*Group, error) {
	switch {
	case c.Members < 2 || c.Members > c.Protocol.MembersMax:
		return nil, fmt.Errorf("%s: %d members, not 2 to %d", c.Protocol.Name, c.Members, c.Protocol.MembersMax)
	case c.View == ViewZones && !zoned(c.Layout):
		return nil, errors.New("a layout without zones")
	case c.Rate < 1 || c.Rate > RateMax || c.Size < SizeMin || c.Size > SizeMax:
		return nil, fmt.Errorf("%d packets a second of %d bytes, not 1 to %d of %d to %d", c.Rate, c.Size, RateMax, SizeMin, SizeMax)
	}
	g := &Group{config: c, peers: make(map[peerKey]*protocol.Peer), present: make([]bool, c.Members), Loads: make([]Load, c.Members), deliver: deliver}
	g.World = sim.New(sim.Config{
		Seed: c.Seed, Cost: c.Cost, Wire: c.Wire, Decoder: c.Protocol.decoder, Network: sim.Network{Topology: c.Layout, Multicast: !c.Unicast},
	})
	g.World.Trace(g.count)
	g.World.Observe(g.observe)
	for i := range c.Members {
		if join := g.join(i); join > 0 {
			g.World.At(join, func() { g.add(i) })
		} else {
			g.present[i] = true
		}
	}
	for i := range c.Members {
		if g.present[i] {
			g.boot(i)
		}
	}
	return g, g.err
}

// join returns when a member joins.
func (g *Group) join(i int) protocol.Time {
	if i == 0 || g.config.Joins == nil {
		return 0
	}
	return protocol.Time(g.config.Joins[i])
}

// add has a member join: it learns of the others and they of it.
func (g *Group) add(i int) {
	g.present[i] = true
	g.boot(i)
	for j := range g.config.Members {
		if g.present[j] && j != i && g.knows(j, i) {
			g.World.Command(idOf(j), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				m.Notify(now, protocol.PeerUp{Peer: g.peer(j, i)}, out)
			})
		}
	}
}

func (g *Group) boot(i int) {
	g.World.Add(sim.HostConfig{ID: idOf(i), Build: func(b sim.Boot) protocol.Machine {
		m, err := g.config.Protocol.build(boot{group: g, index: i, id: b.ID, sender: idOf(0), rand: b.Rand, late: g.join(i) > 0})
		if err != nil {
			panic(err) // all configurations here are valid
		}
		return starting{m, g, i}
	}})
}

// starting is a member that learns of the others when it starts.
type starting struct {
	member
	group *Group
	index int
}

// Start implements protocol.Machine.
func (s starting) Start(now protocol.Time, out *protocol.Output) {
	s.member.Start(now, out)
	for j, there := range s.group.present {
		if there && j != s.index && s.group.knows(s.index, j) {
			s.Notify(now, protocol.PeerUp{Peer: s.group.peer(s.index, j)}, out)
		}
	}
}

var interest = []protocol.Attribute{{Name: bimodal.InterestAttribute, Value: bimodal.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(topic)})}}

// peer returns what a member knows of another one.
func (g *Group) peer(i, j int) *protocol.Peer {
	k := peerKey{j, g.config.Layout.Distance(i, j), g.config.Layout.Apart(i, j)}
	name := fmt.Sprintf("/m%d", j)
	if g.config.Protocol.Name == "bimodal" {
		switch g.config.View {
		case ViewZones:
			name = fmt.Sprintf("%s/m%d", g.zone(j), j)
		case ViewBlind:
			k.distance, k.apart = 0, 0
		default:
			k.apart = 0
		}
	}
	p := g.peers[k]
	if p == nil {
		p = &protocol.Peer{ID: idOf(j), Epoch: 1, Name: name, Distance: k.apart, RoundTrip: 2 * k.distance, Attributes: interest}
		g.peers[k] = p
	}
	return p
}

// Publish has the sender publish from one time to another, at the rate of the configuration.
func (g *Group) Publish(from, until protocol.Time) {
	interval := protocol.Time(time.Second) / protocol.Time(g.config.Rate)
	var next func()
	next = func() {
		now := g.World.Now()
		payload := make([]byte, g.config.Size)
		binary.BigEndian.PutUint64(payload, uint64(now))
		g.published++
		g.waiting = append(g.waiting, payload)
		g.send()
		if now+interval < until {
			g.World.At(now+interval, next)
		}
	}
	g.World.At(from, next)
}

// Published returns how many packets were to be published so far.
func (g *Group) Published() uint64 { return g.published }

// send has the sender publish what waits, as far as there is room.
func (g *Group) send() {
	g.World.Command(idOf(0), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		for len(g.waiting) > 0 && m.(starting).publish(now, g.waiting[0], out) {
			g.waiting = g.waiting[1:]
		}
	})
}

func (g *Group) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	switch e := e.(type) {
	case *stream.Delivered:
		g.delivered(now, id, e.Payload)
	case *bimodal.Delivery:
		for c := e.Begin(); c.Next(); {
			g.delivered(now, id, c.Payload)
		}
	case *traditional.Delivery:
		g.delivered(now, id, e.Payload)
	case rmtp.Writable, traditional.Writable:
		if id == idOf(0) {
			g.send()
		}
	}
}

func (g *Group) delivered(now protocol.Time, id protocol.NodeID, payload []byte) {
	if id != idOf(0) && g.deliver != nil { // some protocols deliver to the sender as well
		g.deliver(Delivery{Member: int(id) - 1, Published: protocol.Time(binary.BigEndian.Uint64(payload)), Now: now})
	}
}

// count adds to the loads what a step has received and sent.
func (g *Group) count(s *sim.Step) {
	load := &g.Loads[int(s.Host)-1]
	if s.Input == sim.InputReceive {
		load.Received[g.config.Protocol.class(s.Message.Kind())].add(s.Size)
		if s.Message.Kind() == g.config.Protocol.data {
			g.firstWay++
		}
	}
	for i := range s.Effects {
		switch e := &s.Effects[i]; e.Kind {
		case protocol.EffectSend, protocol.EffectSpread, protocol.EffectMulticast:
			class := g.config.Protocol.class(e.Message.Kind())
			load.Sent[class].add(wire.HeaderSize + wire.FrameSize(e.Message.Size()))
			g.recover(class, e.Message)
		}
	}
}

// recover counts a request or repair for its packet.
func (g *Group) recover(class Class, message protocol.Message) {
	if g.config.Protocol.number == nil || class != Request && class != Repair {
		return
	}
	n := int(g.config.Protocol.number(message))
	for len(g.repaired) <= n {
		g.repaired = append(g.repaired, Recovery{})
	}
	if class == Request {
		g.repaired[n].Requests++
	} else {
		g.repaired[n].Repairs++
	}
}

// Recoveries returns what was sent for each packet that somebody asked for, in order; nil for protocols whose requests are not for one packet each.
func (g *Group) Recoveries() (recoveries []Recovery) {
	for _, r := range g.repaired {
		if r.Requests > 0 {
			recoveries = append(recoveries, r)
		}
	}
	return recoveries
}

// FirstWay returns how many packets have reached members on their first way. Parity is none.
func (g *Group) FirstWay() uint64 { return g.firstWay }

// Held returns the packets that a member holds at present, so that it can repair or deliver them, and the bytes that they take.
func (g *Group) Held(member int) (packets, bytes int) {
	return g.World.Machine(idOf(member)).(starting).held()
}

// ResetLoads begins to count anew.
func (g *Group) ResetLoads() {
	clear(g.Loads)
	clear(g.repaired)
}

// Run lets time pass, in steps so that a context can end it.
func (g *Group) Run(ctx context.Context, until protocol.Time) error {
	for g.World.Now() < until && ctx.Err() == nil {
		g.World.Run(min(until, g.World.Now().Add(time.Second)))
	}
	return ctx.Err()
}
