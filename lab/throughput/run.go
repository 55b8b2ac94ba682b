package throughput

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// The protocols.
const (
	Bimodal     = "bimodal"
	Traditional = "traditional"
	Vsync       = "vsync-bimodal"
)

// Protocols are all of them.
func Protocols() []string { return []string{Bimodal, Traditional, Vsync} }

// Ranks says who is at the ranks of a group, of which the first one orders with total order, and coordinates changes of the view.
type Ranks uint8

// The ranks.
const (
	RanksSender    Ranks = iota // the sender first, the perturbed members last
	RanksPerturbed              // the perturbed members first
)

var ranksNames = [...]string{"sender", "perturbed"}

// String returns sender or perturbed.
func (r Ranks) String() string { return ranksNames[r] }

// ParseRanks reads what String returns.
func ParseRanks(text string) (Ranks, error) {
	for i, name := range ranksNames {
		if text == name {
			return Ranks(i), nil
		}
	}
	return 0, fmt.Errorf("%q is neither sender nor perturbed", text)
}

// Config describes a run.
type Config struct {
	Protocol  string
	Members   int
	Perturbed int // members that are perturbed, the last ones
	Fault     Fault
	Perturb   float64        // probability that an interval is perturbed
	Order     vsync.Order    // of messages, of vsync-bimodal, and of traditional, which has no causal one
	Ranks     Ranks          // of both
	Size      int            // bytes of a message
	Rate      int            // messages a second of the topic of bimodal, alone or below vsync; 0 for as fast as the crowd allows, as it ships
	Spread    bimodal.Spread // of that topic
	Window    int            // bytes, of traditional
	Buffer    int            // bytes, of traditional
	Missed    int            // pings without an echo after which a member is suspected, of traditional; 0 for never
	Cost      string
	Samples   int // of SampleLength
	Seed      uint64
}

// Times of a run.
const (
	SampleLength = 500 * time.Millisecond
	Warmup       = 5 * time.Second // before the first sample, perturbed like the rest: what is buffered by then is not counted as delivered at the rate of the samples
	Latency      = 200 * time.Microsecond
	tick         = 10 * time.Millisecond // the shortest windows over which rates are told
)

// Result is what a run found.
type Result struct {
	Experiment       string  `json:"experiment"`
	Protocol         string  `json:"protocol"`
	Members          int     `json:"members"`
	Seed             uint64  `json:"seed"`
	Perturb          float64 `json:"perturb"`
	PerturbedMembers int     `json:"perturbed_members"`
	Fault            Fault   `json:"fault"`
	Cost             string  `json:"cost"`
	Spread           string  `json:"spread"`       // of bimodal
	Window           int     `json:"window_bytes"` // 0 for bimodal, which has none; so is the buffer
	Buffer           int     `json:"buffer_bytes"`
	// Rates are of the first member that neither sends nor is perturbed: the mean, the least of whole seconds, and the standard deviation of the samples.
	Mean   float64 `json:"mean_per_s"`
	Min    float64 `json:"min_per_s"`
	Stddev float64 `json:"stddev_per_s"`
	// MinAny is the least of any whole second at any such member.
	MinAny float64 `json:"min_any_per_s"`
	// PerturbedMean is the mean rate at the first perturbed member, 0 where there is none; bimodal tells it of the rest as lost.
	PerturbedMean float64 `json:"perturbed_mean_per_s"`
	Views         uint64  `json:"views"`         // installed at the sender since the group was there; 0 of bimodal, which has none
	HeldMost      int     `json:"held_bytes"`    // by the sender at most, because others might want it; 0 of bimodal
	SenderBusy    float64 `json:"sender_busy"`   // part of the time that its processor and line are in use
	Repairs       float64 `json:"repairs_per_s"` // datagrams sent by the sender to repair, of traditional; packets repaired at the measured member, of bimodal, alone or below vsync
	// Of groups with views: when the first perturbed member was left out of a view for the first time, in seconds from the beginning; and the mean rate from the first sample until then. Nil for never, and
	// for a mean of less than a second.
	PingsMissed   int      `json:"pings_missed"`
	EjectedAt     *float64 `json:"ejected_at_s"`
	UntilEjection *float64 `json:"until_ejection_per_s"`
	// Rates at the measured member over shorter and longer windows than the samples: the least of any window, and the standard deviation.
	Min10ms      float64 `json:"min_10ms_per_s"`
	Stddev10ms   float64 `json:"stddev_10ms_per_s"`
	Min100ms     float64 `json:"min_100ms_per_s"`
	Stddev100ms  float64 `json:"stddev_100ms_per_s"`
	Min1000ms    float64 `json:"min_1000ms_per_s"`
	Stddev1000ms float64 `json:"stddev_1000ms_per_s"`
	Rate         int     `json:"rate_per_s"` // that bimodal's topic was given; 0 for as fast as the crowd allows, and for traditional
	Lost         float64 `json:"lost_per_s"` // told as lost to the measured member, of bimodal
	// What a message costs: datagrams that all members send, for whatever reason, and their bytes as UDP payload, over the messages that the measured member was delivered.
	Datagrams float64 `json:"datagrams_per_message"`
	Bytes     float64 `json:"bytes_per_message"`
	Order     string  `json:"order"`            // of groups with views
	Ranks     string  `json:"ranks"`            // of those
	Blocked   float64 `json:"blocked_fraction"` // of the time the sender could not send because of a change of the view, of vsync-bimodal
}

