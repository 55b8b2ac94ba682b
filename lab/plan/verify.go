package plan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/wire"
)

const topic = "plan"

// Simulation says how long a setting is simulated.
type Simulation struct {
	Messages int // that are measured: 1 to MessagesMax
	Seed     uint64
}

// Validate reports whether the number of messages is out of its range.
func (r *Simulation) Validate() error { return within("messages", r.Messages, 1, MessagesMax) }

// MessagesMax is the most messages that a simulation measures.
const MessagesMax = 1_000_000

// Observed are the figures of a simulation.
type Observed struct {
	Figures
	Messages int // measured
	// Within which P50, P99 and P999 lie with a probability of 95 in 100, if many more messages were measured. An end of ten seconds stands for no end.
	Interval50, Interval99, Interval999 Interval
}

// Interval is a range of latencies.
type Interval struct{ Low, High time.Duration }

// Agrees reports whether a prediction is within a part of what was observed, or within the interval of that.
func (i Interval) Agrees(predicted, observed time.Duration, part float64) bool {
	return math.Abs(predicted.Seconds()/observed.Seconds()-1) <= part || predicted >= i.Low && predicted <= i.High
}

// MissError returns the standard error of Miss, for a probability of so much.
func (o *Observed) MissError(probability float64) float64 {
	return math.Sqrt(probability * (1 - probability) / float64(o.Messages))
}

// fleet is a simulated group.
type fleet struct {
	zones
	setting    Setting
	parameters Parameters
	messages   int
	world      *sim.World
	peers      [2][]*protocol.Peer // by distance and member
	author     protocol.NodeID
	first      int // messages before those that are measured
	random     *rand.Rand
	times      []protocol.Time // when messages are due
	published  []protocol.Time // by message
	missed     []uint32        // members that missed it, by message
	latency    batches
	open       int     // deliveries and misses of messages that are measured which have yet to come
	load       float64 // bytes a second that a member sends and receives
	memory     float64 // bytes
	err        error
}

// member is a machine that subscribes and learns its view when it starts.
type member struct {
	*bimodal.Machine
	fleet *fleet
	index int
}

// Start implements protocol.Machine.
func (m member) Start(now protocol.Time, out *protocol.Output) {
	m.Machine.Start(now, out)
	f := m.fleet
	options := bimodal.TopicOptions{Knobs: bimodal.Knobs{Life: f.parameters.Life, Fanout: f.parameters.Fanout, Bufferers: f.parameters.Bufferers}}
	f.err = errors.Join(f.err, m.Configure(now, topic, options), m.Subscribe(now, topic, out))
	f.view(m.index, func(p *protocol.Peer) { m.Notify(now, protocol.PeerUp{Peer: p}, out) })
}

func newFleet(s Setting, p Parameters, r Simulation) *fleet {
	f := &fleet{zones: s.zones(), setting: s, parameters: p, messages: r.Messages, latency: make(batches, batchesMost/parts), open: r.Messages * (s.Members - 1), random: rand.New(rand.NewPCG(r.Seed, 1))}
	f.author = protocol.NodeID(f.zones.author() + 1)
	links := make([]*sim.Link, len(s.Latency))
	for i, latency := range s.Latency {
		links[i] = &sim.Link{Loss: s.Loss, Latency: sim.Uniform{Min: latency / 2, Max: latency * 3 / 2}}
	}
	f.world = sim.New(sim.Config{Seed: r.Seed, Cost: sim.CommodityCost(), Network: sim.Network{Topology: sim.Zones{Links: links}}})
	f.world.Observe(f.observe)
	f.makePeers()
	for i := range s.Members {
		f.add(i)
	}
	return f
}

