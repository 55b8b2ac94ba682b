package bimodal

import (
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

const (
	// beginningError is by how much the estimates that several nodes have of the beginning of one stream may differ: repairs are late
	// by as much as a packet may be kept.
	beginningError = time.Minute
	// beginningDrift is which part of the age of a stream they may differ by, because clocks do not run at quite the same speed.
	beginningDrift = 1024
	// roomShare bounds what is forgotten at once to make room: which part of the streams, and within which part of the idle time of the
	// oldest one.
	roomShare = 8
)

// stream is what a node knows of one stream: its own, or one that it subscribes to.
type stream struct {
	window
	archive  archive
	id       StreamID
	key      uint64 // hash of id, see blockKey
	salt     gravity.Salt
	topic    *topic
	author   *author
	began    protocol.Time // estimated; never earlier than the truth
	aged     uint64        // highest floor that a digest told of: what is below is past its short phase somewhere
	polls    uint32        // sent about the stream
	used     protocol.Time // when a packet was last stored or heard of for the first time
	total    uint64        // messages that are complete with packet high
	manifest uint64        // the newest packet with a manifest; 0 when there is none
	order    reassembly
	back     rewinding
	missed   uint64        // packets given up
	soonest  protocol.Time // when the stream began by the packet that was least delayed in the present round
	meter    *lagMeter     // of a stream that packets come of; nil when it rests
	crowd    *crowd        // what is known of the lag of others; nil when nothing is
	hearing  hearing
	below    *[gravity.BandLast]hearing // the same of lower bands; nil before the first probe of one
	endings  []ending                   // by levels of the topic; nil where there are none
	ends     bool                       // in Machine.endings
	stamp    uint64                     // of the last digest that listed the stream
	newer    *stream                    // in the list of active streams, most recent first
	older    *stream
	relayed  bool   // its packets are handed on
	pace     uint64 // packets heard of in the past round
	mark     uint64 // high at its end
	listed   bool   // in the list of active streams
	departed bool   // forgotten; repairs that wait for it are void
}

// own reports whether this node is the stream's author, in this run, under its present epoch or an earlier one.
func (m *Machine) own(id StreamID) bool {
	return id.Author == m.config.Self && m.firstEpoch <= id.Epoch && id.Epoch <= m.config.Epoch
}

// writes reports whether this node publishes to the stream.
func (m *Machine) writes(id StreamID) bool {
	return id.Author == m.config.Self && id.Epoch == m.config.Epoch
}

// raiseEpoch begins new streams under a higher epoch. An earlier run, whose boot counter was lost, may have used the present one: then
// others take the packets of this run for old ones, and nobody would tell that they are lost.
func (m *Machine) raiseEpoch(now protocol.Time, epoch uint64, out *protocol.Output) {
	if epoch <= m.config.Epoch {
		return
	}
	for _, t := range m.topicOrder {
		if t.stream != nil {
			m.seal(now, t, true, out)
			if t.uncovered.any() {
				m.coverRest(now, t, out)
			}
			t.uncovered = uncovered{}
			m.abandonAssembly(t.stream)
			t.stream, t.uncovered.hashes = nil, nil
		}
	}
	m.config.Epoch = epoch
}

// age returns how long the stream has existed, in milliseconds as messages carry it.
func (s *stream) age(now protocol.Time) uint64 {
	return uint64(min(max(now.Sub(s.began)/time.Millisecond, 0), AgeMax))
}

// beganAgo estimates when a stream of the given age began. Ages are rounded down and grow old on the way, so the estimate is
// late if anything.
func beganAgo(now protocol.Time, age uint64) protocol.Time {
	return now - protocol.Time(time.Duration(age)*time.Millisecond)
}

// wantsAll reports whether a stream that is heard of for the first time is wanted from its beginning, because it began after the
// subscription did. In one that is older the beginning is sought.
func (t *topic) wantsAll(began protocol.Time, age uint64) bool {
	return age < AgeMax && began >= t.since
}

// addStream takes up a stream whose packets are wanted from number first on. It returns nil when there is no room for one of
// another author.
func (m *Machine) addStream(now protocol.Time, id StreamID, t *topic, first uint64, out *protocol.Output) *stream {
	// The own streams are bounded by the number of topics, so that a crowd of others cannot keep this node from publishing.
	if !m.writes(id) && (m.prolific(id.Author) || len(m.streams) >= m.config.Streams && !m.makeRoom(now)) {
		m.refuseStream(id, t, out)
		return nil
	}
	s := &stream{id: id, key: id.hash(), salt: gravity.NewSalt(uint64(id.Topic), uint64(id.Author), id.Epoch), topic: t, began: now, used: now}
	s.base, s.next, s.high, s.mark = first, first, first-1, first-1
	m.streams = append(m.streams, s)
	m.byID[id] = s
	m.enlist(s)
	m.stats.StreamsJoined++
	if t.streams++; t.streams == 1 {
		m.partnersKnown = false
	}
	m.awake(now)
	return s
}

func (m *Machine) refuseStream(id StreamID, t *topic, out *protocol.Output) {
	m.stats.StreamsRefused++
	if m.refusalTold || !t.subscribed {
		return
	}
	m.refusalTold = true
	out.Emit(&StreamRefused{Author: id.Author, Epoch: id.Epoch, Topic: t.name})
}

// activate puts s at the front of the list of active streams.
func (m *Machine) activate(now protocol.Time, s *stream) {
	s.used = now
	if m.newest == s {
		return
	}
	m.unlist(s)
	s.listed, s.older = true, m.newest
	if m.newest != nil {
		m.newest.newer = s
	}
	m.newest = s
}

func (m *Machine) unlist(s *stream) {
	if !s.listed {
		return
	}
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		m.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	}
	s.listed, s.newer, s.older = false, nil, nil
}

