package bimodal

import (
	"testing"
	"time"

	"spinglass/protocol"
)

// The author of a busy stream gets four digests a round besides those of gossip, and of a slow one no more than one for four packets: what it is told of lag follows what it publishes. Single messages every half second bring it none.
func TestAuthorsOfSlowStreamsGetFewDigests(t *testing.T) {
	for _, c := range []struct {
		every       time.Duration // between packets
		least, most float64       // digests a round besides those of gossip
	}{{500 * time.Millisecond, -0.25, 0.25}, {50 * time.Millisecond, 0.25, 0.8}, {20 * time.Millisecond, 0.9, 1.6}, {4 * time.Millisecond, 3.3, 4.5}} {
		const members, rounds = 30, 200
		w := newWorld(t, 3, members, nil, "t")
		author, heard, counting := w.nodes[0], make([]float64, members+1), false
		w.lose = func(_, to protocol.NodeID, m protocol.Message) bool {
			if _, ok := m.(*Digest); ok && counting {
				heard[to]++
			}
			return false
		}
		end := w.now.Add(rounds*author.config.Round + 3*time.Second)
		for n := 0; w.now < end; n++ {
			counting = w.now > end.Add(-rounds*author.config.Round)
			w.publish(author, "t", payload(author.id, n, 20))
			w.run(w.now.Add(c.every))
		}
		others := 0.0
		for _, nd := range w.nodes[1:] {
			others += heard[nd.id] / (members - 1)
		}
		if besides := (heard[author.id] - others) / rounds; besides < c.least || besides > c.most {
			t.Errorf("a packet every %v: the author gets %.2f digests a round more than the %.2f of others", c.every, besides, others/rounds)
		}
	}
}
