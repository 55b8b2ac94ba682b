package bimodal

import "spinglass/protocol"

// moved follows the node into another zone. Streams, packets and subscriptions stay. Who else is where, views tell: until they do, peers count as what they were.
func (m *Machine) moved(zone string, out *protocol.Output) {
	m.config.Zone, m.depth = zone, depthOf(hostsOf(zone))
	for s := m.newest; s != nil; s = s.older {
		for band := range s.hearings() {
			if h := s.hearingOf(band); h.heard { // its author would take it for heard until a probe is missed
				h.heard = false
				m.stats.ComplaintsSent++
				out.Send(s.id.Author, &MulticastHeard{Lost: true, Topic: s.topic.bandID(band), Round: h.round})
			}
		}
	}
	for _, t := range m.topicOrder {
		m.leaveGroups(t, out)
		t.address = m.groupOf(t.id)
		for g := range t.groups() {
			g.distrust(m.round)
		}
		m.reshape(t)
	}
	m.joinGroups(out)
}
