package overhead

import (
	"context"
	"fmt"
	"math"
	"time"

	"spinglass/lab/compare"
	"spinglass/protocol"
)

const (
	delay  = 5 * time.Millisecond // of a link
	warmup = 2 * time.Second
	rest   = 10 * time.Second // for repair, after the last packet
)

// Config describes a run.
type Config struct {
	Protocol *compare.Protocol
	Members  int
	Loss     float64 // on every link
	Rate     int     // packets a second
	Size     int     // bytes of each
	Seconds  int     // for which is published
	Seed     uint64
}

// Result is what a run found. Loads are a second.
type Result struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"`
	Loss       float64 `json:"loss"`
	Seed       uint64  `json:"seed"`
	// Of members other than the sender, in the mean.
	Bytes    float64 `json:"bytes_per_s_per_member"`
	Packets  float64 `json:"packets_per_s_per_member"`
	Overhead float64 `json:"overhead"` // bytes beyond the payload, as a multiple of it
	// Of the busiest one of these.
	BusiestBytes   float64 `json:"busiest_bytes_per_s"`
	BusiestPackets float64 `json:"busiest_packets_per_s"`
	// Of the sender.
	SenderBytes    float64 `json:"sender_bytes_per_s"`
	SenderPackets  float64 `json:"sender_packets_per_s"`
	SenderFeedback float64 `json:"sender_feedback_per_s"` // packets that it receives
	SenderRepairs  float64 `json:"sender_repairs_per_s"`  // packets, or parity that was asked for, that it sends
	Missing        uint64  `json:"missing"`               // packets that members never got
}

// Run measures a group. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) (Result, error) {
	delivered := uint64(0)
	g, err := compare.New(compare.Config{
		Protocol: c.Protocol, Members: c.Members, Layout: compare.NewTree(c.Members, delay, c.Loss), Rate: c.Rate, Size: c.Size, Seed: c.Seed,
	}, func(compare.Delivery) { delivered++ })
	if err != nil {
		return Result{}, err
	}
	from := protocol.Time(warmup)
	end := from.Add(time.Duration(c.Seconds) * time.Second)
	g.Publish(from, end)
	for second := 1; second <= c.Seconds; second++ {
		if err := g.Run(ctx, from.Add(time.Duration(second)*time.Second)); err != nil {
			return Result{}, err
		}
		if second == 1 {
			g.ResetLoads() // the stream is under way
		}
		tell(fmt.Sprintf("%d of %d s", second, c.Seconds))
	}
	r := Result{Experiment: "overhead", Protocol: c.Protocol.Name, Members: c.Members, Loss: c.Loss, Seed: c.Seed}
	r.count(&c, g.Loads)
	if err := g.Run(ctx, end.Add(rest)); err != nil {
		return Result{}, err
	}
	r.Missing = g.Published()*uint64(c.Members-1) - delivered
	return r, nil
}

// count makes rates of the loads.
func (r *Result) count(c *Config, loads []compare.Load) {
	seconds := float64(c.Seconds - 1)
	for i := range loads {
		bytes, packets := float64(loads[i].Bytes())/seconds, float64(loads[i].Packets())/seconds
		if i == 0 {
			r.SenderBytes, r.SenderPackets = thousandths(bytes), thousandths(packets)
			continue
		}
		r.Bytes += bytes
		r.Packets += packets
		r.BusiestBytes, r.BusiestPackets = max(r.BusiestBytes, thousandths(bytes)), max(r.BusiestPackets, thousandths(packets))
	}
	r.Bytes, r.Packets = thousandths(r.Bytes/float64(c.Members-1)), thousandths(r.Packets/float64(c.Members-1))
	r.Overhead = thousandths(r.Bytes/float64(c.Rate*c.Size) - 1)
	for class := range loads[0].Received {
		r.SenderFeedback += float64(loads[0].Received[class].Packets) / seconds
	}
	r.SenderFeedback = thousandths(r.SenderFeedback)
	r.SenderRepairs = thousandths(float64(loads[0].Sent[compare.Repair].Packets) / seconds)
}

// thousandths leaves out the digits that mean nothing.
func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }
