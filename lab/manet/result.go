package manet

import (
	"cmp"
	"math"
	"slices"
	"time"

	"spinglass/protocol"
)

// Result is what a run found. What is delivered is a part of the packets, over the members but the source. Jitter and delay are means over the members.
type Result struct {
	Experiment    string   `json:"experiment"`
	Protocol      string   `json:"protocol"`
	Nodes         int      `json:"nodes"`
	Members       int      `json:"members"`
	Seed          uint64   `json:"seed"`
	Range         float64  `json:"range_m"`
	SpeedMax      float64  `json:"speed_max"` // m/s
	Packets       int      `json:"packets"`
	DeliveredMean float64  `json:"delivered_mean"`
	DeliveredMin  float64  `json:"delivered_min"`
	DeliveredMax  float64  `json:"delivered_max"`
	DeliveredDev  float64  `json:"delivered_stddev"` // over members
	Reachable     float64  `json:"reachable"`
	History       *int     `json:"history"`       // nil where nothing is repaired
	Goodput       *float64 `json:"goodput"`       // nil where nothing is repaired
	Repairs       float64  `json:"repairs"`       // received, of the packets of a member
	DelayMean     float64  `json:"delay_mean_ms"` // of what was delivered
	DelayMedian   float64  `json:"delay_median_ms"`
	DelayP99      float64  `json:"delay_p99_ms"`
	Variation95   *float64 `json:"delay_variation_p95_ms"` // of all that was sent, see package documentation; nil: more is missing
	Variation99   *float64 `json:"delay_variation_p99_ms"`
	Interarrival  float64  `json:"interarrival_jitter_ms"` // of what was delivered: RFC 3550
	Jitter        float64  `json:"jitter_ms"`              // standard deviation of the time between arrivals
	Rate1         float64  `json:"rate_stddev_1s_per_s"`   // standard deviation of the rate in windows of a second
	Rate10        float64  `json:"rate_stddev_10s_per_s"`  // and of ten
	// What nodes send, for each packet of the source: messages by class, and what the radio makes of all of them, repetitions included.
	Data    float64 `json:"data_messages_per_packet"`
	Control float64 `json:"control_messages_per_packet"`
	Gossip  float64 `json:"gossip_messages_per_packet"`
	Answers float64 `json:"repair_messages_per_packet"`
	Frames  float64 `json:"frames_per_packet"`
	Bytes   float64 `json:"bytes_per_packet"`
	Air     float64 `json:"air_time"` // part of the time in which somebody transmits, sums of nodes
	// For each packet that a member gets.
	FramesDelivery float64 `json:"frames_per_delivery"`
	QueueFull      uint64  `json:"queue_full"`   // frames lost before the radio
	Broken         uint64  `json:"links_broken"` // unicasts that were given up
	Twice          int     `json:"delivered_twice"`
}

func (r *run) result() Result {
	c := &r.config
	v := Result{
		Experiment: "manet", Protocol: c.Protocol.Name, Nodes: c.Nodes, Members: c.Members(), Seed: c.Seed, Range: c.Range, SpeedMax: c.SpeedMax, Packets: r.published,
		Reachable: round(float64(r.reachable)/float64(r.published*(c.Members()-1)), 5),
	}
	v.deliveries(r)
	v.load(r)
	v.gossip(r)
	return v
}

// deliveries fills in what members got, and when.
func (v *Result) deliveries(r *run) {
	begin := protocol.Time(warmup)
	end := begin.Add(time.Duration(r.config.Seconds) * time.Second)
	var parts, delays, interarrivals, jitters, rates1, rates10 []float64
	for _, m := range r.members[1:] {
		parts = append(parts, float64(m.received)/float64(r.published))
		jitters, interarrivals = append(jitters, 1000*m.gaps(begin, end)), append(interarrivals, 1000*m.interarrival())
		rates1, rates10 = append(rates1, m.rates(begin, end, time.Second)), append(rates10, m.rates(begin, end, 10*time.Second))
		v.Twice += m.twice
		for _, d := range m.delays {
			delays = append(delays, d.Seconds()*1000)
		}
	}
	slices.Sort(delays)
	v.DeliveredMean, v.DeliveredMin, v.DeliveredMax, v.DeliveredDev = round(mean(parts), 5), round(slices.Min(parts), 5), round(slices.Max(parts), 5), round(deviation(parts), 5)
	v.DelayMean, v.DelayMedian, v.DelayP99 = round(mean(delays), 2), round(quantile(delays, 0.5), 2), round(quantile(delays, 0.99), 2)
	sent := r.published * (len(r.members) - 1)
	v.Variation95, v.Variation99 = variation(delays, sent, 0.95), variation(delays, sent, 0.99)
	v.Interarrival = round(mean(interarrivals), 1)
	v.Jitter, v.Rate1, v.Rate10 = round(mean(jitters), 1), round(mean(rates1), 3), round(mean(rates10), 3)
}

// load fills in what nodes sent from the first packet to the last one.
func (v *Result) load(r *run) {
	packets := float64(r.published)
	per := func(c class) float64 { return round(float64(r.counts[c])/packets, 3) }
	v.Data, v.Control, v.Gossip, v.Answers = per(classData), per(classControl), per(classGossip), per(classRepair)
	radio, before := r.after, r.before
	frames := float64(radio.Frames - before.Frames)
	v.Frames, v.Bytes = round(frames/packets, 3), round(float64(radio.Bytes-before.Bytes)/packets, 1)
	v.Air = round((radio.AirTime-before.AirTime).Seconds()/(packets*Interval.Seconds()), 4)
	received := 0
	for _, m := range r.members[1:] {
		received += m.received
	}
	if received > 0 {
		v.FramesDelivery = round(frames/float64(received), 3)
	}
	v.QueueFull, v.Broken = radio.QueueFull-before.QueueFull, radio.Broken-before.Broken
}

// gossip fills in what repair by gossip was good for.
func (v *Result) gossip(r *run) {
	if r.config.Protocol.repairs == nil {
		return
	}
	history := cmp.Or(r.config.History, r.config.Protocol.gossip().History)
	v.History = &history
	var received, useful uint64
	for i := range r.config.Members() {
		n, u := r.config.Protocol.repairs(r.world.Machine(idOf(i)).(Node))
		received, useful = received+n, useful+u
	}
	v.Repairs = round(float64(received)/float64(r.published*(r.config.Members()-1)), 5)
	if received > 0 {
		goodput := round(float64(useful)/float64(received), 4)
		v.Goodput = &goodput
	}
}

// quantile returns a quantile of sorted values, 0 of none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))]
}

// variation returns the quantile of the delays of so many packets less the least one, nil where it is that of a packet that never arrived: these have the greatest delays. Those that did are sorted.
func variation(sorted []float64, sent int, q float64) *float64 {
	i := int(math.Ceil(q*float64(sent))) - 1
	if i >= len(sorted) {
		return nil
	}
	v := round(sorted[i]-sorted[0], 1)
	return &v
}

// round leaves out the digits that mean nothing.
func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
