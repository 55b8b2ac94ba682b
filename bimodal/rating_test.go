package bimodal

import (
	"math"
	"testing"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

// ratingOf returns a rating that is one.
func ratingOf(fraction float64) gravity.Rating {
	r, err := gravity.NewRating(fraction)
	if err != nil {
		panic(err)
	}
	return r
}

// rate has members rate a topic, one after the other, and tells all members of it.
func (w *world) rate(topic string, fractions ...float64) {
	w.t.Helper()
	for i, nd := range w.nodes {
		r := ratingOf(fractions[i%len(fractions)])
		if err := nd.SetRating(w.now, topic, r, &nd.out); err != nil {
			w.t.Fatal(err)
		}
		nd.rated = r != gravity.All
		w.flush(nd)
	}
	w.retell()
}

// retell tells every node what every other now says of itself.
func (w *world) retell() {
	for _, a := range w.nodes {
		peer := &protocol.Peer{ID: a.id, Epoch: a.config.Epoch, RoundTrip: 2 * w.delay, Attributes: a.interest()}
		if w.signed {
			peer.Credential = credentialOf(a.id)
		}
		for _, b := range w.nodes {
			if a != b {
				b.Notify(w.now, protocol.PeerChanged{Peer: peer}, &b.out)
				w.flush(b)
			}
		}
	}
}

// publishEach publishes messages, a packet each, several a round.
func (w *world) publishEach(nd *node, topic string, messages, perRound int) {
	for range messages {
		w.publish(nd, topic, payload(nd.id, int(nd.Stats().MessagesPublished), 40))
		w.run(w.now.Add(nd.config.Round / time.Duration(perRound)))
	}
}

// "Delivered fraction = rating", with loss, and with what others do meanwhile: whatever the ways of the packets.
func TestRatingsAreDelivered(t *testing.T) {
	fractions := []float64{1, 0.5, 0.2, 0.8, 0.1}
	for _, members := range []int{20, 45} { // directly, and by trees
		for seed := uint64(1); seed <= 4; seed++ {
			w := newWorld(t, seed, members, nil, "t")
			w.rate("t", fractions...)
			w.loss = 0.05
			for _, nd := range w.nodes {
				nd.quiet = true
			}
			const messages = 3000
			author := w.nodes[0]
			w.publishEach(author, "t", messages, 10)
			w.run(w.now.Add(6 * time.Second))
			id := StreamID{author.id, 1, TopicOf("t")}
			for i, nd := range w.nodes {
				f, a := fractions[i%len(fractions)], nd.got[id]
				if got := float64(a.delivered) / messages; math.Abs(got-f) > 4*math.Sqrt(f*(1-f)/messages) {
					t.Errorf("seed %d: member %d of %d was delivered %v of the messages at rating %v, and told of %d lost", seed, i, members, got, f, a.lost)
				}
				if a.lost > messages/500 {
					t.Errorf("seed %d: member %d of %d at rating %v was told of %d lost", seed, i, members, f, a.lost)
				}
				if st := nd.Stats(); st.PacketsSpared > messages/100 {
					t.Errorf("seed %d: member %d of %d at rating %v got %d packets that it does not want", seed, i, members, f, st.PacketsSpared)
				}
			}
		}
	}
}
