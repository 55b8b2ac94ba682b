package vsync

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// change is what a member knows of a change of the view.
type change struct {
	failed    ranks // members that are taken for failed; it only grows while the change may come to something
	dead      ranks // of them, those that are: they run in a later incarnation, or not in the group
	leavers   ranks // members that want to be out
	joiners   []*joiner
	wishes    []uint64 // by rank: what a member wants to weigh that was taken in with less; nil for nobody
	blocked   bool
	blockedAt protocol.Time
	outside   bool
	heardAt   protocol.Time // when anything was last heard of the change
	toldAt    protocol.Time // since when the coordinator was told that there is something to change

	promised Ballot // nothing earlier counts
	rounds   uint64 // the highest that was heard of
	pending  *proposed
	accepted Ballot
	decision *Decision // that was accepted
	decided  *Decided  // that is to be installed once all up to its cut is here
	lead     *lead

	recovering bool          // a person's word counts that the group is to go on without those that cannot be reached
	yieldUntil protocol.Time // until when this member, which has answered in a recovery, begins no change itself
}

// proposed is a proposal that this member has, or has not yet, all messages of.
type proposed struct {
	ballot   Ballot
	decision *Decision
	agreed   bool
}

// lead is a change as the coordinator sees it that leads it.
type lead struct {
	ballot   Ballot
	limit    protocol.Time // for the answers that are awaited
	answered ranks
	have     [][]uint64 // by rank, of who has answered
	accepted Ballot     // the latest that any of them has,
	decision *Decision  // which it has to keep to; else the one that it makes
	proposal *Proposal  // nil until enough have answered
	agreed   ranks
	stuck    bool // too few have answered
	recovers bool // it is a recovery, which any member may lead;
	alone    bool // and its decision is made without a majority
}

// joiner is a member that wants to join.
type joiner struct {
	member Member
	first  protocol.Time // when it was heard of
	last   protocol.Time
}

// Bounds of joiners.
const (
	joinersMax = 4 * MembersMax
	joinDelay  = 50 * time.Millisecond // so that several that join at once make one change
)

// coordinator returns the rank of who leads changes: the lowest that is not taken for failed.
func (g *group) coordinator() int { return g.live().first() }

// suspect takes a member for failed.
func (g *group) suspect(now protocol.Time, rank int, reason SuspectReason, out *protocol.Output) {
	var s ranks
	s.add(rank)
	g.suspectAll(now, s, reason, out)
}

func (g *group) suspectAll(now protocol.Time, s ranks, reason SuspectReason, out *protocol.Output) {
	s.remove(g.rank)
	if s = s.minus(g.failed); s == (ranks{}) {
		return
	}
	g.failed = g.failed.union(s)
	for i := range g.view.Members {
		if s.has(i) {
			if reason == SuspectTold {
				g.m.stats.SuspicionsTold++
			} else {
				g.m.stats.Suspicions++
			}
			out.Emit(Suspected{Group: g.name, Member: g.view.Members[i].ID, Reason: reason})
		}
	}
	if g.toldAt == 0 {
		g.toldAt = now
	}
	g.press(now, out)
}

// press has the coordinator change the view.
func (g *group) press(now protocol.Time, out *protocol.Output) {
	c := g.coordinator()
	if c == g.rank || g.recovers() {
		if l := g.lead; l != nil && l.proposal == nil && !l.stuck {
			g.checkFlushed(now, out)
			return
		}
		g.setSooner(taskFlush, now)
		return
	}
	g.lead = nil
	g.m.post(out, g.view.Members[c].ID, seal(&Failed{header: g.header(), Failed: g.failed, Promised: g.promised.Round}))
	g.setSooner(taskWatch, now.Add(g.m.config.FlushLimit/4))
}

// adopt takes over whom another member takes for failed. That it may take this one for failed is not believed here: the next view tells.
func (g *group) adopt(now protocol.Time, from int, failed ranks, out *protocol.Output) {
	if failed = failed.minus(g.failed); g.failed.has(from) || failed == (ranks{}) || g.recovers() {
		return
	}
	if failed.has(g.rank) {
		return // it takes this member for failed, and the rest is to be told to others
	}
	for i := len(g.view.Members); i < MembersMax; i++ {
		failed.remove(i)
	}
	g.suspectAll(now, failed, SuspectTold, out)
}

