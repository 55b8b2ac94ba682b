package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// Constants of sending again that are not for configuration.
const (
	resendBytesMax = 4 << 20 // of packets a round and topic, to each target
	probesKept     = 32      // rounds for which probes are remembered; a power of 2, above probeMemory
)

// resend is what a publisher sends again, because it went to a group that had ceased to reach the targets. Gossip would repair it as well, but
// within budgets that are made for a few losses; this is everything since a probe that was answered, for everybody.
type resend struct {
	packets Range             // Last is 0 when there is nothing
	targets []protocol.NodeID // immutable
}

// resendTo plans that targets get all that went to a group after the probe of a round, which they have heard, together with those that are
// being served already.
func (m *Machine) resendTo(t *topic, g *group, targets []protocol.NodeID, round uint32) {
	before := g.probedBy(m.round, round)
	if before == nil || before.high >= t.stream.high {
		return
	}
	first, last := before.high+1, t.stream.high
	r := &g.resend
	if r.packets.Last == 0 {
		*r = resend{packets: Range{first, last}, targets: targets}
		return
	}
	r.packets = Range{min(first, r.packets.First), last}
	all := slices.Concat(r.targets, targets)
	slices.Sort(all)
	r.targets = slices.Compact(all)
}

// probedBy returns the latest probe up to a round, nil if it is not remembered.
func (g *group) probedBy(now, round uint32) (latest *probed) {
	for i := range g.probed {
		p := &g.probed[i]
		if now-p.round < probesKept && int32(p.round-round) <= 0 && (latest == nil || int32(p.round-latest.round) > 0) {
			latest = p
		}
	}
	return latest
}

// probedSince returns how many probes were sent after a round, as far as they are remembered.
func (g *group) probedSince(round uint32) (count int) {
	for i := range g.probed {
		if int32(g.probed[i].round-round) > 0 {
			count++
		}
	}
	return count
}

// resendAll plans the same for all targets; if they are many, for some of them, from whom the others get it by gossip.
func (m *Machine) resendAll(t *topic, g *group, round uint32) {
	targets := g.targets
	if len(targets) > groupRestMax {
		begin := m.config.Rand.IntN(len(targets) - groupRestMax + 1)
		targets = targets[begin : begin+groupRestMax : begin+groupRestMax]
	}
	m.resendTo(t, g, targets, round)
}

// resendPlanned sends what is planned, as much a round as the streams carry.
func (m *Machine) resendPlanned(t *topic, g *group, out *protocol.Output) {
	r := &g.resend
	if r.packets.Last == 0 {
		return
	}
	left := min(resendBytesMax, max(m.config.RepairBytes, int(m.carriedMean)))
	for ; r.packets.First <= r.packets.Last; r.packets.First++ {
		p, _ := t.stream.packet(r.packets.First)
		if p == nil || t.groupFor(p) != g {
			continue
		}
		targets := m.thoseWho(t, r.targets, p)
		if len(targets) == 0 {
			continue
		}
		if left -= p.Size(); left < 0 {
			return
		}
		m.stats.PacketsResent += uint64(len(targets))
		out.Spread(targets, p.again())
	}
	*r = resend{}
}
