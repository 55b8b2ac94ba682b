package membership

import (
	"time"

	"spinglass/protocol"
)

// Reachability. It is about the way between two members, watched by each for itself.
const (
	unansweredMax    = 3 // answers missing in a row that make a peer unreachable
	answerRounds     = 2 // how long an answer may take when the round trip is not known
	answerRoundTrips = 4 // and when it is, but not less than a round
	answerWaitMax    = 2 * time.Second
	probeAgainRounds = 5 // between probes of a peer that is unreachable
	echoAgeMax       = time.Minute
)

// answerWait returns how long a peer may take to answer.
func (m *Machine) answerWait(e *entry) time.Duration {
	if e.State.roundTrip == 0 {
		return answerRounds * m.config.Round
	}
	return min(max(answerRoundTrips*e.State.roundTrip, m.config.Round), max(answerWaitMax, m.config.Round))
}

// expect notes that a peer owes a sign of life.
func (m *Machine) expect(now protocol.Time, e *entry) {
	if m.expected.At(e.Owner()) == protocol.Never {
		m.expected.Set(e.Owner(), now.Add(m.answerWait(e)))
	}
}

// reachable notes a sign of life.
func (m *Machine) reachable(e *entry, out *protocol.Output) {
	m.expected.Cancel(e.Owner())
	e.State.missing = 0
	if e.State.unreachable {
		e.State.unreachable = false
		out.Emit(protocol.PeerReachable{Peer: m.view(e)})
	}
}

// hint takes the word of a sibling that a peer does not answer as one missing answer, and asks the peer at once. Further hints
// while an answer is awaited add nothing: probes decide.
func (m *Machine) hint(now protocol.Time, id protocol.NodeID, out *protocol.Output) {
	m.stats.UnansweredHints++
	e := m.table.Get(id)
	if e == nil || !m.talksTo(e) || e.State.unreachable || m.stage != stageRunning || m.expected.At(id) != protocol.Never {
		return
	}
	m.missed(now, e, out)
}

// overdue deals with peers that owe a sign of life for too long.
func (m *Machine) overdue(now protocol.Time, out *protocol.Output) {
	for id, due := m.expected.Due(now); due; id, due = m.expected.Due(now) {
		if m.probes == 0 {
			m.expected.Set(id, now.Add(m.config.Round)) // the probes of this round are used up
			continue
		}
		m.stats.AnswersMissing++
		m.missed(now, m.table.Get(id), out)
	}
}

// missed counts a missing answer and sends a quick probe, until enough of them make the peer unreachable; then probes go on
// slowly.
func (m *Machine) missed(now protocol.Time, e *entry, out *protocol.Output) {
	s := &e.State
	wait := m.answerWait(e)
	if s.missing++; s.missing >= unansweredMax {
		s.missing = unansweredMax
		wait = probeAgainRounds * m.config.Round
		if !s.unreachable {
			s.unreachable = true
			m.stats.PeersUnreachable++
			out.Emit(protocol.PeerUnreachable{Peer: m.view(e)})
		}
	}
	m.probes = max(0, m.probes-1)
	probe := &Probe{Stamp: uint64(now), Evidence: m.evidence()}
	m.stats.ProbesSent++
	m.stats.BytesSent += uint64(probe.Size())
	out.Send(e.Owner(), probe)
	m.expected.Set(e.Owner(), now.Add(wait))
}

// receiveProbe answers a probe.
func (m *Machine) receiveProbe(now protocol.Time, from protocol.NodeID, p *Probe, out *protocol.Output) {
	m.stats.ProbesReceived++
	m.hear(now, from, &p.Evidence, out)
	if m.favours.replies.Take(m.portions(from).ofReplies(), 1) != protocol.Granted {
		m.stats.AnswersOverBudget++
		out.Drop(from, ReasonAnswerBudget)
		return
	}
	reply := &ProbeReply{Echo: p.Stamp, Evidence: m.evidence()}
	m.stats.BytesSent += uint64(reply.Size())
	out.Send(from, reply)
}

// receiveReply takes the answer to a probe.
func (m *Machine) receiveReply(now protocol.Time, from protocol.NodeID, p *ProbeReply, out *protocol.Output) {
	m.answered(now, from, m.hear(now, from, &p.Evidence, out), p.Echo, out)
}

// answered takes the echo of an own stamp: it measures the round trip, and shows that the answer was given after that time.
func (m *Machine) answered(now protocol.Time, from protocol.NodeID, e *entry, echo uint64, out *protocol.Output) {
	if echo > uint64(now) || now.Sub(protocol.Time(echo)) > echoAgeMax {
		return
	}
	if e == nil {
		return
	}
	m.hearAfterPause(protocol.Time(echo), from, out)
	if protocol.Time(echo) < m.health.paused {
		return // a pause of this member is part of the measurement
	}
	m.measure(e, max(1, now.Sub(protocol.Time(echo))), out)
}

// measure smooths a round trip as TCP does (RFC 6298: seven parts old, one part new), and tells siblings when it moved by a
// quarter.
func (m *Machine) measure(e *entry, sample time.Duration, out *protocol.Output) {
	s := &e.State
	if s.roundTrip == 0 {
		s.roundTrip = sample
	} else {
		s.roundTrip += (sample - s.roundTrip) / 8
	}
	if change := s.roundTrip - s.told; max(change, -change) > s.told/4 && s.state != StateLeft {
		s.told = s.roundTrip
		out.Emit(protocol.PeerChanged{Peer: m.view(e)})
	}
}
