package bimodal

import (
	"testing"
	"time"

	"spinglass/protocol"
)

// lostOfPair returns how many of 60 messages are lost of a topic that two members share, of 24 that all share another one, on a network that loses a quarter; and how many of the other one, of which one is published a
// minute.
func lostOfPair(t *testing.T, seed uint64, background []string) (pair, all uint64) {
	w := newWorld(t, seed, 24, func(_ int, c *Config) { c.Background = background }, "all")
	for _, nd := range w.nodes[:2] {
		if err := nd.Subscribe(w.now, "pair", &nd.out); err != nil {
			t.Fatal(err)
		}
		w.flush(nd)
	}
	w.introduce()
	for i, nd := range w.nodes {
		w.publish(nd, "all", payload(nd.id, 0, 20))
		w.run(protocol.Time(i+1) * protocol.Time(100*time.Millisecond))
	}
	w.loss = 0.25
	author := w.nodes[0]
	w.publish(author, "pair", payload(author.id, 0, 20)) // so that the stream is known
	for number := range 60 {
		w.run(w.now.Add(5 * time.Second))
		w.publish(author, "pair", payload(author.id, number+1, 20))
		if number%12 == 0 {
			w.publish(author, "all", payload(author.id, number/12+1, 20))
		}
	}
	w.loss = 0
	w.run(w.now.Add(5 * time.Second))
	for _, nd := range w.nodes[1:] {
		all += w.settled(nd, author, "all", 6).lost
	}
	return w.settled(w.nodes[1], author, "pair", 61).lost, all
}

// A topic that two members share is repaired by gossip of the two, though all share another one, if that is a background topic; which is repaired as well. The control is what comes of it if it is none.
func TestBackgroundTopicsLeaveGossipToOthers(t *testing.T) {
	var pair, all, control uint64
	for seed := range uint64(4) {
		p, a := lostOfPair(t, seed, []string{"all"})
		pair, all = pair+p, all+a
		p, _ = lostOfPair(t, seed, nil)
		control += p
	}
	t.Logf("of 244 messages %d are lost, of 552 of the background topic %d; without one %d of 244", pair, all, control)
	if pair > 0 || all > 2 || control < 10 {
		t.Errorf("%d and %d, control %d", pair, all, control)
	}
}
