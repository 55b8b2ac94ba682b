package bimodal

import (
	"testing"
	"time"

	"spinglass/protocol"
)

func second(s float64) protocol.Time { return protocol.Time(s * float64(time.Second)) }

func TestDirectSpread(t *testing.T) {
	w := newWorld(t, 1, 4, nil, "orders")
	for i := range 10 {
		w.publish(w.nodes[0], "orders", payload(1, i, 100))
	}
	w.publish(w.nodes[0], "orders", payload(1, 10, 100_000))
	w.publish(w.nodes[0], "orders", payload(1, 11, 20))
	w.run(second(0.01))
	for _, nd := range w.nodes {
		if a := w.settled(nd, w.nodes[0], "orders", 12); a.lost != 0 {
			t.Errorf("node %v lost %d messages", nd.id, a.lost)
		}
	}
	if sent := w.nodes[0].Stats().PacketsSent; sent > 85 {
		t.Errorf("%d packets for 101 kB", sent)
	}
}

func TestGossipRepairs(t *testing.T) {
	w := newWorld(t, 2, 16, nil, "orders")
	w.loss = 0.2
	for i := range 200 {
		w.publish(w.nodes[0], "orders", payload(1, i, 700))
		w.run(w.now.Add(5 * time.Millisecond))
	}
	w.run(second(8))
	for _, nd := range w.nodes {
		if a := w.settled(nd, w.nodes[0], "orders", 200); a.lost != 0 {
			t.Errorf("node %v lost %d messages: %+v", nd.id, a.lost, nd.Stats())
		}
	}
}
