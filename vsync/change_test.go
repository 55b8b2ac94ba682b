package vsync

import (
	"testing"

	"spinglass/protocol"
)

// second returns a member of rank 1 of a view of three, and drops what came of that. Its NodeID is 1, the coordinator's 2.
func second(t *testing.T, order Order) (*group, *protocol.Output) {
	t.Helper()
	m, out := lone(t, nil), &protocol.Output{}
	if err := m.Join(0, "a", Options{Order: order, Weight: 1}, out); err != nil {
		t.Fatal(err)
	}
	g := m.groups[0]
	next := &View{ID: ViewID{7, 2}}
	for _, id := range []protocol.NodeID{2, 1, 3} {
		next.Members = append(next.Members, Member{ID: id, Incarnation: 1, Weight: 1, Since: 1})
	}
	next.Members[1].Incarnation = g.incarnation
	g.enter(0, seal(&Decided{header: header{Group: g.id, View: ViewID{7, 1}}, Decision: &Decision{Next: next, Cut: make([]uint64, 3)}, Order: order}), false, out)
	out.Reset()
	return g, out
}

// proposal returns one of the coordinator: all stay, and of its own messages those up to a number belong to the view.
func (g *group) proposal(round, upto uint64) *Proposal {
	next := &View{ID: ViewID{g.view.ID.Epoch, g.view.ID.Number + 1}, Members: g.view.Members}
	return seal(&Proposal{header: g.header(), Ballot: Ballot{Round: round}, Decision: &Decision{Next: next, Cut: []uint64{upto, 0, 0}}, Holders: make([]uint64, 3)})
}

// agreedTo returns to which ballots a member said that it agrees.
func agreedTo(out *protocol.Output) (ballots []Ballot) {
	for _, e := range out.Effects {
		if m, ok := e.Message.(*Agreed); ok {
			ballots = append(ballots, m.Ballot)
		}
	}
	return ballots
}

// A member agrees to a proposal once it has all messages up to its cut, not before: what a majority has agreed to must be had by somebody who is left.
func TestAgreesOnceAllIsThere(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.receive(0, 0, g.proposal(1, 2), out)
	g.take(0, 0, 2, []byte{bodyCast}, out)
	if got := agreedTo(out); got != nil || g.decision != nil {
		t.Fatalf("a member that lacks a message has agreed to %v", got)
	}
	g.take(0, 0, 1, []byte{bodyCast}, out)
	if got := agreedTo(out); len(got) != 1 || got[0] != (Ballot{Round: 1}) || g.accepted != got[0] {
		t.Errorf("a member that has all has agreed to %v", got)
	}
}

// A member that has promised to keep to nothing of earlier ballots takes up no proposal of one, and goes on with the later one.
func TestPromisesHoldAtProposals(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.receive(0, 0, seal(&Flush{header: g.header(), Ballot: Ballot{Round: 3}}), out)
	g.receive(0, 0, g.proposal(2, 0), out)
	if got := agreedTo(out); got != nil || g.pending != nil || g.decision != nil || g.promised != (Ballot{Round: 3}) {
		t.Fatalf("a member that has promised round 3 has agreed to %v", got)
	}
	g.receive(0, 0, g.proposal(3, 0), out)
	if got := agreedTo(out); len(got) != 1 || got[0] != (Ballot{Round: 3}) {
		t.Errorf("a member that has promised round 3 has agreed to %v", got)
	}
}

// A state holds no more of a view than its cut: the donor was cut off, and what it delivered beyond is void.
func TestStateWithinTheCut(t *testing.T) {
	for name, c := range map[string]struct {
		cover []uint64
		falls EjectReason
	}{
		"all within":           {[]uint64{4, 0, 1}, ""},
		"one beyond":           {[]uint64{4, 0, 2}, EjectGap},
		"of too many members":  {[]uint64{4, 0, 1, 0}, EjectGap},
		"what is not the last": {[]uint64{5, 0, 0}, EjectGap},
	} {
		g, out := second(t, OrderFIFO)
		g.cover, g.coverView = c.cover, g.view.ID
		g.passView(&Installed{Group: g.name, View: &View{ID: ViewID{7, 3}}}, []uint64{4, 0, 1}, out)
		if installed := len(out.Effects) == 1; g.doomed != c.falls || installed != (c.falls == "") || g.cover != nil {
			t.Errorf("%s: doomed %q, installed %v", name, g.doomed, installed)
		}
	}
}

// A state that came before the view of its donor is taken up with that view, if it is of that many members; else another donor is asked.
func TestStateThatWaitsForItsView(t *testing.T) {
	for _, members := range []int{2, 3, 4} {
		g, out := second(t, OrderFIFO)
		next := g.proposal(1, 0).Decision
		g.ready = false
		g.transfer = &transfer{group: g, closed: true, complete: true, view: next.Next.ID, position: make([]uint64, members)}
		g.receiveDecided(0, 2, seal(&Decided{header: g.header(), Decision: next}), out)
		if g.view.ID != next.Next.ID || g.ready != (members == 3) || g.transfer != nil {
			t.Fatalf("a state of %d members: in view %v, ready %v, waits %v", members, g.view.ID, g.ready, g.transfer != nil)
		}
		if gives := g.gives(3, g.view.ID, 1); gives != g.ready {
			t.Errorf("a state of %d members is given on: %v", members, gives)
		}
	}
}
