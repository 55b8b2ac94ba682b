package vsync

import (
	"math"
	"sort"

	"spinglass/protocol"
)

// unlimited is a cut that leaves out nothing.
const unlimited = math.MaxUint64

// deliverAll delivers what is next by the order of the group, while the view is not being changed.
func (g *group) deliverAll(now protocol.Time, out *protocol.Output) {
	if g.blocked || g.view == nil {
		return
	}
	if g.options.Order == OrderTotal && !g.follow(now, nil) {
		g.m.stats.OrderConflicts++
		g.eject(now, EjectOrder, out)
		return
	}
	if g.deliverUpto(nil, out); g.fall(now, out) {
		return
	}
	if g.options.Order == OrderTotal {
		g.passOrders()
	}
	g.trimAll()
	g.answerFlushes(out)
	g.offer(out)
	if g.options.Order == OrderTotal {
		g.watchOrder(now)
	}
}

// deliverUpto delivers what is next, up to a cut if that is not nil.
func (g *group) deliverUpto(cut []uint64, out *protocol.Output) {
	switch g.options.Order {
	case OrderFIFO:
		for rank := range g.streams {
			for s := &g.streams[rank]; s.delivered < limit(s, cut, rank); {
				g.step(rank, out)
			}
		}
	case OrderCausal:
		g.deliverCausal(cut, out)
	case OrderTotal:
		g.deliverTotal(cut, out)
	}
}

// limit returns up to where a stream can be delivered.
func limit(s *stream, cut []uint64, rank int) uint64 {
	if cut == nil {
		return s.have
	}
	return min(s.have, cut[rank])
}

// step delivers the next message of a member, or passes over it where it is none of the application.
func (g *group) step(rank int, out *protocol.Output) {
	s := &g.streams[rank]
	s.delivered++
	body := s.at(s.delivered)
	if body[0] != bodyCast {
		return
	}
	depends, payload, ok := readCast(body, g.options.Order == OrderCausal, s.depends)
	if s.depends != nil {
		s.depends, s.next = depends, nil
	}
	if !ok {
		out.Drop(g.view.Members[rank].ID, ReasonMalformed)
		return
	}
	g.give(&Delivery{Group: g.name, View: g.view.ID, Sender: g.view.Members[rank].ID, Rank: rank, Seq: s.delivered, Payload: payload}, out)
}

// deliverCausal delivers each cast after those that it depends on. What depends on messages behind the cut is delivered nowhere.
func (g *group) deliverCausal(cut []uint64, out *protocol.Output) {
	for progress := true; progress; {
		progress = false
		for rank := range g.streams {
			for s := &g.streams[rank]; s.delivered < limit(s, cut, rank) && g.due1(rank); progress = true {
				g.step(rank, out)
			}
		}
	}
}

// due1 reports whether what the next message of a member depends on is delivered.
func (g *group) due1(rank int) bool {
	s := &g.streams[rank]
	if s.next == nil {
		s.next, _, _ = readCast(s.at(s.delivered+1), true, s.depends)
	}
	for i, n := range s.next {
		if i != rank && g.streams[i].delivered < n {
			return false
		}
	}
	return true
}

// trimAll forgets what is stable and delivered.
func (g *group) trimAll() {
	for i := range g.streams {
		bytes := g.streams[i].trim()
		g.held -= bytes
		g.m.hold(-bytes)
	}
}

// answerFlushes tells of calls of Flush of which all is stable: what this member cast, and all that was delivered here up to the last of it, since what comes of a cast depends on those before it.
func (g *group) answerFlushes(out *protocol.Output) {
	g.markFlushes()
	for len(g.flushes) > 0 {
		f := &g.flushes[0]
		settled := f.settled || g.options.Order != OrderTotal || len(g.streams) == 1
		if f.upto == nil || !settled || !g.stableUpto(f.upto) {
			return
		}
		out.Emit(Flushed{Group: g.name, Number: f.number})
		g.flushes = g.flushes[1:]
	}
}

// markFlushes notes what was delivered here, for all calls of Flush of which that is new, so that one round may be the end of many.
func (g *group) markFlushes() {
	i := sort.Search(len(g.flushes), func(i int) bool { return g.flushes[i].upto == nil })
	if i == len(g.flushes) || g.streams[g.rank].delivered < g.flushes[i].seq {
		return
	}
	mark := flushWait{upto: g.delivered()}
	if g.options.Order == OrderTotal {
		mark.term, mark.touched = g.total.touched()
	}
	for ; i < len(g.flushes) && g.streams[g.rank].delivered >= g.flushes[i].seq; i++ {
		f := &g.flushes[i]
		f.upto, f.term, f.touched = mark.upto, mark.term, mark.touched
	}
}

// settleFlushes looks, at the end of a round, which calls of Flush are of what no later term can leave out. With total order it is not enough that all have what was delivered, and what ordered it: who had sealed the term before that came keeps to
// less of it, and a later term may follow on that. But once all keep to so much of one term, each of them tells as much when it seals it.
func (g *group) settleFlushes() {
	if g.options.Order != OrderTotal {
		return
	}
	active := g.total.active().number
	for i := range g.flushes {
		f := &g.flushes[i]
		if f.upto != nil && g.term == active && (f.term < active || g.kept >= f.touched) && covers(g.min, f.upto) {
			f.settled = true
		}
	}
}

// keeps returns which term this member keeps to, with total order, and up to which of its holder's messages: what it tells when it seals the term now.
func (g *group) keeps() (term, upto uint64) {
	if g.options.Order != OrderTotal {
		return 0, 0
	}
	term = g.total.active().number
	return term, min(g.total.limit, g.streams[g.holder(term)].have)
}

func covers(have, upto []uint64) bool {
	for i, n := range upto {
		if have[i] < n {
			return false
		}
	}
	return true
}

// delivered returns what of each member was delivered here, and what ordered that.
func (g *group) delivered() []uint64 {
	upto := make([]uint64, len(g.streams))
	for i := range g.streams {
		upto[i] = g.streams[i].delivered
	}
	if g.options.Order == OrderTotal {
		rank, seq := g.touchedBy()
		upto[rank] = max(upto[rank], seq)
	}
	return upto
}

func (g *group) stableUpto(upto []uint64) bool {
	for i, n := range upto {
		if g.streams[i].stable < n {
			return false
		}
	}
	return true
}
