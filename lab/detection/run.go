package detection

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"spinglass/lab/traditional"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
)

// The protocols.
const (
	Bimodal     = "bimodal"     // the shipping membership
	Heartbeat   = "heartbeat"   // the same, whose members do not judge their own health: a control
	Traditional = "traditional" // pings of virtual synchrony
)

const (
	latency  = 200 * time.Microsecond // of the network, each way
	forming  = 30 * time.Second       // in which the fleet forms, all awake
	patience = 3 * time.Minute        // in which a crash is to be found out
	step     = time.Second
)

// Config describes a run.
type Config struct {
	Protocol string
	Members  int
	Loss     float64       // of each datagram
	Slow     float64       // part of the members that sleep
	Sleep    float64       // probability that such a member spends an interval asleep
	Interval time.Duration // of sleep
	Missed   int           // pings after which the traditional protocol suspects a member
	Crashes  int           // members that crash at the end
	Duration time.Duration // before that, in which reports are wrong
	Seed     uint64
}

// Result is what a run found.
type Result struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"`
	Loss       float64 `json:"loss"`
	Slow       float64 `json:"slow"`
	Missed     int     `json:"missed"` // of the traditional protocol
	Seed       uint64  `json:"seed"`
	// Reports of healthy members, of all members for each of their hours.
	Suspects float64 `json:"suspects_per_member_hour"`
	Downs    float64 `json:"downs_per_member_hour"`
	// DownsHealthy are those of them that healthy members make.
	DownsHealthy float64 `json:"downs_by_healthy_per_member_hour"`
	// Ejections are how often healthy members find themselves out of the view of the traditional protocol, likewise.
	Ejections float64 `json:"ejections_per_member_hour"`
	// Reports of members that sleep, likewise.
	SlowDowns float64 `json:"slow_downs_per_member_hour"`
	// Apart is the part of the pairs of healthy members, before the crashes, of which one has not the other for a member.
	Apart float64 `json:"apart_fraction"`
	// After a crash: until a first member suspects, the first has the member down, half of the healthy ones have, the last has; the mean over the crashes, but the last of all.
	SuspectFirst *float64 `json:"suspect_first_s"`
	First        *float64 `json:"detect_first_s"`
	Median       *float64 `json:"detect_median_s"`
	All          *float64 `json:"detect_all_s"` // nil where some have not
	Undetected   int      `json:"undetected"`   // pairs of a healthy member and a crash that it has not found out in three minutes
	Bytes        float64  `json:"sent_bytes_per_s_per_member"`
}

// run is a fleet under way.
type run struct {
	config  Config
	world   *sim.World
	members []protocol.NodeID
	slow    []bool                         // by ID, as the rest
	views   [][]protocol.NodeID            // of the traditional protocol: the latest one
	outside []bool                         // likewise: in no view
	crashed map[protocol.NodeID]*detection // nil before
	begun   bool

	suspects, downs, downsHealthy, ejections, slowDowns int
}

// detection is how a crash is found out.
type detection struct {
	at        protocol.Time
	suspected protocol.Time   // Never before
	down      []protocol.Time // by ID: since when, Never before
}

// Run measures a fleet. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) (Result, error) {
	r := &run{config: c, slow: make([]bool, c.Members+1), views: make([][]protocol.NodeID, c.Members+1), outside: make([]bool, c.Members+1)}
	r.world = sim.New(sim.Config{
		Seed: c.Seed, Cost: sim.CommodityCost(),
		Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(latency), Loss: c.Loss}}},
	})
	for i := range c.Members {
		r.members = append(r.members, protocol.NodeID(i+1))
		r.slow[i+1] = int(float64(i+1)*c.Slow) > int(float64(i)*c.Slow)
	}
	if c.Protocol == Traditional {
		for _, id := range r.members {
			r.views[id] = r.members // all begin in the first view, of which nothing is told
		}
	}
	r.world.Observe(r.observe)
	for i, id := range r.members {
		r.world.Add(sim.HostConfig{ID: id, Address: address(i), Build: func(b sim.Boot) protocol.Machine { return r.build(i, b) }})
	}
	end := protocol.Time(forming)
	if err := r.advance(ctx, end, func() bool { return false }); err != nil {
		return Result{}, err
	}
	for _, id := range r.members {
		if r.slow[id] {
			r.world.Sleep(id, c.Sleep, c.Interval)
		}
	}
	r.begun = true
	before, end := r.world.Stats().SentBytes, end.Add(c.Duration)
	tell("nobody fails")
	if err := r.advance(ctx, end, func() bool { return false }); err != nil {
		return Result{}, err
	}
	result := r.wrong(r.world.Stats().SentBytes - before)
	r.crash()
	tell("some have crashed")
	if err := r.advance(ctx, end.Add(patience), r.found); err != nil {
		return Result{}, err
	}
	r.detected(&result)
	return result, nil
}

