package anonymous

import (
	"math"
	"slices"
	"time"

	"spinglass/adhoc"
	"spinglass/protocol"
)

// pause draws the time to the next round.
func (m *Machine) pause() time.Duration {
	spread := int64(m.config.Round / roundSpread)
	return m.config.Round + time.Duration(m.config.Rand.Int64N(2*spread+1)-spread)
}

// round gives up what is missing for too long, and asks for the rest: somebody on a walk, or a cached member.
func (m *Machine) round(now protocol.Time, g *membership, out *protocol.Output) {
	for _, s := range g.sources {
		m.tellGap(g, s, s.expire(now, m.config.LostLife), GapExpired, out)
	}
	if m.guard != nil && g.speaks(now) {
		m.announce(now, g, out)
	}
	if !m.config.Gossip {
		return
	}
	q := m.request(g)
	anonymous := m.config.Rand.Float64() < m.config.Anonymous
	c := m.contact(now, g, m.config.Routed)
	if anonymous || c == nil {
		if m.step(now, q, out) {
			m.stats.RequestsAnonymous++
			return
		}
		c = m.contact(now, g, false)
	}
	if c == nil {
		m.stats.RequestsUnsent++
		return
	}
	c.gossiped = now
	m.stats.RequestsCached++
	m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Unicast(now, c.node, appendRequest(nil, q), inner) })
}

// contact draws a cached member, nil if there is none. With routed it is one to which there is a route: others cost a search for one, which is a flood.
func (m *Machine) contact(now protocol.Time, g *membership, routed bool) (drawn *cached) {
	count := 0
	for i := range g.cache.members {
		c := &g.cache.members[i]
		if routed && !m.config.Routing.Reaches(now, c.node) {
			continue
		}
		if count++; m.config.Rand.IntN(count) == 0 {
			drawn = c
		}
	}
	return drawn
}

// request returns a request for what is missing. Where there are more sources than one request names, they take turns, and those come first of which something is missing.
func (m *Machine) request(g *membership) *Request {
	q := &Request{TTL: WalkMax, Group: g.group, Initiator: m.config.Self, All: len(g.sources) <= EntriesMax}
	if m.config.Hints {
		q.Sequence = m.config.Routing.Freshness()
	}
	var chosen []*source
	for _, wanted := range []bool{true, false} {
		for i := range g.sources {
			s := g.sources[(g.turn+i)%len(g.sources)]
			if len(chosen) < EntriesMax && (len(s.lost) > 0) == wanted {
				chosen = append(chosen, s)
			}
		}
	}
	if len(g.sources) > 0 {
		g.turn = (g.turn + 1) % len(g.sources)
	}
	q.Keys = g.keys()
	numbers := m.share(chosen)
	for i, s := range chosen {
		q.Entries = append(q.Entries, Entry{Source: s.id, Expected: s.expected, Lost: m.draw(s, numbers[i])})
	}
	slices.SortFunc(q.Entries, func(a, b Entry) int {
		if a.Source.before(b.Source) {
			return -1
		}
		return 1
	})
	return q
}

// share divides the numbers of a request among sources, one after the other in turn.
func (m *Machine) share(chosen []*source) []int {
	counts := make([]int, len(chosen))
	for left, progress := NumbersMax, true; left > 0 && progress; {
		progress = false
		for i, s := range chosen {
			if left > 0 && counts[i] < len(s.lost) {
				counts[i]++
				left--
				progress = true
			}
		}
	}
	return counts
}

// draw returns some of the lost numbers of a source, ascending: the latest half of them, so that what is missing for long does not keep the application from what is new, and others at random.
func (m *Machine) draw(s *source, count int) []uint64 {
	numbers := make([]uint64, 0, count)
	latest := count / 2
	early := s.lost[:len(s.lost)-latest]
	for i, left := 0, len(early); count-latest > len(numbers) && i < len(early); i, left = i+1, left-1 {
		if m.config.Rand.IntN(left) < count-latest-len(numbers) {
			numbers = append(numbers, early[i].number)
		}
	}
	for _, l := range s.lost[len(early):] {
		numbers = append(numbers, l.number)
	}
	return numbers
}

// step hands a walk to a next hop other than where it came from, and reports whether there was one.
func (m *Machine) step(now protocol.Time, q *Request, out *protocol.Output) bool {
	next, ok := m.choose(now, q)
	if !ok {
		return false
	}
	out.Emit(Walk{Group: q.Group, Initiator: q.Initiator, To: next, Hops: q.Hops})
	out.Send(next, q)
	return true
}

// choose draws a next hop, nearer sides with higher probability. Sides on which no member is known are left out, unless there is nothing else.
func (m *Machine) choose(now protocol.Time, q *Request) (protocol.NodeID, bool) {
	m.hops = m.config.Routing.NextHops(now, q.Group, m.hops[:0])
	m.hops = slices.DeleteFunc(m.hops, func(h adhoc.NextHop) bool {
		return h.Node == q.arrival || h.Node == q.Initiator || slices.Contains(q.refused, h.Node)
	})
	if len(m.hops) == 0 {
		return 0, false
	}
	m.weights = m.weights[:0]
	sum := 0.0
	for _, h := range m.hops {
		weight := 0.0
		if h.Distance != adhoc.DistanceNone {
			weight = math.Pow(float64(h.Distance), -m.config.Locality)
		}
		m.weights = append(m.weights, weight)
		sum += weight
	}
	if sum == 0 {
		return m.hops[m.config.Rand.IntN(len(m.hops))].Node, true
	}
	at := m.config.Rand.Float64() * sum
	for i, weight := range m.weights {
		if at -= weight; at < 0 && weight > 0 {
			return m.hops[i].Node, true
		}
	}
	return m.hops[len(m.hops)-1].Node, true
}

// rescue hands a walk that a next hop did not take to another one.
func (m *Machine) rescue(now protocol.Time, to protocol.NodeID, q *Request, out *protocol.Output) {
	m.stats.RequestsBroken++
	if len(q.refused)+1 >= walkTriesMax {
		return
	}
	again := *q
	again.refused = append(slices.Clone(q.refused), to)
	if g := m.membership(q.Group); !m.step(now, &again, out) && g != nil && q.Initiator != m.config.Self {
		m.accept(now, g, &again, m.lookUp(now, g, &again), out)
	}
}