// sender and first are members of every group.
const (
	sender protocol.NodeID = 1
	first  protocol.NodeID = 2
)

// run is a group under way.
type run struct {
	config  Config
	world   *sim.World
	members []protocol.NodeID
	payload []byte
	begun   protocol.Time // when the group was there, and the perturbation began
	casting bool          // the sender is about to cast, of vsync-bimodal
	start   protocol.Time // of the first sample
	samples [][]int       // messages, by member
	ticks   []int         // messages at the measured member, in windows of tick
	lost    uint64        // told to it as lost
	before  sim.Stats     // at the first sample
}

// until is the time, and the messages since the first sample until then.
type until struct {
	at       protocol.Time
	messages int
}

// tell adds until when a perturbed member was in the views.
func (u *until) tell(r *run, out *Result) {
	if u.at == 0 {
		return
	}
	at := thousandths(u.at.Sub(r.begun).Seconds())
	out.EjectedAt = &at
	if length := u.at.Sub(r.start); length >= time.Second {
		mean := thousandths(float64(u.messages) / length.Seconds())
		out.UntilEjection = &mean
	}
}

// group is a protocol in a run.
type group interface {
	build(boot sim.Boot) protocol.Machine
	// gather lets the group come into being.
	gather(context.Context) error
	// observe returns how many messages an event delivers.
	observe(now protocol.Time, id protocol.NodeID, e protocol.Event) int
	begin() // sending
	finish(*Result)
}

// Run measures a group.
func Run(ctx context.Context, c Config) (Result, error) {
	cost, err := CostNamed(c.Cost)
	if err != nil {
		return Result{}, err
	}
	r := &run{config: c, payload: make([]byte, c.Size), start: protocol.Never, samples: make([][]int, c.Members+1)}
	r.ticks = make([]int, c.Samples*int(SampleLength/tick))
	r.world = sim.New(sim.Config{Seed: c.Seed, Cost: cost, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(Latency)}}}})
	for i := range c.Members {
		r.members = append(r.members, protocol.NodeID(i+1))
		r.samples[i+1] = make([]int, c.Samples)
	}
	var g group = &bimodalGroup{run: r}
	switch c.Protocol {
	case Traditional:
		g = &traditionalGroup{run: r}
	case Vsync:
		g = newVsyncGroup(r)
	}
	r.world.Observe(func(now protocol.Time, id protocol.NodeID, e protocol.Event) {
		if n := g.observe(now, id, e); n > 0 && now >= r.start {
			if i := int(now.Sub(r.start) / SampleLength); i < c.Samples {
				r.samples[id][i] += n
				if id == first {
					r.ticks[now.Sub(r.start)/tick] += n
				}
			}
		}
	})
	for _, id := range r.members {
		r.world.Add(sim.HostConfig{ID: id, Build: g.build})
	}
	if err := g.gather(ctx); err != nil {
		return Result{}, err
	}
	r.begun = r.world.Now()
	r.start = r.begun.Add(Warmup)
	busy := r.world.HostStats(sender).Busy
	for _, id := range r.disturbed() {
		Disturb(r.world, id, c.Fault, c.Perturb, rand.New(rand.NewPCG(c.Seed, uint64(id))))
	}
	g.begin()
	for i := range c.Samples + 1 {
		r.world.Run(r.start.Add(time.Duration(i) * SampleLength))
		if i == 0 {
			r.before = r.world.Stats()
		}
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
	}
	result := r.result()
	result.SenderBusy = thousandths((r.world.HostStats(sender).Busy - busy).Seconds() / r.world.Now().Sub(r.begun).Seconds())
	g.finish(&result)
	return result, nil
}

// disturbed returns the members that are perturbed.
func (r *run) disturbed() []protocol.NodeID { return r.members[r.config.Members-r.config.Perturbed:] }

// ranked returns the members of a group with views by rank, as far as that is up to the run: of vsync-bimodal the first one.
func (r *run) ranked() []protocol.NodeID {
	if r.config.Ranks == RanksSender {
		return r.members
	}
	return slices.Concat(r.disturbed(), r.members[:r.config.Members-r.config.Perturbed])
}