func (g *group) receiveFailed(now protocol.Time, from int, f *Failed, out *protocol.Output) {
	g.rounds = max(g.rounds, f.Promised)
	if f.Failed.has(g.rank) {
		return // it goes its own way, and is left out when it does not answer
	}
	before, view := g.failed, g.view
	g.adopt(now, from, f.Failed, out)
	if g.view != view || g.lead == nil || g.lead.stuck {
		if g.view == view && g.lead == nil && (f.Failed != (ranks{}) || f.Promised > g.promised.Round) && g.coordinator() == g.rank {
			g.setSooner(taskFlush, now)
		}
		return
	}
	if g.failed != before || f.Promised > g.lead.ballot.Round {
		g.set(taskFlush, now.Add(g.m.jitter(g.m.config.Retry)))
		g.lead = nil // it has refused: once more, and with all that it knows of
	}
}

// block has this member send and deliver nothing until the next view.
func (g *group) block(now protocol.Time, out *protocol.Output) {
	g.heardAt = now
	if !g.blocked {
		g.blocked, g.blockedAt = true, now
		g.total.taking = nil
		g.cancel(taskPatience)
		out.Emit(Blocked{Group: g.name})
	}
	g.setSooner(taskWatch, now.Add(g.watchAfter()))
}

// watchAfter is how long a member waits for the change of the view to go on.
func (g *group) watchAfter() time.Duration {
	return g.m.jitter(g.m.config.FlushLimit) + g.m.config.FlushLimit/2
}

// reason to change the view, as the coordinator.
func (g *group) toChange(now protocol.Time) bool {
	strayed := !g.blocked && g.rounds > g.promised.Round // others are in a change that this member is not in
	return strayed || g.failed != ranks{} || g.leavers != ranks{} || g.wishes != nil || len(g.admitted(now)) > 0 || len(g.total.terms) >= termsMax/2
}

// admitted returns who is to join in the next view.
func (g *group) admitted(now protocol.Time) (members []Member) {
	for _, j := range g.joiners {
		if now.Sub(j.last) > g.joinerLife() || g.rankOf(j.member.ID) >= 0 || len(members)+len(g.view.Members) >= MembersMax {
			continue // nobody fails and is there again in one step
		}
		members = append(members, j.member)
	}
	return members
}

// joinerLife is for how long a call of a joiner counts.
func (g *group) joinerLife() time.Duration { return (SeekPauses + 2) * g.m.config.SeekPause }

// driveFlush begins a change as the coordinator, or goes on with it.
func (g *group) driveFlush(now protocol.Time, out *protocol.Output) {
	if g.view == nil || g.decided != nil || g.yields(now, taskFlush) {
		return
	}
	if g.lead == nil && g.recovering {
		g.beginRecovery(now, out)
		return
	}
	if g.coordinator() != g.rank && !g.recovers() {
		return
	}
	l := g.lead
	if l != nil && g.m.wasStopped(now) {
		l.limit = max(l.limit, now.Add(stoppedFor)) // the answers may be in the inbox
	}
	switch {
	case l == nil && (g.blocked || g.toChange(now)):
		g.beginFlush(now, out)
	case l == nil:
	case l.stuck:
		g.retryOutside(now, out)
	case l.proposal == nil:
		g.checkFlushed(now, out)
		if g.lead == l && l.proposal == nil && !l.stuck {
			g.m.postAll(out, g.others(g.failed.union(l.answered)), g.question())
			g.set(taskFlush, now.Add(g.m.config.Retry))
		}
	default:
		g.checkAgreed(now, out)
		if g.lead == l && g.view != nil {
			for _, id := range g.others(g.failed.union(l.agreed)) {
				g.m.send(id, l.proposal, out)
			}
			g.set(taskFlush, now.Add(g.m.config.Retry))
		}
	}
}

