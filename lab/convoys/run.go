package convoys

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"spinglass/bimodal"
	"spinglass/lab/hierarchical"
	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/wire"
)

// The protocols.
const (
	Hierarchical = "hierarchical"
	Bimodal      = "bimodal"
)

// Remedies against convoys.
const (
	RemedyNone  = "none"
	RemedyWeak  = "weak"  // FIFO order above the last group
	RemedyLayer = "layer" // all members hold messages until Delay for each level has passed since they were sent
	RemedyEnd   = "end"   // those that are no relays do
)

// Config describes a run.
type Config struct {
	Protocol string
	Depth    int // groups in the cascade
	Group    int // members of each
	Order    traditional.Order
	Remedy   string
	Delay    time.Duration  // of layer and end, for each level
	Spread   bimodal.Spread // of bimodal
	Rate     int            // messages a second
	Size     int            // bytes of a message, stamp included
	Pause    float64        // part of the intervals of 100 ms that a member is paused for
	Loss     float64        // of each datagram
	Duration time.Duration
	Seed     uint64
}

// Members returns how many members a cascade has: a relay is in two groups.
func (c *Config) Members() int { return c.Depth*(c.Group-1) + 1 }

// Times of a run.
const (
	warmup   = 2 * time.Second
	settling = 5 * time.Second
	interval = 100 * time.Millisecond // of pauses
	latency  = 500 * time.Microsecond // median of a link's
)

// Result is what a run found.
type Result struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"`
	Seed       uint64  `json:"seed"`
	Depth      int     `json:"depth"`
	Order      string  `json:"order"`
	Remedy     string  `json:"remedy"`
	Spread     string  `json:"spread"` // of bimodal
	Stddev     float64 `json:"interarrival_stddev_ms"`
	P99        float64 `json:"interarrival_p99_ms"`
	Latency    float64 `json:"latency_mean_ms"`
	LatencyP99 float64 `json:"latency_p99_ms"`
	// Waiting is the most bytes that a member has held for an order, a delay, or a group below that does not take them: what smoothing costs. Held is the most that one has held
	// for repair; of bimodal it is not counted.
	Waiting int `json:"waiting_bytes"`
	Held    int `json:"held_bytes"`
	// Delivered is the part of the messages that arrived at the members looked at.
	Delivered float64 `json:"delivered"`
}

// run is a cascade, or a group, under way.
type run struct {
	config   Config
	world    *sim.World
	source   protocol.NodeID
	watched  map[protocol.NodeID]*watched
	order    []protocol.NodeID // of watched
	sent     uint64
	payload  func(now protocol.Time) []byte
	messages uint64 // sent after the warmup
}

// watched is what is known of a member that is looked at.
type watched struct {
	last      protocol.Time // arrival before; 0 for none
	gaps      []float64     // ms
	latencies []float64     // ms
}

// Run measures a cascade.
func Run(ctx context.Context, c Config) (Result, error) {
	r := &run{config: c, source: 1, watched: make(map[protocol.NodeID]*watched)}
	link := &sim.Link{Latency: sim.LogNormal{Median: latency, Sigma: 0.8}, Loss: c.Loss}
	r.world = sim.New(sim.Config{Seed: c.Seed, Cost: sim.CommodityCost(), Network: sim.Network{Topology: sim.Flat{Link: link}}})
	r.payload = func(now protocol.Time) []byte {
		r.sent++
		return append(hierarchical.Stamp{Number: r.sent, Sent: now}.Append(make([]byte, 0, c.Size)), make([]byte, c.Size-hierarchical.StampSize)...)
	}
	r.world.Observe(r.observe)
	for _, id := range r.ids(c.Depth) {
		if id != relay(c, c.Depth-1) {
			r.watched[id] = &watched{}
			r.order = append(r.order, id)
		}
	}
	if c.Protocol == Hierarchical {
		r.cascade()
	} else {
		r.flat()
	}
	for i := 1; i < c.Members(); i++ {
		if c.Pause > 0 {
			r.world.Sleep(protocol.NodeID(i+1), c.Pause, interval)
		}
	}
	end := protocol.Time(warmup + c.Duration)
	for at := protocol.Time(time.Second); at < end; at = at.Add(time.Second / time.Duration(c.Rate)) {
		r.world.At(at, r.send)
	}
	for r.world.Now() < end.Add(settling) {
		r.world.Run(r.world.Now().Add(time.Second))
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
	}
	return r.result(), nil
}