// result computes the rates.
func (r *run) result() Result {
	c := &r.config
	out := Result{
		Experiment: "throughput", Protocol: c.Protocol, Members: c.Members, Seed: c.Seed, Perturb: c.Perturb, PerturbedMembers: c.Perturbed, Fault: c.Fault, Cost: c.Cost,
	}
	if c.Protocol == Traditional {
		out.Window, out.Buffer, out.PingsMissed = c.Window, c.Buffer, c.Missed
	} else {
		out.Spread, out.Rate = c.Spread.String(), c.Rate
	}
	if c.Protocol != Bimodal {
		out.Order, out.Ranks = c.Order.String(), c.Ranks.String()
	}
	out.Mean, out.Min, out.Stddev = rates(r.samples[first])
	out.MinAny = out.Min
	for _, id := range r.members[1 : c.Members-c.Perturbed] {
		_, least, _ := rates(r.samples[id])
		out.MinAny = min(out.MinAny, least)
	}
	if c.Perturbed > 0 {
		out.PerturbedMean, _, _ = rates(r.samples[r.members[c.Members-c.Perturbed]])
	}
	out.Min10ms, out.Stddev10ms = windows(r.ticks, 1)
	out.Min100ms, out.Stddev100ms = windows(r.ticks, 10)
	out.Min1000ms, out.Stddev1000ms = windows(r.ticks, 100)
	out.Lost = thousandths(float64(r.lost) / (time.Duration(c.Samples) * SampleLength).Seconds())
	if after, messages := r.world.Stats(), out.Mean*(time.Duration(c.Samples)*SampleLength).Seconds(); messages > 0 {
		out.Datagrams, out.Bytes = thousandths(float64(after.Sent-r.before.Sent)/messages), math.Round(float64(after.SentBytes-r.before.SentBytes)/messages)
	}
	return out
}

// rates returns the mean of samples, the least of whole seconds, and the standard deviation, in messages a second.
func rates(samples []int) (mean, least, stddev float64) {
	perSecond := 1 / SampleLength.Seconds()
	least = math.Inf(1)
	sum, squares := 0.0, 0.0
	for i, n := range samples {
		rate := float64(n) * perSecond
		sum, squares = sum+rate, squares+rate*rate
		if i%2 == 1 {
			least = min(least, float64(samples[i-1]+n))
		}
	}
	n := float64(len(samples))
	mean = sum / n
	return thousandths(mean), least, thousandths(math.Sqrt(max(0, squares/n-mean*mean)))
}

// windows returns the least rate over windows of so many ticks that follow each other, and the standard deviation, in messages a second. A rest that does not fill a window is left out.
func windows(ticks []int, length int) (least, stddev float64) {
	perSecond := 1 / (time.Duration(length) * tick).Seconds()
	least = math.Inf(1)
	sum, squares, n := 0.0, 0.0, 0.0
	for window := range slices.Chunk(ticks, length) {
		if len(window) < length {
			break
		}
		messages := 0
		for _, m := range window {
			messages += m
		}
		rate := float64(messages) * perSecond
		least, sum, squares, n = min(least, rate), sum+rate, squares+rate*rate, n+1
	}
	mean := sum / n
	return thousandths(least), thousandths(math.Sqrt(max(0, squares/n-mean*mean)))
}

// thousandths leaves out the digits that mean nothing.
func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }

// Validate reports what of a run makes no sense.
func (c *Config) Validate() error {
	switch {
	case !slices.Contains(Protocols(), c.Protocol):
		return fmt.Errorf("--protocol: %q is none of %s", c.Protocol, strings.Join(Protocols(), ", "))
	case c.Members < 2 || c.Members > MembersMax:
		return fmt.Errorf("--members: %d is not from 2 to %d", c.Members, MembersMax)
	case c.Protocol == Vsync && c.Members > vsync.MembersMax:
		return fmt.Errorf("--members: %d is not from 2 to %d, as vsync-bimodal has them", c.Members, vsync.MembersMax)
	case c.Perturbed < 0 || c.Perturbed > c.Members-2:
		return fmt.Errorf("--perturbed-members: %d is not from 0 to %d, which leaves a sender and one more of %d members", c.Perturbed, c.Members-2, c.Members)
	case !(c.Perturb >= 0 && c.Perturb < 1):
		return fmt.Errorf("--perturb: %v is not from 0 to below 1", c.Perturb)
	case c.Size < 1 || c.Size > SizeMax:
		return fmt.Errorf("--size: %d is not from 1 to %d", c.Size, SizeMax)
	case c.Rate < 0 || c.Rate > RateMax:
		return fmt.Errorf("--rate: %d is not from 0 to %d", c.Rate, RateMax)
	case c.Spread != bimodal.SpreadAuto && c.Spread != bimodal.SpreadDirect && c.Spread != bimodal.SpreadTree:
		return fmt.Errorf("--spread: %q is none of auto, direct, tree", c.Spread)
	case c.Window < 0 || c.Window > BytesMax:
		return fmt.Errorf("--window: %d is not from 0 to %d", c.Window, BytesMax)
	case c.Buffer < c.Size || c.Buffer > BytesMax:
		return fmt.Errorf("--buffer: %d is not from %d, one message, to %d", c.Buffer, c.Size, BytesMax)
	case c.Missed < 0 || c.Missed > MissedMax:
		return fmt.Errorf("--pings-missed: %d is not from 0 to %d", c.Missed, MissedMax)
	case c.Samples < 2 || c.Samples > SamplesMax:
		return fmt.Errorf("--samples: %d is not from 2 to %d", c.Samples, SamplesMax)
	}
	if _, err := CostNamed(c.Cost); err != nil {
		return fmt.Errorf("--cost: %w", err)
	}
	return nil
}
