package topics

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/sim"
)

// ratings are what members rate their topics at, in turns that begin with each at another one.
var ratings = []float64{1, 0.8, 0.5, 0.3, 0.2}

// everything is the topic that stands for all where everything is sent to all.
const everything = "everything"

// nobody is the author of a topic that is left out.
const nobody = -1

// mesh is a world of members. A member is one agent, or one in each mesh that it is in.
type mesh struct {
	config    Config
	world     *sim.World
	agents    []agent   // the one with identifier 1 first
	authors   []int     // agents, by topic
	names     []string  // of topics, as they are published to
	wants     [][]want  // by member
	interest  []float64 // messages a second of others that members want
	got       []float64 // messages of others that members were delivered
	due       float64   // messages a second that all members together are to be delivered
	delivered float64   // and were
	err       error
}

// want is a topic that a member wants.
type want struct {
	topic  int
	rating gravity.Rating
}

// agent is one machine of a member.
type agent struct {
	member int
	wants  []want // what it subscribes to, by identifier of the topic
	others []int  // agents that it knows
}

func newMesh(c Config) *mesh {
	m := &mesh{config: c, interest: make([]float64, c.Members), got: make([]float64, c.Members)}
	m.world = sim.New(sim.Config{Seed: c.Seed, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{
		Latency: sim.Uniform{Min: time.Millisecond, Max: 3 * time.Millisecond}, Loss: c.Loss,
	}}}})
	for t := range c.Topics {
		name := fmt.Sprint("topic ", t)
		if c.Protocol == Uniform {
			name = everything
		}
		m.names = append(m.names, name)
	}
	m.choose()
	if c.Protocol == Meshes {
		m.makeMeshes()
	} else {
		m.makeMesh()
	}
	peers := m.peers()
	for i := range m.agents {
		m.add(i, peers)
	}
	return m
}

// choose draws what members want. Their ratings, and so the sums of them, are the same whatever the number of topics.
func (m *mesh) choose() {
	c := &m.config
	random := rand.New(rand.NewPCG(c.Seed, uint64(c.Topics)))
	for i := range c.Members {
		var own []int
		for len(own) < c.Wanted {
			if t := random.IntN(c.Topics); !slices.Contains(own, t) {
				own = append(own, t)
			}
		}
		slices.SortFunc(own, m.compare)
		wants := make([]want, c.Wanted)
		for k, t := range own {
			// A member is of one of so many kinds as there are ratings: the higher ones are of the first kinds.
			r, _ := gravity.NewRating(ratings[min(i%len(ratings)+k%2, len(ratings)-1)]) // it is one
			wants[k] = want{topic: t, rating: r}
			if t%c.Members != i { // what it publishes itself it does not receive
				m.interest[i] += r.Fraction() * float64(c.Rate)
			}
		}
		m.wants = append(m.wants, wants)
	}
}

// compare says which of two topics comes first in rows of members.
func (m *mesh) compare(a, b int) int {
	x, y := bimodal.TopicOf(fmt.Sprint("topic ", a)), bimodal.TopicOf(fmt.Sprint("topic ", b))
	if x < y {
		return -1
	}
	return 1
}

// makeMesh makes an agent of each member, all of which know each other.
func (m *mesh) makeMesh() {
	c := &m.config
	all := make([]int, c.Members)
	for i := range all {
		all[i] = i
		wants := m.wants[i]
		switch c.Protocol {
		case Plain:
			wants = slices.Clone(wants)
			for k := range wants {
				wants[k].rating = gravity.All
			}
		case Uniform:
			wants = []want{{topic: 0, rating: gravity.All}}
			m.due += float64(c.Rate * (c.Topics - 1)) // the other topics of the one
		}
		m.agents = append(m.agents, agent{member: i, wants: wants, others: all})
		for _, w := range wants {
			m.due += w.rating.Fraction() * float64(c.Rate)
		}
	}
	for t := range c.Topics {
		m.authors = append(m.authors, t%c.Members)
	}
}

// makeMeshes makes an agent of each member for each topic that it wants or publishes.
func (m *mesh) makeMeshes() {
	c := &m.config
	subscribers := make([][]int, c.Topics)
	for i, wants := range m.wants {
		for _, w := range wants {
			subscribers[w.topic] = append(subscribers[w.topic], i)
			m.due += float64(c.Rate)
		}
	}
	for t, members := range subscribers {
		if len(members) == 0 { // nobody hears of it
			m.authors = append(m.authors, nobody)
			continue
		}
		author, first := t%c.Members, len(m.agents)
		for _, i := range members {
			m.agents = append(m.agents, agent{member: i, wants: []want{{topic: t, rating: gravity.All}}})
		}
		at := slices.Index(members, author)
		if at < 0 {
			at = len(members)
			m.agents = append(m.agents, agent{member: author})
		}
		m.authors = append(m.authors, first+at)
		var all []int
		for k := first; k < len(m.agents); k++ {
			all = append(all, k)
		}
		for _, k := range all {
			m.agents[k].others = all
		}
	}
}

// peers returns what is known of each agent.
func (m *mesh) peers() (peers []*protocol.Peer) {
	for i := range m.agents {
		var ids []bimodal.TopicID
		var rates []gravity.Rating
		for _, w := range m.agents[i].wants {
			ids, rates = append(ids, bimodal.TopicOf(m.names[w.topic])), append(rates, w.rating)
		}
		peers = append(peers, &protocol.Peer{ID: protocol.NodeID(i + 1), Epoch: 1, RoundTrip: 4 * time.Millisecond, Attributes: []protocol.Attribute{
			{Name: bimodal.InterestAttribute, Value: gravity.AppendInterest(nil, ids, rates)},
		}})
	}
	return peers
}

// add adds an agent that knows others from its start on.
func (m *mesh) add(i int, peers []*protocol.Peer) {
	id := protocol.NodeID(i + 1)
	m.world.Add(sim.HostConfig{ID: id, Address: protocol.Address(fmt.Sprint(i)), Build: func(boot sim.Boot) protocol.Machine {
		c := bimodal.DefaultConfig()
		c.Self, c.Epoch, c.Rand = boot.ID, 1, boot.Rand
		c.Rate = 0 // unlimited
		machine, err := bimodal.New(c)
		if err != nil {
			panic(err)
		}
		return machine
	}})
	m.command(i, func(now protocol.Time, machine *bimodal.Machine, out *protocol.Output) error {
		for _, w := range m.agents[i].wants {
			if err := machine.SubscribeWith(now, m.names[w.topic], bimodal.SubscribeOptions{Rating: w.rating}, out); err != nil {
				return err
			}
		}
		for _, other := range m.agents[i].others {
			if other != i {
				machine.Notify(now, protocol.PeerUp{Peer: peers[other]}, out)
			}
		}
		return nil
	})
}

func (m *mesh) command(i int, do func(now protocol.Time, machine *bimodal.Machine, out *protocol.Output) error) {
	m.world.Command(protocol.NodeID(i+1), func(now protocol.Time, machine protocol.Machine, out *protocol.Output) {
		m.err = errors.Join(m.err, do(now, machine.(*bimodal.Machine), out))
	})
}

// publish has the authors publish for a time, each topic at a phase of its own.
func (m *mesh) publish(until protocol.Time) {
	interval, payload := time.Second/time.Duration(m.config.Rate), make([]byte, m.config.Size)
	for t := range m.config.Topics {
		if m.authors[t] == nobody {
			continue
		}
		var again func()
		again = func() {
			m.command(m.authors[t], func(now protocol.Time, machine *bimodal.Machine, out *protocol.Output) error {
				return machine.Publish(now, m.names[t], payload, out)
			})
			if next := m.world.Now().Add(interval); next < until {
				m.world.At(next, again)
			}
		}
		m.world.At(protocol.Time(interval)*protocol.Time(t)/protocol.Time(m.config.Topics)+1, again)
	}
}
