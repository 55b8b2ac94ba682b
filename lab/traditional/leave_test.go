package traditional_test

import (
	"testing"
	"time"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
)

// A member leaves, be it the coordinator or not, in a group whose members send, and joins again: the others go on at once, and agree on what was delivered.
func TestLeaveAndJoinAgain(t *testing.T) {
	for _, loss := range []float64{0, 0.1} {
		for _, leaver := range []protocol.NodeID{1, 3, 5} {
			g := newGroup(t, sim.Config{Seed: 4, Network: lan(loss)}, 5, nil)
			left, at := 0, protocol.Time(0)
			g.world.Observe(func(now protocol.Time, id protocol.NodeID, e protocol.Event) {
				if _, ok := e.(traditional.Left); ok {
					left, at = left+1, now
					g.got[id].views, g.got[id].orders = append(g.got[id].views, traditional.View{Members: []protocol.NodeID{id}}), append(g.got[id].orders, nil) // in none
				}
			})
			g.send(2)
			g.run(2 * time.Second)
			asked := g.world.Now()
			command := func(do func(protocol.Time, *traditional.Machine, *protocol.Output)) {
				g.world.Command(leaver, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
					do(now, m.(*traditional.Machine), out)
				})
			}
			command(func(now protocol.Time, m *traditional.Machine, out *protocol.Output) { m.Leave(now, out) })
			g.run(5 * time.Second)
			if left != 1 || at.Sub(asked) > 2*time.Second || g.stats(leaver).Ejections > 0 {
				t.Errorf("loss %v, leaver %v: left %d times, at %v, asked at %v", loss, leaver, left, at, asked)
			}
			for _, id := range g.members {
				if r := g.got[id]; id != leaver && len(r.views[len(r.views)-1].Members) != 4 {
					t.Errorf("loss %v, leaver %v: %v is in view %v", loss, leaver, id, r.views[len(r.views)-1])
				}
			}
			command(func(now protocol.Time, m *traditional.Machine, out *protocol.Output) { m.Join(now) })
			g.run(5 * time.Second)
			for _, id := range g.members {
				if r := g.got[id]; len(r.views[len(r.views)-1].Members) != 5 {
					t.Errorf("loss %v, leaver %v: %v is in view %v", loss, leaver, id, r.views[len(r.views)-1])
				}
			}
			g.agree(t, false)
		}
	}
}
