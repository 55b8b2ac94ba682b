package bimodal

import "spinglass/protocol"

// spread sends a packet of this node's own on its first way: directly to every peer that wants the topic.
func (m *Machine) spread(t *topic, p *Packet, out *protocol.Output) {
	m.refreshTargets(t)
	m.stats.PacketsSent++
	m.stats.BytesSent += uint64(p.Size())
	m.stats.PacketsSpread += uint64(len(t.targets))
	if len(t.targets) > 0 {
		out.Spread(t.targets, p)
	}
}
