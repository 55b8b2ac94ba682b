package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// Regular digests speak of packets in their short phase. Who misses an older one polls one of its bufferers, and names the packets, so that
// the answer can speak of them.

// pollUrgent is for how many rounds a packet may be missing before several members are polled in a round: some are slow.
const pollUrgent = 2

// pollScan bounds how many blocks with missing packets are looked at for one poll.
const pollScan = 256

// pollElsewhere is how often a poll for old packets goes elsewhere: one in so many, to any member and to the author by turns. Views of who the
// bufferers are may differ, and the spread may have failed as a whole.
const pollElsewhere = 4

// pollAgain asks about the streams that are still short of something, the most recently active first, and several times where packets are
// missing for long: some members are slow, and packets past their short phase are with few. Half of the polls of a round are left for gaps that
// show in its course.
func (m *Machine) pollAgain(out *protocol.Output) {
	reserve, before := m.config.Polls/2, m.pollsLeft+1
	for pass := 0; m.pollsLeft > reserve && m.pollsLeft < before; pass++ {
		before = m.pollsLeft
		for s := m.newest; s != nil && m.pollsLeft > reserve; s = s.older {
			switch {
			case s.missing() == 0 || m.vain(s):
			case pass%2 == 0 && m.overdue(s):
				m.pollOld(s, out)
			case pass == 0 || m.round-s.at(s.next).since >= pollUrgent || m.overdue(s):
				m.poll(s, out)
			}
		}
	}
}

// poll asks a random member for a digest of s, because a gap has shown. The rounds do the rest when the polls are used up. An
// answer to a poll may lead to a request in the very next round after another: polls are few enough.
func (m *Machine) poll(s *stream, out *protocol.Output) {
	if s.order.seeking || s.goneBack() {
		m.pollOld(s, out)
		return
	}
	for range pollFanout {
		if to, ok := m.pollTarget(s); ok {
			m.sendPoll(to, PollEntry{Stream: s.id}, out)
		}
	}
}

// pollOld asks one of the bufferers of missing packets for a digest of just those, because they may be past their short phase.
func (m *Machine) pollOld(s *stream, out *protocol.Output) {
	to, ok := m.pollTarget(s)
	if !ok || s.missing() == 0 {
		return
	}
	s.polls++
	if s.order.seeking {
		m.pollSeeking(s, to, out)
		return
	}
	seq, author := m.drawMissing(s), m.peers[s.id.Author] != nil
	var bufferer *candidate
	switch {
	case s.polls%pollElsewhere != 0:
		if bufferer = m.drawBufferer(s, seq); bufferer != nil {
			to = bufferer.id
			m.stats.PollsToBufferers++
		}
	case author && s.polls%(2*pollElsewhere) == 0:
		to = s.id.Author
	}
	m.sendPoll(to, PollEntry{Stream: s.id, Ranges: m.lacking(s, seq, bufferer)}, out)
}

// pollTarget returns a random member to poll about s, its author if nobody else is known, and false if nobody may be polled.
func (m *Machine) pollTarget(s *stream) (protocol.NodeID, bool) {
	if m.config.Mode != ModeFull {
		return 0, false
	}
	if m.pollsLeft == 0 {
		m.stats.PollsWithheld++
		return 0, false
	}
	m.refreshTargets(s.topic)
	if len(s.topic.targets) > 0 {
		return m.drawPolled(s), true
	}
	return s.id.Author, m.peers[s.id.Author] != nil
}

func (m *Machine) sendPoll(to protocol.NodeID, entry PollEntry, out *protocol.Output) {
	m.pollsLeft--
	m.stats.PollsSent++
	out.Send(to, &Poll{Entries: []PollEntry{entry}})
}

// overdue reports whether a stream misses a packet that may be past its short phase: below the floor of what others tell of, or found missing
// so many rounds ago.
func (m *Machine) overdue(s *stream) bool {
	return m.hashed() && s.missing() > 0 && (s.next < s.aged || m.round-s.at(s.next).since > m.short(s.topic))
}

// drawMissing returns a missing packet: by turns the one that delivery waits for, and a random one; when it is the author's turn, who holds all, the one that delivery
// waits for. Something must be missing.
func (m *Machine) drawMissing(s *stream) uint64 {
	if s.polls%2 == 0 && s.polls%(2*pollElsewhere) != 0 {
		if seq, ok := s.first(s.next+m.config.Rand.Uint64N(s.high+1-s.next), s.high, findMissing); ok {
			return seq
		}
	}
	return s.next
}