// rest takes a stream that has nothing left to do off the list, and its memory with it.
func (m *Machine) rest(s *stream) {
	m.unlist(s)
	s.meter, s.crowd = nil, nil
	s.pace, s.mark = 0, s.high
	m.releaseSlots(s)
}

// releaseSlots takes the memory of an idle window away. What is left in it below next was given up.
func (m *Machine) releaseSlots(s *stream) {
	s.base = max(s.base, s.next)
	m.stats.BufferedBytes -= slotCost * len(s.slots)
	s.slots, s.filled, s.spared = nil, nil, nil
}

// forget removes every stream that gone reports, and what it holds.
func (m *Machine) forget(gone func(*stream) bool) int {
	kept := m.streams[:0]
	for _, s := range m.streams {
		if !gone(s) {
			kept = append(kept, s)
			continue
		}
		for ; s.base <= s.high; s.base++ {
			m.discard(s)
		}
		m.clearLong(s)
		m.endRewind(s)
		m.abandonAssembly(s)
		m.rest(s)
		s.departed = true
		delete(m.byID, s.id)
		m.dismiss(s)
		if s.topic.streams--; s.topic.streams == 0 {
			m.partnersKnown = false
		}
	}
	count := len(m.streams) - len(kept)
	clear(m.streams[len(kept):])
	m.streams = kept
	m.stats.StreamsForgotten += uint64(count)
	return count
}

// forgettable reports whether nobody is likely to ask for or to add to s any more.
func (m *Machine) forgettable(now protocol.Time, s *stream) bool {
	return now.Sub(s.used) > m.config.Forget && m.idle(s)
}

// present reports whether the author of a stream is a member that this node knows of, in the run in which it made the stream.
func (m *Machine) present(id StreamID) bool {
	p := m.peers[id.Author]
	return p != nil && p.epoch == id.Epoch
}

// pass notes that a stream is forgotten. Should it come back, it is to be taken up where it stands, and so is what began before it or
// just after: what other nodes tell of its beginning may be a little later.
func (s *stream) pass(now protocol.Time) {
	err := max(beginningError, now.Sub(s.began)/beginningDrift)
	s.topic.since = max(s.topic.since, min(now, s.began.Add(err)))
}

// forgetIdle looks at a few streams each round.
func (m *Machine) forgetIdle(now protocol.Time) {
	for range min(forgetScan, len(m.streams)) {
		m.forgetAt++
		if m.forgetAt >= len(m.streams) {
			m.forgetAt = 0
		}
		if m.forgettable(now, m.streams[m.forgetAt]) {
			// One pass removes all that are due, so that the cost of closing the ranks is shared.
			m.forget(func(s *stream) bool {
				due := m.forgettable(now, s)
				if due {
					s.pass(now)
				}
				return due
			})
			return
		}
	}
}

// makeRoom forgets those idle streams whose authors are gone that were used least recently: the oldest, and what is not much younger.
// It looks for them once a round at most, since it looks at all. It reports whether there is room now.
func (m *Machine) makeRoom(now protocol.Time) bool {
	if m.roomSought {
		return false
	}
	m.roomSought = true
	oldest := now.Add(1)
	for _, s := range m.streams {
		if m.idle(s) {
			oldest = min(oldest, s.used)
		}
	}
	until, room := oldest.Add(now.Sub(oldest)/roomShare), 1+len(m.streams)/roomShare
	return m.forget(func(s *stream) bool {
		due := room > 0 && s.used <= until && m.idle(s)
		if due {
			room--
			s.pass(now)
		}
		return due
	}) > 0
}

// idle reports whether a stream may be forgotten when there is need.
func (m *Machine) idle(s *stream) bool { return !s.active() && !m.writes(s.id) && !m.present(s.id) }
