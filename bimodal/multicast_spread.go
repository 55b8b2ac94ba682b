package bimodal

import (
	"math/bits"
	"time"

	"spinglass/protocol"
)

// Constants of multicast that are not for configuration.
const (
	groupHearingPart = 2   // and they are at least one in so many of all targets
	groupRestMax     = 32  // targets besides the group that get copies; with more, another means is better
	groupMemory      = 4   // rounds over which the rate of a topic is smoothed
	groupCopiesMin   = 32  // copies a round that a topic costs, from which on probing for a group pays
	groupCopiesStop  = 8   // and below which it ends
	groupCopiesEnd   = 0.1 // copies a round below which a topic counts as one that is not published to
	probeSample      = 16  // targets in the sample of a probe, at least, while there are as many
	probeSampleQuick = 128 // the same while many targets are not proven yet
	probeAnswersPart = 4   // a probe that less than one in so many answers disproves the group
	probePauseMax    = 10  // rounds between probes that nobody answers
	probeMemory      = 20  // rounds for which an answer to a probe counts
	probeMisses      = 2   // probes that a target has not answered, at least, for it to count as one that does not hear
	probeDelays      = 2   // a probe is judged after so many times what half of a sample took to answer
	probePatienceMax = 5   // but no later than after so many rounds
	probeRideRate    = 16  // packets a round from which on a probe waits for one, since whoever is woken by the one need not be by the other
	probesLost       = 2   // probes after the one that a complaint names, for it to count: one that is late or lost shows nothing
)

// multicasts reports whether what is for a group goes to it, and into so many other zones as copies.
func (m *Machine) multicasts(t *topic, g *group, entrances int) bool {
	if m.groups == 0 || g == nil || g.hearing == 0 || t.means == SpreadDirect || t.means == SpreadTree {
		return false
	}
	m.refreshGroup(t, g)
	if t.means == SpreadMulticast {
		return g.hearing > 0
	}
	rest := len(g.targets) - g.hearing + entrances
	return g.hearing >= m.config.GroupMin && g.hearing*groupHearingPart >= len(g.targets) && rest <= groupRestMax
}

// multicastsAny reports whether anything of a topic goes to a group.
func (m *Machine) multicastsAny(t *topic) bool {
	for g := range t.groups() {
		if m.multicasts(t, g, len(t.entrances)) {
			return true
		}
	}
	return false
}

// spreadMulticast sends a packet to its group, a copy to each target of the own zone that wants it and does not hear the group, and one into each other zone. A
// probe that is due goes with it.
func (m *Machine) spreadMulticast(now protocol.Time, t *topic, to *audience, g *group, p *Packet, out *protocol.Output) {
	rest := m.restOf(t, g, p)
	m.stats.PacketsMulticast++
	if t.banded {
		m.stats.PacketsBanded++
	}
	m.stats.PacketsSpread += 1 + uint64(len(rest))
	m.shareWith(t, g, rest, p, p, out)
	if g.due {
		g.due = false
		m.probe(now, t, g, out)
	}
	for i := range to.entrances {
		if m.enterZone(t, to.entrances[i].zone, p, out) {
			m.stats.PacketsSpread++
		}
	}
}

// shareWith sends a packet to a group, and to the targets that do not hear it as what it is, which their links prove.
func (m *Machine) shareWith(t *topic, g *group, rest []protocol.NodeID, p *Packet, copy protocol.Message, out *protocol.Output) {
	out.Multicast(t.addressOf(g.band), nil, p.toGroup())
	if len(rest) > 0 {
		out.Spread(rest, copy)
	}
}

// repairGroup repairs a packet for everybody by way of the group, if there is one and the budget allows. It reports whether it did.
func (m *Machine) repairGroup(r repair, p *Packet, size int, out *protocol.Output) bool {
	t := r.stream.topic
	to := m.audienceFor(t, p)
	g := t.groupFor(p)
	if !m.multicasts(t, g, len(to.entrances)) || g.find(r.to.id) == nil {
		return false
	}
	rest := m.restOf(t, g, p)
	copies := 1 + len(rest)
	if copies*size > m.regionRoom(r.to) {
		return false
	}
	m.stats.RepairsRegional++
	m.stats.RepairsMulticast++
	m.shareWith(t, g, rest, p, p.again(), out)
	m.spend(copies, size)
	r.to.line.spent += (copies - 1) * size
	return true
}

// probeGroups probes the groups of all topics that this node publishes so much to that it pays.
func (m *Machine) probeGroups(now protocol.Time, out *protocol.Output) {
	if m.groups == 0 || m.config.Mode != ModeFull {
		return
	}
	for _, t := range m.topicOrder {
		if t.stream == nil {
			continue
		}
		m.refreshTargets(t)
		m.openBands(t)
		for g := range t.groups() {
			m.probeGroup(now, t, g, out)
		}
	}
}

// probeGroup judges the answers to the latest probe of a group, and sends the next when it is time.
func (m *Machine) probeGroup(now protocol.Time, t *topic, g *group, out *protocol.Output) {
	m.refreshGroup(t, g)
	g.rate += (float64(g.sealed) - g.rate) / groupMemory
	g.sealed = 0
	m.resendPlanned(t, g, out) // what was planned in the round before: answers that were late have had their time
	m.judge(t, g)
	if !m.probes(t, g) {
		g.probing, g.due = false, false
		if g.hearing > 0 {
			g.distrust(m.round)
		}
		return
	}
	if !g.probing {
		g.probing, g.patience, g.pause, g.next, g.asked = true, 1, 0, m.round, 0
	}
	if g.asked != 0 || int32(m.round-g.next) < 0 {
		return
	}
	if g.due = g.hearing > 0 && g.rate >= probeRideRate && !g.due; !g.due {
		m.probe(now, t, g, out)
	}
}

