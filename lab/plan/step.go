package plan

import "math"

// chances are what happens in a step where so many hold the packet: to each member, and in all, expected and times the probability of the case.
type chances struct {
	telling  float64 // probability that a poll leads to a request,
	bufferer float64 // and one that names the packet
	told     float64 // that a digest tells a member where the packet is,
	known    float64 // and that one lets know that there is the packet
	pushed   float64 // that the digest of a member whose round begins leads to a push
	tellers  float64 // holders that tell of it by a digest of this round; not times the probability

	got   [slots]float64 // members that get it, by slot
	asked float64        // of these, all that ask in the zone
	heard float64        // of these, because of digests
	gone  float64        // members that give it up
	tells float64        // digests that tell of it
	polls float64
}

// chances has a step pass for all members of a case, k of which hold the packet. They are in o.after then, but for those that get it.
func (o *outbreak) chances(w *moment, k int, from *holders) (c chances) {
	clear(o.after)
	o.find(&c, w, k, from, o.hold(w, k, from))
	for slot := range slots {
		o.wait(w, from, slot, &c)
		for delay := -early; delay <= late; delay++ {
			for asked := range o.asked + 1 {
				if m := from.members[o.lacking(delay, asked, slot)]; m > 0 {
					o.lack(w, m, delay, asked, slot, &c)
				}
			}
		}
	}
	return c
}

// begun reports whether the round of members has begun that is of the present round.
func (w *moment) begun(slot int) bool { return slot == begun || slot < w.quarter }

// stock is which of those that hold the packet tell of it in digests, in all and in this step, and send it unasked; times the probability.
type stock struct{ windows, tells, pushes float64 }

// hold has a step pass for those that hold the packet.
func (o *outbreak) hold(w *moment, k int, from *holders) (s stock) {
	short, old := o.parameters.short(), o.parameters.Life/2
	fresh := total(from.members[o.holding(0, 0):o.holding(1, 0)]) / from.probability
	arrived := 1 - min(o.underway(w, k)/max(fresh, unlikely), 1)
	for age := range o.age + 1 {
		members, after := from.members[o.holding(age, 0):o.holding(age+1, 0)], o.after[o.holding(age, 0):o.holding(age+1, 0)]
		begins, all := members[w.quarter]*w.ticking, total(members)
		for slot, n := range members {
			after[slot] += n
		}
		after[w.quarter] -= begins
		if age == 0 { // the round of those that have not got it yet is none since they got it
			after[begun] += begins * (1 - arrived)
			begins *= arrived
		}
		o.after[o.holding(min(age+1, o.age), begun)] += begins
		if age < short {
			s.tells += begins
		}
		if age > short {
			all *= o.kept
		} else {
			s.windows += all
		}
		if age > old {
			s.pushes += all
		}
	}
	return s
}

// underway returns how many of the holders have not got the packet yet.
func (o *outbreak) underway(w *moment, k int) float64 { return float64(k) - w.meets[k] }

// find finds what members meet in a step of a case.
func (o *outbreak) find(c *chances, w *moment, k int, from *holders, s stock) {
	p, both := from.probability, o.both()
	part := func(holders float64) float64 { return min(max(holders, 0)/float64(max(o.members-1, 1)), 1) }
	c.telling = both * part(s.windows/p-o.underway(w, k))
	// Bufferers have it as soon as it is there, and the author's turn goes to any member where it is in another zone.
	c.bufferer = oldToHolder*both*part(w.meets[k]) + (1-oldToHolder)*c.telling
	c.tellers = s.windows / p
	for slot, n := range from.members[o.holding(0, 0):o.holding(1, 0)] {
		if w.begun(slot) {
			c.tellers -= n / p // their next round is none of this round
		}
	}
	c.tells = s.tells
	c.told = o.near * (1 - o.loss) * part(s.tells/p)
	c.pushed = 1 - math.Pow(1-both*part(s.pushes/p), o.near)
	if unknown := total(from.members[:slots]) / p; unknown > unlikely {
		c.known = min(o.near/epidemicSteps*(1-o.loss)*part(float64(o.members)-unknown)+w.hears*o.entrances(k)/unknown, 1)
	}
}