// makePeers makes what members see of each other: of those of the own zone the topics, of representatives of others the interest of their zone.
func (f *fleet) makePeers() {
	id := bimodal.TopicOf(topic)
	var interest protocol.Interest
	interest.Add(uint64(id))
	attributes := [2][]protocol.Attribute{0: {{Name: bimodal.InterestAttribute, Value: bimodal.AppendInterest(nil, []bimodal.TopicID{id})}}}
	for distance := range f.peers {
		if distance > 0 {
			attributes[distance] = []protocol.Attribute{{Name: protocol.InterestAttribute, Value: interest[:]}}
		}
		f.peers[distance] = make([]*protocol.Peer, f.members)
		for i := range f.members {
			f.peers[distance][i] = &protocol.Peer{
				ID: protocol.NodeID(i + 1), Epoch: 1, Name: fmt.Sprintf("%s/m%d", f.path(f.leafOf(i)), i), Distance: distance,
				RoundTrip: 2 * f.setting.Latency[distance], Attributes: attributes[distance], Format: wire.FormatLatest,
			}
		}
	}
}

func (f *fleet) add(i int) {
	id, zone := protocol.NodeID(i+1), f.path(f.leafOf(i))
	f.world.Add(sim.HostConfig{ID: id, Zone: zone, Build: func(boot sim.Boot) protocol.Machine {
		c := bimodal.DefaultConfig()
		c.Self, c.Zone, c.Epoch, c.Rand, c.Rate, c.Round = id, zone, 1, boot.Rand, 0, f.parameters.Round
		m, err := bimodal.New(c)
		if err != nil {
			panic(err) // Parameters are valid
		}
		return member{m, f, i}
	}})
}

// view tells of everybody whom a member knows: all of its zone, and the representatives of the siblings of its zones.
func (f *fleet) view(i int, tell func(*protocol.Peer)) {
	leaf := f.leafOf(i)
	first, end := f.membersOf(leaf)
	for j := first; j < end; j++ {
		if j != i {
			tell(f.peers[0][j])
		}
	}
	for sibling := range f.leaves {
		if sibling == leaf {
			continue
		}
		first, end := f.represent(sibling)
		for j := first; j < end; j++ {
			tell(f.peers[1][j])
		}
	}
}

func (f *fleet) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	switch e := e.(type) {
	case *bimodal.Delivery:
		for n := int(e.First) - 1; n < int(e.First)-1+e.Count && id != f.author; n++ {
			if n >= f.first && n < f.first+f.messages {
				f.latency[(n-f.first)*len(f.latency)/f.messages].add(now.Sub(f.published[n]))
				f.open--
			}
		}
	case *bimodal.Gap:
		for n := max(int(e.First)-1, f.first); n < min(int(e.Last), f.first+f.messages); n++ {
			f.missed[n]++
			f.open--
		}
	}
}

// publish publishes a message at its time, and sees to it that the next one follows.
func (f *fleet) publish(n, last int, payload []byte) {
	f.published = append(f.published, f.world.Now())
	f.missed = append(f.missed, 0)
	f.world.Command(f.author, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		f.err = errors.Join(f.err, m.(member).Publish(now, topic, payload, out))
	})
	if n++; n < last {
		f.world.At(f.due(n), func() { f.publish(n, last, payload) })
	}
}

// start is when the first message is published: views are known.
const start = protocol.Time(100 * time.Millisecond)

// unevenness is by which part of itself the time between messages varies, so that messages keep no step with the rounds of the members.
const unevenness = 0.1

// due returns when a message is published, by its number from 0.
func (f *fleet) due(n int) protocol.Time {
	for at := len(f.times); at <= n; at++ {
		next := start
		if at > 0 {
			pause := float64(time.Second) / f.setting.Rate
			next = f.times[at-1] + protocol.Time(pause*(1+unevenness*(2*f.random.Float64()-1)))
		}
		f.times = append(f.times, next)
	}
	return f.times[n]
}

// Times of a simulation.
const (
	warmup  = 3 * time.Second // at least, before anything is measured
	spare   = 10              // rounds more than a life
	reports = 50              // times that progress is told
)

// parts is how many worlds are simulated at a time, each with its part of the messages.
const parts = 2

