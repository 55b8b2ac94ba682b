package deadlines

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"spinglass/lab/compare"
	"spinglass/protocol"
	"spinglass/sim"
)

const (
	rate     = 100 // packets a second
	size     = 210 // bytes
	warmup   = 2 * time.Second
	rest     = 10 * time.Second // for what is late
	settling = time.Second      // after which a member that has joined counts
	deadline = time.Second
)

// Config describes a run.
type Config struct {
	Protocol *compare.Protocol
	First    int           // members at the beginning
	Members  int           // at the end
	Duration time.Duration // in which the group grows
	Stages   int
	Seed     uint64
}

// Result is what was found in a stage.
type Result struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"` // at the end of the stage
	Seed       uint64  `json:"seed"`
	Stage      int     `json:"stage"`  // from 1
	Second     float64 `json:"second"` // at which it ends
	Detour     bool    `json:"detour"` // the route has changed
	InTime     float64 `json:"within_deadline"`
	Median     float64 `json:"p50_ms"` // of those that arrived
	P99        float64 `json:"p99_ms"`
	P999       float64 `json:"p999_ms"`
	Missing    uint64  `json:"missing"` // never arrived
	Packets    float64 `json:"packets_per_s_per_member"`
}

// run is a group that grows.
type run struct {
	config Config
	group  *compare.Group
	stages []stage
	joins  []time.Duration
}

// stage is what is known of a stage.
type stage struct {
	expected  uint64
	inTime    uint64
	latencies []time.Duration
	packets   uint64  // sent and received by all members
	seconds   float64 // times members
}

// Run measures a group. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) ([]Result, error) {
	r := &run{config: c, stages: make([]stage, c.Stages), joins: make([]time.Duration, c.Members)}
	for i := c.First; i < c.Members; i++ {
		r.joins[i] = warmup + c.Duration*time.Duration(i-c.First+1)/time.Duration(c.Members-c.First+1)
	}
	n := newNetwork()
	var err error
	r.group, err = compare.New(compare.Config{
		Protocol: c.Protocol, Members: c.Members, Layout: n, Rate: rate, Size: size, Seed: c.Seed, Cost: sim.CommodityCost(), Joins: r.joins,
	}, r.delivered)
	if err != nil {
		return nil, err
	}
	begin := protocol.Time(warmup)
	r.group.Publish(begin, begin.Add(c.Duration))
	n.change(r.group.World, begin.Add(c.Duration/2))
	if err := r.group.Run(ctx, begin); err != nil {
		return nil, err
	}
	for i := range r.stages {
		r.group.ResetLoads()
		if err := r.group.Run(ctx, r.end(i)); err != nil {
			return nil, err
		}
		r.load(&r.stages[i], i)
		tell(fmt.Sprintf("stage %d of %d", i+1, c.Stages))
	}
	if err := r.group.Run(ctx, begin.Add(c.Duration+rest)); err != nil {
		return nil, err
	}
	r.expect()
	return r.results(), nil
}

// end returns when a stage ends.
func (r *run) end(i int) protocol.Time {
	return protocol.Time(warmup).Add(r.config.Duration * time.Duration(i+1) / time.Duration(r.config.Stages))
}

// stageOf returns the stage of a packet.
func (r *run) stageOf(published protocol.Time) *stage {
	i := int(time.Duration(published.Sub(protocol.Time(warmup))) * time.Duration(r.config.Stages) / r.config.Duration)
	return &r.stages[min(i, r.config.Stages-1)]
}

// counts reports whether a packet counts for a member.
func (r *run) counts(member int, published protocol.Time) bool {
	return r.joins[member] == 0 || published >= protocol.Time(r.joins[member]+settling)
}

func (r *run) delivered(d compare.Delivery) {
	if !r.counts(d.Member, d.Published) {
		return
	}
	s, latency := r.stageOf(d.Published), d.Now.Sub(d.Published)
	s.latencies = append(s.latencies, latency)
	if latency <= deadline {
		s.inTime++
	}
}

// expect counts what should have arrived.
func (r *run) expect() {
	for n := range r.group.Published() {
		published := protocol.Time(warmup) + protocol.Time(n)*protocol.Time(time.Second)/rate
		s := r.stageOf(published)
		for i := 1; i < r.config.Members; i++ {
			if r.counts(i, published) {
				s.expected++
			}
		}
	}
}

// load adds what members have sent and received in a stage.
func (r *run) load(s *stage, i int) {
	from := r.end(i - 1)
	for member := range r.group.Loads {
		s.packets += r.group.Loads[member].Packets()
		s.seconds += max(0, r.end(i).Sub(max(from, protocol.Time(r.joins[member]))).Seconds())
	}
}

func (r *run) results() (results []Result) {
	for i := range r.stages {
		s := &r.stages[i]
		slices.Sort(s.latencies)
		members := 0
		for _, join := range r.joins {
			if protocol.Time(join) <= r.end(i) {
				members++
			}
		}
		results = append(results, Result{
			Experiment: "deadlines", Protocol: r.config.Protocol.Name, Members: members, Seed: r.config.Seed, Stage: i + 1,
			Second: r.end(i).Sub(protocol.Time(warmup)).Seconds(), Detour: r.end(i) > protocol.Time(warmup+r.config.Duration/2),
			InTime: float64(s.inTime) / float64(s.expected), Median: s.quantile(0.5), P99: s.quantile(0.99), P999: s.quantile(0.999),
			Missing: s.expected - uint64(len(s.latencies)), Packets: math.Round(float64(s.packets)/s.seconds*10) / 10,
		})
	}
	return results
}

// quantile returns a quantile of the latencies, in milliseconds.
func (s *stage) quantile(q float64) float64 {
	if len(s.latencies) == 0 {
		return 0
	}
	i := min(len(s.latencies)-1, int(q*float64(len(s.latencies))))
	return math.Round(s.latencies[i].Seconds()*1e5) / 100
}

// Grid is a series of runs: each protocol with each seed.
type Grid struct {
	Protocols []string
	First     int
	Members   int
	Seconds   int // StagesMax at least
	Stages    int
	Seeds     int
	Seed      uint64 // the first one
}

// Limits of a Grid.
const (
	StagesMax  = 60
	SecondsMax = 3600
)

// DefaultGrid returns the grid of the package documentation.
func DefaultGrid() Grid {
	return Grid{Protocols: []string{"bimodal", "srm", "srm-adaptive", "rmtp", "fec", "traditional"}, First: 8, Members: 96, Seconds: 60, Stages: 12, Seeds: 1, Seed: 1}
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	protocols, err := compare.Named(g.Protocols)
	if err := cmp.Or(err, compare.Within("first", []int{g.First}, 3, compare.MembersMax), compare.Within("members", []int{g.Members}, g.First, compare.MembersMax),
		compare.Within("stages", []int{g.Stages}, 1, StagesMax), compare.Within("seconds", []int{g.Seconds}, g.Stages, SecondsMax),
		compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return nil, err
	}
	for _, p := range protocols {
		for i := range g.Seeds {
			runs = append(runs, Config{
				Protocol: p, First: g.First, Members: g.Members, Duration: time.Duration(g.Seconds) * time.Second, Stages: g.Stages, Seed: g.Seed + uint64(i),
			})
		}
	}
	return runs, nil
}