// question returns what members are asked in a change that this one leads.
func (g *group) question() protocol.Message {
	if g.lead.recovers {
		return seal(&Recover{header: g.header(), Ballot: g.lead.ballot})
	}
	return seal(&Flush{header: g.header(), Ballot: g.lead.ballot, Failed: g.failed})
}

// beginFlush begins a change of the view, or begins it again.
func (g *group) beginFlush(now protocol.Time, out *protocol.Output) {
	g.beginBallot(now, false, out)
}

// beginBallot asks all members that are not taken for failed what they have.
func (g *group) beginBallot(now protocol.Time, recovers bool, out *protocol.Output) {
	g.m.stats.FlushesLed++
	g.rounds = max(g.rounds, g.promised.Round) + 1
	g.promised = Ballot{Round: g.rounds, Rank: uint64(g.rank)}
	g.pending = nil
	g.lead = &lead{ballot: g.promised, limit: now.Add(g.m.config.FlushLimit), have: make([][]uint64, len(g.streams)), recovers: recovers}
	g.block(now, out)
	g.m.postAll(out, g.others(g.failed), g.question())
	g.set(taskFlush, now.Add(g.m.config.Retry))
	g.answer(now, g.rank, g.haves(), g.accepted, g.decision, out)
}

// receiveFlush answers the coordinator. A member refuses unless the failed cover all lower ranks and all that it takes for failed itself, and not this one.
func (g *group) receiveFlush(now protocol.Time, from int, f *Flush, out *protocol.Output) {
	sender := g.view.Members[from].ID
	if f.Failed.has(g.rank) || f.Failed.has(from) {
		out.Drop(sender, ReasonFailed)
		return
	}
	if g.outside || g.blocked && now.Sub(g.blockedAt) > 3*g.m.config.FlushLimit {
		g.failed = g.dead.union(f.Failed) // the change that these belong to has come to nothing
	}
	g.rounds = max(g.rounds, f.Ballot.Round)
	if g.failed.has(from) || !f.Failed.covers(g.failed) || !f.Failed.covers(allRanks(from)) || f.Ballot.less(g.promised) {
		out.Drop(sender, ReasonFailed)
		g.refuse(sender, f.Ballot, g.failed, out)
		return
	}
	g.failed = f.Failed
	g.lead = nil
	if g.promised != f.Ballot {
		g.promised, g.pending = f.Ballot, nil
	}
	g.block(now, out)
	g.m.send(sender, seal(&FlushAnswer{header: g.header(), Ballot: f.Ballot, Have: g.haves(), Accepted: g.accepted, Decision: g.decision}), out)
}

// refuse tells who leads a change why it gets no answer. Of a ballot of the round that was promised to another one it tells a higher one, so that it is begun again.
func (g *group) refuse(to protocol.NodeID, ballot Ballot, failed ranks, out *protocol.Output) {
	round := g.promised.Round
	if ballot.less(g.promised) {
		round = max(round, ballot.Round+1)
	}
	g.m.post(out, to, seal(&Failed{header: g.header(), Failed: failed, Promised: round}))
}

func (g *group) receiveFlushed(now protocol.Time, from int, f *FlushAnswer, out *protocol.Output) {
	if g.lead == nil || f.Ballot != g.lead.ballot || len(f.Have) != len(g.streams) || f.Decision != nil && len(f.Decision.Cut) != len(g.streams) {
		out.Drop(g.view.Members[from].ID, ReasonStale)
		return
	}
	if g.lead.proposal == nil && !g.failed.has(from) {
		g.answer(now, from, f.Have, f.Accepted, f.Decision, out)
	}
}

// answer takes in what a member has.
func (g *group) answer(now protocol.Time, from int, have []uint64, accepted Ballot, decision *Decision, out *protocol.Output) {
	l := g.lead
	l.answered.add(from)
	l.have[from] = slices.Clone(have)
	if l.accepted.less(accepted) {
		l.accepted, l.decision = accepted, decision
	}
	g.checkFlushed(now, out)
}

