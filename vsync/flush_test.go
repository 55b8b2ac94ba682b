package vsync

import (
	"math/rand/v2"
	"testing"

	"spinglass/protocol"
)

// A flush is settled at the end of a round in which all members keep to one term up to what ordered the casts. Who has all that was delivered, and sealed its term before that came, does not keep to it: the next term may follow on less.
func TestFlushWaitsForOneTerm(t *testing.T) {
	const ordered = 5 // number of the message of rank 0 by which all was delivered
	type keeps struct{ term, upto uint64 }
	for name, c := range map[string]struct {
		others  [2]keeps
		settled bool
	}{
		"all keep to it":            {[2]keeps{{1, ordered}, {1, ordered + 3}}, true},
		"one has sealed it before":  {[2]keeps{{1, ordered}, {1, ordered - 1}}, false},
		"one keeps to a later term": {[2]keeps{{1, ordered}, {2, ordered}}, false},
		"two keep to a later term":  {[2]keeps{{2, ordered}, {2, ordered}}, false},
	} {
		g := &group{m: &Machine{config: Config{Rand: rand.New(rand.NewPCG(1, 1))}}, options: Options{Order: OrderTotal}, view: &View{}, streams: make([]stream, 3)}
		for i := range g.streams {
			g.view.Members = append(g.view.Members, Member{ID: protocol.NodeID(i + 1), Weight: 1})
		}
		g.total = newTotal(len(g.streams))
		g.total.path[0].touched = ordered
		g.streams[0].have, g.streams[0].delivered = ordered, ordered
		g.flushes = []flushWait{{upto: []uint64{ordered, 0, 0}, term: 1, touched: ordered}}
		g.beginRound(1)
		for i, k := range c.others {
			var who ranks
			who.add(i + 1)
			g.merge(&Stability{Represented: who, Least: ordered, Min: []uint64{ordered, 0, 0}, Max: []uint64{ordered, 0, 0}, Term: k.term, Kept: k.upto})
		}
		g.closeRounds()
		if g.streams[0].stable != ordered {
			t.Errorf("%s: stable up to %d", name, g.streams[0].stable)
		}
		if g.flushes[0].settled != c.settled {
			t.Errorf("%s: settled %v", name, g.flushes[0].settled)
		}
	}
}

// One round is the end of all calls of Flush of which all was delivered before it, not of the first alone.
func TestOneRoundEndsManyFlushes(t *testing.T) {
	g, out := second(t, OrderTotal)
	const many = 20
	for i := range uint64(many) {
		if err := g.m.Cast(0, "a", nil, out); err != nil {
			t.Fatal(err)
		}
		if n, err := g.m.Flush(0, "a", out); err != nil || n != i+1 {
			t.Fatal(n, err)
		}
	}
	o := order{term: 1, runs: []place{{g.rank, many}}}
	g.take(0, 0, 1, o.append(nil), out)
	for range 2 { // what comes in a round counts in the next one
		for _, rank := range []int{0, 2} {
			var who ranks
			who.add(rank)
			g.merge(&Stability{Represented: who, Least: many + 1, Min: []uint64{1, many, 0}, Max: []uint64{1, many, 0}, Term: 1, Kept: 1})
		}
		g.closeRounds()
	}
	out.Reset()
	g.answerFlushes(out)
	if len(out.Effects) != many || len(g.flushes) != 0 {
		t.Errorf("a round was the end of %d flushes, of %d", len(out.Effects), many)
	}
}
