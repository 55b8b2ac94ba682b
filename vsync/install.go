package vsync

import (
	"time"

	"spinglass/protocol"
)

// receiveDecided takes in a view that others have installed.
func (g *group) receiveDecided(now protocol.Time, from protocol.NodeID, d *Decided, out *protocol.Output) {
	d = d.kept()
	next := d.Decision.Next
	rank := next.Rank(g.m.config.Self)
	if d.Order != g.options.Order || d.State != g.options.State || !d.View.precedes(next.ID) {
		out.Drop(from, ReasonMalformed)
		return
	}
	g.heard = now
	switch {
	case g.view == nil:
		if rank >= 0 && next.Members[rank].Incarnation == g.incarnation {
			g.enter(now, d, false, out)
			return
		}
	case d.View == g.view.ID && len(d.Decision.Cut) == len(g.streams):
		g.advanceTo(now, rank, d, out)
		return
	case next.ID.Epoch == g.view.ID.Epoch && g.view.ID.Number < next.ID.Number:
		g.eject(now, EjectView, out) // by more than one
		return
	}
	out.Drop(from, ReasonView)
}

// advanceTo goes over to the view behind the present one.
func (g *group) advanceTo(now protocol.Time, rank int, d *Decided, out *protocol.Output) {
	switch {
	case rank >= 0 && d.Decision.Next.Members[rank].Incarnation == g.incarnation:
		if g.decided == nil || g.decided.Decision.Next.ID.Less(d.Decision.Next.ID) { // who waits for a view may have been taken into a recovered one
			g.takeDecided(now, d, out)
		}
	case g.leaving:
		g.finish(now, out)
	default:
		g.eject(now, EjectView, out)
	}
}

// install ends the present view at its cut, and goes over to the next.
func (g *group) install(now protocol.Time, d *Decided, out *protocol.Output) {
	cut := d.Decision.Cut
	rank := d.Decision.Next.Rank(g.m.config.Self)
	if rank < 0 {
		g.advanceTo(now, rank, d, out)
		return
	}
	if g.options.Order == OrderTotal && !g.follow(now, cut) {
		g.m.stats.OrderConflicts++
		g.eject(now, EjectOrder, out)
		return
	}
	if g.deliverUpto(cut, out); g.fall(now, out) {
		return
	}
	for i := range g.flushes { // all that was sent is in the cut
		out.Emit(Flushed{Group: g.name, Number: g.flushes[i].number})
	}
	g.flushes = nil
	g.enter(now, d, false, out)
}

// enter begins a view.
func (g *group) enter(now protocol.Time, d *Decided, founds bool, out *protocol.Output) {
	before, streams := g.view, g.streams
	blocked := time.Duration(0)
	if g.blocked {
		blocked = now.Sub(g.blockedAt)
		g.m.stats.BlockedTime += int64(blocked)
	}
	g.dropFormer()
	if before != nil {
		g.old = &former{id: before.ID, streams: streams, bytes: g.held}
	}
	g.held = 0
	next := d.Decision.Next
	n := len(next.Members)
	g.latest, g.view, g.rank = d, next, next.Rank(g.m.config.Self)
	g.index = make(map[protocol.NodeID]int, n)
	for i := range next.Members {
		g.index[next.Members[i].ID] = i
	}
	g.streams = make([]stream, n)
	g.met()
	g.change = change{joiners: g.joiners, recovering: g.recovering}
	g.total, g.sent = total{}, make([]uint64, n)
	switch g.options.Order {
	case OrderTotal:
		g.total = newTotal(n)
	case OrderCausal:
		for i := range g.streams {
			g.streams[i].depends = make([]uint64, n)
		}
	}
	g.beginStability()
	for what := taskGossip; what <= taskPull; what++ {
		g.cancel(what)
	}
	g.m.stats.ViewsInstalled++
	g.begun(now, before == nil, founds, blocked, d.Decision.Cut, out)
}

// begun tells of a view that has begun, and takes up what waited for it.
func (g *group) begun(now protocol.Time, joined, founds bool, blocked time.Duration, cut []uint64, out *protocol.Output) {
	g.changes++
	g.joined = joined
	installed := &Installed{Group: g.name, View: g.view, Rank: g.rank, Joined: joined, Blocked: int64(blocked), Changes: g.changes}
	for i := range g.view.Members {
		if g.view.Members[i].Since == g.view.ID.Number {
			installed.Joiners = append(installed.Joiners, i)
		}
	}
	if joined {
		if g.ejected {
			g.m.stats.Rejoins++
		}
		out.Emit(installed)
		g.beginServing(now, founds, out)
	} else {
		g.giveView(now, installed, cut, out)
	}
	view := g.view
	if g.view == nil {
		return
	}
	g.tellRecovered(out)
	g.activate(now)
	for i := range view.Members {
		if g.regard(now, view.Members[i].ID, out); g.view != view {
			return
		}
	}
	if g.replayFuture(now, out); g.view != view {
		return
	}
	g.offer(out)
	if g.lighter() {
		g.pause = g.m.config.SeekPause
		g.set(taskSeek, now.Add(g.m.jitter(g.pause)))
	}
	if g.leaving {
		g.tellLeave(now, out)
	} else if g.coordinator() == g.rank && len(g.admitted(now)) > 0 {
		g.setSooner(taskFlush, now.Add(joinDelay))
	}
}

// eject gives up the present view.
func (g *group) eject(now protocol.Time, reason EjectReason, out *protocol.Output) {
	g.m.stats.Ejections++
	g.endRecovery(RecoveryOut, 0, out)
	if g.blocked {
		g.m.stats.BlockedTime += int64(now.Sub(g.blockedAt))
	}
	g.clear(out)
	if g.leaving {
		g.finish(now, out)
		return
	}
	g.ejected = true
	out.Emit(Ejected{Group: g.name, Reason: reason})
	if g.options.Stay {
		g.m.forget(now, g, out)
		return
	}
	g.future, g.futures = nil, 0
	g.look(now)
}

// finish ends the membership as was asked for.
func (g *group) finish(now protocol.Time, out *protocol.Output) {
	g.endRecovery(RecoveryOut, 0, out)
	g.m.forget(now, g, out)
	out.Emit(Left{Group: g.name})
}

// leave begins to be out of the group.
func (g *group) leave(now protocol.Time, out *protocol.Output) {
	g.leaving = true
	if g.view == nil || g.outside || len(g.view.Members) == 1 {
		g.finish(now, out)
		return
	}
	g.leaveUntil = now.Add(4 * g.m.config.FlushLimit)
	g.tellLeave(now, out)
}

// tellLeave has the coordinator make a view without this member. A member that is not let go goes by itself.
func (g *group) tellLeave(now protocol.Time, out *protocol.Output) {
	if g.view == nil || now >= g.leaveUntil || len(g.view.Members) == 1 && !g.blocked {
		g.finish(now, out)
		return
	}
	g.set(taskLeave, now.Add(g.m.config.SeekPause/2))
	if g.blocked {
		return
	}
	if c := g.coordinator(); c != g.rank {
		g.m.post(out, g.view.Members[c].ID, seal(&Leave{header: g.header(), Incarnation: g.incarnation}))
		return
	}
	g.receiveLeave(now, g.rank, out)
}

func (g *group) receiveLeave(now protocol.Time, from int, out *protocol.Output) {
	g.leavers.add(from)
	if g.coordinator() == g.rank {
		g.setSooner(taskFlush, now)
	}
}
