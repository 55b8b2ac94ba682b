package micropartitions

import (
	"context"
	"fmt"
	"math"
	"time"

	"spinglass/lab/traditional"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
)

// The protocols.
const (
	Traditional = "traditional"
	Bimodal     = "bimodal" // which has no views: its membership
)

// Config describes a run.
type Config struct {
	Protocol string
	Members  int
	Interval time.Duration // between pings, or rounds and heartbeats of membership
	Missed   int           // pings after which a member is suspected
	Loss     float64       // of each datagram
	Duration time.Duration
	Seed     uint64
}

// Result is what a run found.
type Result struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"`
	Seed       uint64  `json:"seed"`
	Interval   float64 `json:"interval_ms"`
	Missed     int     `json:"missed"`
	Loss       float64 `json:"loss"`
	Seconds    float64 `json:"seconds"`
	// DetectMs is after how long without a sign a member that has failed is given up at least.
	DetectMs  float64 `json:"detect_ms"`
	Ejections float64 `json:"ejections_per_s"`
	Views     float64 `json:"views_per_s"`
	Lost      float64 `json:"lost_fraction"`
}

// run is a group under way.
type run struct {
	config    Config
	world     *sim.World
	members   []protocol.NodeID
	blocked   []protocol.Time // since when, by member; Never if it is not
	lost      time.Duration
	ejections int
	views     int
	result    Result
}

// latency is that of the network, each way.
const latency = 200 * time.Microsecond

// Run measures a group.
func Run(ctx context.Context, c Config) (Result, error) {
	r := &run{config: c, blocked: make([]protocol.Time, c.Members+1)}
	r.world = sim.New(sim.Config{
		Seed: c.Seed, Cost: sim.CommodityCost(),
		Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(latency), Loss: c.Loss}}},
	})
	for i := range c.Members {
		r.members = append(r.members, protocol.NodeID(i+1))
		r.blocked[i+1] = protocol.Never
	}
	r.result = Result{
		Experiment: "micropartitions", Protocol: c.Protocol, Members: c.Members, Seed: c.Seed, Interval: milliseconds(c.Interval), Missed: c.Missed, Loss: c.Loss,
		Seconds: c.Duration.Seconds(), DetectMs: milliseconds(c.Interval) * float64(c.Missed),
	}
	r.world.Observe(r.observe)
	begin := protocol.Time(0)
	if c.Protocol == Traditional {
		for _, id := range r.members {
			r.world.Add(sim.HostConfig{ID: id, Build: r.member})
		}
	} else {
		begin = r.gather()
	}
	const step = time.Second
	for now := time.Duration(0); now < c.Duration; now += step {
		r.world.Run(begin.Add(min(c.Duration, now+step)))
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
	}
	return r.finish(), nil
}

// member makes one of the traditional protocol.
func (r *run) member(boot sim.Boot) protocol.Machine {
	c := traditional.DefaultConfig()
	c.Self, c.Members, c.PingInterval, c.PingsMissed = boot.ID, r.members, r.config.Interval, r.config.Missed
	m, err := traditional.New(c)
	if err != nil {
		panic(err) // Validate has said what is wrong
	}
	return m
}

// gatherTime is in how many rounds a fleet forms.
const gatherTime = 100

// gather makes a fleet of the shipping membership, and returns when all know each other: removals count from then on.
func (r *run) gather() protocol.Time {
	address := func(i int) protocol.Address { return protocol.Address(fmt.Sprint("m", i)) }
	for i, id := range r.members {
		r.world.Add(sim.HostConfig{ID: id, Address: address(i), Build: func(boot sim.Boot) protocol.Machine {
			c := membership.Config{
				Self: id, Name: fmt.Sprintf("/lab/m%d", i), Addresses: []protocol.Address{boot.Address}, Seeds: []protocol.Address{address(0)}, First: i == 0,
				Rand: boot.Rand, Round: r.config.Interval, Beat: r.config.Interval,
			}
			m, err := membership.New(c)
			if err != nil {
				panic(err)
			}
			return m
		}})
	}
	begin := protocol.Time(gatherTime * r.config.Interval)
	r.world.Run(begin)
	r.ejections = 0
	return begin
}

func (r *run) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	switch e.(type) {
	case traditional.Blocked:
		r.blocked[id] = now
	case traditional.Ejected:
		r.ejections++
	case *traditional.Installed:
		r.views++
		if r.blocked[id] != protocol.Never {
			r.lost += now.Sub(r.blocked[id])
			r.blocked[id] = protocol.Never
		}
	case protocol.PeerDown:
		r.ejections++
	}
}

// finish computes the rates. Views are counted by the members that install them, and a member that removes another counts as a part of an ejection.
func (r *run) finish() Result {
	n, seconds := float64(r.config.Members), r.config.Duration.Seconds()
	for _, id := range r.members {
		if r.blocked[id] != protocol.Never {
			r.lost += r.world.Now().Sub(r.blocked[id])
		}
	}
	out := &r.result
	out.Ejections = float64(r.ejections) / seconds
	if r.config.Protocol == Bimodal {
		out.Ejections /= n - 1
		out.DetectMs = 2 * milliseconds(r.world.Machine(r.members[0]).(*membership.Machine).FailTimeout())
	}
	out.Views = float64(r.views) / n / seconds
	out.Lost = r.lost.Seconds() / n / seconds
	return *out
}

func milliseconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }
