package bimodal

import (
	"fmt"

	"spinglass/protocol"
)

// Spread is by which means the packets of a topic go on their first way, best effort.
type Spread uint8

// The means of spreading.
const (
	// SpreadAuto leaves the choice to the machine.
	SpreadAuto Spread = iota
	// SpreadDirect sends a copy to each peer that wants the topic.
	SpreadDirect
	// SpreadTree sends copies to a few peers, which hand them on to others.
	SpreadTree
	// SpreadMulticast is IP multicast for the peers whom it is known to reach; the others get copies.
	SpreadMulticast
)

var spreadNames = [...]string{"auto", "direct", "tree", "multicast"}

// Valid reports whether s is one of the constants.
func (s Spread) Valid() bool { return int(s) < len(spreadNames) }

// String returns auto, direct, tree or multicast.
func (s Spread) String() string {
	if !s.Valid() {
		return fmt.Sprintf("Spread(%d)", uint8(s))
	}
	return spreadNames[s]
}

// ParseSpread reads what String returns.
func ParseSpread(text string) (Spread, error) {
	for i, name := range spreadNames {
		if text == name {
			return Spread(i), nil
		}
	}
	return 0, fmt.Errorf("%w: %q (auto, direct, tree or multicast)", ErrSpread, text)
}

// meansOf returns by which means a packet of a topic goes out now to those who want it, where it does not go to a group. Lists are up to date. It never returns SpreadAuto.
func (m *Machine) meansOf(t *topic, to *audience) Spread {
	switch {
	case m.config.Mode != ModeFull || t.means == SpreadDirect:
		return SpreadDirect
	case t.means == SpreadTree || len(to.targets) > directMax || len(to.entrances) > 0:
		return SpreadTree
	}
	return SpreadDirect
}

// spread sends a packet of this node's own on its first way.
func (m *Machine) spread(now protocol.Time, t *topic, p *Packet, out *protocol.Output) {
	to := m.audienceFor(t, p)
	m.stats.PacketsSent++
	m.stats.BytesSent += uint64(p.Size())
	if len(to.targets) == 0 {
		return
	}
	if g := t.groupFor(p); m.multicasts(t, g, len(to.entrances)) {
		m.spreadMulticast(now, t, to, g, p, out)
		return
	}
	switch m.meansOf(t, to) {
	case SpreadTree:
		m.spreadTree(t, to, 0, p, out)
	default:
		m.spreadDirect(t, to, p, out)
	}
}

// spreadDirect sends a copy to each target in the own zone, and to one contact of each other zone, which hands it on there.
func (m *Machine) spreadDirect(t *topic, to *audience, p *Packet, out *protocol.Output) {
	targets := to.targets
	if m.config.Mode == ModeFull && len(to.entrances) > 0 {
		targets = to.region
		for i := range to.entrances {
			if m.enterZone(t, to.entrances[i].zone, p, out) {
				m.stats.PacketsSpread++
			}
		}
	}
	if m.stats.PacketsSpread += uint64(len(targets)); len(targets) > 0 {
		out.Spread(targets, p)
	}
}