// checkFlushed proposes the next view once all have answered, or enough at the limit.
func (g *group) checkFlushed(now protocol.Time, out *protocol.Output) {
	l := g.lead
	silent := g.live().minus(l.answered)
	if silent != (ranks{}) {
		if now < l.limit {
			return
		}
		g.failed = g.failed.union(silent)
		g.mute(silent, out)
	}
	l.answered = l.answered.minus(g.failed)
	majority := g.view.majority(l.answered)
	switch {
	case !majority && l.recovers && g.voters(l.answered):
		l.alone = true
		l.decision = g.decideAlone()
	case !majority:
		g.endRecovery(RecoveryVoteless, 0, out)
		g.beOutside(now, out)
		return
	case l.decision == nil:
		l.decision = g.decide(now)
	}
	l.proposal = seal(&Proposal{header: g.header(), Ballot: l.ballot, Failed: g.failed, Decision: l.decision, Holders: g.holders(l.decision.Cut)})
	l.limit = now.Add(g.m.config.FlushLimit)
	g.set(taskFlush, now.Add(g.m.config.Retry))
	for _, id := range g.others(g.failed) {
		g.m.send(id, l.proposal, out)
	}
	g.propose(now, l.proposal, out)
}

// mute tells of members that have not answered.
func (g *group) mute(silent ranks, out *protocol.Output) {
	for i := range g.view.Members {
		if silent.has(i) {
			g.m.stats.Suspicions++
			out.Emit(Suspected{Group: g.name, Member: g.view.Members[i].ID, Reason: SuspectMute})
		}
	}
}

// gather makes a view of who has answered and does not leave, and the cut: of each member's messages the most that anybody who has answered has.
func (g *group) gather(id ViewID) *Decision {
	l := g.lead
	d := &Decision{Next: &View{ID: id}, Cut: make([]uint64, len(g.streams))}
	for i, member := range g.view.Members {
		if !l.answered.has(i) {
			continue
		}
		for rank, have := range l.have[i] {
			d.Cut[rank] = max(d.Cut[rank], have)
		}
		if g.wishes != nil {
			member.Weight = max(member.Weight, g.wishes[i])
		}
		if !g.leavers.has(i) {
			d.Next.Members = append(d.Next.Members, member)
		}
	}
	return d
}

// decide makes the next view, and the cut.
func (g *group) decide(now protocol.Time) *Decision {
	d := g.gather(ViewID{Epoch: g.view.ID.Epoch, Number: g.view.ID.Number + 1})
	if len(d.Next.Members) == 0 {
		return d // all leave, and the group ends
	}
	stay, weight := d.Next.Weight(), uint64(0)
	if stay == 0 {
		d.Next.Members = nil // without a vote nothing can be decided any longer
		return d
	}
	for i, member := range g.admitted(now) {
		if i == 0 {
			member.Weight = min(member.Weight, stay) // who is heavier weighs more once it has arrived
		}
		if weight += member.Weight; weight > stay {
			break // who has not arrived yet must not decide; the rest joins in the next view
		}
		member.Since = d.Next.ID.Number
		d.Next.Members = append(d.Next.Members, member)
	}
	return d
}

// wish notes what a member that has arrived wants to weigh, and has the coordinator change the view.
func (g *group) wish(now protocol.Time, rank int, weight uint64) {
	if g.wishes == nil {
		g.wishes = make([]uint64, len(g.view.Members))
	}
	g.wishes[rank] = weight
	if g.coordinator() == g.rank && !g.blocked {
		g.setSooner(taskFlush, now.Add(joinDelay))
	}
}

// holders returns who has all up to the cut of each member's messages.
func (g *group) holders(cut []uint64) []uint64 {
	holders := make([]uint64, len(cut))
	for rank := range cut {
		best := -1
		for i, have := range g.lead.have {
			if have != nil && (best < 0 || have[rank] > g.lead.have[best][rank] || i == rank && have[rank] == g.lead.have[best][rank]) {
				best = i
			}
		}
		holders[rank] = uint64(max(0, best))
	}
	return holders
}

