package anonymous

import (
	"spinglass/adhoc"
	"spinglass/protocol"
)

// receiveRequest takes a walk: a member accepts it at random, or hands it on, as others do. A choosy member that has nothing of what is asked for hands it on in any case, and accepts where it ends.
func (m *Machine) receiveRequest(now protocol.Time, from protocol.NodeID, q *Request, out *protocol.Output) {
	if q.Initiator == m.config.Self || from == m.config.Self {
		out.Drop(from, ReasonSelf)
		return
	}
	m.offer(now, from, q)
	g := m.membership(q.Group)
	// Most walks go on. The history is searched for those only that may end here.
	if g != nil && (q.TTL <= 1 || m.config.Rand.Float64() < m.config.Accept) {
		found := m.lookUp(now, g, q)
		if q.TTL <= 1 || !m.config.Choosy || len(found) > 0 || m.knowsOneOf(q.Keys) {
			m.acceptWalk(now, g, q, found, out)
			return
		}
	}
	if q.TTL > 1 && q.Hops < WalkMax {
		next := q.onward()
		next.arrival = from
		if m.step(now, next, out) {
			m.stats.RequestsForwarded++
			return
		}
	}
	if g != nil {
		m.acceptWalk(now, g, q, m.lookUp(now, g, q), out)
		return
	}
	m.stats.RequestsDeadEnds++
	out.Drop(from, ReasonDeadEnd)
}

// offer tells routing of the way back to the initiator of a walk.
func (m *Machine) offer(now protocol.Time, from protocol.NodeID, q *Request) {
	if !m.config.Hints || q.Sequence == 0 {
		return
	}
	m.stats.HintsOffered++
	if m.config.Routing.Learn(now, adhoc.Hint{Node: q.Initiator, Sequence: q.Sequence, Via: from, Hops: q.Hops + 1}) {
		m.stats.HintsTaken++
	}
}

func (m *Machine) acceptWalk(now protocol.Time, g *membership, q *Request, found []*Message, out *protocol.Output) {
	out.Emit(Walk{Group: q.Group, Initiator: q.Initiator, To: m.config.Self, Hops: q.Hops + 1})
	arrived := *q
	arrived.Hops++
	m.accept(now, g, &arrived, found, out)
}

// accept sends what was found of what a request names back to the initiator, as many messages to a unicast as fit.
func (m *Machine) accept(now protocol.Time, g *membership, q *Request, found []*Message, out *protocol.Output) {
	m.stats.RequestsAccepted++
	g.cache.add(q.Initiator, q.Hops)
	m.sendChains(now, g, q, out)
	if len(found) == 0 {
		m.stats.RequestsFruitless++
		return
	}
	for begin := 0; begin < len(found); {
		p, size := reply{group: g.group}, replyHead
		for begin < len(found) && (len(p.messages) == 0 || size+found[begin].size() <= adhoc.PayloadMax) {
			p.messages = append(p.messages, *found[begin])
			size += found[begin].size()
			begin++
		}
		m.stats.RepliesSent++
		m.stats.MessagesReplied += uint64(len(p.messages))
		payload := p.append(nil)
		m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Unicast(now, q.Initiator, payload, inner) })
	}
}

// lookUp returns what the history has of what a request names: lost numbers first, then what is behind the expected ones, then messages of sources that are new to the initiator, where they have settled; at most RepliesMax.
func (m *Machine) lookUp(now protocol.Time, g *membership, q *Request) (found []*Message) {
	settled := now.Add(-m.config.Settle)
	for i := range q.Entries {
		e := &q.Entries[i]
		for _, number := range e.Lost {
			if message := g.history.find(e.Source, number); message != nil {
				found = append(found, message)
			}
		}
	}
	named := func(s Source) *Entry {
		for i := range q.Entries {
			if q.Entries[i].Source == s {
				return &q.Entries[i]
			}
		}
		return nil
	}
	g.history.oldest(func(message *Message) bool {
		if message.arrived > settled {
			return true // it may be on its way to the initiator
		}
		e := named(message.Source)
		if e != nil && message.Number >= e.Expected || e == nil && q.All && message.Source.Node != q.Initiator {
			found = append(found, message)
		}
		return len(found) < RepliesMax
	})
	return found[:min(len(found), RepliesMax)]
}
