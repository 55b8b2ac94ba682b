package traditional_test

import (
	"slices"
	"testing"
	"time"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
)

// one has a member send one message, which does not reach the members in missed.
func (g *group) one(t *testing.T, id protocol.NodeID, missed ...protocol.NodeID) {
	cut := g.world.Cut([]protocol.NodeID{id}, missed, false)
	g.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		g.sent[id]++
		if err := m.(*traditional.Machine).Send(now, g.payload(g.sent[id]), out); err != nil {
			t.Error(err)
		}
	})
	g.run(time.Millisecond)
	cut.Heal()
}

func newQuickGroup(t *testing.T, n int) *group {
	g := newGroup(t, sim.Config{Seed: 1, Network: lan(0)}, n, func(c *traditional.Config) {
		c.PingInterval, c.PingsMissed, c.StableInterval, c.RetryInterval = 100*time.Millisecond, 3, time.Minute, 20*time.Millisecond
	})
	g.run(250 * time.Millisecond)
	return g
}

// "Messages of a view are delivered by all survivors": what one of them has of a sender that crashed, it gives to the others; what is behind a gap then is nobody's.
func TestCutOfACrashedSender(t *testing.T) {
	g := newQuickGroup(t, 5)
	g.one(t, 1)
	// The Naks for what is found missing do not reach the sender.
	silence := g.world.Cut(g.members, []protocol.NodeID{1}, false)
	g.one(t, 1, 2, 4, 5) // message 2 reaches 3 only,
	g.one(t, 1, 2, 3, 5) // message 3 reaches 4 only
	g.world.Crash(1)
	silence.Heal()
	g.run(2 * time.Second)
	for _, id := range g.members[1:] {
		r := g.got[id]
		if want := []string{"1/1", "1/2"}; len(r.views) != 2 || !slices.Equal(r.orders[0], want) || len(r.orders[1]) > 0 {
			t.Errorf("%v was delivered %v, want %v in the first view and nothing in the second", id, r.orders, want)
		}
	}
}

// Nothing of a member that is taken for failed is delivered between the answer to the coordinator and the next view, though it sends.
func TestNothingOfTheFailedAfterTheAnswer(t *testing.T) {
	g := newQuickGroup(t, 5)
	g.one(t, 5)
	cut := g.world.Cut([]protocol.NodeID{5}, []protocol.NodeID{1, 2, 4}, false) // 3 hears it
	for !g.world.Machine(3).(*traditional.Machine).Blocked() {
		g.run(time.Millisecond)
		g.world.Pause(4, time.Millisecond) // and so the flush takes longer
	}
	if len(g.got[3].views) != 1 {
		t.Fatal("the view has changed already")
	}
	g.one(t, 5)
	g.run(2 * time.Second)
	if g.world.Dropped(traditional.ReasonFailed) == 0 {
		t.Fatal("nothing of the failed member arrived")
	}
	for _, id := range g.members[:4] {
		if r := g.got[id]; !slices.Equal(r.orders[0], []string{"5/1"}) || len(r.orders[1]) > 0 {
			t.Errorf("%v was delivered %v", id, r.orders)
		}
	}
	cut.Heal()
	g.run(2 * time.Second)
	if r := g.got[5]; r.left == 0 || len(r.views[len(r.views)-1].Members) != 5 {
		t.Errorf("the member that was left out is in view %v", r.views[len(r.views)-1])
	}
}
