package ratings

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"spinglass/bimodal"
	"spinglass/lab/stream"
	"spinglass/protocol"
	"spinglass/sim"
)

const (
	zone    = "/lab"
	latency = time.Millisecond
	warmup  = 2 * time.Second
	settled = time.Second      // after the first message, before loads are measured
	rest    = 10 * time.Second // for repair, after the last message
)

// Config describes a run.
type Config struct {
	Protocol *Protocol
	Members  int       // so many for each rating
	Ratings  []float64 // of the classes, descending
	Loss     float64   // part of the datagrams that are lost
	Rate     int       // messages a second
	Size     int       // bytes of each
	Seconds  int       // for which is published
	Seed     uint64
}

// Result is what a class got, the mean of its members.
type Result struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"` // of all classes
	Rating     float64 `json:"rating"`
	Loss       float64 `json:"loss"`
	Seed       uint64  `json:"seed"`
	Delivered  float64 `json:"delivered"`   // part of the messages
	Bytes      float64 `json:"bytes_per_s"` // sent and received, UDP payload
	Received   float64 `json:"received_bytes_per_s"`
	Packets    float64 `json:"packets_per_s"`      // sent and received
	Copies     float64 `json:"copies_per_message"` // that a member hands on
	Mean       float64 `json:"mean_ms"`            // from publishing to delivery
}

// class is what is known of one.
type class struct {
	delivered uint64
	latency   time.Duration // of all that was delivered
	copies    uint64
	load      sim.HostStats // sum of what members have sent and received since they are measured
}

// run is a group in a simulated world.
type run struct {
	config    Config
	world     *sim.World
	peers     []*protocol.Peer
	classes   []class
	published int
	err       error
}

func idOf(i int) protocol.NodeID { return protocol.NodeID(i + 1) }

// classOf returns the class of a member.
func (c *Config) classOf(i int) int { return i * len(c.Ratings) / c.Members }

// epoch returns the boot counter of all members. Which packets a rating wants follows from it, among others, so that runs with other seeds have other samples.
func (c *Config) epoch() uint64 { return 1 + c.Seed%(1<<32) }

// Run measures a group, and returns a row for each class. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) ([]Result, error) {
	r := &run{config: c, classes: make([]class, len(c.Ratings))}
	r.world = sim.New(sim.Config{
		Seed: c.Seed, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(latency), Loss: c.Loss}}},
	})
	r.world.Observe(r.observe)
	r.world.Trace(r.count)
	for i := range c.Members {
		rating := c.Ratings[c.classOf(i)]
		r.peers = append(r.peers, &protocol.Peer{
			ID: idOf(i), Epoch: c.epoch(), Name: fmt.Sprintf("%s/m%d", zone, i), RoundTrip: 2 * latency, Attributes: []protocol.Attribute{c.Protocol.attribute(rating)},
		})
	}
	for i := range c.Members {
		r.world.Add(sim.HostConfig{ID: idOf(i), Build: func(b sim.Boot) protocol.Machine {
			m, err := c.Protocol.build(b, c.epoch(), c.Ratings[c.classOf(i)])
			if err != nil {
				panic(err) // all configurations here are valid
			}
			return starting{m, r, i}
		}})
	}
	begin := protocol.Time(warmup)
	end := begin.Add(time.Duration(c.Seconds) * time.Second)
	r.publish(begin, end)
	r.world.At(begin.Add(settled), func() { r.measure(-1) })
	r.world.At(end, func() { r.measure(1) })
	for until := end.Add(rest); r.world.Now() < until && r.err == nil; {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.world.Run(r.world.Now().Add(time.Second))
		tell(fmt.Sprintf("%v of %v", r.world.Now(), until))
	}
	return r.results(), r.err
}

// starting is a member that learns of the others when it starts.
type starting struct {
	member
	run   *run
	index int
}

// Start implements protocol.Machine.
func (s starting) Start(now protocol.Time, out *protocol.Output) {
	s.member.Start(now, out)
	for i, p := range s.run.peers {
		if i != s.index {
			s.Notify(now, protocol.PeerUp{Peer: p}, out)
		}
	}
}

// publish has member 0 publish from one time to another.
func (r *run) publish(from, until protocol.Time) {
	interval := protocol.Time(time.Second) / protocol.Time(r.config.Rate)
	var next func()
	next = func() {
		payload := make([]byte, r.config.Size)
		binary.BigEndian.PutUint64(payload, uint64(r.world.Now()))
		r.world.Command(idOf(0), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			if err := m.(starting).publish(now, payload, out); err != nil && r.err == nil {
				r.err = err
			}
		})
		r.published++
		if now := r.world.Now(); now+interval < until {
			r.world.At(now+interval, next)
		}
	}
	r.world.At(from, next)
}

func (r *run) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	switch e := e.(type) {
	case *stream.Delivered:
		r.delivered(now, id, e.Payload)
	case *bimodal.Delivery:
		for c := e.Begin(); c.Next(); {
			r.delivered(now, id, c.Payload)
		}
	}
}

func (r *run) delivered(now protocol.Time, id protocol.NodeID, payload []byte) {
	if id == idOf(0) {
		return
	}
	c := &r.classes[r.config.classOf(int(id)-1)]
	c.delivered++
	c.latency += now.Sub(protocol.Time(binary.BigEndian.Uint64(payload)))
}

// count counts the copies that a step hands on.
func (r *run) count(s *sim.Step) {
	if s.Host == idOf(0) {
		return
	}
	c := &r.classes[r.config.classOf(int(s.Host)-1)]
	for i := range s.Effects {
		switch e := &s.Effects[i]; e.Kind {
		case protocol.EffectSend:
			c.copies += uint64(r.config.Protocol.copies(e.Message))
		case protocol.EffectSpread:
			c.copies += uint64(len(e.Targets) * r.config.Protocol.copies(e.Message))
		}
	}
}

// measure adds what members have sent and received so far, with the sign of what is added.
func (r *run) measure(sign int) {
	for i := 1; i < r.config.Members; i++ {
		load, s := &r.classes[r.config.classOf(i)].load, r.world.HostStats(idOf(i))
		load.Sent += uint64(sign) * s.Sent
		load.Received += uint64(sign) * s.Received
		load.SentBytes += uint64(sign) * s.SentBytes
		load.ReceivedBytes += uint64(sign) * s.ReceivedBytes
	}
}

func (r *run) results() (results []Result) {
	seconds := float64(r.config.Seconds) - settled.Seconds()
	for i, c := range r.classes {
		members := float64(r.config.Members / len(r.classes))
		if i == 0 {
			members--
		}
		mean := 0.0
		if c.delivered > 0 {
			mean = c.latency.Seconds() * 1000 / float64(c.delivered)
		}
		results = append(results, Result{
			Experiment: "ratings", Protocol: r.config.Protocol.Name, Members: r.config.Members, Rating: r.config.Ratings[i], Loss: r.config.Loss, Seed: r.config.Seed,
			Delivered: round(float64(c.delivered)/members/float64(r.published), 4),
			Bytes:     round(float64(c.load.SentBytes+c.load.ReceivedBytes)/members/seconds, 1),
			Received:  round(float64(c.load.ReceivedBytes)/members/seconds, 1),
			Packets:   round(float64(c.load.Sent+c.load.Received)/members/seconds, 2),
			Copies:    round(float64(c.copies)/members/float64(r.published), 3),
			Mean:      round(mean, 1),
		})
	}
	return results
}

// round leaves out the digits that mean nothing.
func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
