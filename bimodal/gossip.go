package bimodal

import (
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// Constants of gossip that are not for configuration. Those of the authors' own implementation are marked (E).
const (
	pollFanout     = 1             // members that are polled on a gap (E)
	pollAnswersMax = 32            // polls answered a round
	leapMax        = 4 * windowMax // packets a round that may be found missing; each takes a slot. One source alone gets half
	rateMemory     = 10            // rounds over which the measured rate is smoothed
	lengthMemory   = 64            // packets over which their length is smoothed
	recentShare    = 4             // one part in so many of a digest is kept for streams in rotation
	rotationScan   = 512           // streams looked at for one digest in rotation
	forgetScan     = 16            // streams looked at a round, to be forgotten
	idleRounds     = 10            // a node with nothing to repair gossips every so many rounds
	patienceLives  = 2             // lives after which a missing packet is given up, however often it was asked for
	evictShare     = 64            // one part in so many of the buffer is freed at a time
)

// scratch is memory for messages being built. They are copied, in one piece, when they are done.
type scratch struct {
	weight   float64 // with which that peer was drawn
	to       *peer   // whom a digest under way goes to; nil when that is no peer
	topics   []TopicID
	entries  []DigestEntry
	asked    []RequestEntry
	ranges   []Range
	reserved int // bytes of the message so far
	lags     []uint32
	growths  []uint8
}

func (m *Machine) beginRound() {
	m.round++
	m.carriedMean += (float64(m.carried) - m.carriedMean) / rateMemory
	m.carried = 0
	m.granted = m.roundBudget()
	m.budget = m.granted
	m.pollsLeft = m.config.Polls
	m.favours.begin()
	m.proving.verified = 0
	m.repairs.beginRound()
	m.refusalTold, m.roomSought = false, false
}

// roundBudget returns how many bytes of repairs a round may cost, whoever asks. Who is overrun itself is one of a crowd that most likely is: then
// repairs at the least budget of all could fill what the crowd can receive.
func (m *Machine) roundBudget() int {
	least := m.config.RepairBytes
	if m.isOverrun() {
		least = min(least, overrunBytes)
	}
	return max(least, int(m.config.RepairShare*m.carriedMean))
}

// gossip is one round.
func (m *Machine) gossip(now protocol.Time, out *protocol.Output) {
	m.roundAt = m.nextRound(now)
	m.beginRound()
	for s := m.newest; s != nil; {
		older := s.older
		m.regard(s)
		if m.writes(s.id) {
			m.steer(now, s)
		}
		m.sweep(s, out)
		m.sweepLong(s)
		if !s.active() {
			m.rest(s)
		} else if !s.window.active() {
			m.releaseSlots(s)
		}
		s = older
	}
	m.forgetIdle(now)
	m.sweepTrials()
	m.sweepWants()
	m.checkUnchecked(now, out)
	m.sweepPostponed(out)
	m.reviewShunned()
	m.reviewCarries(out)
	m.sweepNames()
	m.reviewReceipts()
	m.pardon()
	m.reviewDispatches(out)
	m.sweepOrders(out)
	m.repair(out)
	m.pollAgain(out)
	m.askAuthors(out)
	m.settleGroups(out)
	m.probeGroups(now, out)
	m.complain(out)
	m.greet(now, out)
	m.tellEndings(now, out)
	usual, background := m.activity()
	m.gossipInBackground(now, background, out)
	if !usual && m.round%idleRounds != 0 {
		return
	}
	m.refreshPartners()
	if m.round%proximityReview == 0 {
		m.refreshUsual()
	}
	if m.config.Mode == ModeModelIndependent {
		m.gossipIndependently(now, out)
		return
	}
	author := m.drawAuthor()
	for i := range m.fanoutMost {
		if p := m.drawRated(i); p != nil {
			m.sendDigest(now, p, i, out)
			if p == author {
				author = nil
			}
		}
	}
	if author != nil {
		m.sendAuthorDigest(now, author, out)
	}
}

func (m *Machine) gossipIndependently(now protocol.Time, out *protocol.Output) {
	for _, p := range m.partners {
		if m.config.Rand.Float64()*float64(len(m.partners)) < float64(m.config.Fanout) {
			m.sendDigest(now, p, 0, out)
		}
	}
}

// sweep gives up what is missing for too long and drops what was held for long enough.
func (m *Machine) sweep(s *stream, out *protocol.Output) {
	s.pace, s.mark = s.high-s.mark, s.high
	for s.next <= s.high && !(s.order.seeking && m.awaitsHistory(s)) {
		slot := s.at(s.next)
		if slot.packet != nil {
			m.deliverNext(s, out)
			continue
		}
		if s.spares(s.next) || !m.wantsStill(s, s.next) {
			s.setSpared(s.next)
			m.spare(s)
			continue
		}
		missing := m.round - slot.since
		if missing <= s.topic.life()*patienceLives && (!m.over(s, &slot.usage) || m.waits(s.id, s.next)) {
			break
		}
		m.skip(s, GapExpired)
	}
	m.goOn(s)
	m.settle(s, out)
	for ; s.base < s.next; s.base++ {
		if slot := s.at(s.base); slot.packet != nil && !m.shortOver(s, &slot.usage) {
			break
		}
		m.retire(s, false)
	}
}

// over reports whether the life of a packet is over since it came and since it was asked for last.
func (m *Machine) over(s *stream, use *usage) bool {
	life := s.topic.life()
	return m.round-use.since > life && m.round-use.asked > life
}

// sendDigest tells a peer what this node holds of the streams that the peer wants: the most recently active streams first, the
// rest in rotation, as much as a datagram holds. It is number i of the digests of the round.
func (m *Machine) sendDigest(now protocol.Time, p *peer, i int, out *protocol.Output) {
	m.beginDigest(p)
	for _, id := range p.topics {
		if t := m.topics[id]; t != nil && t.knobs.Fanout > i && t.background == (i == backgroundDigest) && m.drawTopic(t, p) {
			t.stamp, t.index = m.digestStamp, -1
		}
	}
	limit := m.messageRoom() - m.reportsRoom()
	for s := m.newest; s != nil; s = s.older {
		if s.topic.stamp == m.digestStamp && !m.addEntry(now, s, nil, limit-limit/recentShare) {
			break
		}
	}
	for range min(rotationScan, len(m.streams)) {
		if m.rotation >= len(m.streams) {
			m.rotation = 0
		}
		s := m.streams[m.rotation]
		if s.topic.stamp == m.digestStamp && s.stamp != m.digestStamp && !m.addEntry(now, s, nil, limit) {
			break
		}
		m.rotation++
	}
	m.sendEntries(p, out)
}

// sendEntries sends the digest under way, if it lists anything.
func (m *Machine) sendEntries(to *peer, out *protocol.Output) {
	if len(m.scratch.entries) > 0 {
		m.stats.DigestsSent++
		out.Send(to.id, m.finishDigest(to.id))
	}
}

// frameOverheadMax is the kind and the length of a frame, at most.
const frameOverheadMax = 1 + 3

// messageRoom returns how many bytes a message may have.
func (m *Machine) messageRoom() int {
	return m.config.DatagramSize - wire.HeaderSize - wire.FrameSize(1<<14) + 1<<14
}

func (m *Machine) beginDigest(to *peer) {
	m.digestStamp++
	c := &m.scratch
	c.to = to
	c.topics, c.entries, c.ranges = c.topics[:0], c.entries[:0], c.ranges[:0]
	c.reserved = digestSize(m.round, digestTopicsMax, digestEntriesMax) - 8*digestTopicsMax
}

// addEntry adds a stream to the digest under way, unless it would grow over limit: all of its window, or what is held of the packets asked
// about.
func (m *Machine) addEntry(now protocol.Time, s *stream, asked []Range, limit int) bool {
	if s.high == 0 {
		return true
	}
	c := &m.scratch
	mark := len(c.ranges)
	e := DigestEntry{
		Author: s.id.Author, Epoch: s.id.Epoch, Topic: max(s.topic.index, 0),
		Age: s.age(now), High: s.high, Messages: s.total, Manifest: m.newestManifest(s),
	}
	if len(asked) == 0 {
		c.ranges, e.Floor = s.ranges(c.ranges, rangesMax, m.tellsOverSpared(s))
	} else {
		c.ranges, e.Floor = m.offer(s, asked, c.ranges)
	}
	e.Ranges = c.ranges[mark:]
	if s.topic.index < 0 {
		e.Topic = len(c.topics)
	}
	size := e.size()
	if s.topic.index < 0 {
		size += 8
	}
	if c.reserved+size > limit || len(c.entries) == digestEntriesMax || e.Topic == digestTopicsMax {
		c.ranges = c.ranges[:mark]
		return false
	}
	if s.topic.index < 0 {
		s.topic.index = e.Topic
		c.topics = append(c.topics, s.topic.id)
	}
	c.reserved += size
	c.entries = append(c.entries, e)
	s.stamp = m.digestStamp
	return true
}

// finishDigest returns the digest under way, which goes to a peer.
func (m *Machine) finishDigest(to protocol.NodeID) *Digest {
	c := &m.scratch
	d := &Digest{Round: m.round, Topics: slices.Clone(c.topics), Entries: slices.Clone(c.entries)}
	rest := slices.Clone(c.ranges)
	for i := range d.Entries {
		n := len(d.Entries[i].Ranges)
		d.Entries[i].Ranges, rest = rest[:n:n], rest[n:]
	}
	m.addSamples(d, to)
	return d
}
