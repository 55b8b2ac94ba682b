package storms

import (
	"context"
	"fmt"
	"math"
	"time"

	"spinglass/lab/compare"
	"spinglass/lab/throughput"
	"spinglass/protocol"
	"spinglass/sim"
)

// What is published, and the delay of a link.
const (
	rate  = 100 // packets a second
	size  = 210 // bytes
	delay = 5 * time.Millisecond

	warmup = 2 * time.Second
	rest   = 10 * time.Second // for repair, after the last packet
)

// Config describes a run.
type Config struct {
	Protocol *compare.Protocol
	Members  int
	Topology string
	Loss     float64 // on every link
	Cost     string  // of hosts, a set of package throughput; CostNone for none
	Losses   int     // to be waited for
	Seconds  int     // for which is published at least
	Seed     uint64
}

// Result is what a run found. Rates are of what members receive, the sender included, over the number of those that may lose something.
type Result struct {
	Experiment        string   `json:"experiment"`
	Protocol          string   `json:"protocol"`
	Members           int      `json:"members"`
	Topology          string   `json:"topology"`
	Loss              float64  `json:"loss"`
	Seed              uint64   `json:"seed"`
	Requests          float64  `json:"requests_per_s"`
	Repairs           float64  `json:"repairs_per_s"`
	RepairsPerRequest *float64 `json:"repairs_per_request"` // of those sent; nil without requests
	RequestsPerLoss   float64  `json:"requests_per_loss"`   // received by all members, over all losses
	RepairsPerLoss    float64  `json:"repairs_per_loss"`
	Polls             float64  `json:"polls_per_s"`   // of gossip: questions what a member has, because the asker lacks something
	Control           float64  `json:"control_per_s"` // all messages besides, such as session messages and digests
	Losses            uint64   `json:"losses"`
	Seconds           float64  `json:"seconds"` // for which was published
	Missing           uint64   `json:"missing"` // packets that members never got
	// Of protocols whose requests are for one packet each, nil for others: packets that were asked for; repairs that were sent for each of them; and for each that was asked for just once.
	Recoveries         *int     `json:"recoveries"`
	RepairsPerRecovery *float64 `json:"repairs_per_recovery"`
	RepairsAskedOnce   *float64 `json:"repairs_asked_once"`
	// What storms do to hosts, which take time with a Cost: the part of the packets that members have within a second, over all of them and in the worst second of publishing; the part of the time
	// for which a member is busy, in the mean; and datagrams that found an inbox full.
	Cost        string  `json:"cost"`
	InTime      float64 `json:"within_second"`
	InTimeWorst float64 `json:"within_second_worst"`
	Busy        float64 `json:"busy"`
	InboxLost   uint64  `json:"inbox_lost"`
}

// seconds returns how long it takes until so many packets are lost, to a full second.
func (c *Config) seconds(l compare.Layout) int {
	lost := 0.0 // a second, over all members
	for i := 1; i < c.Members; i++ {
		lost += rate * (1 - math.Pow(1-c.Loss, float64(l.Distance(0, i)/delay)))
	}
	return max(c.Seconds, int(math.Ceil(float64(c.Losses)/lost)))
}

