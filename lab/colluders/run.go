package colluders

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/bimodal"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/sim"
)

const topic = "colluders"

// Config describes a run.
type Config struct {
	Seed      uint64
	Members   int // 2 or more
	Colluders int // of the members; the authors are honest
	Authors   int // members that publish, each a stream
	// Behaviours are what colluders do, by turns. None: they are honest.
	Behaviours []Behaviour
	Spread     bimodal.Spread
	Signed     bool // members sign what they publish
	Loss       float64
	Missed     float64 // share of the copies that an author sends on the first way which go nowhere, so that gossip has to bring them
	Rate       int     // messages a second of each author
	Size       int     // bytes of a message: one in ten is ten times as long, and cut
	Duration   time.Duration
	Rest       time.Duration // in which what is missing is to be repaired
}

// DefaultConfig returns the configuration of the published figures.
func DefaultConfig() Config {
	return Config{
		Seed: 1, Members: 64, Colluders: 19, Authors: 3, Spread: bimodal.SpreadTree, Signed: true, Loss: 0.02, Rate: 40, Size: 400,
		Duration: 6 * time.Second, Rest: 6 * time.Second,
	}
}

// Result is what honest members saw.
type Result struct {
	Published  uint64        // messages
	Expected   uint64        // messages times honest members
	Delivered  uint64        // of these, as they were published
	Corrupt    uint64        // delivered that nobody has published
	Lost       uint64        // told in gaps
	Mean, P99  time.Duration // from publishing to delivery
	Withheld   uint64        // what colluders dropped, copies
	Delayed    uint64        // what they kept for Delay, copies
	Changed    uint64        // what they changed, copies
	Replayed   uint64        // what they sent again
	Lies       uint64        // ends of streams that they lied of, copies
	Asked      uint64        // polls to authors by which honest members found out about ends
	Corrupters int           // colluders that sent an honest member something changed
	Named      int           // of these, by an honest member
	Accused    int           // honest members that an honest member has named
	Unnamed    []protocol.NodeID
}

// group is a world with colluders.
type group struct {
	config    Config
	world     *sim.World
	colluders map[protocol.NodeID]*colluder
	published [][]protocol.Time // by author and message
	changed   map[protocol.Message]protocol.NodeID
	reached   map[protocol.NodeID]bool
	named     map[protocol.NodeID]bool
	delays    []time.Duration
	result    Result
	err       error
}

// Run runs a group.
func Run(c Config) (Result, error) {
	g := &group{
		config: c, colluders: map[protocol.NodeID]*colluder{}, published: make([][]protocol.Time, c.Authors), changed: map[protocol.Message]protocol.NodeID{},
		reached: map[protocol.NodeID]bool{}, named: map[protocol.NodeID]bool{},
	}
	link := &sim.Link{Latency: sim.Uniform{Min: time.Millisecond, Max: 3 * time.Millisecond}, Loss: c.Loss}
	g.world = sim.New(sim.Config{
		Seed: c.Seed, Cost: sim.CommodityCost(), Network: sim.Network{Topology: sim.Flat{Link: link}},
		Wire: c.Seed%2 == 0, Decoder: func() protocol.Decoder { return new(bimodal.Decoder) },
	})
	g.world.Trace(g.step)
	g.world.Observe(g.observe)
	for i := range c.Members {
		g.add(i)
	}
	g.world.Run(protocol.Time(time.Second))
	g.publish()
	g.world.Run(g.world.Now().Add(c.Duration + c.Rest))
	return g.finish(), g.err
}

// colludes reports whether a member is one of the colluders: they are spread evenly over those that do not publish.
func (c *Config) colludes(i int) bool {
	others := c.Members - c.Authors
	i -= c.Authors
	return i >= 0 && (i+1)*c.Colluders/others > i*c.Colluders/others
}

func (g *group) add(i int) {
	id := protocol.NodeID(i + 1)
	g.world.Add(sim.HostConfig{ID: id, Address: protocol.Address(fmt.Sprint(i)), Build: func(boot sim.Boot) protocol.Machine {
		c := bimodal.DefaultConfig()
		c.Self, c.Epoch, c.Rand = id, 1, boot.Rand
		if g.config.Signed {
			c.Notary = identity.NewNotaryOf(identity.PublicKey(g.world.PublicKey(id)),
				func(v *protocol.Sign) []byte { return g.world.SignNow(id, v) }, func(v protocol.Check) bool { return g.world.VerifyNow(id, v) })
		}
		m, err := bimodal.New(c)
		if err != nil {
			panic(err)
		}
		if i < g.config.Authors {
			return author{member{m, g, id}, boot.Rand}
		}
		if !g.config.colludes(i) {
			return member{m, g, id}
		}
		x := newColluder(member{m, g, id}, boot.Rand)
		g.colluders[id] = x
		return x
	}})
}

// member is a machine that subscribes and learns of everybody when it starts.
type member struct {
	*bimodal.Machine
	group *group
	id    protocol.NodeID
}

// Start implements protocol.Machine.
func (m member) Start(now protocol.Time, out *protocol.Output) {
	m.Machine.Start(now, out)
	err := m.Subscribe(now, topic, out)
	if err == nil {
		err = m.Configure(now, topic, bimodal.TopicOptions{Spread: m.group.config.Spread})
	}
	if err != nil {
		panic(err)
	}
	for i := range m.group.config.Members {
		if p := m.group.peer(i); p.ID != m.id {
			m.Notify(now, protocol.PeerUp{Peer: p}, out)
		}
	}
}

// author is a member that publishes.
type author struct {
	member
	random *rand.Rand
}

// Timeout implements protocol.Machine.
func (a author) Timeout(now protocol.Time, out *protocol.Output) {
	mark := len(out.Effects)
	a.member.Timeout(now, out)
	for i := mark; i < len(out.Effects); i++ {
		if e := &out.Effects[i]; e.Kind == protocol.EffectSpread {
			e.Targets = slices.DeleteFunc(slices.Clone(e.Targets), func(protocol.NodeID) bool { return a.random.Float64() < a.group.config.Missed })
		}
	}
}

var interest = bimodal.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(topic)})

func (g *group) peer(i int) *protocol.Peer {
	p := &protocol.Peer{
		ID: protocol.NodeID(i + 1), Epoch: 1, RoundTrip: 4 * time.Millisecond, Attributes: []protocol.Attribute{{Name: bimodal.InterestAttribute, Value: interest}},
	}
	if g.config.Signed {
		p.Credential = key(string(g.world.PublicKey(p.ID)))
	}
	return p
}

// key is the credential of who has a key and may do everything.
type key string

func (k key) PublicKey() []byte        { return []byte(k) }
func (k key) MayPublish(string) bool   { return true }
func (k key) Name() string             { return "" }
func (k key) MaySubscribe(string) bool { return true }

// publish has the authors publish for a time, each at a phase of its own.
func (g *group) publish() {
	interval := time.Second / time.Duration(g.config.Rate)
	begin := g.world.Now()
	for i := range g.config.Authors {
		phase := interval * time.Duration(i) / time.Duration(g.config.Authors)
		for at := phase; at < g.config.Duration; at += interval {
			g.world.At(begin.Add(at), func() {
				g.world.Command(protocol.NodeID(i+1), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
					number := uint64(len(g.published[i]) + 1)
					if err := m.(author).Publish(now, topic, g.message(protocol.NodeID(i+1), number), out); err != nil {
						g.err = err
						return
					}
					g.published[i] = append(g.published[i], now)
				})
			})
		}
	}
}

// message returns the payload of a message: all of it follows from author and number.
func (g *group) message(author protocol.NodeID, number uint64) []byte {
	size := g.config.Size
	if number%10 == 0 {
		size *= 10
	}
	p := fmt.Appendf(nil, "%d/%d/", author, number)
	for fill := byte(number); len(p) < size; fill = fill*5 + 1 {
		p = append(p, fill)
	}
	return p
}

// step notes which changed messages reach honest members.
func (g *group) step(s *sim.Step) {
	if s.Message == nil || g.colluders[s.Host] != nil {
		return
	}
	if by, changed := g.changed[s.Message]; changed {
		g.reached[by] = true
	}
}

// observe looks at what honest members tell.
func (g *group) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	if g.colluders[id] != nil {
		return
	}
	switch e := e.(type) {
	case *bimodal.Delivery:
		for number, payload := range e.Messages {
			if !g.genuine(e.Author, number, payload) {
				g.result.Corrupt++
				continue
			}
			g.result.Delivered++
			g.delays = append(g.delays, now.Sub(g.published[e.Author-1][number-1]))
		}
	case *bimodal.Gap:
		g.result.Lost += e.Count
	case *bimodal.Corruption:
		g.named[e.Peer] = true
	}
}

// genuine reports whether a message is one that its author has published.
func (g *group) genuine(author protocol.NodeID, number uint64, payload []byte) bool {
	return author <= protocol.NodeID(g.config.Authors) && number <= uint64(len(g.published[author-1])) && bytes.Equal(payload, g.message(author, number))
}

func (g *group) finish() Result {
	r := &g.result
	for _, times := range g.published {
		r.Published += uint64(len(times))
	}
	r.Expected = r.Published * uint64(g.config.Members-len(g.colluders))
	for i := range g.config.Members {
		id := protocol.NodeID(i + 1)
		x := g.colluders[id]
		switch {
		case x == nil && g.named[id]:
			r.Accused++
		case x != nil && g.reached[id]:
			r.Corrupters++
			if g.named[id] {
				r.Named++
			} else {
				r.Unnamed = append(r.Unnamed, id)
			}
		}
		if x != nil {
			x.count(r)
		} else {
			r.Asked += g.world.Machine(id).(interface{ Stats() bimodal.Stats }).Stats().PollsToAuthors
		}
	}
	slices.Sort(g.delays)
	if n := len(g.delays); n > 0 {
		var sum time.Duration
		for _, d := range g.delays {
			sum += d
		}
		r.Mean, r.P99 = sum/time.Duration(n), g.delays[n*99/100]
	}
	return *r
}
