package bimodal

import (
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// Constants of repair that are not for configuration. Those of the authors' own implementation are marked (E).
const (
	regionalRequests = 20   // requests after which a packet is repaired for the whole region (E)
	regionalReplies  = 6    // replies, this one included, of which the last is for the whole region (E)
	pushScan         = 256  // packets looked at for one entry of a digest, to be pushed
	wantScan         = 8192 // missing packets looked at for one digest, to be asked for
	farRounds        = 5    // rounds that are allowed for the round trip to a representative of another zone, where it is not measured
	unansweredMax    = 3    // requests without a repair before membership is told
)

// receiveDigest asks the gossiper for what it holds and this node misses, and sends it what it lacks and this node has held for
// long.
func (m *Machine) receiveDigest(now protocol.Time, from protocol.NodeID, d *Digest, out *protocol.Output) {
	m.stats.DigestsReceived++
	c := &m.scratch
	c.asked, c.ranges = c.asked[:0], c.ranges[:0]
	c.reserved = wire.UvarintSize(uint64(d.Round)) + wire.UvarintSize(RequestNumbersMax)
	o := occasion{
		from: from, answer: d.Answer, round: d.Round, pause: uint32(m.config.RequestPause), numbers: m.requests(), scan: wantScan,
	}
	asked := o.numbers
	if d.Answer {
		o.pause = 0
	}
	teller, sample := m.peers[from], 0
	if teller != nil && m.shunned(teller) {
		m.stats.DigestsShunned++
		return
	}
	if teller != nil && len(d.Samples) == 0 {
		m.hush(teller)
	}
	m.carryDigest(now, from, d, out)
	for i := range d.Entries {
		s := m.hear(now, d, i, &o, out)
		if s == nil {
			m.stats.EntriesIgnored++
			continue
		}
		sample = m.heed(s, d, i, sample, teller)
		m.want(s, &d.Entries[i], d.Answer, &o)
		// An answer may speak of less than the whole stream. And in a crowd that is overrun, what comes unasked would keep full what is full already.
		if teller != nil && !d.Answer && teller.maySubscribe(s.topic) && !(m.isOverrun() && d.falls(i, sample)) {
			m.push(s, &d.Entries[i], teller, out)
		}
	}
	if len(c.asked) > 0 {
		m.sendRequest(from, d.Round, asked-o.numbers, out)
	}
	m.repair(out)
}

// requests returns how many packets may be asked for because of one digest: of small packets as many as the least budget of a round repairs,
// so that who was paused in a stream of many small ones catches up as fast as in one of few large ones.
func (m *Machine) requests() int {
	if m.config.Mode != ModeFull || m.lengthMean == 0 {
		return m.config.Requests
	}
	small := m.config.RepairBytes * lengthMemory / (m.lengthMean + lengthMemory*packetOverheadMax)
	return min(max(m.config.Requests, small), RequestNumbersMax)
}

// hear takes in that the stream of an entry exists and how far it goes. It returns nil when the stream does not concern this
// node.
func (m *Machine) hear(now protocol.Time, d *Digest, i int, o *occasion, out *protocol.Output) *stream {
	id, e, from := d.Stream(i), &d.Entries[i], o.from
	s := m.byID[id]
	if m.own(id) {
		if s == nil || e.High > s.high {
			out.Drop(from, ReasonInvented)
			return nil
		}
		return s
	}
	if m.signed() && from != id.Author {
		return m.hearSay(now, s, id, e, o, out)
	}
	began := beganAgo(now, e.Age)
	if s == nil {
		t := m.topics[id.Topic]
		if !t.follows() || !m.mayPublish(id.Author, t) {
			return nil
		}
		first, all := e.High+1, t.wantsAll(began, e.Age)
		switch held := len(e.Ranges); {
		case all:
			first = 1
		case t.history.wants() && e.Age < AgeMax:
			first = t.seekFrom(e.High)
		case held > 0 && e.Age < AgeMax && now > t.since:
			first = max(e.Ranges[held-1].First, t.seekFrom(e.High))
		}
		if s = m.addStream(now, id, t, first, out); s == nil {
			out.Drop(from, ReasonStreams)
			return nil
		}
		if s.began = began; !all {
			s.total, s.order.counted, s.order.fresh = e.Messages, e.Messages, true
			s.order.seeking, s.order.heard = first <= e.High, e.High+1
		}
	}
	s.began = min(s.began, began)
	o.known = s.high
	s.aged = max(s.aged, e.Floor)
	if e.High > s.high {
		if !m.follow(e.High-s.high, from, out) {
			return nil // later digests will tell again
		}
		m.learn(now, s, e.High, e.Messages, out)
		m.evict(out)
	}
	if s.order.seeking && d.Answer && from == id.Author {
		m.boundSeek(s, e, out)
	}
	if s.goneBack() && d.Answer && from == id.Author {
		m.boundRewind(s, e.Floor, out)
	}
	return s
}

func (m *Machine) sendRequest(to protocol.NodeID, round uint32, numbers int, out *protocol.Output) {
	c := &m.scratch
	q := &Request{Round: round, Entries: slices.Clone(c.asked)}
	rest := slices.Clone(c.ranges)
	for i := range q.Entries {
		n := len(q.Entries[i].Ranges)
		q.Entries[i].Ranges, rest = rest[:n:n], rest[n:]
	}
	m.stats.RequestsSent++
	m.stats.NumbersRequested += uint64(numbers)
	out.Send(to, q)
	if p := m.peers[to]; p != nil {
		if p.unanswered++; p.unanswered > unansweredMax {
			p.unanswered = 0
			m.stats.RequestsUnanswered++
			out.Emit(protocol.Unanswered{Peer: to})
		}
	}
}

// push queues for the gossiper what it lacks, as far as this node has held it for more than half of its life: "pull for young,
// push for old".
func (m *Machine) push(s *stream, e *DigestEntry, to *peer, out *protocol.Output) {
	if m.config.Mode != ModeFull || !s.active() {
		return
	}
	low, left := e.Floor, pushScan
	for i := len(e.Ranges) - 1; i >= 0 && low <= s.high; i-- {
		held := e.Ranges[i]
		if held.First > low {
			left = m.pushRange(s, Range{low, min(held.First-1, s.high)}, left, to, out)
		}
		low = max(low, held.Last+1)
	}
	if low <= s.high {
		m.pushRange(s, Range{low, s.high}, left, to, out)
	}
}

func (m *Machine) pushRange(s *stream, lacking Range, left int, to *peer, out *protocol.Output) int {
	if lacking.First < s.base {
		s.archive.runs(lacking.First, min(lacking.Last, s.base-1), func(held Range) bool {
			left = m.pushHeld(s, held, left, to, out)
			return left > 0
		})
	}
	return m.pushHeld(s, Range{max(lacking.First, s.base), lacking.Last}, left, to, out)
}

// pushHeld queues packets of a range, as far as they are held and old enough. It returns how many more may be looked at.
func (m *Machine) pushHeld(s *stream, r Range, left int, to *peer, out *protocol.Output) int {
	for seq := r.First; seq <= r.Last && left > 0; seq++ {
		left--
		if p, use := s.packet(seq); p != nil && m.round-use.since > s.topic.life()/2 && m.wantsPacket(to, s.topic, s.height(seq)) && m.prove(s, p, use, &to.link) {
			if !m.enqueue(repair{to: to, stream: s, seq: seq, round: m.round, pushed: true}, out) {
				return 0
			}
		}
	}
	return left
}

// receiveRequest queues what is asked for, if the round that the request echoes is current: who is later than its round trip
// explains gets nothing, and so costs the others nothing.
func (m *Machine) receiveRequest(_ protocol.Time, from protocol.NodeID, q *Request, out *protocol.Output) {
	m.stats.RequestsReceived++
	if m.stranger(from, out) {
		return
	}
	late := int32(m.round - q.Round)
	if late < 0 {
		m.stats.RequestsFuture++
		out.Drop(from, ReasonFuture)
		return
	}
	if int(late) > m.allowance(from) {
		m.stats.RequestsStale++
		out.Drop(from, ReasonStale)
		return
	}
	for i := range q.Entries {
		if !m.grant(m.peers[from], &q.Entries[i], out) {
			break
		}
	}
	m.repair(out)
}

// stranger drops what a sender that is no peer asks for. What is sent in reply is many times as long, and may go to somebody else's
// address. A member that is new is a peer soon, and asks again.
func (m *Machine) stranger(from protocol.NodeID, out *protocol.Output) bool {
	if m.peers[from] != nil {
		return false
	}
	m.stats.StrangersRefused++
	out.Drop(from, ReasonStranger)
	return true
}

// grant queues what one entry of a request asks for. It reports whether there was room for all.
func (m *Machine) grant(to *peer, e *RequestEntry, out *protocol.Output) bool {
	s := m.byID[e.Stream]
	if s != nil && !to.maySubscribe(s.topic) {
		m.stats.NumbersForbidden++
		out.Drop(to.id, ReasonForbidden)
		return true
	}
	for _, asked := range e.Ranges {
		for seq := asked.Last; seq >= asked.First; seq-- {
			if s == nil {
				m.stats.NumbersUnheld++
				continue
			}
			p, use := s.packet(seq)
			if p == nil {
				m.stats.NumbersUnheld++
				continue
			}
			use.asked = m.round
			use.requests = min(use.requests+1, regionalRequests)
			r := repair{to: to, stream: s, seq: seq, round: m.round}
			if !m.prove(s, p, use, &to.link) {
				if !m.postpone(r, use) {
					m.stats.NumbersUnproven++
				}
				continue
			}
			if !m.enqueue(r, out) {
				return false
			}
		}
	}
	return true
}

// allowance returns how many rounds ago a round may be that a peer echoes.
func (m *Machine) allowance(from protocol.NodeID) int {
	rounds := 1
	if p := m.peers[from]; p != nil {
		if p.roundTrip == 0 && !p.regional {
			return rounds + farRounds
		}
		rounds += int((p.roundTrip + m.config.Round - time.Nanosecond) / m.config.Round)
	}
	return rounds
}

// reply sends one repair: to who asked, or to the region when so many asked that more are likely to miss it.
func (m *Machine) reply(r repair, p *Packet, size int, out *protocol.Output) {
	_, use := r.stream.packet(r.seq)
	copies := 0
	if m.config.Mode == ModeFull && !r.pushed {
		if use.replies++; use.requests >= regionalRequests || use.replies >= regionalReplies {
			use.requests, use.replies = 0, 0
			if m.repairGroup(r, p, size, out) {
				return
			}
			region := m.regionWithin(m.audienceFor(r.stream.topic, p), m.regionRoom(r.to)/size-1)
			if len(region) > 0 {
				m.stats.RepairsRegional++
				out.Spread(region, p.again())
			}
			copies = len(region)
			if slices.Contains(region, r.to.id) {
				m.spend(copies, size)
				r.to.line.spent += (copies - 1) * size
				return
			}
		}
	}
	if r.pushed {
		m.stats.RepairsPushed++
	}
	out.Send(r.to.id, p.again())
	m.spend(copies+1, size)
	r.to.line.spent += copies * size
}

// spend accounts for repairs that were sent.
func (m *Machine) spend(copies, size int) {
	m.budget -= copies * size
	m.stats.RepairsSent += uint64(copies)
	m.stats.RepairBytesSent += uint64(copies * size)
}

// regionWithin returns the members of the own zone in an audience, from a random one on at most room of them.
func (m *Machine) regionWithin(to *audience, room int) []protocol.NodeID {
	if room <= 0 {
		return nil
	}
	if room >= len(to.region) {
		return to.region
	}
	begin := m.config.Rand.IntN(len(to.region) - room + 1)
	return to.region[begin : begin+room : begin+room]
}
