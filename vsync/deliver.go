package vsync

import (
	"math"

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

// answerFlushes tells of calls of Flush of which all is stable.
func (g *group) answerFlushes(out *protocol.Output) {
	own := &g.streams[g.rank]
	for len(g.flushes) > 0 {
		f := &g.flushes[0]
		if !f.placed && own.delivered >= f.seq {
			f.placed = true
			if g.options.Order == OrderTotal {
				f.rank, f.upto = g.touchedBy()
			}
		}
		if !f.placed || own.stable < f.seq || g.streams[f.rank].stable < f.upto {
			return
		}
		out.Emit(Flushed{Group: g.name, Number: f.number})
		g.flushes = g.flushes[1:]
	}
}
