package bimodal

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/wire"
)

// proof is what a publisher knows of the way to one target by multicast.
type proof struct {
	id       protocol.NodeID
	hears    bool   // by its last answer
	asked    bool   // in the sample of the latest probe
	answered bool   // to that probe
	heard    uint32 // round of the latest probe that it has answered
	missed   uint32 // probes that it was asked by and did not answer since
}

// group is what a publisher knows of the way to the targets of one topic by multicast, or of one band of its heights.
type group struct {
	band    gravity.Band
	targets []protocol.NodeID // who wants something of it, in the own zone, the unreachable last; immutable

	sealed  int     // in the present round: packets, those that are larger than a common datagram as several
	rate    float64 // the same a round, smoothed
	probing bool
	next    uint32 // round of the next probe
	due     bool   // it waits for a packet to go with
	pause   uint32 // rounds between probes
	since   uint32 // probes of earlier rounds prove nothing

	asked    uint32        // round of the latest probe, 0 when it is judged
	sampled  int           // targets in its sample
	answers  int           // of these
	delay    time.Duration // that half of a sample takes to answer, the longest of late
	patience uint32        // rounds after which a probe is judged

	probed [probesKept]probed // the probes of the last rounds, by round
	good   uint32             // round of the latest probe that enough targets answered
	failed uint32             // round of the probe that led to the latest fallback
	doubts int                // late answers to that one, which would show that it was not lost
	resend resend

	proofs  []proof // one a target, ascending
	hearing int     // targets that hear
	rest    []protocol.NodeID
	current bool // proofs are those of the topic's present targets
	listed  bool // rest is up to date: the targets that do not hear, in the order of the targets; immutable
}

// probed is what is remembered of a probe.
type probed struct {
	round uint32
	sent  protocol.Time
	high  uint64 // how far the stream went then
}

// groupOf returns the group that all publishers and subscribers of a topic in this node's zone use. Packets come into other zones by a way of their
// own, and members of those that share the network are not to hear them twice.
func (m *Machine) groupOf(id TopicID) protocol.Group {
	zone := fnv.New64a()
	zone.Write([]byte(cmp.Or(m.config.Zone, "/")))
	return protocol.Group(uint64(id) ^ zone.Sum64())
}

// refreshGroup gives every target of a group its proof, and takes those of others away.
func (m *Machine) refreshGroup(t *topic, g *group) {
	m.refreshTargets(t)
	if g.current {
		return
	}
	g.current, g.listed, g.targets = true, false, m.targetsOf(t, g.band)
	proofs := make([]proof, 0, len(g.targets)+8)
	for _, id := range g.targets {
		p := proof{id: id}
		if known := g.find(id); known != nil {
			p = *known
		}
		proofs = append(proofs, p)
	}
	slices.SortFunc(proofs, func(a, b proof) int { return cmp.Compare(a.id, b.id) })
	g.proofs, g.hearing = proofs, 0
	for i := range proofs {
		if proofs[i].hears {
			g.hearing++
		}
	}
}

// find returns the proof of a target, nil when there is none.
func (g *group) find(id protocol.NodeID) *proof {
	i, ok := slices.BinarySearchFunc(g.proofs, id, func(p proof, id protocol.NodeID) int { return cmp.Compare(p.id, id) })
	if !ok {
		return nil
	}
	return &g.proofs[i]
}

// set notes whether a target hears.
func (g *group) set(p *proof, hears bool) {
	if p.hears == hears {
		return
	}
	p.hears, g.listed = hears, false
	if hears {
		g.hearing++
	} else {
		g.hearing--
	}
}

// count counts a packet that was sealed.
func (g *group) count(p *Packet) { g.sealed += 1 + p.Size()/wire.DatagramDefault }

// unprove takes away what is known of the way to a peer: it has restarted.
func (m *Machine) unprove(p *peer) {
	for _, id := range p.topics {
		for g := range m.topics[id].groups() {
			if known := g.find(p.id); known != nil {
				g.set(known, false)
			}
		}
	}
}

// distrust takes all proofs away. Answers to probes before the present round bring none back.
func (g *group) distrust(round uint32) {
	for i := range g.proofs {
		g.set(&g.proofs[i], false)
	}
	g.since = round
}

// deaf returns the targets that do not hear.
func (g *group) deaf() []protocol.NodeID {
	if g.listed {
		return g.rest
	}
	g.listed = true
	if g.hearing == len(g.targets) {
		g.rest = nil
		return nil
	}
	g.rest = make([]protocol.NodeID, 0, len(g.targets)-g.hearing)
	for _, id := range g.targets {
		if p := g.find(id); !p.hears {
			g.rest = append(g.rest, id)
		}
	}
	return g.rest
}
