package spinglass

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// TestMulticastIsChosenByItself publishes to members on loopback, which hear groups on Linux: without being told, the node finds out and uses
// multicast, unless that is turned off.
func TestMulticastIsChosenByItself(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: multicast is for Linux so far")
	}
	for _, off := range []bool{false, true} {
		t.Run(fmt.Sprintf("off=%t", off), func(t *testing.T) { publishToGroup(t, off) })
	}
}

// member starts a node on loopback that ends with the test.
func member(t *testing.T, c Config) *Node {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	n, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func publishToGroup(t *testing.T, off bool) {
	zone := fmt.Sprintf("/multicast-%08x", rand.Uint32()) // tests that run at the same time keep to groups of their own
	var publisher *Node
	for i := range 4 {
		c := Config{Name: fmt.Sprintf("%s/m%d", zone, i), NoMulticast: off}
		if publisher != nil {
			c.Join = []string{publisher.Addr()}
		}
		n := member(t, c)
		if publisher == nil {
			publisher = n
			continue
		}
		if _, err := n.Subscribe(t.Context(), "topic"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	stats := func() (s bimodal.Stats, targets int) {
		err := publisher.call(ctx, func(protocol.Time, *protocol.Output) {
			s, targets = publisher.stack.Bimodal.Stats(), publisher.stack.Bimodal.Targets("topic")
		})
		if err != nil {
			t.Fatal(err)
		}
		return s, targets
	}
	// The rate of the topic lets 2 MiB a second through: without multicast a second is enough for it to be found out.
	const enough = 2500
	for sent := 0; ; sent++ {
		if err := publisher.Publish(ctx, "topic", make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		s, targets := stats()
		if !off && s.MulticastTargets == 3 && s.PacketsMulticast > 20 || off && targets == 3 && sent > enough {
			break
		}
	}
	if s, _ := stats(); off && (s.PacketsMulticast > 0 || s.ProbesSent > 0) {
		t.Errorf("%d packets and %d probes went to groups though multicast is turned off", s.PacketsMulticast, s.ProbesSent)
	}
}

// Members with ratings hear the bands that they want something of, and the kernel keeps the rest from them: one at rating 0.2 receives the quarter of the packets that is in its bands, and is delivered a fifth.
func TestRatingBandsOnRealNodes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: multicast is for Linux so far")
	}
	const messages, ahead = 3000, 50
	ratings := []float64{1, 1, 0.2, 0.2, 0.5} // the first two tell when all has arrived
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	zone := fmt.Sprintf("/bands-%08x", rand.Uint32())
	publisher := member(t, Config{Name: zone + "/publisher"})
	nodes, subscriptions := make([]*Node, len(ratings)), make([]*Subscription, len(ratings))
	for i, rating := range ratings {
		nodes[i] = member(t, Config{Name: fmt.Sprintf("%s/m%d", zone, i), Join: []string{publisher.Addr()}})
		var err error
		if subscriptions[i], err = nodes[i].Subscribe(ctx, "topic", Rating(rating)); err != nil {
			t.Fatal(err)
		}
	}
	if err := publisher.ConfigureTopic(ctx, "topic", Spread(SpreadMulticast)); err != nil {
		t.Fatal(err)
	}
	stats := func(n *Node) (s bimodal.Stats) {
		if err := n.call(ctx, func(protocol.Time, *protocol.Output) { s = n.stack.Bimodal.Stats() }); err != nil {
			t.Fatal(err)
		}
		return s
	}
	payload := make([]byte, 9000) // two do not fit into a packet
	publish := func(kind byte) {
		payload[0] = kind
		if err := publisher.Publish(ctx, "topic", payload); err != nil {
			t.Fatal(err)
		}
	}
	const warming, counted, end = 0, 1, 2
	for hearing := 0; hearing < 3*5+3+2; hearing = stats(publisher).MulticastTargets { // all want the three lowest bands, three the next one, two the last
		publish(warming)
	}
	before := make([]bimodal.Stats, len(nodes))
	for i, n := range nodes {
		before[i] = stats(n)
	}
	first, banded := stats(publisher).PacketsBanded, uint64(0)
	sent := 0
	for ; sent < messages || banded < messages/2; sent++ { // on a busy machine groups are doubted for a while
		publish(counted)
		if sent%ahead == 0 { // so that no more is under way than sockets hold
			for i, n := range nodes {
				s := stats(n)
				for ; ratings[i] == 1 && s.MessagesDelivered-before[i].MessagesDelivered < uint64(sent); s = stats(n) {
					time.Sleep(time.Millisecond)
				}
			}
			banded = stats(publisher).PacketsBanded - first
		}
	}
	for range 100 { // at a rating of 0.2 none of them is wanted in one run of 10^9
		publish(end)
	}
	for i, s := range subscriptions {
		delivered := 0
		for m, err := range s.Messages(ctx) {
			if err != nil {
				t.Fatalf("at rating %v, after %d messages of %d: %v", ratings[i], delivered, sent, err)
			}
			if m.Payload[0] == end {
				break
			} else if m.Payload[0] == counted {
				delivered++
			}
		}
		now := stats(nodes[i])
		received := now.PacketsReceived - before[i].PacketsReceived - (now.PacketsDuplicate - before[i].PacketsDuplicate) // repairs may come twice
		checkBands(t, ratings[i], float64(received)/float64(sent), float64(delivered)/float64(sent))
		if now.CarriesBegun > 0 {
			t.Errorf("at rating %v: carries a topic for its zone, and there is no other", ratings[i])
		}
	}
}

// checkBands checks which parts of the packets and of the messages came to a member of a rating.
func checkBands(t *testing.T, rating, received, delivered float64) {
	t.Helper()
	share := map[float64]float64{1: 1, 0.5: 0.5, 0.2: 0.25}[rating]
	t.Logf("at rating %v: received %.3f of the packets, delivered %.3f of the messages", rating, received, delivered)
	// Six standard deviations of 3000 draws. Without bands everybody would receive everything.
	if tolerance := 6 * math.Sqrt(rating*(1-rating)/3000); received < rating-tolerance || received > share*1.5 || math.Abs(delivered-rating) > tolerance {
		t.Errorf("at rating %v: received %.3f of the packets, want %v, delivered %.3f", rating, received, share, delivered)
	}
}
