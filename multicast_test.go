package spinglass

import (
	"context"
	"fmt"
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
