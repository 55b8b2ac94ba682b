package buffers

import (
	"context"
	"fmt"
	"math"
	"time"

	"spinglass/lab/compare"
	"spinglass/lab/throughput"
	"spinglass/protocol"
)

const (
	delay    = time.Millisecond       // of a link
	warmup   = 10 * time.Second       // with the stream under way, before it is counted
	begin    = 2 * time.Second        // of the stream
	rest     = 10 * time.Second       // for repair, after the last packet
	interval = 100 * time.Millisecond // that a perturbed member may be asleep
	sampling = 50 * time.Millisecond  // between looks at what members hold
)

// Config describes a run.
type Config struct {
	Protocol  *compare.Protocol
	Members   int
	Loss      float64 // on every link
	Perturb   float64 // probability that an interval is spent asleep
	Perturbed int     // members that are perturbed, the last ones
	Rate      int     // packets a second
	Size      int     // bytes of each
	Seconds   int     // for which is counted
	Seed      uint64
}

// Result is what a run found: of the sender, of healthy members and of those that are perturbed, what they hold in the mean and at most.
type Result struct {
	Experiment       string  `json:"experiment"`
	Protocol         string  `json:"protocol"`
	Members          int     `json:"members"`
	Loss             float64 `json:"loss"`
	Perturb          float64 `json:"perturb"`
	PerturbedMembers int     `json:"perturbed_members"`
	Seed             uint64  `json:"seed"`

	SenderBytes       float64 `json:"sender_bytes"`
	SenderBytesMost   int     `json:"sender_bytes_max"`
	SenderPackets     float64 `json:"sender_packets"`
	SenderPacketsMost int     `json:"sender_packets_max"`
	MemberBytes       float64 `json:"member_bytes"`
	MemberBytesMost   int     `json:"member_bytes_max"` // of any of them, at any time
	MemberPackets     float64 `json:"member_packets"`
	MemberPacketsMost int     `json:"member_packets_max"`
	PerturbedBytes    float64 `json:"perturbed_bytes"`
	PerturbedMost     int     `json:"perturbed_bytes_max"`

	Missing          uint64 `json:"missing"` // packets that healthy members never got
	PerturbedMissing uint64 `json:"perturbed_missing"`
}

// tally is what some members hold.
type tally struct {
	samples, packets, bytes int
	packetsMost, bytesMost  int
}

func (t *tally) add(packets, bytes int) {
	t.samples++
	t.packets, t.bytes = t.packets+packets, t.bytes+bytes
	t.packetsMost, t.bytesMost = max(t.packetsMost, packets), max(t.bytesMost, bytes)
}

// mean returns the mean of a sum over the samples, 0 where there are none.
func (t *tally) mean(sum int) float64 {
	return math.Round(float64(sum)/float64(max(t.samples, 1))*10) / 10
}

// run is a group under way.
type run struct {
	config                     Config
	group                      *compare.Group
	sender, healthy, disturbed tally
	delivered                  []uint64 // by member
}

// Run measures a group. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) (Result, error) {
	cost, err := throughput.CostNamed(throughput.CostDefault)
	if err != nil {
		return Result{}, err
	}
	r := &run{config: c, delivered: make([]uint64, c.Members)}
	r.group, err = compare.New(compare.Config{
		Protocol: c.Protocol, Members: c.Members, Layout: compare.NewStar(c.Members, delay, c.Loss), Rate: c.Rate, Size: c.Size, Seed: c.Seed, Cost: cost, Unstopped: true,
	}, func(d compare.Delivery) { r.delivered[d.Member]++ })
	if err != nil {
		return Result{}, err
	}
	for i := c.Members - c.Perturbed; i < c.Members; i++ {
		r.group.World.Sleep(protocol.NodeID(i+1), c.Perturb, interval)
	}
	from := protocol.Time(begin + warmup)
	end := from.Add(time.Duration(c.Seconds) * time.Second)
	r.group.Publish(protocol.Time(begin), end)
	for now := from; now <= end; now = now.Add(sampling) {
		if err := r.group.Run(ctx, now); err != nil {
			return Result{}, err
		}
		r.sample()
		tell(fmt.Sprintf("%.0f of %d s", now.Sub(from).Seconds(), c.Seconds))
	}
	if err := r.group.Run(ctx, end.Add(rest)); err != nil {
		return Result{}, err
	}
	return r.result(), nil
}

// perturbed reports whether a member is.
func (r *run) perturbed(member int) bool { return member >= r.config.Members-r.config.Perturbed }

// sample looks at what members hold.
func (r *run) sample() {
	for i := range r.config.Members {
		t := &r.healthy
		switch {
		case i == 0:
			t = &r.sender
		case r.perturbed(i):
			t = &r.disturbed
		}
		t.add(r.group.Held(i))
	}
}

func (r *run) result() Result {
	c := &r.config
	out := Result{
		Experiment: "buffers", Protocol: c.Protocol.Name, Members: c.Members, Loss: c.Loss, Perturb: c.Perturb, PerturbedMembers: c.Perturbed, Seed: c.Seed,
		SenderBytes: r.sender.mean(r.sender.bytes), SenderBytesMost: r.sender.bytesMost, SenderPackets: r.sender.mean(r.sender.packets), SenderPacketsMost: r.sender.packetsMost,
		MemberBytes: r.healthy.mean(r.healthy.bytes), MemberBytesMost: r.healthy.bytesMost, MemberPackets: r.healthy.mean(r.healthy.packets), MemberPacketsMost: r.healthy.packetsMost,
		PerturbedBytes: r.disturbed.mean(r.disturbed.bytes), PerturbedMost: r.disturbed.bytesMost,
	}
	for i := 1; i < c.Members; i++ {
		missing := r.group.Published() - r.delivered[i]
		if r.perturbed(i) {
			out.PerturbedMissing += missing
		} else {
			out.Missing += missing
		}
	}
	return out
}