// Run measures a group. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) (Result, error) {
	layout, err := compare.NewLayout(c.Topology, c.Members, delay, c.Loss)
	if err != nil {
		return Result{}, err
	}
	cost := sim.Cost{}
	if c.Cost != CostNone {
		if cost, err = throughput.CostNamed(c.Cost); err != nil {
			return Result{}, err
		}
	}
	from, seconds := protocol.Time(warmup), c.seconds(layout)
	delivered, inTime := uint64(0), make([]uint64, seconds) // by second of publishing
	g, err := compare.New(compare.Config{Protocol: c.Protocol, Members: c.Members, Layout: layout, Rate: rate, Size: size, Seed: c.Seed, Cost: cost},
		func(d compare.Delivery) {
			delivered++
			if d.Now.Sub(d.Published) <= time.Second {
				inTime[d.Published.Sub(from)/time.Second]++
			}
		})
	if err != nil {
		return Result{}, err
	}
	end := from.Add(time.Duration(seconds) * time.Second)
	g.Publish(from, end)
	if err := g.Run(ctx, from); err != nil {
		return Result{}, err
	}
	g.ResetLoads()
	for second := 1; second <= seconds; second++ {
		if err := g.Run(ctx, from.Add(time.Duration(second)*time.Second)); err != nil {
			return Result{}, err
		}
		tell(fmt.Sprintf("%d of %d s", second, seconds))
	}
	busy := busyTime(g, c.Members)
	r := Result{Cost: c.Cost, Experiment: "storms", Protocol: c.Protocol.Name, Members: c.Members, Topology: c.Topology, Loss: c.Loss, Seed: c.Seed, Seconds: float64(seconds)}
	if err := g.Run(ctx, end.Add(rest)); err != nil {
		return Result{}, err
	}
	r.count(g)
	r.Missing = g.Published()*uint64(c.Members-1) - delivered
	r.InTimeWorst = 1
	for _, n := range inTime {
		part := float64(n) / float64(rate*(c.Members-1))
		r.InTime, r.InTimeWorst = r.InTime+part/float64(seconds), min(r.InTimeWorst, part)
	}
	r.InTime, r.InTimeWorst = hundredThousandths(r.InTime), hundredThousandths(r.InTimeWorst)
	r.Busy, r.InboxLost = hundredThousandths(busy/end.Sub(0).Seconds()), g.World.Stats().InboxFull
	return r, nil
}

// count makes rates of the loads. Those of the time after the last packet, in which repair ends, are part of them.
func (r *Result) count(g *compare.Group) {
	var received compare.Load
	requests, repairs := uint64(0), uint64(0)
	for _, load := range g.Loads {
		requests += load.Sent[compare.Request].Packets
		repairs += load.Sent[compare.Repair].Packets
		for class := range received.Received {
			received.Received[class].Packets += load.Received[class].Packets
		}
	}
	rate := func(class compare.Class, seconds float64) float64 {
		return thousandths(float64(received.Received[class].Packets) / float64(r.Members-1) / seconds)
	}
	r.Requests, r.Repairs, r.Polls = rate(compare.Request, r.Seconds), rate(compare.Repair, r.Seconds), rate(compare.Poll, r.Seconds)
	r.Control = rate(compare.Control, r.Seconds+rest.Seconds())
	r.Losses = g.Published()*uint64(r.Members-1) - g.FirstWay()
	perLoss := func(class compare.Class) float64 {
		return thousandths(float64(received.Received[class].Packets) / max(1, float64(r.Losses)))
	}
	r.RequestsPerLoss, r.RepairsPerLoss = perLoss(compare.Request), perLoss(compare.Repair)
	r.countRecoveries(g.Recoveries())
	if requests > 0 {
		ratio := thousandths(float64(repairs) / float64(requests))
		r.RepairsPerRequest = &ratio
	}
}

// countRecoveries tells what was sent for each packet. What many members lack has many requests and few repairs; a packet that was asked for once shows what one request brings about.
func (r *Result) countRecoveries(recoveries []compare.Recovery) {
	repairs, once, repairsOnce := 0, 0, 0
	for _, packet := range recoveries {
		repairs += packet.Repairs
		if packet.Requests == 1 {
			once++
			repairsOnce += packet.Repairs
		}
	}
	if len(recoveries) == 0 {
		return
	}
	n, ratio := len(recoveries), thousandths(float64(repairs)/float64(len(recoveries)))
	r.Recoveries, r.RepairsPerRecovery = &n, &ratio
	if once > 0 {
		ratio := thousandths(float64(repairsOnce) / float64(once))
		r.RepairsAskedOnce = &ratio
	}
}

// busyTime returns for how many seconds a member was busy so far, in the mean.
func busyTime(g *compare.Group, members int) (seconds float64) {
	for _, id := range g.World.Hosts() {
		seconds += g.World.HostStats(id).Busy.Seconds() / float64(members)
	}
	return seconds
}

func hundredThousandths(v float64) float64 { return math.Round(v*1e5) / 1e5 }

// thousandths leaves out the digits that mean nothing.
func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }
