package topics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/sim"
)

// Limits of a Config.
const (
	MembersMax = 2000
	TopicsMax  = 100_000
)

// Config is one run.
type Config struct {
	Members  int           // 2 to MembersMax
	Topics   int           // Wanted to TopicsMax
	Wanted   int           // topics that a member subscribes to: 1 to 64
	Rate     int           // messages a second of each topic: 1 to 1000
	Size     int           // bytes of a message: 1 to 1000
	Loss     float64       // part of the datagrams that are lost: 0 to 0.5
	Warmup   time.Duration // before it is measured
	Duration time.Duration // for which it is
	Plain    bool          // nobody rates: members are sent all of what they subscribe to
	Seed     uint64
}

// DefaultConfig returns the configuration of the experiment for a number of members and topics.
func DefaultConfig(members, topics int) Config {
	return Config{Members: members, Topics: topics, Wanted: 8, Rate: 20, Size: 500, Loss: 0.01, Warmup: 2 * time.Second, Duration: 20 * time.Second, Seed: 1}
}

// ratings are what members rate their topics at, in turns that begin with each at another one.
var ratings = []float64{1, 0.8, 0.5, 0.3, 0.2}

// Result is what a run found. Bytes are those of datagrams that a member receives, UDP payload, a second.
type Result struct {
	Bytes     float64 // in the mean over members
	Constant  float64 // of the line that fits the members best, by their interests
	Slope     float64 // of that line: bytes for each message that a member wants
	Residual  float64 // of the member that is farthest from the line, as a part of its bytes
	Typical   float64 // the root of the mean of the squares of all such
	Wanted    float64 // messages a second that a member wants, in the mean
	Delivered float64 // part of what members want that they were delivered
}

// mesh is a world of members.
type mesh struct {
	config   Config
	world    *sim.World
	peers    []*protocol.Peer
	wants    [][]bimodal.TopicID // by member, ascending
	rates    [][]gravity.Rating
	names    []string
	byMember [][]int // topics, in the order of wants
	interest []float64
	got      []float64
	counting bool
	err      error
}

// Run measures a mesh. Errors: a field of the configuration that is out of range.
func Run(c Config) (Result, error) {
	if err := c.check(); err != nil {
		return Result{}, err
	}
	m := &mesh{config: c, interest: make([]float64, c.Members), got: make([]float64, c.Members)}
	m.world = sim.New(sim.Config{Seed: c.Seed, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{
		Latency: sim.Uniform{Min: time.Millisecond, Max: 3 * time.Millisecond}, Loss: c.Loss,
	}}}})
	m.choose()
	for i := range c.Members {
		m.add(i)
	}
	m.world.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		if d, ok := e.(*bimodal.Delivery); ok && m.counting {
			m.got[id-1] += float64(d.Count)
		}
	})
	return m.measure()
}

func (c *Config) check() error {
	for _, field := range []struct {
		name               string
		value, least, most int
	}{
		{"Members", c.Members, 2, MembersMax}, {"Wanted", c.Wanted, 1, 64}, {"Topics", c.Topics, c.Wanted, TopicsMax}, {"Rate", c.Rate, 1, 1000}, {"Size", c.Size, 1, 1000},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("topics: Config.%s is %d, outside %d to %d", field.name, field.value, field.least, field.most)
		}
	}
	if !(c.Loss >= 0 && c.Loss <= 0.5) || c.Warmup < time.Second || c.Duration < time.Second {
		return errors.New("topics: Config.Loss is outside 0 to 0.5, or Config.Warmup or Config.Duration below a second")
	}
	return nil
}

// choose draws what members want. Their ratings, and so the sums of them, are the same whatever the number of topics.
func (m *mesh) choose() {
	c := &m.config
	for t := range c.Topics {
		m.names = append(m.names, fmt.Sprint("topic ", t))
	}
	random := rand.New(rand.NewPCG(c.Seed, uint64(c.Topics)))
	for i := range c.Members {
		chosen := map[int]bool{}
		var own []int
		for len(own) < c.Wanted {
			if t := random.IntN(c.Topics); !chosen[t] {
				chosen[t] = true
				own = append(own, t)
			}
		}
		slices.SortFunc(own, func(a, b int) int {
			if bimodal.TopicOf(m.names[a]) < bimodal.TopicOf(m.names[b]) {
				return -1
			}
			return 1
		})
		var ids []bimodal.TopicID
		var rates []gravity.Rating
		for k, t := range own {
			// A member is of one of so many kinds as there are ratings: the higher ones are of the first kinds.
			fraction := ratings[min(i%len(ratings)+k%2, len(ratings)-1)]
			if c.Plain {
				fraction = 1
			}
			r, _ := gravity.NewRating(fraction) // it is one
			ids, rates = append(ids, bimodal.TopicOf(m.names[t])), append(rates, r)
			if t%c.Members != i { // what it publishes itself it does not receive
				m.interest[i] += r.Fraction() * float64(c.Rate)
			}
		}
		m.byMember, m.wants, m.rates = append(m.byMember, own), append(m.wants, ids), append(m.rates, rates)
		m.peers = append(m.peers, &protocol.Peer{ID: protocol.NodeID(i + 1), Epoch: 1, RoundTrip: 4 * time.Millisecond, Attributes: []protocol.Attribute{
			{Name: bimodal.InterestAttribute, Value: gravity.AppendInterest(nil, ids, rates)},
		}})
	}
}

// add adds a member that knows all others from its start on.
func (m *mesh) add(i int) {
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
		for k, t := range m.byMember[i] {
			if err := machine.SubscribeWith(now, m.names[t], bimodal.SubscribeOptions{Rating: m.rates[i][k]}, out); err != nil {
				return err
			}
		}
		for other, p := range m.peers {
			if other != i {
				machine.Notify(now, protocol.PeerUp{Peer: p}, out)
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
		var again func()
		again = func() {
			m.command(t%m.config.Members, func(now protocol.Time, machine *bimodal.Machine, out *protocol.Output) error {
				return machine.Publish(now, m.names[t], payload, out)
			})
			if next := m.world.Now().Add(interval); next < until {
				m.world.At(next, again)
			}
		}
		m.world.At(protocol.Time(interval)*protocol.Time(t)/protocol.Time(m.config.Topics)+1, again)
	}
}

func (m *mesh) measure() (Result, error) {
	c := &m.config
	end := protocol.Time(c.Warmup + c.Duration)
	m.publish(end)
	m.world.Run(protocol.Time(c.Warmup))
	before := make([]uint64, c.Members)
	for i := range before {
		before[i] = m.world.HostStats(protocol.NodeID(i + 1)).ReceivedBytes
	}
	m.counting = true
	m.world.Run(end)
	bytes := make([]float64, c.Members)
	var r Result
	delivered := 0.0
	for i := range bytes {
		bytes[i] = float64(m.world.HostStats(protocol.NodeID(i+1)).ReceivedBytes-before[i]) / c.Duration.Seconds()
		r.Bytes += bytes[i] / float64(c.Members)
		r.Wanted += m.interest[i] / float64(c.Members)
		delivered += m.got[i] / c.Duration.Seconds() / float64(c.Members)
	}
	own := 0.0 // what members publish and want themselves is delivered, too
	for i := range c.Members {
		for k, t := range m.byMember[i] {
			if t%c.Members == i {
				own += m.rates[i][k].Fraction() * float64(c.Rate) / float64(c.Members)
			}
		}
	}
	r.Delivered = delivered / (r.Wanted + own)
	r.fit(m.interest, bytes)
	return r, m.err
}

// fit finds the line with the least squares through the members, and how far they are from it.
func (r *Result) fit(x, y []float64) {
	n, sx, sy, sxx, sxy := float64(len(x)), 0.0, 0.0, 0.0, 0.0
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	if d := n*sxx - sx*sx; d > 0 {
		r.Slope = (n*sxy - sx*sy) / d
	}
	r.Constant = (sy - r.Slope*sx) / n
	for i := range x {
		if y[i] > 0 {
			part := math.Abs(y[i]-r.Constant-r.Slope*x[i]) / y[i]
			r.Residual = max(r.Residual, part)
			r.Typical += part * part / n
		}
	}
	r.Typical = math.Sqrt(r.Typical)
}
