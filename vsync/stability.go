package vsync

import (
	"math/bits"
	"slices"

	"spinglass/protocol"
)

// stability is what a member knows of the present round.
type stability struct {
	round       uint64
	represented ranks
	slowest     int
	least       uint64
	min, max    []uint64
	term, kept  uint64   // of total order: the term that all of those keep to (0: not the same), and up to which of its holder's messages
	ticks       int      // since the round began here
	past        []uint64 // what this member had in all at the latest ticks
	hurried     int      // index of the member that was told last while a Flush waited
	settled     bool     // a round of this view was closed, so that all have installed it
}

// stability begins with the view, in round 1.
func (g *group) beginStability() {
	g.stability = stability{}
	g.beginRound(1)
}

// beginRound begins a round with what this member has.
func (g *group) beginRound(round uint64) {
	have := g.haves()
	g.round, g.represented, g.ticks = round, ranks{}, 0
	g.represented.add(g.rank)
	g.slowest, g.least = g.rank, sum(have)
	g.min, g.max = have, slices.Clone(have)
	g.term, g.kept = g.keeps()
}

func sum(numbers []uint64) (n uint64) {
	for _, v := range numbers {
		n += v
	}
	return n
}

// unsettled reports whether there is anything to tell of stability.
func (g *group) unsettled() bool {
	if !g.settled || len(g.flushes) > 0 {
		return true
	}
	for i := range g.streams {
		if s := &g.streams[i]; s.stable < s.have || s.have < s.told {
			return true
		}
	}
	return false
}

// activate sees to it that stability is told of, if there is anything to tell.
func (g *group) activate(now protocol.Time) {
	if len(g.view.Members) == 1 {
		g.settled = true
		g.dropFormer()
		s := &g.streams[0]
		s.stable = s.have
		return
	}
	if g.m.timers.At(timer{g, taskGossip}) == protocol.Never && g.unsettled() {
		g.set(taskGossip, now.Add(g.m.jitter(g.m.config.Gossip)))
	}
}

// tick tells a random member what is known, and looks for those of whom nothing is heard.
func (g *group) tick(now protocol.Time, out *protocol.Output) {
	if g.view == nil || !g.unsettled() {
		return
	}
	g.set(taskGossip, now.Add(g.m.jitter(g.m.config.Gossip)))
	if g.blocked {
		return // what is to be stable is in the cut
	}
	if !g.m.wasStopped(now) {
		g.ticks++
		if g.past = append(g.past, sum(g.haves())); len(g.past) > pastTicks {
			g.past = slices.Delete(g.past, 0, pastTicks/2)
		}
		g.findStalled(now, out)
	}
	if g.view == nil || g.blocked {
		return
	}
	if len(g.total.terms) >= termsMax/2 && g.coordinator() == g.rank {
		g.setSooner(taskFlush, now)
	}
	others := g.others(g.failed)
	if len(others) > 0 {
		g.tellStability(others[g.m.config.Rand.IntN(len(others))], false, out)
	}
}

// While a Flush waits, so many members are told at a time, and so much sooner than otherwise: their answers end a round, without the ticks of others.
const (
	hurryMembers = 16
	hurryShare   = 6  // of Config.Gossip, between two times
	roundShare   = 10 // of Config.Retry, from the end of a round to the next time
)

// hurry tells others what is known while a Flush waits. Who is told less than it knows, or is not represented, answers.
func (g *group) hurry(now protocol.Time, out *protocol.Output) {
	if g.view == nil || g.blocked || len(g.flushes) == 0 || len(g.view.Members) == 1 {
		return
	}
	g.set(taskHurry, now.Add(g.m.jitter(g.m.config.Gossip/hurryShare)))
	others := g.others(g.failed)
	for range min(len(others), hurryMembers) {
		g.hurried = (g.hurried + 1) % len(others)
		g.tellStability(others[g.hurried], false, out)
	}
}

func (g *group) tellStability(to protocol.NodeID, answer bool, out *protocol.Output) {
	g.m.stats.StabilitySent++
	stable := make([]uint64, len(g.streams))
	low, high := slices.Clone(g.min), slices.Clone(g.max)
	for i := range g.streams {
		stable[i] = g.streams[i].stable
		low[i] = max(low[i], stable[i]) // what is stable says more
		high[i] = max(high[i], low[i])
	}
	g.m.send(to, seal(&Stability{
		header: g.header(), Answer: answer, Round: g.round, Failed: g.failed, Represented: g.represented, Slowest: uint64(g.slowest), Least: g.least, Stable: stable, Min: low, Max: high, Term: g.term, Kept: g.kept,
	}), out)
}