// wait has a step pass for members that do not know that there is the packet. The gap shows when a later one comes, or a digest tells.
func (o *outbreak) wait(w *moment, from *holders, slot int, c *chances) {
	m, both := from.members[o.unknown(slot)], o.both()
	if m <= 0 {
		return
	}
	delay := w.turn - 1
	if w.begun(slot) {
		delay = w.turn
	}
	if shown := m * w.shown; shown > 0 {
		asks := shown * c.telling
		c.polls += shown
		c.got[slot] += asks * both
		c.asked += asks * both
		o.after[o.lacking(delay, 0, slot)] += asks * (1 - both)
		o.after[o.lacking(delay, o.asked, slot)] += shown - asks
		m -= shown
	}
	if known := m * c.known; known > 0 {
		o.after[o.lacking(delay, o.asked, slot)] += known
		m -= known
	}
	if slot == w.quarter {
		begins := m * w.ticking
		c.got[begun] += begins * c.pushed
		o.after[o.unknown(begun)] += begins * (1 - c.pushed)
		m -= begins
	}
	o.after[o.unknown(slot)] += m
}

// lack has a step pass for so many members that lack the packet, know of it since so many rounds later than most, and asked for it so many rounds ago.
func (o *outbreak) lack(w *moment, m float64, delay, asked, slot int, c *chances) {
	if asked > askPause {
		both, asks := o.both(), m*c.told
		if delay == -early { // most of these are representatives
			elsewhere := (m - asks) * w.told
			c.got[slot] += elsewhere * both
			o.rest(w, elsewhere*(1-both), delay, 0, slot, c)
			m -= elsewhere
		}
		c.got[slot] += asks * both
		c.asked += asks * both
		c.heard += asks * both
		o.rest(w, asks*(1-both), delay, 0, slot, c)
		m -= asks
	}
	o.rest(w, m, delay, asked, slot, c)
}

// rest is lack without the digests of others.
func (o *outbreak) rest(w *moment, m float64, delay, asked, slot int, c *chances) {
	if slot == w.quarter {
		begins := m * w.ticking
		o.tick(w, begins, delay, asked, c)
		m -= begins
	}
	o.after[o.lacking(delay, asked, slot)] += m
}

// tick begins a round of such members: they give the packet up when its life is over since they know of it and since they asked for it last, or at the end of a second life, or poll and tell what they lack.
func (o *outbreak) tick(w *moment, m float64, delay, asked int, c *chances) {
	missing, life, both := w.turn-delay, o.parameters.Life, o.both()
	asked = min(asked+1, o.asked)
	if missing > life && asked > life || missing > 2*life {
		c.gone += m
		return
	}
	polls := pollsAt(missing)
	c.polls += m * float64(polls)
	none := 1.0 // probability that no poll leads to a request
	for n := range polls {
		if missing > o.parameters.short() && n > 0 {
			none *= 1 - c.bufferer
		} else {
			none *= 1 - c.telling
		}
	}
	asks, left := m*(1-none)*(1-c.pushed), m*none*(1-c.pushed)
	c.got[begun] += m*c.pushed + asks*both
	c.asked += asks * both
	o.after[o.lacking(delay, 0, begun)] += asks * (1 - both)
	o.after[o.lacking(delay, asked, begun)] += left
}

// pollsAt returns how many polls a member sends that lacks the packet, when the rounds-th round since it knows begins.
func pollsAt(rounds int) int {
	switch {
	case rounds < pollUrgent:
		return 1
	case rounds > pollEager && rounds%pollRarely != 0:
		return 0
	}
	return pollsAgain
}
