package vsync

import "spinglass/protocol"

// A recovery is the word of a person that those members of the view that cannot be reached are gone for good, so that the others are to go on without a majority. It is a change of the view that any member may lead that is outside: it asks all
// others, whoever they take for failed, and makes a view of those that answer, whose id is later than that of any view that the others can make by themselves. Who is not outside refuses.

// Times of a recovery, in Config.FlushLimit.
const (
	recoverLimits = 8 // after which it has come to nothing
	yieldLimits   = 3 // for which who has answered in one begins no change of its own
)

// Recover has a group go on without those members of its view that cannot be reached, though they have the majority: a person knows that they are gone for good. *RecoveryEnded tells what it comes to. What those may have done since a view of
// which no member is left here is lost, and void where they come back: they join afresh. Errors: ErrUnknown, ErrLeaving, ErrNotMember, ErrNotReady, ErrMajority while this member is not outside, ErrRecovering, ErrRecoveries.
func (m *Machine) Recover(now protocol.Time, name string, out *protocol.Output) error {
	g := m.byTopic[TopicOf(name)]
	switch {
	case g == nil:
		return ErrUnknown
	case g.leaving:
		return ErrLeaving
	case g.view == nil:
		return ErrNotMember
	case !g.ready:
		return ErrNotReady
	case !g.outside:
		return ErrMajority
	case g.recovering:
		return ErrRecovering
	case g.view.ID.Recoveries() >= RecoveriesMax:
		return ErrRecoveries
	}
	g.decided = nil // what is missing of it nobody has that is left
	g.recovering = true
	g.set(taskRecover, now.Add(recoverLimits*m.config.FlushLimit))
	g.beginRecovery(now, out)
	return nil
}

// beginRecovery asks all members, whoever is taken for failed.
func (g *group) beginRecovery(now protocol.Time, out *protocol.Output) {
	g.failed = g.dead
	g.beginBallot(now, true, out)
}

// giveUpRecovery ends a recovery that takes too long, whatever it waits for.
func (g *group) giveUpRecovery(now protocol.Time, out *protocol.Output) {
	if g.m.wasStopped(now) {
		g.set(taskRecover, now.Add(stoppedFor)) // what it has come to may be in the inbox
		return
	}
	if g.yields(now, taskRecover) {
		return // the one that this member has answered in has a limit as well
	}
	if g.recovers() {
		g.lead = nil
	}
	g.endRecovery(RecoveryLate, 0, out)
	g.setSooner(taskFlush, now.Add(g.m.config.Retry))
}

// recovers reports whether this member leads a recovery.
func (g *group) recovers() bool { return g.lead != nil && g.lead.recovers }

// yields reports whether another member leads a recovery, and has a task wait for that.
func (g *group) yields(now protocol.Time, what task) bool {
	if now < g.yieldUntil {
		g.set(what, g.yieldUntil)
		return true
	}
	return false
}

// receiveRecover answers a member that leads a recovery, unless this one does not know that no majority can be reached.
func (g *group) receiveRecover(now protocol.Time, from int, r *Recover, out *protocol.Output) {
	sender := g.view.Members[from].ID
	if r.Refused {
		if g.recovers() && r.Ballot == g.lead.ballot {
			g.lead = nil
			g.endRecovery(RecoveryRefused, sender, out)
			g.set(taskFlush, now.Add(g.m.config.Retry))
			g.setSooner(taskWatch, now.Add(g.watchAfter()))
		}
		return
	}
	if int(r.Ballot.Rank) != from || g.dead.has(from) {
		out.Drop(sender, ReasonMalformed)
		return
	}
	g.rounds = max(g.rounds, r.Ballot.Round)
	switch {
	case !g.outside:
		g.m.post(out, sender, seal(&Recover{header: g.header(), Ballot: r.Ballot, Refused: true}))
		return
	case r.Ballot.less(g.promised):
		g.refuse(sender, r.Ballot, ranks{}, out)
		return
	}
	g.failed = g.dead
	g.lead, g.decided = nil, nil
	if g.promised != r.Ballot {
		g.promised, g.pending = r.Ballot, nil
	}
	g.yieldUntil = now.Add(yieldLimits * g.m.config.FlushLimit)
	g.block(now, out)
	g.m.send(sender, seal(&FlushAnswer{header: g.header(), Ballot: r.Ballot, Have: g.haves(), Accepted: g.accepted, Decision: g.decision}), out)
}

// voters reports whether any of the members has a vote.
func (g *group) voters(members ranks) bool {
	for i := range g.view.Members {
		if members.has(i) && !g.leavers.has(i) && g.view.Members[i].Weight > 0 {
			return true
		}
	}
	return false
}

// decideAlone makes a view of those that have answered. What any of them has agreed to is not taken up, since a majority may have agreed to something else; all that belongs to it is here.
func (g *group) decideAlone() *Decision {
	return g.gather(g.view.ID.recovered(g.rank, g.m.config.Rand.Uint64N(1<<lotBits)))
}

// tellRecovered tells what has become of a recovery, if there is one, now that there is another view.
func (g *group) tellRecovered(out *protocol.Output) {
	outcome := RecoveryMajority
	if g.view.ID.Recoveries() > g.latest.View.Recoveries() {
		outcome = RecoveryDone
	}
	g.endRecovery(outcome, 0, out)
}

// endRecovery tells what has become of a recovery, if there is one.
func (g *group) endRecovery(outcome RecoveryOutcome, member protocol.NodeID, out *protocol.Output) {
	if !g.recovering {
		return
	}
	g.recovering = false
	g.cancel(taskRecover)
	if outcome == RecoveryDone {
		g.m.stats.Recoveries++
	} else {
		g.m.stats.RecoveriesRefused++
	}
	out.Emit(RecoveryEnded{Group: g.name, Outcome: outcome, Member: member})
}
