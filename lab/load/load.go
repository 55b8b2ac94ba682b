package load

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/bimodal"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/sim"
)

const topic = "load"

// Config describes a run.
type Config struct {
	Members  int           // 2 or more
	Leaf     int           // members of a leaf zone, about
	Branch   int           // leaf zones of a zone above them, at most; with more there is one more level
	Contacts int           // members of each sibling zone that a member knows
	Authors  int           // members that publish, spread evenly over the group; each is one stream
	Rate     int           // packets a second of each stream
	Size     int           // bytes of payload of a packet
	Warmup   time.Duration // before loads are measured
	Duration time.Duration // for which they are measured
	Loss     float64       // probability that a link loses a datagram
	Signed   bool          // members sign what they publish, at the modelled cost
	Seed     uint64

	// Representatives makes views those of a zone tree: of each sibling zone so many members, the same for all, which do not want the topic themselves and carry it for their zones. With 0
	// views hold random contacts, and all members want the topic.
	Representatives int
	Interested      float64 // part of the members of zones that want anything which do, where there are representatives
	Wanting         float64 // part of the leaf zones that want anything, where there are representatives
}

// DefaultConfig returns the configuration of the published figures for a group.
func DefaultConfig(members int) Config {
	return Config{
		Members: members, Leaf: 64, Branch: 64, Contacts: 2, Authors: 4, Rate: 10, Size: 300,
		Warmup: 3 * time.Second, Duration: 5 * time.Second, Loss: 0.001, Seed: 1,
	}
}

// Load is a distribution over members, of a number a second.
type Load struct {
	Mean, Median, P99, Most float64
}

// Result is what a run found. Loads are of what a member that wants or carries the topic sends and receives together.
type Result struct {
	Packets   Load
	Bytes     Load
	Repaired  float64 // part of all packets that members got by repair
	Verified  float64 // signatures that a member has verified a second
	Lost      uint64  // messages that members were told of as lost
	Delivered uint64
	Expected  uint64 // messages published times members that want them
	Rounds    Load   // of gossip until all members that want a message have it, a distribution over the messages that all of them got
	Idle      Load   // packets of members that neither want, nor carry, nor publish anything
	Carriers  Load   // packets of members that carry the topic
}

// group is a world of zones.
type group struct {
	config Config
	world  *sim.World
	random *rand.Rand
	zones  int
	groups int
	peers  [3][]*protocol.Peer // by distance and member
	wants  []bool              // by member
	wanted int                 // members that do
	result Result
	err    error

	published [][]protocol.Time // by author and message
	lacking   [][]int           // members that want a message and do not have it, likewise
	rounds    []float64
}

// Run runs a group and measures it.
func Run(c Config) (Result, error) {
	g := &group{config: c, random: rand.New(rand.NewPCG(c.Seed, 0)), zones: max(1, (c.Members+c.Leaf-1)/c.Leaf)}
	g.groups = (g.zones + c.Branch - 1) / c.Branch
	link := func(latency time.Duration) *sim.Link {
		return &sim.Link{Loss: c.Loss, Latency: sim.Uniform{Min: latency / 2, Max: latency * 3 / 2}}
	}
	g.world = sim.New(sim.Config{
		Seed: c.Seed, Cost: sim.CommodityCost(),
		Network: sim.Network{Topology: sim.Zones{Links: []*sim.Link{link(time.Millisecond), link(2 * time.Millisecond), link(4 * time.Millisecond)}}},
	})
	g.world.Observe(g.observe)
	interest := bimodal.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(topic)})
	attributes := []protocol.Attribute{{Name: bimodal.InterestAttribute, Value: interest}}
	for distance := range g.peers {
		g.peers[distance] = make([]*protocol.Peer, c.Members)
		for i := range c.Members {
			g.peers[distance][i] = &protocol.Peer{
				ID: protocol.NodeID(i + 1), Epoch: 1, Name: fmt.Sprintf("%s/m%d", g.path(g.zoneOf(i)), i), Distance: distance,
				RoundTrip: time.Duration(2<<distance) * time.Millisecond, Attributes: attributes,
			}
			if c.Signed && (distance == 0 || c.Representatives == 0) {
				g.peers[distance][i].Credential = credential(g.publicKey(i))
			}
		}
	}
	g.choose()
	for i := range c.Members {
		g.add(i)
	}
	return g.measure()
}

