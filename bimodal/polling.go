package bimodal

import "spinglass/protocol"

// Regular digests speak of packets in their short phase. Who misses an older one polls one of its bufferers, and names the packets, so that
// the answer can speak of them.

// pollUrgent is for how many rounds a packet may be missing before several members are polled in a round: some are slow.
const pollUrgent = 2

// pollElsewhere is how often a poll for old packets goes elsewhere: one in so many, to any member and to the author by turns. Views of who the
// bufferers are may differ, and the spread may have failed as a whole.
const pollElsewhere = 4

// pollAgain asks about the streams that are still short of something, the most recently active first, and several times where packets are
// missing for long or are past their short phase, so that their bufferers differ. Half of the polls of a round are left for gaps that show in
// its course.
func (m *Machine) pollAgain(out *protocol.Output) {
	reserve, before := m.config.Polls/2, m.pollsLeft+1
	for first := true; m.pollsLeft > reserve && m.pollsLeft < before; first = false {
		before = m.pollsLeft
		for s := m.newest; s != nil && m.pollsLeft > reserve; s = s.older {
			if s.missing() > 0 && (first || m.round-s.at(s.next).since >= pollUrgent || m.overdue(s)) {
				m.poll(s, out)
			}
		}
	}
}

// poll asks a member for a digest of s, because a gap has shown. The rounds do the rest when the polls are used up. An
// answer to a poll may lead to a request in the very next round after another: polls are few enough.
func (m *Machine) poll(s *stream, out *protocol.Output) {
	if m.config.Mode != ModeFull {
		return
	}
	if m.pollsLeft == 0 {
		m.stats.PollsWithheld++
		return
	}
	m.refreshTargets(s.topic)
	targets, author := s.topic.targets, m.peers[s.id.Author] != nil
	if len(targets) == 0 && !author {
		return
	}
	m.pollsLeft--
	for range pollFanout {
		m.stats.PollsSent++
		entry := PollEntry{Stream: s.id}
		to := s.id.Author
		if len(targets) > 0 {
			to = m.drawPolled(s.topic)
		}
		s.polls++
		switch overdue := m.overdue(s); {
		case author && s.order.seeking && s.polls%2 == 1:
			// Who seeks asks the author, who knows how far back there is anything. Others spare it.
			to, entry.Ranges = s.id.Author, s.lacking(s.high)
		case overdue || s.order.seeking && s.missing() > 0:
			var seq uint64
			seq, entry.Ranges = m.drawMissing(s)
			if bufferer, ok := m.drawBufferer(s, seq); ok && s.polls%pollElsewhere != 0 {
				to = bufferer
				m.stats.PollsToBufferers++
			} else if author && s.polls%(2*pollElsewhere) == 0 {
				to = s.id.Author
			}
		}
		out.Send(to, &Poll{Entries: []PollEntry{entry}})
	}
}

// overdue reports whether a stream misses a packet that may be past its short phase: below the floor of what others tell of, or found missing
// so many rounds ago.
func (m *Machine) overdue(s *stream) bool {
	return m.hashed() && s.missing() > 0 && (s.next < s.aged || m.round-s.at(s.next).since > m.short(s.topic))
}

// drawMissing returns a missing packet of s and the ranges to poll for: all that is missing, or if those are too many, from that packet
// down. The packet is, by turns, a random one and the one that delivery waits for. Something must be missing.
func (m *Machine) drawMissing(s *stream) (uint64, []Range) {
	seq := s.next
	if s.polls%2 == 0 {
		seq, _ = s.last(s.next+m.config.Rand.Uint64N(s.high+1-s.next), s.next, false)
	}
	ranges := s.lacking(s.high)
	if len(ranges) == PollRangesMax {
		ranges = s.lacking(seq)
	}
	return seq, ranges
}

// lacking returns the ranges of missing packets up to a number, newest first, as many as a poll takes.
func (s *stream) lacking(seq uint64) []Range {
	var ranges []Range
	for len(ranges) < PollRangesMax {
		last, missing := s.last(seq, s.next, false)
		if !missing {
			break
		}
		held, more := s.last(last, s.next, true)
		if !more {
			return append(ranges, Range{First: s.next, Last: last})
		}
		ranges = append(ranges, Range{First: held + 1, Last: last})
		seq = held
	}
	return ranges
}

// offer appends what is held of the packets asked about, newest first, and returns the number from which on that is all. An author holds
// its own packets for all of their life, so that its answer tells how far back there is anything.
func (m *Machine) offer(s *stream, asked, ranges []Range) ([]Range, uint64) {
	mark, floor := len(ranges), min(asked[len(asked)-1].First, s.high+1)
	if m.own(s.id) {
		floor = max(floor, s.oldest())
	}
	add := func(held Range) bool {
		if n := len(ranges); n > mark && ranges[n-1].First == held.Last+1 {
			ranges[n-1].First = held.First
			return true
		}
		if len(ranges)-mark == rangesMax {
			floor = ranges[len(ranges)-1].First
			return false
		}
		ranges = append(ranges, held)
		return true
	}
	for _, wanted := range asked {
		if !s.runs(max(wanted.First, floor), min(wanted.Last, s.high), add) {
			break
		}
	}
	return ranges, floor
}

// runs calls yield with the runs of packets of a stream that are held from low to high, newest first, until it returns false. Runs may
// touch. It reports whether there was no false.
func (s *stream) runs(low, high uint64, yield func(Range) bool) bool {
	for high >= max(low, s.base) {
		last, held := s.last(high, max(low, s.base), true)
		if !held {
			break
		}
		hole, more := s.last(last, max(low, s.base), false)
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
	if m.answersLeft == 0 {
		m.stats.PollsRefused++
		out.Drop(from, ReasonPolls)
		return
	}
	m.answersLeft--
	m.beginDigest()
	limit := m.messageRoom() - m.reportsRoom()
	for i := range q.Entries {
		s := m.byID[q.Entries[i].Stream]
		if s == nil || s.stamp == m.digestStamp {
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
