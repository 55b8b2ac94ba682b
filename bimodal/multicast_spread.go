package bimodal

import (
	"math/bits"

	"spinglass/protocol"
)

// Constants of multicast that are not for configuration.
const (
	groupHearingMin  = 2   // targets that hear, from which on a datagram to the group saves anything
	groupHearingPart = 2   // and they are at least one in so many of all targets
	groupRestMax     = 32  // targets besides the group that get copies; with more, another means is better
	groupMemory      = 4   // rounds over which the rate of a topic is smoothed
	groupCopiesMin   = 32  // copies a round that a topic costs, from which on probing for a group pays
	groupCopiesStop  = 8   // and below which it ends
	groupCopiesEnd   = 0.1 // copies a round below which a topic counts as one that is not published to
	probeSample      = 16  // targets in the sample of a probe, at least, while there are as many
	probeSampleQuick = 128 // the same while many targets are not proven yet
	probeMisses      = 2   // probes not answered in a row, after which a target counts as one that does not hear
	probeAnswersPart = 4   // a probe that less than one in so many answers disproves the group
	probePauseMax    = 10  // rounds between probes that nobody answers
	probeMemory      = 20  // rounds for which an answer to a probe counts
)

// multicasts reports whether the next packet of a topic goes to its group.
func (m *Machine) multicasts(t *topic) bool {
	if m.groups == 0 || t.group.hearing == 0 || t.means == SpreadDirect || t.means == SpreadTree {
		return false
	}
	g := m.refreshGroup(t)
	if t.means == SpreadMulticast {
		return g.hearing > 0
	}
	rest := len(t.region) - g.hearing + len(t.entrances)
	return g.hearing >= groupHearingMin && g.hearing*groupHearingPart >= len(t.region) && rest <= groupRestMax
}

// spreadMulticast sends a packet to the group, a copy to each target of the own zone that does not hear the group, and one into each other zone.
func (m *Machine) spreadMulticast(t *topic, p *Packet, out *protocol.Output) {
	rest := m.refreshGroup(t).deaf(t.region)
	m.stats.PacketsMulticast++
	m.stats.PacketsSpread += 1 + uint64(len(rest))
	out.Multicast(groupOf(t.id), rest, p)
	for i := range t.entrances {
		if m.enterZone(t, t.entrances[i].zone, p, out) {
			m.stats.PacketsSpread++
		}
	}
}

// repairGroup repairs a packet for everybody by way of the group, if there is one and the budget allows. It reports whether it did.
func (m *Machine) repairGroup(r repair, p *Packet, size int, out *protocol.Output) bool {
	t := r.stream.topic
	if !m.multicasts(t) || t.group.find(r.to) == nil {
		return false
	}
	rest := t.group.deaf(t.region)
	copies := 1 + len(rest)
	if copies*size > m.budget {
		return false
	}
	m.stats.RepairsRegional++
	m.stats.RepairsMulticast++
	out.Multicast(groupOf(t.id), rest, p.again())
	m.spend(copies, size)
	return true
}

// probeGroups probes the groups of all topics that this node publishes so much to that it pays.
func (m *Machine) probeGroups(out *protocol.Output) {
	if m.groups == 0 || m.config.Mode != ModeFull {
		return
	}
	for _, t := range m.topicOrder {
		if t.stream != nil {
			m.probeGroup(t, out)
		}
	}
}

// probeGroup judges the answers to the latest probe of a topic, and sends the next when it is time.
func (m *Machine) probeGroup(t *topic, out *protocol.Output) {
	g := m.refreshGroup(t)
	g.rate += (float64(g.sealed) - g.rate) / groupMemory
	g.sealed = 0
	m.judge(t)
	m.resendPlanned(t, out)
	if !m.probes(t) {
		g.probing = false
		if g.hearing > 0 {
			g.distrust(m.round)
		}
		return
	}
	if !g.probing {
		g.probing, g.pause, g.next = true, 0, m.round
	}
	if int32(m.round-g.next) < 0 {
		return
	}
	if g.pause = min(max(1, 2*g.pause), probePauseMax); g.hearing > 0 {
		g.pause = 1
	}
	g.next, g.asked = m.round+g.pause, m.round
	g.mark(m.round, t.stream.high)
	q := &MulticastProbe{Topic: t.id, Round: m.round, Bits: g.sampleBits()}
	for i := range g.proofs {
		g.proofs[i].asked = q.sampled(g.proofs[i].id)
	}
	m.stats.ProbesSent++
	out.Multicast(groupOf(t.id), nil, q)
}

// probes reports whether a topic is one to probe for: always while this node publishes, if multicast is asked for; else if a copy for each
// target costs more than probes and answers do.
func (m *Machine) probes(t *topic) bool {
	g := &t.group
	copies := g.rate * float64(len(t.region))
	switch {
	case t.means == SpreadMulticast:
		return copies > groupCopiesEnd
	case t.means != SpreadAuto || len(t.region) < groupHearingMin:
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

// judge counts who has not answered the latest probe. What is proven ends with two misses, and for all at once when hardly anybody answers.
func (m *Machine) judge(t *topic) {
	g := &t.group
	if g.asked == 0 {
		return
	}
	round, asked, answered := g.asked, 0, 0
	g.asked = 0
	for i := range g.proofs {
		p := &g.proofs[i]
		if !p.asked {
			continue
		}
		asked++
		if p.answered {
			answered++
		} else if p.missed++; p.missed >= probeMisses {
			m.unhear(t, p, p.heard)
		}
		p.asked, p.answered = false, false
	}
	switch {
	case asked == 0:
	case answered*probeAnswersPart >= asked:
		g.good = round
	case g.hearing > 0:
		m.stats.MulticastFallbacks++
		g.distrust(m.round)
		m.resendAll(t, g.good)
	}
}

// unhear notes that a target does not hear, after the probe of a round that it did hear.
func (m *Machine) unhear(t *topic, p *proof, round uint32) {
	if p.hears {
		t.group.set(p, false)
		m.resendTo(t, []protocol.NodeID{p.id}, round)
	}
}

// receiveHeard takes in that a target hears the group of a topic, or no longer does.
func (m *Machine) receiveHeard(from protocol.NodeID, h *MulticastHeard, out *protocol.Output) {
	m.stats.AnswersHeard++
	t := m.topics[h.Topic]
	if t == nil || t.stream == nil {
		out.Drop(from, ReasonUnasked)
		return
	}
	g := m.refreshGroup(t)
	p := g.find(from)
	switch {
	case p == nil:
		out.Drop(from, ReasonUnasked)
	case h.Lost:
		m.unhear(t, p, h.Round)
	case m.round-h.Round > probeMemory || int32(h.Round-g.since) < 0:
		out.Drop(from, ReasonStale)
	default:
		p.answered = p.answered || h.Round == g.asked
		p.heard = max(p.heard, h.Round)
		g.set(p, true)
		if g.hearing == 1 {
			g.pause, g.next = 1, m.round+1
		}
	}
}