// silentTicks returns how long members may be silent while the buffers are full, in ticks: longer than a round takes.
func (g *group) silentTicks() int { return 4 + 2*bits.Len(uint(len(g.streams))) }

// findStalled takes members for failed of whom nothing was heard in the present round, or who are behind what the buffers hold.
func (g *group) findStalled(now protocol.Time, out *protocol.Output) {
	silent := g.live().minus(g.represented)
	full := g.held > g.m.config.BufferBytes
	switch {
	case g.ticks >= g.m.config.StallTicks:
		g.suspectAll(now, silent, SuspectStall, out)
	case full && silent != ranks{} && g.ticks >= g.silentTicks():
		g.suspectAll(now, silent, SuspectBehind, out)
	case full && g.slowest != g.rank && g.least < g.had():
		g.suspect(now, g.slowest, SuspectBehind, out)
	}
}

// Ticks that are remembered, and by how many a member that keeps up is behind at most when it enters a round.
const (
	pastTicks = 128
	lagTicks  = 6
)

// had returns what this member had in all when the present round had not begun yet, and lagTicks before: a member that keeps up had that when it entered the round.
func (g *group) had() uint64 {
	if i := len(g.past) - 1 - g.ticks - lagTicks; i >= 0 {
		return g.past[i]
	}
	return 0
}

func (g *group) receiveStability(now protocol.Time, from int, s *Stability, out *protocol.Output) {
	n := len(g.streams)
	if len(s.Stable) != n || int(s.Slowest) >= n || s.Round == 0 {
		out.Drop(g.view.Members[from].ID, ReasonMalformed)
		return
	}
	view := g.view
	if g.adopt(now, from, s.Failed, out); g.view != view {
		return
	}
	for i := range g.streams {
		x := &g.streams[i]
		x.stable = max(x.stable, min(s.Stable[i], x.have)) // what all have this member has as well
		if s.Max[i] > x.told && i != g.rank {
			x.told = min(s.Max[i], x.base+aheadMax)
		}
		if x.told > x.have {
			g.setSooner(taskPull, now.Add(2*g.m.config.Retry))
		}
	}
	more := s.Round < g.round || s.Round == g.round && !s.Represented.covers(g.represented)
	switch {
	case s.Round > g.round:
		g.settled = true // somebody has closed the round before
		g.dropFormer()
		g.beginRound(s.Round)
		g.merge(s)
	case s.Round == g.round:
		g.merge(s)
	}
	round := g.round
	closes := g.represented.covers(g.members())
	if closes && !s.Answer {
		g.tellStability(g.view.Members[from].ID, true, out) // of the whole round, so that it closes that as well: what waits there for its end is not told by a later round
	}
	g.closeRounds()
	g.trimAll()
	if g.answerFlushes(out); len(g.flushes) > 0 && g.round > round {
		g.setSooner(taskHurry, now.Add(g.m.config.Retry/roundShare))
	}
	g.offer(out)
	if (more || !s.Represented.has(g.rank)) && !s.Answer && !closes {
		g.tellStability(g.view.Members[from].ID, true, out)
	}
	g.activate(now)
}

// merge adds what another one knows of the present round.
func (g *group) merge(s *Stability) {
	if s.Least < g.least {
		g.slowest, g.least = int(s.Slowest), s.Least
	}
	if s.Term != g.term {
		g.term = 0
	}
	g.kept = min(g.kept, s.Kept)
	g.represented = g.represented.union(s.Represented)
	for i := range g.min {
		g.min[i], g.max[i] = min(g.min[i], s.Min[i]), max(g.max[i], s.Max[i])
	}
}

// closeRounds ends the round once all members are in it: what all of them have is stable. Members that are taken for failed count as well, until they are out of the view.
func (g *group) closeRounds() {
	if !g.represented.covers(g.members()) {
		return
	}
	g.m.stats.RoundsClosed++
	g.settled = true
	g.dropFormer()
	for i := range g.streams {
		s := &g.streams[i]
		s.stable = max(s.stable, min(g.min[i], s.have))
	}
	g.settleFlushes()
	g.beginRound(g.round + 1)
}