// relay returns the member of level i that sends in the group below; that of level 0 is the source.
func relay(c Config, i int) protocol.NodeID { return protocol.NodeID(i*(c.Group-1) + 1) }

// ids returns the members of the group of a level, by rank. The sender has rank 1, so that another member is the sequencer, as in a group in which many send.
func (r *run) ids(level int) []protocol.NodeID {
	from := relay(r.config, level-1)
	ids := []protocol.NodeID{from + 1, from}
	for i := 2; i < r.config.Group; i++ {
		ids = append(ids, from+protocol.NodeID(i))
	}
	return ids
}

// cascade makes the hosts of a cascade.
func (r *run) cascade() {
	c := &r.config
	for i := range c.Members() {
		id := protocol.NodeID(i + 1)
		r.world.Add(sim.HostConfig{ID: id, Build: func(sim.Boot) protocol.Machine {
			n := hierarchical.Config{Level: (i + c.Group - 2) / (c.Group - 1)}
			if n.Level > 0 {
				n.Upper = r.member(id, n.Level)
			}
			if i%(c.Group-1) == 0 && n.Level < c.Depth {
				n.Lower = r.member(id, n.Level+1)
			}
			if c.Remedy == RemedyLayer || c.Remedy == RemedyEnd {
				n.Delay, n.Final = c.Delay, c.Remedy == RemedyEnd
			}
			m, err := hierarchical.New(n)
			if err != nil {
				panic(err) // Validate has said what is wrong
			}
			return m
		}})
	}
}

// member returns the configuration of a member of the group of a level.
func (r *run) member(id protocol.NodeID, level int) *traditional.Config {
	t := traditional.DefaultConfig()
	t.Self, t.Members, t.Order = id, r.ids(level), r.config.Order
	if r.config.Remedy == RemedyWeak && level < r.config.Depth {
		t.Order = traditional.OrderFIFO
	}
	return &t
}

const topic = "convoys"

// flat makes one group of as many shipping machines, which know each other.
func (r *run) flat() {
	interest := []protocol.Attribute{{Name: bimodal.InterestAttribute, Value: bimodal.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(topic)})}}
	var peers []*protocol.Peer
	for i := range r.config.Members() {
		peers = append(peers, &protocol.Peer{ID: protocol.NodeID(i + 1), Epoch: 1, RoundTrip: 2 * latency, Attributes: interest})
	}
	for i := range peers {
		id := protocol.NodeID(i + 1)
		r.world.Add(sim.HostConfig{ID: id, Build: func(boot sim.Boot) protocol.Machine {
			c := bimodal.DefaultConfig()
			c.Self, c.Epoch, c.Rand, c.Rate = id, 1, boot.Rand, 0
			m, err := bimodal.New(c)
			if err != nil {
				panic(err)
			}
			return m
		}})
		r.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			machine := m.(*bimodal.Machine)
			if err := errors.Join(machine.Subscribe(now, topic, out), machine.Configure(now, topic, bimodal.TopicOptions{Spread: r.config.Spread})); err != nil {
				panic(err)
			}
			for _, p := range peers {
				if p.ID != id {
					m.Notify(now, protocol.PeerUp{Peer: p}, out)
				}
			}
		})
	}
}

func (r *run) send() {
	r.world.Command(r.source, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if now >= protocol.Time(warmup) {
			r.messages++
		}
		switch m := m.(type) {
		case *hierarchical.Node:
			m.Send(now, r.payload(now), out)
		case *bimodal.Machine:
			if err := m.Publish(now, topic, r.payload(now), out); err != nil {
				panic(err)
			}
		}
	})
}

func (r *run) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	w := r.watched[id]
	if w == nil {
		return
	}
	switch e := e.(type) {
	case *hierarchical.Arrival:
		w.arrived(now, e.Stamp)
	case *bimodal.Delivery:
		for _, payload := range e.Messages {
			if stamp, ok := hierarchical.StampOf(payload); ok {
				w.arrived(now, stamp)
			}
		}
	}
}

