package vsync

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// seeking is the attempt to be taken in.
type seeking struct {
	pause   time.Duration
	heard   protocol.Time              // when anything was last heard of the group, or since when nothing is
	lower   protocol.Time              // when a member of a lower NodeID was last heard that would found it
	changes uint64                     // views installed so far
	known   map[protocol.NodeID]uint64 // incarnations that were in views

	leaveUntil protocol.Time
}

// look begins to look for the group.
func (g *group) look(now protocol.Time) {
	g.renew()
	g.pause, g.heard, g.lower = g.m.config.SeekPause, now, -1<<62
	g.set(taskSeek, now.Add(g.m.jitter(g.m.config.Retry)))
}

// call asks to be taken in, or founds the group if there is nobody to ask.
func (g *group) call(now protocol.Time, out *protocol.Output) {
	if g.view != nil {
		g.callHeavier(now, out)
		return
	}
	if g.m.wasStopped(now) {
		g.heard = max(g.heard, now.Add(-g.options.FoundAfter/2))
	}
	founds := g.options.FoundAfter > 0 && g.options.Weight > 0 && !g.ejected
	if after := g.options.FoundAfter; founds && now.Sub(g.heard) >= after && now.Sub(g.lower) >= after {
		g.found(now, out)
		return
	}
	g.seek(now, founds, out)
	if founds {
		g.pause = min(g.pause, max(g.options.FoundAfter/2, g.m.config.SeekPause))
	}
}

// seek says that this member wants to be in the view, with its weight, and sees to it that it is said again.
func (g *group) seek(now protocol.Time, founds bool, out *protocol.Output) {
	s := seek{member: g.self(), order: g.options.Order, state: g.options.State, founds: founds}
	if g.m.config.Host.Publish(now, g.topic, s.append(nil), out) != nil {
		g.m.stats.PublishFailed++ // it is said again
	}
	g.m.stats.SeeksSent++
	g.set(taskSeek, now.Add(g.m.jitter(g.pause)))
	g.pause = min(2*g.pause, SeekPauses*g.m.config.SeekPause)
}

// lighter reports whether this member weighs less in the view than it is to.
func (g *group) lighter() bool { return g.view.Members[g.rank].Weight < g.options.Weight }

// callHeavier asks for the whole weight of this member, which was taken in with less.
func (g *group) callHeavier(now protocol.Time, out *protocol.Output) {
	if !g.lighter() || g.leaving {
		return
	}
	if g.settled {
		g.wish(now, g.rank, g.options.Weight)
	}
	g.seek(now, false, out)
}

// self returns this member as it wants to be in a view.
func (g *group) self() Member {
	c := &g.m.config
	return Member{ID: c.Self, Incarnation: g.incarnation, Weight: g.options.Weight, Addresses: c.Addresses, Key: c.Key}
}

// epochBits are the lower bits of the epoch of a group, which are drawn at random. The others are the second of its founding.
const epochBits = 24

// clockless stands for the second of a founder that does not know the time.
const clockless = 1 << 38

// found makes a group of this member alone.
func (g *group) found(now protocol.Time, out *protocol.Output) {
	g.m.stats.ViewsFounded++
	seconds := uint64(g.m.seconds)
	if seconds == 0 {
		seconds = clockless // whoever knows the time is the older one
	}
	epoch := seconds<<epochBits | g.m.config.Rand.Uint64N(1<<epochBits-1) + 1
	self := g.self()
	self.Since = 1
	d := seal(&Decided{header: header{Group: g.id, View: ViewID{Epoch: epoch}}, Order: g.options.Order, State: g.options.State, Decision: &Decision{Next: &View{ID: ViewID{epoch, 1}, Members: []Member{self}}}})
	g.enter(now, d, true, out)
}

// receiveSeek takes in that a member wants to join.
func (g *group) receiveSeek(now protocol.Time, s seek, out *protocol.Output) {
	id := s.member.ID
	if id == g.m.config.Self {
		return
	}
	if s.order != g.options.Order || s.state != g.options.State {
		out.Drop(id, ReasonMalformed)
		return
	}
	if g.view == nil {
		if s.founds && id < g.m.config.Self {
			g.lower = now
		}
		return
	}
	if rank := g.rankOf(id); rank >= 0 {
		switch listed := &g.view.Members[rank]; {
		case listed.Incarnation == s.member.Incarnation && listed.Weight < s.member.Weight && g.settled:
			g.wish(now, rank, s.member.Weight) // it has arrived, as all have
			return
		case listed.Incarnation == s.member.Incarnation:
			g.m.send(id, g.latest, out) // it has not arrived
			return
		case s.member.Incarnation < listed.Incarnation:
			return
		}
		g.dead.add(rank)
		view := g.view
		if g.suspect(now, rank, SuspectRestart, out); g.view != view {
			return
		}
	}
	if s.founds && g.coordinator() != g.rank && g.m.config.Rand.IntN(len(g.view.Members)) < seekAnswers {
		g.m.answerCheck(now, id, g, out) // the coordinator may be gone: the group is there all the same
	}
	g.await(now, s.member, out)
}

// seekAnswers is how many members, besides the coordinator, answer a node that would found the group.
const seekAnswers = 4

// met notes who is in the view, so that a call from before it is not taken for one to come again.
func (g *group) met() {
	if g.known == nil || len(g.known) > knownMax {
		g.known = make(map[protocol.NodeID]uint64)
	}
	for i := range g.view.Members {
		m := &g.view.Members[i]
		g.known[m.ID] = max(g.known[m.ID], m.Incarnation)
	}
	g.joiners = slices.DeleteFunc(g.joiners, func(j *joiner) bool { return j.member.Incarnation <= g.known[j.member.ID] })
}

// knownMax bounds the members of past views that are remembered.
const knownMax = 8 * MembersMax

// await remembers a member that wants to join, and has the coordinator take it in.
func (g *group) await(now protocol.Time, member Member, out *protocol.Output) {
	if member.Incarnation <= g.known[member.ID] {
		if g.coordinator() == g.rank {
			g.m.post(out, member.ID, seal(&Leave{header: g.header(), Incarnation: member.Incarnation})) // it has been in already, without having learned of that
		}
		return
	}
	j := g.joinerOf(now, member.ID)
	if j == nil {
		g.m.stats.JoinersFull++
		return
	}
	if member.Incarnation < j.member.Incarnation {
		return
	}
	if j.member.Incarnation != member.Incarnation {
		j.first = now
	}
	j.member, j.last = member, now
	c := g.coordinator()
	switch {
	case c == g.rank:
		g.m.answerCheck(now, member.ID, g, out)
		if !g.blocked {
			g.setSooner(taskFlush, now.Add(joinDelay))
		}
	case !g.blocked && now.Sub(j.first) > 3*g.m.config.FlushLimit && !g.m.wasStopped(now):
		j.first = now
		g.suspect(now, c, SuspectMute, out) // it does not take the member in
	}
}

// joinerOf returns the joiner of a NodeID, a new one if there is room.
func (g *group) joinerOf(now protocol.Time, id protocol.NodeID) *joiner {
	kept := g.joiners[:0]
	var found *joiner
	for _, j := range g.joiners {
		if j.member.ID == id {
			found = j
		} else if now.Sub(j.last) > g.joinerLife() {
			continue
		}
		kept = append(kept, j)
	}
	g.joiners = kept
	if found == nil && len(g.joiners) < joinersMax {
		found = &joiner{first: now}
		found.member.ID = id
		g.joiners = append(g.joiners, found)
	}
	return found
}