// probe asks a sample of the targets whether they hear a group.
func (m *Machine) probe(now protocol.Time, t *topic, g *group, out *protocol.Output) {
	if g.pause = min(max(1, 2*g.pause), probePauseMax); g.hearing > 0 {
		g.pause = 1
	}
	g.next, g.asked, g.sampled, g.answers = m.round+g.pause, m.round, 0, 0
	g.probed[m.round%probesKept] = probed{round: m.round, sent: now, high: t.stream.high}
	q := &MulticastProbe{Topic: t.bandID(g.band), Round: m.round, Bits: g.sampleBits()}
	for i := range g.proofs {
		p := &g.proofs[i]
		p.answered = false
		if p.asked = q.sampled(p.id); p.asked {
			g.sampled++
		}
	}
	m.stats.ProbesSent++
	out.Multicast(t.addressOf(g.band), nil, q)
}

// probes reports whether a group is one to probe for: always while this node publishes, if multicast is asked for; else if a copy for each
// target costs more than probes and answers do.
func (m *Machine) probes(t *topic, g *group) bool {
	copies := g.rate * float64(len(g.targets))
	switch {
	case t.means == SpreadMulticast:
		return copies > groupCopiesEnd
	case t.means != SpreadAuto || len(g.targets) < m.config.GroupMin:
		return false
	case g.probing:
		return copies > groupCopiesStop
	}
	return copies > groupCopiesMin
}

// sampleBits returns how many targets the next probe asks: all of a few, or a bounded number of many.
func (g *group) sampleBits() uint8 {
	want := probeSample
	if g.hearing > 0 && len(g.proofs)-g.hearing > groupRestMax {
		want = probeSampleQuick
	}
	return uint8(max(0, bits.Len(uint(len(g.proofs)/want))-1))
}

// judge counts who has answered the latest probe, when there was time to. When hardly anybody has, nothing is proven any more. One that does
// not answer may be asleep, and hear all the same: it has longer, and if the network does not forward to it, it complains.
func (m *Machine) judge(t *topic, g *group) {
	if g.asked == 0 || m.round-g.asked < g.patience {
		return
	}
	round := g.asked
	g.asked = 0
	for i := range g.proofs {
		p := &g.proofs[i]
		if !p.asked || p.answered {
			continue
		}
		if p.missed++; p.missed >= probeMisses && m.round-p.heard > probeMemory {
			m.unhear(t, g, p, p.heard)
		}
	}
	switch {
	case g.sampled == 0:
	case g.answers*probeAnswersPart >= g.sampled:
		g.good = round
	case g.hearing > 0:
		m.stats.MulticastFallbacks++
		g.failed, g.doubts = round, (g.sampled+probeAnswersPart-1)/probeAnswersPart-g.answers
		g.distrust(round)
		m.resendAll(t, g, g.good)
	}
}

// unhear notes that a target does not hear, after the probe of a round that it did hear.
func (m *Machine) unhear(t *topic, g *group, p *proof, round uint32) {
	if p.hears {
		g.set(p, false)
		m.resendTo(t, g, []protocol.NodeID{p.id}, round)
	}
}

// receiveHeard takes in that a target hears the group of a topic, or no longer does.
func (m *Machine) receiveHeard(now protocol.Time, from protocol.NodeID, h *MulticastHeard, out *protocol.Output) {
	m.stats.AnswersHeard++
	t, band := m.bandNamed(h.Topic)
	g := t.groupAt(band)
	if g == nil || t.stream == nil {
		out.Drop(from, ReasonUnasked)
		return
	}
	m.refreshGroup(t, g)
	p := g.find(from)
	switch {
	case p == nil:
		out.Drop(from, ReasonUnasked)
	case h.Lost && (g.probedSince(h.Round) < probesLost || int32(p.heard-h.Round) > 0):
		out.Drop(from, ReasonStale)
	case h.Lost:
		m.unhear(t, g, p, h.Round)
	case m.round-h.Round > probeMemory || int32(h.Round-g.since) < 0:
		out.Drop(from, ReasonStale)
	default:
		m.hears(now, g, p, h.Round)
	}
}

// hears takes in that a target has heard the probe of a round.
func (m *Machine) hears(now protocol.Time, g *group, p *proof, round uint32) {
	g.set(p, true)
	p.heard, p.missed = max(p.heard, round), 0
	if g.hearing == 1 {
		g.pause, g.next, g.good = 1, m.round+1, round
	}
	switch {
	case round == g.asked && p.asked && !p.answered:
		p.answered = true
		if g.answers++; g.answers == (g.sampled+1)/2 {
			g.delayed(now.Sub(g.probed[round%probesKept].sent), m.config.Round)
		}
	case round == g.failed && g.doubts > 0:
		// The probe was late, not lost: those who answer are slow, and need nothing again.
		if g.doubts--; g.doubts == 0 {
			g.delayed(now.Sub(g.probed[round%probesKept].sent), m.config.Round)
			g.resend = resend{}
		}
	}
}

// delayed takes in how long half of a sample took to answer. Where queues are long, judgement has to wait.
func (g *group) delayed(took, round time.Duration) {
	g.delay = max(took, g.delay*3/4)
	g.patience = uint32(min(max(1, (probeDelays*g.delay+round-1)/round), probePatienceMax))
}