// lacking returns ranges of missing packets from a missing one on, newest first: all, or those of blocks of which a member is one of the
// bufferers. It looks at few blocks, and returns no more than a poll takes.
func (m *Machine) lacking(s *stream, seq uint64, of *candidate) []Range {
	var ranges []Range
	missing := true
	for blocks := 0; missing && blocks < pollScan && len(ranges) < PollRangesMax; blocks++ {
		end := min(blockOf(seq)+blockLength-1, s.high)
		if of == nil || m.ranks(s.topic, of.hash, s.blockKey(seq), s.height(seq)) {
			ranges = s.lackingWithin(ranges, seq, end)
		}
		seq, missing = s.first(end+1, s.high, findMissing)
	}
	slices.Reverse(ranges)
	return ranges
}

// lackingWithin appends the ranges of missing packets from first to last, oldest first.
func (s *stream) lackingWithin(ranges []Range, first, last uint64) []Range {
	seq, missing := s.first(first, last, findMissing)
	for missing && len(ranges) < PollRangesMax {
		settled, more := s.first(seq, last, findSettled)
		if !more {
			settled = last + 1
		}
		if n := len(ranges); n > 0 && ranges[n-1].Last+1 == seq {
			ranges[n-1].Last = settled - 1
		} else {
			ranges = append(ranges, Range{First: seq, Last: settled - 1})
		}
		seq, missing = s.first(settled, last, findMissing)
	}
	return ranges
}

// offer appends what is held of the packets asked about, newest first, and returns the floor of the entry: the number from which on that is all.
// An author, who holds its own packets for all of their life, tells how far back there is anything instead.
func (m *Machine) offer(s *stream, asked, ranges []Range) ([]Range, uint64) {
	mark, low := len(ranges), min(asked[len(asked)-1].First, s.high+1)
	add := func(held Range) bool {
		if n := len(ranges); n > mark && ranges[n-1].First == held.Last+1 {
			ranges[n-1].First = held.First
			return true
		}
		if len(ranges)-mark == PollRangesMax {
			low = ranges[len(ranges)-1].First
			return false
		}
		ranges = append(ranges, held)
		return true
	}
	for _, wanted := range asked {
		if !s.runs(wanted.First, min(wanted.Last, s.high), add) {
			break
		}
	}
	if m.own(s.id) {
		return ranges, s.oldest()
	}
	return ranges, low
}

// runs calls yield with the runs of packets of a stream that are held from low to high, newest first, until it returns false. Runs may
// touch. It reports whether there was no false.
func (s *stream) runs(low, high uint64, yield func(Range) bool) bool {
	for high >= max(low, s.base) {
		last, held := s.last(high, max(low, s.base), findHeld)
		if !held {
			break
		}
		hole, more := s.last(last, max(low, s.base), findAbsent)
		if !more {
			hole = max(low, s.base) - 1
		}
		if !yield(Range{First: hole + 1, Last: last}) {
			return false
		}
		high = hole
	}
	if low < s.base && high >= low {
		return s.archive.runs(low, min(high, s.base-1), yield)
	}
	return true
}

// receivePoll answers with a digest of the streams asked about. So what follows obeys the rules of every request.
func (m *Machine) receivePoll(now protocol.Time, from protocol.NodeID, q *Poll, out *protocol.Output) {
	m.stats.PollsReceived++
	if m.stranger(from, out) {
		return
	}
	if m.favours.answers.Take(&m.portions(from).answers, 1) != protocol.Granted {
		m.stats.PollsRefused++
		out.Drop(from, ReasonPolls)
		return
	}
	m.beginDigest(m.peers[from])
	limit := m.messageRoom() - m.reportsRoom()
	for i := range q.Entries {
		s := m.byID[q.Entries[i].Stream]
		if s == nil || s.stamp == m.digestStamp || !m.peers[from].maySubscribe(s.topic) {
			continue
		}
		if t := s.topic; t.stamp != m.digestStamp {
			t.stamp, t.index = m.digestStamp, -1
		}
		if !m.addEntry(now, s, q.Entries[i].Ranges, limit) {
			break
		}
		if last := len(m.scratch.entries) - 1; len(q.Entries[i].Ranges) > 0 && last >= 0 && len(m.scratch.entries[last].Ranges) == 0 {
			m.stats.PollsUnheld++
		}
	}
	if len(m.scratch.entries) > 0 {
		m.stats.DigestsSent++
		d := m.finishDigest(from)
		d.Answer = true
		out.Send(from, d)
	}
}