func (w *watched) arrived(now protocol.Time, s hierarchical.Stamp) {
	if s.Sent >= protocol.Time(warmup) {
		if w.last > 0 {
			w.gaps = append(w.gaps, now.Sub(w.last).Seconds()*1000)
		}
		w.latencies = append(w.latencies, now.Sub(s.Sent).Seconds()*1000)
	}
	w.last = now
}

func (r *run) result() Result {
	c := &r.config
	out := Result{
		Experiment: "convoys", Protocol: c.Protocol, Members: c.Members(), Seed: c.Seed, Depth: c.Depth, Order: c.Order.String(), Remedy: c.Remedy,
	}
	if c.Protocol == Bimodal {
		out.Order, out.Remedy, out.Spread = traditional.OrderFIFO.String(), RemedyNone, c.Spread.String()
	}
	var gaps, latencies []float64
	for _, id := range r.order {
		gaps, latencies = append(gaps, r.watched[id].gaps...), append(latencies, r.watched[id].latencies...)
	}
	_, out.Stddev, out.P99 = distribution(gaps)
	out.Latency, _, out.LatencyP99 = distribution(latencies)
	out.Delivered = thousandths(float64(len(latencies)) / float64(max(1, r.messages)) / float64(len(r.order)))
	for _, id := range r.world.Hosts() {
		n, ok := r.world.Machine(id).(*hierarchical.Node)
		if !ok {
			continue
		}
		waiting, held := n.Stats().WaitingMost, 0
		for _, m := range [...]*traditional.Machine{n.Upper(), n.Lower()} {
			if m != nil {
				s := m.Stats()
				waiting, held = waiting+s.UndeliveredMost*c.Size, held+s.HeldMost
			}
		}
		out.Waiting, out.Held = max(out.Waiting, waiting), max(out.Held, held)
	}
	return out
}

// distribution returns the mean, the standard deviation and the 99th percentile of values, which it sorts.
func distribution(values []float64) (mean, stddev, p99 float64) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	n := float64(len(values))
	mean = sum / n
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return thousandths(mean), thousandths(math.Sqrt(squares / n)), thousandths(values[(len(values)*99+99)/100-1])
}

func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }

// Validate reports what of a run makes no sense.
func (c *Config) Validate() error {
	switch {
	case c.Protocol != Hierarchical && c.Protocol != Bimodal:
		return fmt.Errorf("--protocol: %q is neither hierarchical nor bimodal", c.Protocol)
	case c.Depth < 1 || c.Depth > DepthMax:
		return fmt.Errorf("--depth: %d is not from 1 to %d", c.Depth, DepthMax)
	case c.Group < 3 || c.Group > GroupMax:
		return fmt.Errorf("--group: %d is not from 3 to %d", c.Group, GroupMax)
	case !slices.Contains([]string{RemedyNone, RemedyWeak, RemedyLayer, RemedyEnd}, c.Remedy):
		return fmt.Errorf("--remedy: %q is none of none, weak, layer, end", c.Remedy)
	case c.Delay < 0 || c.Delay > DelayMax:
		return fmt.Errorf("--delay: %v is not from 0 to %v", c.Delay, DelayMax)
	case c.Rate < 1 || c.Rate > RateMax:
		return fmt.Errorf("--rate: %d is not from 1 to %d", c.Rate, RateMax)
	case c.Size < hierarchical.StampSize || c.Size > wire.DatagramDefault:
		return fmt.Errorf("--size: %d is not from %d to %d", c.Size, hierarchical.StampSize, wire.DatagramDefault)
	case c.Spread != bimodal.SpreadAuto && c.Spread != bimodal.SpreadDirect && c.Spread != bimodal.SpreadTree:
		return fmt.Errorf("--spread: %q is none of auto, direct, tree", c.Spread)
	case !(c.Pause >= 0 && c.Pause <= PauseMax):
		return fmt.Errorf("--pause: %v is not from 0 to %v", c.Pause, PauseMax)
	case !(c.Loss >= 0 && c.Loss <= LossMax):
		return fmt.Errorf("--loss: %v is not from 0 to %v", c.Loss, LossMax)
	case c.Duration < time.Second || c.Duration > DurationMax:
		return fmt.Errorf("--duration: %v is not from 1s to %v", c.Duration, DurationMax)
	}
	return nil
}