// zoneOf returns the leaf zone of a member, from 0.
func (g *group) zoneOf(i int) int { return i * g.zones / g.config.Members }

func (g *group) groupOf(zone int) int { return zone * g.groups / g.zones }

// membersOf returns the range of members of leaf zones first to last-1.
func (g *group) membersOf(first, last int) (int, int) {
	n := g.config.Members
	return (first*n + g.zones - 1) / g.zones, (last*n + g.zones - 1) / g.zones
}

func (g *group) zonesOf(group int) (int, int) {
	return (group*g.zones + g.groups - 1) / g.groups, ((group+1)*g.zones + g.groups - 1) / g.groups
}

func (g *group) path(zone int) string {
	if g.groups == 1 {
		return fmt.Sprintf("/z%d", zone)
	}
	return fmt.Sprintf("/g%d/z%d", g.groupOf(zone), zone)
}

// member is a machine that subscribes and learns its view when it starts.
type member struct {
	*bimodal.Machine
	group *group
	index int
}

// Start implements protocol.Machine.
func (m member) Start(now protocol.Time, out *protocol.Output) {
	m.Machine.Start(now, out)
	if m.group.wants[m.index] {
		if err := m.Subscribe(now, topic, out); err != nil {
			panic(err)
		}
	}
	m.group.view(m.index, func(p *protocol.Peer) { m.Notify(now, protocol.PeerUp{Peer: p}, out) })
}

func (g *group) add(i int) {
	id, zone := protocol.NodeID(i+1), g.path(g.zoneOf(i))
	g.world.Add(sim.HostConfig{ID: id, Zone: zone, Build: func(boot sim.Boot) protocol.Machine {
		c := bimodal.DefaultConfig()
		c.Self, c.Zone, c.Epoch, c.Rand, c.Rate = id, zone, 1, boot.Rand, 0
		if g.config.Signed {
			c.Notary = identity.NewNotaryOf(g.publicKey(i), func(v *protocol.Sign) []byte { return g.world.SignNow(id, v) },
				func(check protocol.Check) bool { return g.world.VerifyNow(id, check) })
		}
		m, err := bimodal.New(c)
		if err != nil {
			panic(err)
		}
		return member{m, g, i}
	}})
}

// credential is the key of a member that may do everything.
type credential identity.PublicKey

func (c credential) PublicKey() []byte        { return c[:] }
func (c credential) MayPublish(string) bool   { return true }
func (c credential) Name() string             { return "" }
func (c credential) MaySubscribe(string) bool { return true }

func (g *group) publicKey(i int) identity.PublicKey {
	return identity.PublicKey(g.world.PublicKey(protocol.NodeID(i + 1)))
}

// view tells of everybody whom a member knows.
func (g *group) view(i int, tell func(*protocol.Peer)) {
	zone := g.zoneOf(i)
	first, last := g.membersOf(zone, zone+1)
	for j := first; j < last; j++ {
		if j != i {
			tell(g.peers[0][j])
		}
	}
	above := g.groupOf(zone)
	firstZone, lastZone := g.zonesOf(above)
	for sibling := firstZone; sibling < lastZone; sibling++ {
		if sibling != zone {
			first, last := g.membersOf(sibling, sibling+1)
			g.contacts(1, first, last, tell)
		}
	}
	for other := range g.groups {
		if other != above {
			firstZone, lastZone := g.zonesOf(other)
			first, last := g.membersOf(firstZone, lastZone)
			g.contacts(2, first, last, tell)
		}
	}
}

// contacts tells of the representatives among the members from first to last-1, or of a few random ones.
func (g *group) contacts(distance, first, last int, tell func(*protocol.Peer)) {
	if g.config.Representatives > 0 {
		for _, i := range g.represent(first, last) {
			tell(g.peers[distance][i])
		}
		return
	}
	for range g.config.Contacts {
		tell(g.peers[distance][first+g.random.IntN(last-first)])
	}
}

func (g *group) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	switch e := e.(type) {
	case protocol.SetAttribute:
		g.tell(now, int(id)-1, e.Attribute)
	case protocol.WantCredential:
		g.inquire(now, id, e)
	case *bimodal.Delivery:
		g.result.Delivered += uint64(e.Count)
		g.delivered(now, e)
	case *bimodal.Gap:
		g.result.Lost += e.Count
	}
}

// delivered takes note of who has a message, and of how long that took if it was the last one.
func (g *group) delivered(now protocol.Time, d *bimodal.Delivery) {
	a := 0
	for g.author(a) != int(d.Author)-1 {
		a++
	}
	for n := d.First - 1; n < d.First-1+uint64(d.Count); n++ {
		if g.lacking[a][n]--; g.lacking[a][n] == 0 {
			g.rounds = append(g.rounds, float64(now.Sub(g.published[a][n]))/float64(bimodal.DefaultConfig().Round))
		}
	}
}

// author returns which member an author is.
func (g *group) author(a int) int { return a * g.config.Members / g.config.Authors }

// writes reports whether a member publishes.
func (g *group) writes(i int) bool {
	for a := range g.config.Authors {
		if g.author(a) == i {
			return true
		}
	}
	return false
}

// publish has the authors publish for a time, each at a phase of its own.
func (g *group) publish(until protocol.Time) {
	interval := time.Second / time.Duration(g.config.Rate)
	payload := make([]byte, g.config.Size)
	g.published, g.lacking = make([][]protocol.Time, g.config.Authors), make([][]int, g.config.Authors)
	for a := range g.config.Authors {
		id := protocol.NodeID(g.author(a) + 1)
		var again func()
		again = func() {
			g.result.Expected += uint64(g.wanted)
			g.published[a], g.lacking[a] = append(g.published[a], g.world.Now()), append(g.lacking[a], g.wanted)
			g.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				g.err = errors.Join(g.err, m.(member).Publish(now, topic, payload, out))
			})
			if next := g.world.Now().Add(interval); next < until {
				g.world.At(next, again)
			}
		}
		g.world.At(protocol.Time(interval)*protocol.Time(a)/protocol.Time(g.config.Authors)+1, again)
	}
}

// settling is how long repair may take after the last packet.
const settling = 10 * time.Second

func (g *group) measure() (Result, error) {
	end := protocol.Time(g.config.Warmup + g.config.Duration)
	g.publish(end)
	g.world.Run(protocol.Time(g.config.Warmup))
	before := make([]sim.HostStats, g.config.Members)
	for i := range before {
		before[i] = g.world.HostStats(protocol.NodeID(i + 1))
	}
	g.world.Run(end)
	var packets, bytes, idle, carriers []float64
	seconds := g.config.Duration.Seconds()
	for i, b := range before {
		s := g.world.HostStats(protocol.NodeID(i + 1))
		load := float64(s.Sent+s.Received-b.Sent-b.Received) / seconds
		switch carries := g.world.Machine(protocol.NodeID(i+1)).(member).Stats().Carries > 0; {
		case carries:
			carriers = append(carriers, load)
		case !g.wants[i] && g.writes(i):
			continue
		case !g.wants[i]:
			idle = append(idle, load)
			continue
		}
		packets = append(packets, load)
		bytes = append(bytes, float64(s.SentBytes+s.ReceivedBytes-b.SentBytes-b.ReceivedBytes)/seconds)
	}
	g.result.Packets, g.result.Bytes = distribution(packets), distribution(bytes)
	g.result.Idle, g.result.Carriers = distribution(idle), distribution(carriers)
	g.world.Run(end.Add(settling))
	accepted, repaired, verified := uint64(0), uint64(0), uint64(0)
	for i := range g.config.Members {
		stats := g.world.Machine(protocol.NodeID(i + 1)).(member).Stats()
		accepted, repaired, verified = accepted+stats.PacketsAccepted, repaired+stats.PacketsRepaired, verified+stats.ManifestsVerified
	}
	g.result.Rounds = distribution(g.rounds)
	g.result.Repaired = float64(repaired) / float64(max(accepted, 1))
	g.result.Verified = float64(verified) / float64(g.config.Members) / g.world.Now().Sub(0).Seconds()
	return g.result, g.err
}

// distribution sorts the values.
func distribution(values []float64) Load {
	if len(values) == 0 {
		return Load{}
	}
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	n := len(values)
	return Load{Mean: sum / float64(n), Median: values[n/2], P99: values[(n*99+99)/100-1], Most: values[n-1]}
}
