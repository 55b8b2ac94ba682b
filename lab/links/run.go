package links

import (
	"context"
	"fmt"
	"math"
	"time"

	"spinglass/lab/compare"
	"spinglass/protocol"
)

// What is published, and the delays of links.
const (
	rate   = 100 // packets a second
	size   = 210 // bytes
	port   = 500 * time.Microsecond
	line   = 10 * time.Millisecond
	warmup = 2 * time.Second
	rest   = 10 * time.Second // for repair, after the last packet
)

// Config describes a run.
type Config struct {
	Protocol  *compare.Protocol
	Members   int
	Sites     int
	Loss      float64 // on every link
	View      compare.View
	Multicast bool // the network has it
	Scoped    bool
	Seconds   int // for which is published; the first is not counted
	Seed      uint64
}

// Result is what a run found. Copies are of a published packet, in the mean; rates are a second.
type Result struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"`
	Sites      int     `json:"sites"`
	Loss       float64 `json:"loss"`
	View       string  `json:"view"` // of the shipping protocol
	Multicast  bool    `json:"multicast"`
	Scoped     bool    `json:"scoped"` // of SRM
	Seed       uint64  `json:"seed"`
	// Of lines, the mean and the busiest.
	LineCopies     float64 `json:"line_copies"`
	LineCopiesMost float64 `json:"line_copies_max"`
	LineRepairs    float64 `json:"line_repairs"` // of the copies
	LinePackets    float64 `json:"line_packets_per_s"`
	LineMost       float64 `json:"line_packets_per_s_max"`
	LineBytes      float64 `json:"line_bytes_per_s"`
	LineBytesMost  float64 `json:"line_bytes_per_s_max"`
	// Of ports, likewise.
	PortCopies     float64 `json:"port_copies"`
	PortCopiesMost float64 `json:"port_copies_max"`
	PortPackets    float64 `json:"port_packets_per_s"`
	PortMost       float64 `json:"port_packets_per_s_max"`
	Missing        uint64  `json:"missing"` // packets that members never got
}

// Run measures a group. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) (Result, error) {
	layout := compare.NewSites(c.Members, c.Sites, port, line, c.Loss)
	delivered, config := uint64(0), compare.Config{
		Protocol: c.Protocol, Members: c.Members, Layout: layout, Rate: rate, Size: size, Seed: c.Seed, Unicast: !c.Multicast, View: c.View,
	}
	if c.Scoped {
		config.Scope = 1
	}
	g, err := compare.New(config, func(compare.Delivery) { delivered++ })
	if err != nil {
		return Result{}, err
	}
	count := newCounter(&c, layout)
	g.World.Trace(count.step)
	from := protocol.Time(warmup)
	end := from.Add(time.Duration(c.Seconds) * time.Second)
	g.Publish(from, end)
	before := uint64(0) // packets published
	for second := 1; second <= c.Seconds; second++ {
		if err := g.Run(ctx, from.Add(time.Duration(second)*time.Second)); err != nil {
			return Result{}, err
		}
		if second == 1 {
			count.reset() // the stream is under way
			before = g.Published()
		}
		tell(fmt.Sprintf("%d of %d s", second, c.Seconds))
	}
	r := Result{
		Experiment: "links", Protocol: c.Protocol.Name, Members: c.Members, Sites: c.Sites, Loss: c.Loss, Multicast: c.Multicast, Seed: c.Seed,
		Scoped: c.Scoped && c.Protocol.Scopes,
	}
	if c.Protocol.Name == "bimodal" {
		r.View = views[c.View]
	}
	r.count(count, float64(g.Published()-before), float64(c.Seconds-1))
	if err := g.Run(ctx, end.Add(rest)); err != nil {
		return Result{}, err
	}
	r.Missing = g.Published()*uint64(c.Members-1) - delivered
	return r, nil
}

// count makes rates of what has crossed the links while so many packets were published.
func (r *Result) count(c *counter, published, seconds float64) {
	for i := range c.lines {
		l := &c.lines[i]
		copies, packets, bytes := float64(l.copies)/published, float64(l.packets)/seconds, float64(l.bytes)/seconds
		r.LineCopies, r.LineRepairs = r.LineCopies+copies, r.LineRepairs+float64(l.repairs)/published
		r.LinePackets, r.LineBytes = r.LinePackets+packets, r.LineBytes+bytes
		r.LineCopiesMost, r.LineMost, r.LineBytesMost = max(r.LineCopiesMost, copies), max(r.LineMost, packets), max(r.LineBytesMost, bytes)
	}
	for i := range c.ports {
		copies, packets := float64(c.ports[i].copies)/published, float64(c.ports[i].packets)/seconds
		r.PortCopies, r.PortPackets = r.PortCopies+copies, r.PortPackets+packets
		r.PortCopiesMost, r.PortMost = max(r.PortCopiesMost, copies), max(r.PortMost, packets)
	}
	lines, ports := float64(len(c.lines)), float64(len(c.ports))
	for _, mean := range []struct {
		of *float64
		n  float64
	}{
		{&r.LineCopies, lines}, {&r.LineRepairs, lines}, {&r.LinePackets, lines}, {&r.LineBytes, lines}, {&r.PortCopies, ports}, {&r.PortPackets, ports},
		{&r.LineCopiesMost, 1}, {&r.LineMost, 1}, {&r.LineBytesMost, 1}, {&r.PortCopiesMost, 1}, {&r.PortMost, 1},
	} {
		*mean.of = thousandths(*mean.of / mean.n)
	}
}

// thousandths leaves out the digits that mean nothing.
func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }
