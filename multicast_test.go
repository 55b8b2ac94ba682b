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

func publishToGroup(t *testing.T, off bool) {
	zone := fmt.Sprintf("/multicast-%08x", rand.Uint32()) // tests that run at the same time keep to groups of their own
	var publisher *Node
	for i := range 4 {
		c := Config{Name: fmt.Sprintf("%s/m%d", zone, i), Listen: "127.0.0.1:0", NoMulticast: off}
		if publisher != nil {
			c.Join = []string{publisher.Addr()}
		}
		n, err := Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Close() })
		if publisher == nil {
			publisher = n
			continue
		}
		if _, err := n.Subscribe(t.Context(), "topic"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
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
	const messages = 3000
	ratings := []float64{1, 1, 0.2, 0.2, 0.5}
	zone := fmt.Sprintf("/bands-%08x", rand.Uint32())
	publisher, err := Start(t.Context(), Config{Name: zone + "/publisher", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	var nodes []*Node
	for i, rating := range ratings {
		n, err := Start(t.Context(), Config{Name: fmt.Sprintf("%s/m%d", zone, i), Listen: "127.0.0.1:0", Join: []string{publisher.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Close() })
		if _, err := n.Subscribe(t.Context(), "topic", Rating(rating)); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	if err := publisher.ConfigureTopic(t.Context(), "topic", Spread(SpreadMulticast)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stats := func(n *Node) (s bimodal.Stats) {
		if err := n.call(ctx, func(protocol.Time, *protocol.Output) { s = n.stack.Bimodal.Stats() }); err != nil {
			t.Fatal(err)
		}
		return s
	}
	publish := func() {
		if err := publisher.Publish(ctx, "topic", make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if err := publisher.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for hearing := 0; hearing < 3*5+3+2; hearing = stats(publisher).MulticastTargets { // all want the three lowest bands, three the next one, two the last
		publish()
	}
	settle := func() { // nothing more comes
		for last := uint64(0); ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
			delivered := uint64(0)
			for _, n := range nodes {
				delivered += stats(n).MessagesDelivered
			}
			if delivered == last {
				return
			}
			last = delivered
		}
	}
	settle()
	before := make([]bimodal.Stats, len(nodes))
	for i, n := range nodes {
		before[i] = stats(n)
	}
	first := stats(publisher)
	for range messages {
		publish()
	}
	settle()
	sent := stats(publisher)
	packets := float64(sent.PacketsSent - first.PacketsSent)
	var all [2]float64 // what the first member, at rating 1, received and was delivered: what was on its way before is in it as in that of others
	for i, n := range nodes {
		s := stats(n)
		received, delivered := float64(s.PacketsReceived-before[i].PacketsReceived), float64(s.MessagesDelivered-before[i].MessagesDelivered)
		if i == 0 {
			all = [2]float64{received, delivered}
		}
		received, delivered = received/all[0], delivered/all[1]
		t.Logf("at rating %v: received %.3f of the packets, delivered %.3f of the messages; %d groups", ratings[i], received, delivered, s.GroupsJoined)
		share := map[float64]float64{1: 1, 0.5: 0.5, 0.2: 0.25}[ratings[i]]
		if s.CarriesBegun > 0 {
			t.Errorf("at rating %v: carries a topic for its zone, and there is no other", ratings[i])
		}
		// On a busy machine groups are doubted for a while, and repairs come twice. Without bands everybody would receive everything.
		if received < min(share, ratings[i])*0.8 || received > share*1.5 || math.Abs(delivered-ratings[i]) > 0.05 {
			t.Errorf("at rating %v: received %.3f of the packets, want %v, delivered %.3f", ratings[i], received, share, delivered)
		}
	}
	if all[1] < messages {
		t.Errorf("%v of %d messages were delivered at rating 1", all[1], messages)
	}
	if banded := float64(sent.PacketsBanded - first.PacketsBanded); banded < 0.5*packets {
		t.Errorf("%v of %v packets went to the groups of bands", banded, packets)
	}
}
