package vsync

import (
	"slices"
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
		"nobody else is left":  {[]uint64{5, 0, 0}, ""},
	} {
		g, out := second(t, OrderFIFO)
		g.cover, g.coverView = c.cover, g.view.ID
		next := &View{ID: ViewID{7, 3}, Members: g.view.Members}
		v := &Installed{Group: g.name, View: next}
		if name == "nobody else is left" { // but for who joins
			next.Members, v.Joiners = next.Members[1:], []int{1}
		}
		g.passView(v, []uint64{4, 0, 1}, out)
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

// A member that has not found that no majority can be reached refuses a recovery; one that has promised a later ballot has it begun again; and who leads a recovery ends it when one refuses.
func TestRecoveriesAreRefused(t *testing.T) {
	g, out := second(t, OrderFIFO)
	ask := seal(&Recover{header: g.header(), Ballot: Ballot{Round: 4, Rank: 2}})
	answer := func() protocol.Message {
		out.Reset()
		g.receive(0, 2, ask, out)
		for _, e := range out.Effects {
			if e.Message != nil {
				return e.Message
			}
		}
		return nil
	}
	if r, ok := answer().(*Recover); !ok || !r.Refused || r.Ballot != ask.Ballot || g.blocked {
		t.Errorf("a member that is not outside answers %+v", r)
	}
	g.outside, g.promised = true, Ballot{Round: 4, Rank: 3}
	if f, ok := answer().(*Failed); !ok || f.Promised != 5 {
		t.Errorf("a member that has promised %v answers %+v", g.promised, f)
	}
	g.promised = Ballot{}
	if a, ok := answer().(*FlushAnswer); !ok || a.Ballot != ask.Ballot || !g.blocked || g.yieldUntil == 0 {
		t.Errorf("a member that is outside answers %+v", a)
	}
	g, out = second(t, OrderFIFO)
	g.ready, g.outside = true, true
	if err := g.m.Recover(0, g.name, out); err != nil || !g.recovers() {
		t.Fatal(err)
	}
	ask = seal(&Recover{header: g.header(), Ballot: g.lead.ballot, Refused: true})
	out.Reset()
	g.receive(0, 2, ask, out)
	if ended, ok := out.Effects[0].Event.(RecoveryEnded); !ok || ended.Outcome != RecoveryRefused || ended.Member != 3 || g.recovers() || g.m.stats.RecoveriesRefused != 1 {
		t.Errorf("%+v", out.Effects)
	}
	if err := g.m.Recover(0, g.name, out); err != nil {
		t.Errorf("it cannot be tried again: %v", err)
	}
}

// The ids of views that recoveries make are later than those of all views that follow without one, differ by who leads them, and stay below 2^53; so many recoveries are allowed.
func TestIDsOfRecoveries(t *testing.T) {
	before := ViewID{7, 1<<countBits - 2}
	a, b := before.recovered(3, 5), before.recovered(4, 5)
	if a == b || !before.Less(a) || !before.precedes(a) || !before.precedes(b) || a.precedes(b) || before.precedes(ViewID{8, before.Number + 1}) || a.Recoveries() != 1 {
		t.Errorf("%v, %v, %v", before, a, b)
	}
	id := before
	for range RecoveriesMax {
		next := id.recovered(MembersMax-1, 1<<lotBits-1)
		if !id.Less(next) || !(ViewID{7, id.Number + 1<<(countBits-1)}).Less(next) {
			t.Fatalf("%v is not before %v", id, next)
		}
		id = next
	}
	if id.Recoveries() != RecoveriesMax || id.Number >= 1<<53 {
		t.Errorf("%v after %d recoveries", id, RecoveriesMax)
	}
	g, out := second(t, OrderFIFO)
	g.ready, g.outside, g.view = true, true, &View{ID: id, Members: g.view.Members}
	if err := g.m.Recover(0, g.name, out); err != ErrRecoveries {
		t.Error(err)
	}
}

// Where nobody that answers has a vote, there is no view that could decide anything, and the recovery says so.
func TestRecoveryNeedsAVote(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.view.Members[1].Weight = 0
	g.ready, g.outside = true, true
	if err := g.m.Recover(0, g.name, out); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	g.m.run(protocol.Time(g.m.config.FlushLimit)*2, out)
	for _, e := range out.Effects {
		if ended, ok := e.Event.(RecoveryEnded); ok {
			if ended.Outcome != RecoveryVoteless || g.view.ID.Recoveries() > 0 {
				t.Errorf("%+v in view %v", ended, g.view.ID)
			}
			return
		}
	}
	t.Error("it has not ended")
}

// A state as of a view that this member has not been in, since those that are left have gone over to another one by a recovery, is not taken up: it may hold what they never get.
func TestStateOfAnotherBranch(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.ready = false
	other := g.proposal(1, 0).Decision.Next
	g.transfer = &transfer{group: g, closed: true, complete: true, view: other.ID, position: make([]uint64, 3)}
	recovered := &Decision{Next: &View{ID: g.view.ID.recovered(2, 1), Members: g.view.Members[1:]}, Cut: []uint64{9, 9, 9}}
	for range 9 {
		for rank := range g.streams {
			g.take(0, rank, g.streams[rank].have+1, []byte{bodyCast}, out)
		}
	}
	g.receiveDecided(0, 3, seal(&Decided{header: g.header(), Decision: recovered}), out)
	if g.view.ID != recovered.Next.ID || g.ready || g.transfer != nil {
		t.Errorf("in view %v, ready %v, waits %v", g.view.ID, g.ready, g.transfer != nil)
	}
}

// A state of another epoch is taken up by nobody, now or later: another donor is asked.
func TestStateOfAnotherEpoch(t *testing.T) {
	for _, epoch := range []uint64{6, 8} {
		g, out := second(t, OrderFIFO)
		g.ready = false
		g.transfer = &transfer{group: g, closed: true, complete: true, view: ViewID{epoch, 3}, position: make([]uint64, 3)}
		if g.useState(0, g.transfer, out); g.ready || g.transfer != nil {
			t.Errorf("a state of epoch %d in epoch 7: ready %v, waits %v", epoch, g.ready, g.transfer != nil)
		}
	}
}

// While a member is in a view, it keeps what comes early of its own epoch only.
func TestMessagesOfOtherEpochsAreNotKept(t *testing.T) {
	g, out := second(t, OrderFIFO)
	for _, view := range []ViewID{{8, 1}, {6, 9}, {7, 3}} {
		g.numbered(0, 3, numbered{view: view, seq: 1, body: []byte{bodyCast}}, out)
	}
	if len(g.future) != 1 || g.future[0].view != (ViewID{7, 3}) {
		t.Errorf("kept: %+v", g.future)
	}
}

// A Leave of an earlier attempt, or incarnation, is of no account.
func TestLeavesOfTheirIncarnation(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.failed.add(0) // so that this one coordinates
	g.receive(0, 2, seal(&Leave{header: g.header(), Incarnation: g.view.Members[2].Incarnation + 1}), out)
	if g.leavers != (ranks{}) {
		t.Error("a member leaves by the word of another incarnation")
	}
	g.receive(0, 2, seal(&Leave{header: g.header(), Incarnation: g.view.Members[2].Incarnation}), out)
	if !g.leavers.has(2) {
		t.Error("a member does not leave")
	}
	g.eject(0, EjectView, out)
	was := g.incarnation
	g.m.Receive(0, 2, seal(&Leave{header: header{Group: g.id, View: ViewID{7, 3}}, Incarnation: was - 1}), out)
	if g.incarnation != was {
		t.Error("an attempt is over by the end of the one before")
	}
	g.m.Receive(0, 2, seal(&Leave{header: header{Group: g.id, View: ViewID{7, 3}}, Incarnation: was}), out)
	if g.incarnation <= was {
		t.Error("an attempt that is over goes on")
	}
}

// Incarnations grow from one attempt to the next, also when a group is joined anew, and never reach those of the next boot counter, however many attempts there are and however high the counter is.
func TestIncarnations(t *testing.T) {
	for _, epoch := range []uint64{1, 1<<48 - 1} {
		m, out := lone(t, func(c *Config) { c.Epoch = epoch }), &protocol.Output{}
		last := uint64(0)
		for range 3 {
			for _, name := range []string{"a", "b"} {
				if err := m.Join(0, name, DefaultOptions(), out); err != nil {
					t.Fatal(err)
				}
			}
			for range 5 {
				if m.groups[0].renew(); m.groups[0].incarnation <= last {
					t.Fatalf("%d after %d", m.groups[0].incarnation, last)
				}
				last = m.groups[0].incarnation
				m.groups[1].renew()
			}
			for _, name := range []string{"a", "b"} {
				if err := m.Leave(0, name, out); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := m.Join(0, "a", DefaultOptions(), out); err != nil {
			t.Fatal(err)
		}
		for range 1 << attemptBits {
			m.groups[0].renew()
		}
		if got := m.groups[0].incarnation >> attemptBits; got != min(epoch, epochMost) || m.stats.AttemptsSpent == 0 {
			t.Errorf("incarnation %d of epoch %d; %d attempts beyond the limit", m.groups[0].incarnation, epoch, m.stats.AttemptsSpent)
		}
	}
}

// A member that knows the next view, and lacks messages of its cut that nobody has who is left, finds that it is outside, and takes part in a recovery: the recovered view has what those that are left have.
func TestRecoveryOfWhatCannotBeInstalled(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.ready = true
	g.view.Members[0].Weight = 3 // a majority by itself
	decision := g.proposal(1, 5).Decision
	g.receiveDecided(0, 2, seal(&Decided{header: g.header(), Decision: decision}), out)
	if g.decided == nil || g.view.ID == decision.Next.ID {
		t.Fatal("the view is installed without its messages")
	}
	limit := g.m.config.FlushLimit
	g.m.run(protocol.Time(limit), out)
	if g.outside {
		t.Error("it gives up at once")
	}
	g.m.run(protocol.Time(6*limit), out)
	if !g.outside || g.view.ID == decision.Next.ID {
		t.Fatalf("outside %v, in view %v", g.outside, g.view.ID)
	}
	now := protocol.Time(6 * limit)
	if err := g.m.Recover(now, g.name, out); err != nil {
		t.Fatal(err)
	}
	g.receive(now, 2, seal(&FlushAnswer{header: g.header(), Ballot: g.lead.ballot, Have: make([]uint64, 3)}), out)
	g.m.run(now.Add(limit), out)
	if g.lead == nil || g.lead.proposal == nil {
		t.Fatal("nothing is proposed")
	}
	g.receive(now.Add(limit), 2, seal(&Agreed{header: g.header(), Ballot: g.lead.ballot}), out)
	if g.view.ID.Recoveries() != 1 || len(g.view.Members) != 2 || g.outside {
		t.Errorf("in view %+v, outside %v", g.view, g.outside)
	}
}

// endedIn returns what recoveries have come to.
func endedIn(out *protocol.Output) (outcomes []RecoveryOutcome) {
	for _, e := range out.Effects {
		if e, ok := e.Event.(RecoveryEnded); ok {
			outcomes = append(outcomes, e.Outcome)
		}
	}
	return outcomes
}

// A recovery ends at its limit, whatever has come meanwhile: a view that this member cannot install, since nobody gives what is missing of it, or changes that a member begins again and again. Who waits is told, once, and it can be tried again.
func TestRecoveriesEnd(t *testing.T) {
	for name, meanwhile := range map[string]func(g *group, now protocol.Time, out *protocol.Output){
		"a view that cannot be installed": func(g *group, now protocol.Time, out *protocol.Output) {
			g.receiveDecided(now, 3, seal(&Decided{header: g.header(), Decision: g.proposal(1, 5).Decision}), out)
		},
		"changes of another member": func(g *group, now protocol.Time, out *protocol.Output) {
			others := seal(&Flush{header: g.header(), Ballot: Ballot{Round: g.rounds + 1}})
			others.Failed.add(2)
			g.receive(now, 0, seal(others), out)
		},
	} {
		g, limit, out := recovering(t, 0)
		for now := limit + 1; now < (recoverLimits+1)*limit; now += limit / 4 {
			meanwhile(g, now, out)
			g.m.run(now+limit/4, out)
		}
		if ended := endedIn(out); !slices.Equal(ended, []RecoveryOutcome{RecoveryLate}) || g.recovers() {
			t.Errorf("%s: the recovery has ended with %v, leads %v", name, ended, g.recovers())
		}
		if err := g.m.Recover((recoverLimits+1)*limit, g.name, out); err != nil {
			t.Errorf("%s: it cannot be tried again: %v", name, err)
		}
	}
}

// A member that was stopped for longer than a recovery may take looks first at what has come meanwhile, which may be what that has come to.
func TestRecoveriesOfTheStopped(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.ready, g.outside = true, true
	g.view.Members[0].Weight = 3
	if err := g.m.Recover(0, g.name, out); err != nil {
		t.Fatal(err)
	}
	now := protocol.Time((recoverLimits + 1) * g.m.config.FlushLimit)
	out.Reset()
	g.m.Timeout(now, out)
	g.receiveDecided(now, 3, seal(&Decided{header: g.header(), Decision: g.proposal(1, 0).Decision}), out)
	if ended := endedIn(out); !slices.Equal(ended, []RecoveryOutcome{RecoveryMajority}) {
		t.Errorf("told %v", ended)
	}
}

// A member whose own recovery has come to its limit waits for one of another member that it has answered in, and is told what that has come to.
func TestRecoveriesThatYieldAreToldOfTheOther(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.ready, g.outside = true, true
	g.view.Members[0].Weight = 3
	if err := g.m.Recover(0, g.name, out); err != nil {
		t.Fatal(err)
	}
	limit := protocol.Time(recoverLimits * g.m.config.FlushLimit)
	g.receive(limit-protocol.Time(g.m.config.FlushLimit), 2, seal(&Recover{header: g.header(), Ballot: Ballot{Round: g.rounds + 1, Rank: 2}}), out)
	g.m.run(limit+1, out)
	next := g.proposal(1, 0).Decision
	next.Next.ID = g.view.ID.recovered(2, 1)
	g.receiveDecided(limit+1, 3, seal(&Decided{header: g.header(), Decision: next}), out)
	if ended := endedIn(out); !slices.Equal(ended, []RecoveryOutcome{RecoveryDone}) {
		t.Errorf("told %v", ended)
	}
}

// recovering returns a member of rank 1 that leads a recovery: one of the others has answered, the one of the given rank is gone with the majority, and the view of the two that are left is proposed.
func recovering(t *testing.T, gone int) (g *group, now protocol.Time, out *protocol.Output) {
	t.Helper()
	g, out = second(t, OrderFIFO)
	g.ready, g.outside = true, true
	g.view.Members[gone].Weight = 3
	if err := g.m.Recover(0, g.name, out); err != nil {
		t.Fatal(err)
	}
	g.receive(0, 2-gone, seal(&FlushAnswer{header: g.header(), Ballot: g.lead.ballot, Have: make([]uint64, 3)}), out)
	now = protocol.Time(g.m.config.FlushLimit)
	if g.m.run(now, out); g.lead == nil || g.lead.proposal == nil {
		t.Fatal("nothing is proposed")
	}
	out.Reset()
	return g, now, out
}

// A proposal is sent again until it is answered, also where it was made without those who had not answered in time.
func TestProposalsAreRepeated(t *testing.T) {
	g, now, out := recovering(t, 0)
	g.m.run(now.Add(4*g.m.config.Retry), out)
	sent := 0
	for _, e := range out.Effects {
		if _, ok := e.Message.(*Proposal); ok && slices.Contains(append(e.Targets, e.To), 3) {
			sent++
		}
	}
	if sent != 4 {
		t.Errorf("a proposal that was lost is sent %d times within four pauses", sent)
	}
}

// Who leads a recovery waits for all that have answered until the limit, whatever their ranks, and takes nobody for failed before.
func TestRecoveriesWaitForAgreement(t *testing.T) {
	g, now, out := recovering(t, 2)
	g.m.run(now.Add(g.m.config.FlushLimit*9/10), out)
	for _, e := range out.Effects {
		if s, ok := e.Event.(Suspected); ok {
			t.Errorf("%+v, though it has answered", s)
		}
	}
	if g.view.ID.Recoveries() > 0 {
		t.Fatalf("view %v is installed without the agreement of a member of it", g.view.ID)
	}
	g.receive(now, 0, seal(&Agreed{header: g.header(), Ballot: g.lead.ballot}), out)
	if g.view.ID.Recoveries() != 1 || len(g.view.Members) != 2 {
		t.Errorf("in view %+v", g.view)
	}
}

// A recovery whose view this member has to give up at once, since the state that it was given holds what nobody has that is left, is not told to be done.
func TestRecoveriesThatEject(t *testing.T) {
	g, now, out := recovering(t, 0)
	g.cover, g.coverView = []uint64{1, 0, 0}, g.view.ID
	g.receive(now, 2, seal(&Agreed{header: g.header(), Ballot: g.lead.ballot}), out)
	var events []any
	for _, e := range out.Effects {
		if e.Kind == protocol.EffectEmit {
			events = append(events, e.Event)
		}
	}
	if want := []any{RecoveryEnded{Group: g.name, Outcome: RecoveryOut}, Ejected{Group: g.name, Reason: EjectGap}}; !slices.Equal(events, want) {
		t.Errorf("told %+v, want %+v", events, want)
	}
}

// A member that cannot install a view goes over to one that was made by a recovery instead, with it: those that are in that can give it nothing else.
func TestRecoveredViewsOvertake(t *testing.T) {
	g, out := second(t, OrderFIFO)
	lost := g.proposal(1, 5).Decision
	g.receiveDecided(0, 3, seal(&Decided{header: g.header(), Decision: lost}), out)
	recovered := &Decision{Next: &View{ID: g.view.ID.recovered(2, 1), Members: g.view.Members[1:]}, Cut: make([]uint64, 3)}
	g.receiveDecided(0, 3, seal(&Decided{header: g.header(), Decision: recovered}), out)
	if g.view.ID != recovered.Next.ID {
		t.Errorf("in view %v, and waits for %+v", g.view.ID, g.decided)
	}
}

// What is missing of a view that was decided is asked for, whatever is proposed meanwhile.
func TestPullsWhatIsDecided(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.receiveDecided(0, 3, seal(&Decided{header: g.header(), Decision: g.proposal(1, 5).Decision}), out)
	g.receive(0, 0, g.proposal(2, 0), out)
	g.m.run(1, out)
	out.Reset()
	g.m.run(protocol.Time(2*g.m.config.Retry), out)
	if !slices.ContainsFunc(out.Effects, func(e protocol.Effect) bool { _, ok := e.Message.(*Pull); return ok }) {
		t.Error("nothing is asked for")
	}
}

// What there is no room for is asked for again after a pause, not as often as it comes; what has come in part is asked for at once.
func TestPullsOfWhatDoesNotFit(t *testing.T) {
	g, out := second(t, OrderFIFO)
	body := make([]byte, 1000)
	pulls := func(p *Pieces) (count int) {
		out.Reset()
		g.receive(0, 0, seal(p), out)
		for _, e := range out.Effects {
			if _, ok := e.Message.(*Pull); ok {
				count++
			}
		}
		return count
	}
	g.streams[0].told = 9
	if got := pulls(&Pieces{header: g.header(), Seq: 1, Last: true, Bodies: [][]byte{body}}); got != 1 {
		t.Errorf("%d questions for the next message", got)
	}
	if got := pulls(&Pieces{header: g.header(), Seq: 2, Last: true, Whole: 9000, Bodies: [][]byte{body}}); got != 1 {
		t.Errorf("%d questions for the rest of a message", got)
	}
	g.held = 2 * g.m.config.BufferBytes
	if got := pulls(&Pieces{header: g.header(), Seq: 2, Last: true, Bodies: [][]byte{body}}); got != 0 || g.m.stats.HeldRefused != 1 {
		t.Errorf("%d questions for a message that there is no room for; %d refused", got, g.m.stats.HeldRefused)
	}
}
