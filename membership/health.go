package membership

import (
	"time"

	"spinglass/protocol"
)

// healthWitnesses is how many members must have answered after a pause before anybody is declared dead again.
const healthWitnesses = 3

// health is what a member thinks of itself. One that finds that it was paused for longer than a round first suspects itself: it
// declares nobody dead until several members have answered questions that it asked after the pause, or, should nobody be left to
// answer, until a full time of silence (twice T_fail, awake) has passed again.
type health struct {
	holding   bool
	paused    protocol.Time // when the last pause was noticed; answers to earlier questions count for nothing
	until     protocol.Time // awake time at which the hold ends in any case
	witnesses [healthWitnesses]protocol.NodeID
	heard     int
}

// examine judges how late the round is.
func (m *Machine) examine(now protocol.Time, late time.Duration, out *protocol.Output) {
	h := &m.health
	if late > m.config.Round {
		m.stats.Pauses++
		m.forgive(now)
		if !m.config.LocalHealthOff {
			if !h.holding {
				out.Emit(protocol.SelfSuspect{Late: late})
			}
			*h = health{holding: true, paused: now, until: m.awake.time.Add(downTimeouts * m.FailTimeout())}
		}
	}
	if h.holding && m.awake.time >= h.until {
		m.recover(out)
	}
}

// forgive starts the waiting for answers anew: while this member was paused, nobody could answer it in time.
func (m *Machine) forgive(now protocol.Time) {
	for id, due := m.expected.Due(now); due; id, due = m.expected.Due(now) {
		m.expected.Set(id, now.Add(m.answerWait(m.table.Get(id))))
	}
}

// hearAfterPause counts an answer to a question that was asked at asked.
func (m *Machine) hearAfterPause(asked protocol.Time, from protocol.NodeID, out *protocol.Output) {
	h := &m.health
	if !h.holding || asked < h.paused {
		return
	}
	for _, witness := range h.witnesses[:h.heard] {
		if witness == from {
			return
		}
	}
	h.witnesses[h.heard] = from
	if h.heard++; h.heard >= min(healthWitnesses, m.table.Len()-1) {
		m.recover(out)
	}
}

// recover ends the suspicion against itself.
func (m *Machine) recover(out *protocol.Output) {
	m.health.holding = false
	out.Emit(protocol.SelfSuspect{})
}