// advance lets time pass until something is so, or the time is over.
func (r *run) advance(ctx context.Context, until protocol.Time, done func() bool) error {
	for r.world.Now() < until && !done() && ctx.Err() == nil {
		r.world.Run(min(until, r.world.Now().Add(step)))
	}
	return ctx.Err()
}

func address(i int) protocol.Address { return protocol.Address(fmt.Sprint("m", i)) }

// build makes a member.
func (r *run) build(i int, b sim.Boot) protocol.Machine {
	if r.config.Protocol == Traditional {
		c := traditional.DefaultConfig()
		c.Self, c.Members, c.PingsMissed, c.StableInterval = b.ID, r.members, r.config.Missed, time.Hour // nothing is sent that could be stable
		m, err := traditional.New(c)
		if err != nil {
			panic(err) // the grid has said what is wrong
		}
		return m
	}
	c := membership.Config{
		Self: b.ID, Name: fmt.Sprintf("/lab/m%d", i), Addresses: []protocol.Address{b.Address}, Seeds: []protocol.Address{address(0), address(1), address(2)}, First: i == 0, Rand: b.Rand,
		ZoneLimit: max(r.config.Members, zoneLeast), LocalHealthOff: r.config.Protocol == Heartbeat,
	}
	m, err := membership.New(c)
	if err != nil {
		panic(err)
	}
	return m
}

// zoneLeast is the least limit of a zone, as it ships.
const zoneLeast = 128

func (r *run) observe(now protocol.Time, observer protocol.NodeID, e protocol.Event) {
	switch e := e.(type) {
	case protocol.PeerSuspect:
		r.suspect(now, e.Peer.ID)
	case protocol.PeerDown:
		r.down(now, observer, e.Peer.ID)
	case traditional.Suspected:
		r.suspect(now, e.Member)
	case traditional.Ejected:
		r.outside[observer] = true
		if r.counts() && !r.slow[observer] {
			r.ejections++
		}
	case *traditional.Installed:
		for _, id := range r.views[observer] {
			if id != observer && !slices.Contains(e.View.Members, id) {
				r.down(now, observer, id)
			}
		}
		r.views[observer], r.outside[observer] = e.View.Members, false
	}
}

// suspect takes note that a member suspects another one.
func (r *run) suspect(now protocol.Time, subject protocol.NodeID) {
	switch d := r.crashed[subject]; {
	case d != nil:
		d.suspected = min(d.suspected, now)
	case r.counts() && !r.slow[subject]:
		r.suspects++
	}
}

// down takes note that a member has another one down.
func (r *run) down(now protocol.Time, observer, subject protocol.NodeID) {
	switch d := r.crashed[subject]; {
	case d != nil:
		d.down[observer] = min(d.down[observer], now)
	case r.counts() && r.slow[subject]:
		r.slowDowns++
	case r.counts():
		r.downs++
		if !r.slow[observer] {
			r.downsHealthy++
		}
	}
}

// counts reports whether reports count as wrong: once all are there, and before any crash.
func (r *run) counts() bool { return r.begun && r.crashed == nil }