func (g *group) receiveProposal(now protocol.Time, from int, p *Proposal, out *protocol.Output) {
	n := len(g.streams)
	bad := len(p.Holders) != n || len(p.Decision.Cut) != n || int(p.Ballot.Rank) != from || slices.ContainsFunc(p.Holders, func(h uint64) bool { return h >= uint64(n) })
	if bad {
		out.Drop(g.view.Members[from].ID, ReasonMalformed)
		return
	}
	g.rounds = max(g.rounds, p.Ballot.Round)
	if p.Ballot.less(g.promised) || p.Failed.has(g.rank) {
		out.Drop(g.view.Members[from].ID, ReasonFailed)
		return
	}
	g.lead = nil
	g.failed = g.failed.union(p.Failed)
	g.promised = p.Ballot
	g.block(now, out)
	g.propose(now, p, out)
}

// propose takes up a proposal, and agrees to it once all up to the cut is here.
func (g *group) propose(now protocol.Time, p *Proposal, out *protocol.Output) {
	if g.pending == nil || g.pending.ballot != p.Ballot {
		g.pending = &proposed{ballot: p.Ballot, decision: p.Decision}
	}
	for rank := range g.streams {
		if s := &g.streams[rank]; s.have < p.Decision.Cut[rank] {
			s.told = max(s.told, min(p.Decision.Cut[rank], s.base+aheadMax))
			s.pull.from, s.pull.tries = int(p.Holders[rank])+1, 0
			g.setSooner(taskPull, now)
		}
	}
	g.pending.agreed = false // an answer may have been lost
	g.complete(now, out)
}

// complete goes on with the change of the view if all up to the cut is here.
func (g *group) complete(now protocol.Time, out *protocol.Output) {
	if d := g.decided; d != nil {
		if g.reached(d.Decision.Cut) {
			g.install(now, d, out)
		}
		return
	}
	p := g.pending
	if p == nil || p.agreed || !g.reached(p.decision.Cut) {
		return
	}
	p.agreed = true
	g.accepted, g.decision = p.ballot, p.decision
	if int(p.ballot.Rank) == g.rank {
		if g.lead != nil && g.lead.ballot == p.ballot {
			g.lead.agreed.add(g.rank)
			g.checkAgreed(now, out)
		}
		return
	}
	g.m.post(out, g.view.Members[p.ballot.Rank].ID, seal(&Agreed{header: g.header(), Ballot: p.ballot}))
}

// reached reports whether all up to a cut is here.
func (g *group) reached(cut []uint64) bool {
	for rank := range g.streams {
		if g.streams[rank].have < cut[rank] {
			return false
		}
	}
	return true
}

func (g *group) receiveAgreed(now protocol.Time, from int, a *Agreed, out *protocol.Output) {
	if g.lead == nil || g.lead.proposal == nil || a.Ballot != g.lead.ballot {
		out.Drop(g.view.Members[from].ID, ReasonStale)
		return
	}
	g.lead.agreed.add(from)
	g.checkAgreed(now, out)
}

// checkAgreed installs the next view once all have agreed, or a majority at the limit. What a majority has agreed to stands, whoever coordinates.
func (g *group) checkAgreed(now protocol.Time, out *protocol.Output) {
	l := g.lead
	silent := l.answered.minus(l.agreed).minus(g.failed)
	majority := g.view.majority(l.agreed)
	switch {
	case silent == ranks{} && (majority || l.alone), now >= l.limit && majority:
		g.tellDecided(now, l.decision, out)
	case now >= l.limit:
		g.failed = g.failed.union(silent)
		g.mute(silent, out)
		g.failed.remove(g.rank)
		g.lead = nil
		g.set(taskFlush, now)
	}
}

// tellDecided tells all that were asked, and who joins, of the next view, and installs it.
func (g *group) tellDecided(now protocol.Time, d *Decision, out *protocol.Output) {
	m := seal(&Decided{header: g.header(), Decision: d, Order: g.options.Order, State: g.options.State})
	ids := g.others(ranks{})
	for i := range d.Next.Members {
		if id := d.Next.Members[i].ID; id != g.m.config.Self && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		g.m.send(id, m, out)
	}
	g.takeDecided(now, m, out)
}

// takeDecided installs a view once all up to its cut is here.
func (g *group) takeDecided(now protocol.Time, d *Decided, out *protocol.Output) {
	g.decided, g.lead, g.pending = d, nil, nil
	if !g.blocked {
		g.block(now, out)
	}
	if g.reached(d.Decision.Cut) {
		g.install(now, d, out)
		return
	}
	for rank := range g.streams {
		s := &g.streams[rank]
		s.told = max(s.told, min(d.Decision.Cut[rank], s.base+aheadMax))
	}
	g.set(taskPull, now)
}

// outsidePause is between the attempts of a member that is outside, at least.
const outsidePause = 500 * time.Millisecond

// beOutside takes in that no majority can be reached.
func (g *group) beOutside(now protocol.Time, out *protocol.Output) {
	if !g.outside {
		g.outside = true
		g.m.stats.OutsideTimes++
		out.Emit(Outside{Group: g.name})
	}
	g.lead.stuck = true
	g.set(taskFlush, now.Add(g.m.jitter(max(outsidePause, g.m.config.FlushLimit/2))))
}

// retryOutside begins the change anew, as a member that is outside: who was silent is asked again unless membership knows that it is down.
func (g *group) retryOutside(now protocol.Time, out *protocol.Output) {
	g.forgive()
	if g.coordinator() == g.rank {
		g.beginFlush(now, out)
		return
	}
	g.lead = nil
	g.press(now, out) // it may know of nothing
	g.setSooner(taskWatch, now.Add(g.watchAfter()))
}

// forgive takes for failed only those of whom it is known.
func (g *group) forgive() {
	g.failed = g.dead
	for i := range g.view.Members {
		if i != g.rank && g.m.peers[g.view.Members[i].ID].down {
			g.failed.add(i)
		}
	}
}

// watch looks whether what is to change does. Who does not go on with it is taken for failed.
func (g *group) watch(now protocol.Time, out *protocol.Output) {
	if g.view == nil {
		return
	}
	limit := g.m.config.FlushLimit
	if g.m.wasStopped(now) {
		g.heardAt = now // what there is to hear may be in the inbox
	}
	if g.decided == nil && g.yields(now, taskWatch) {
		return
	}
	switch {
	case g.decided != nil:
		g.askAny(now, out)
		g.beStranded(now, out) // who has what is missing may be gone
		g.set(taskWatch, now.Add(limit/2))
	case g.recovers():
		g.set(taskWatch, now.Add(limit)) // it is this member that goes on with it
	case g.blocked && g.coordinator() == g.rank:
		g.setSooner(taskFlush, now)
		g.set(taskWatch, now.Add(limit))
	case g.blocked:
		g.watchBlocked(now, out)
	case g.failed != ranks{} || g.leavers != ranks{}:
		if g.toldAt == 0 {
			g.toldAt = now
		}
		if c := g.coordinator(); c != g.rank && now.Sub(g.toldAt) > 2*limit {
			g.toldAt = now
			g.suspect(now, c, SuspectMute, out)
			return
		}
		g.press(now, out)
		g.set(taskWatch, now.Add(limit/4))
	}
}

// beStranded takes in that a change has come to nothing for so long that no majority can be there.
func (g *group) beStranded(now protocol.Time, out *protocol.Output) {
	if now.Sub(g.blockedAt) > 4*g.m.config.FlushLimit && !g.outside {
		g.outside = true
		g.m.stats.OutsideTimes++
		out.Emit(Outside{Group: g.name})
	}
}

// watchBlocked looks whether the coordinator goes on.
func (g *group) watchBlocked(now protocol.Time, out *protocol.Output) {
	limit := g.m.config.FlushLimit
	g.askAny(now, out)
	g.beStranded(now, out)
	if now.Sub(g.heardAt) < limit+limit/2 {
		g.set(taskWatch, now.Add(limit/2))
		return
	}
	g.heardAt = now
	g.set(taskWatch, now.Add(g.watchAfter()))
	if g.outside {
		c := g.coordinator()
		g.forgive()
		if g.coordinator() == g.rank || g.coordinator() != c {
			g.press(now, out)
			return
		}
	}
	g.suspect(now, g.coordinator(), SuspectMute, out)
}