// Simulate runs the machines that ship in a simulated network of a setting, with parameters, both valid. Messages are shared by two worlds, which run at the same time where there are two processors.
// progress is told how far it is, by one at a time.
func Simulate(ctx context.Context, s Setting, p Parameters, r Simulation, progress func(text string)) (Observed, error) {
	if err := r.Validate(); err != nil {
		return Observed{}, err
	}
	var all tally
	var done sync.WaitGroup
	errs := make([]error, parts)
	fleets := make([]*fleet, parts)
	for i := range parts {
		part := Simulation{Messages: r.Messages*(i+1)/parts - r.Messages*i/parts, Seed: r.Seed + uint64(i)*seedStep}
		if part.Messages == 0 {
			continue
		}
		done.Go(func() {
			fleets[i] = newFleet(s, p, part)
			errs[i] = fleets[i].run(ctx, func(messages int) { all.add(messages, r.Messages, progress) })
		})
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		return Observed{}, err
	}
	return observed(fleets), nil
}

// seedStep is what seeds of the parts differ by.
const seedStep = 1 << 32

// tally counts messages of several worlds.
type tally struct {
	sync.Mutex
	messages int
}

func (t *tally) add(messages, all int, progress func(text string)) {
	t.Lock()
	defer t.Unlock()
	t.messages += messages
	progress(fmt.Sprintf("%d of %d messages", t.messages, all))
}

// run simulates. progress is told of messages that were measured.
func (f *fleet) run(ctx context.Context, progress func(messages int)) error {
	round, rate := f.parameters.Round, f.setting.Rate
	begin := max(warmup, time.Duration(f.parameters.Life+spare)*round)                  // after which buffers are as full as they get
	settled := 1 + int((time.Duration(2*f.parameters.Life+spare)*round).Seconds()*rate) // messages after which all is settled
	f.first = 1 + int(begin.Seconds()*rate)
	last := f.first + f.messages
	f.world.At(f.due(0), func() { f.publish(0, last+settled, make([]byte, f.setting.Size)) })
	f.world.Run(f.due(f.first))
	before, from := f.bytes(), f.world.Now()
	for i := 1; i <= reports; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.world.Run(f.due(f.first + f.messages*i/reports))
		progress(f.messages*i/reports - f.messages*(i-1)/reports)
		f.memory += f.buffered() / reports
	}
	f.load = float64(f.bytes()-before) / f.world.Now().Sub(from).Seconds() / float64(f.setting.Members)
	for n := last; n < last+settled && f.open > 0; n++ {
		f.world.Run(f.due(n))
	}
	return f.err
}

// bytes returns how many bytes all members have sent and received.
func (f *fleet) bytes() (bytes uint64) {
	for i := range f.members {
		stats := f.world.HostStats(protocol.NodeID(i + 1))
		bytes += stats.SentBytes + stats.ReceivedBytes
	}
	return bytes
}

// buffered returns how many bytes of its buffer a member has in use, on average.
func (f *fleet) buffered() float64 {
	bytes := 0
	for i := range f.members {
		bytes += f.world.Machine(protocol.NodeID(i + 1)).(member).Stats().BufferedBytes
	}
	return float64(bytes) / float64(f.members)
}

// observed returns the figures of several worlds.
func observed(fleets []*fleet) (o Observed) {
	var latency batches
	for _, f := range fleets {
		if f != nil {
			o.Messages += f.messages
			latency = append(latency, f.latency...)
		}
	}
	for _, f := range fleets {
		if f == nil {
			continue
		}
		part := float64(f.messages) / float64(o.Messages)
		o.Bytes += part * f.load
		o.Memory += part * f.memory
		for _, missed := range f.missed[f.first : f.first+f.messages] {
			if missed > 0 {
				o.Miss += 1 / float64(o.Messages)
			}
			o.MissEach += float64(missed) / float64(o.Messages) / float64(f.members-1)
		}
	}
	for _, q := range []struct {
		part     float64
		at       *time.Duration
		interval *Interval
	}{{0.5, &o.P50, &o.Interval50}, {0.99, &o.P99, &o.Interval99}, {0.999, &o.P999, &o.Interval999}} {
		*q.at, q.interval.Low, q.interval.High = latency.quantile(q.part)
	}
	return o
}