// crash has healthy members crash at one instant, evenly spread but for the first one.
func (r *run) crash() {
	var healthy []protocol.NodeID
	for _, id := range r.members[1:] {
		if !r.slow[id] {
			healthy = append(healthy, id)
		}
	}
	r.crashed = make(map[protocol.NodeID]*detection)
	for i := range r.config.Crashes {
		id := healthy[(2*i+1)*len(healthy)/(2*r.config.Crashes)]
		d := &detection{at: r.world.Now(), suspected: protocol.Never, down: make([]protocol.Time, r.config.Members+1)}
		for j := range d.down {
			d.down[j] = protocol.Never
		}
		r.crashed[id] = d
		r.world.Crash(id)
	}
}

// wrong returns the rates of what was reported before the crashes.
func (r *run) wrong(bytes uint64) Result {
	c := &r.config
	hours := float64(c.Members) * c.Duration.Hours()
	return Result{
		Experiment: "detection", Protocol: c.Protocol, Members: c.Members, Loss: c.Loss, Slow: c.Slow, Missed: c.Missed, Seed: c.Seed,
		Suspects: thousandths(float64(r.suspects) / hours), Downs: thousandths(float64(r.downs) / hours), DownsHealthy: thousandths(float64(r.downsHealthy) / hours), Ejections: thousandths(float64(r.ejections) / hours), SlowDowns: thousandths(float64(r.slowDowns) / hours), Apart: thousandths(r.apart()),
		Bytes: math.Round(float64(bytes) / float64(c.Members) / c.Duration.Seconds()),
	}
}

// apart returns the part of the pairs of healthy members of which one has not the other for a member.
func (r *run) apart() float64 {
	pairs, apart := 0, 0
	for _, observer := range r.members {
		if r.slow[observer] {
			continue
		}
		known := make([]bool, len(r.slow))
		for _, id := range r.known(observer) {
			known[id] = true
		}
		for _, id := range r.members {
			if id != observer && !r.slow[id] {
				if pairs++; !known[id] {
					apart++
				}
			}
		}
	}
	return float64(apart) / float64(pairs)
}

// known returns whom a member has for members.
func (r *run) known(observer protocol.NodeID) (ids []protocol.NodeID) {
	m, ok := r.world.Machine(observer).(*membership.Machine)
	switch {
	case !ok && r.outside[observer]:
		return nil
	case !ok:
		return r.views[observer]
	}
	for _, p := range m.Peers() {
		if p.State == membership.StateUp || p.State == membership.StateSuspect {
			ids = append(ids, p.Peer.ID)
		}
	}
	return ids
}

// times returns when healthy members had each crashed one down, in seconds since, ascending, and how many had not.
func (r *run) times() (times [][]float64, undetected int) {
	for _, subject := range r.members {
		d := r.crashed[subject]
		if d == nil {
			continue
		}
		var found []float64
		for _, id := range r.members {
			switch {
			case r.slow[id] || r.crashed[id] != nil:
			case d.down[id] == protocol.Never:
				undetected++
			default:
				found = append(found, d.down[id].Sub(d.at).Seconds())
			}
		}
		slices.Sort(found)
		times = append(times, found)
	}
	return times, undetected
}

// found reports whether all healthy members have found out all crashes.
func (r *run) found() bool {
	_, undetected := r.times()
	return undetected == 0
}

// detected adds how the crashes were found out.
func (r *run) detected(out *Result) {
	times, undetected := r.times()
	out.Undetected = undetected
	var first, median, all, suspected []float64
	for _, found := range times {
		if len(found) > 0 {
			first, median, all = append(first, found[0]), append(median, found[len(found)/2]), append(all, found[len(found)-1])
		}
	}
	for _, id := range r.members {
		if d := r.crashed[id]; d != nil && d.suspected != protocol.Never {
			suspected = append(suspected, d.suspected.Sub(d.at).Seconds())
		}
	}
	out.SuspectFirst, out.First, out.Median = mean(suspected), mean(first), mean(median)
	if undetected == 0 {
		most := thousandths(slices.Max(all))
		out.All = &most
	}
}

// mean returns nil of nothing.
func mean(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	m := thousandths(sum / float64(len(values)))
	return &m
}

// thousandths leaves out the digits that mean nothing.
func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }
