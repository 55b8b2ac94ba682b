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
