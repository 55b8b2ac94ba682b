package bimodal

import "spinglass/protocol"

// Constants of hearing groups that are not for configuration.
const (
	probeAnswersMax  = 256 // probes answered a round
	probeSilence     = 3   // rounds without a probe after which who misses packets complains
	complaintsMax    = 3   // complaints about one silence
	complaintsSpread = 256 // members of which about so many complain in a round
)

// hearing is what a receiver knows of the probes of a stream's author.
type hearing struct {
	heard      bool
	repaired   bool   // packets have come by repair since
	at         uint32 // round in which the last one came
	round      uint32 // that it carried
	complaints uint8  // since then
}

// offerGroups takes in how many groups the driver can join.
func (m *Machine) offerGroups(groups int, out *protocol.Output) {
	m.groups = max(0, groups)
	for _, t := range m.topicOrder {
		if m.groups == 0 {
			t.group.distrust(m.round)
		}
		if m.groupsJoined > m.groups && t.joined {
			m.leaveGroup(t, out)
		}
	}
	m.joinGroups(out)
}

// joinGroups joins the groups of topics that this node wants, as far as the driver can. Senders find out who hears them.
func (m *Machine) joinGroups(out *protocol.Output) {
	if m.config.Mode != ModeFull {
		return
	}
	for _, t := range m.topicOrder {
		if !t.subscribed || t.joined {
			continue
		}
		if m.groupsJoined >= m.groups {
			return
		}
		m.groupsJoined++
		t.joined = true
		out.JoinGroup(t.address)
	}
}

// leaveGroup leaves the group of a topic, if it was joined.
func (m *Machine) leaveGroup(t *topic, out *protocol.Output) {
	if t.joined {
		m.groupsJoined--
		t.joined = false
		out.LeaveGroup(t.address)
	}
}

// receiveProbe answers a probe that asks this member.
func (m *Machine) receiveProbe(from protocol.NodeID, q *MulticastProbe, out *protocol.Output) {
	m.stats.ProbesHeard++
	if m.stranger(from, out) {
		return
	}
	t := m.topics[q.Topic]
	if t == nil || !t.subscribed {
		out.Drop(from, ReasonUnwanted)
		return
	}
	if !m.peers[from].regional {
		return // packets come into this zone by a way of their own
	}
	if s := m.byID[StreamID{Author: from, Epoch: m.peers[from].epoch, Topic: q.Topic}]; s != nil {
		s.hearing = hearing{heard: true, at: m.round, round: q.Round}
	}
	if !q.sampled(m.config.Self) {
		return
	}
	if m.favours.probes.Take(&m.portions(from).probes, 1) != protocol.Granted {
		out.Drop(from, ReasonProbes)
		return
	}
	out.Send(from, &MulticastHeard{Topic: q.Topic, Round: q.Round})
}

// complain tells authors whose probes have ceased while packets are missing that this node does not hear them any more. Samples would find
// that out, but in a large group not soon.
func (m *Machine) complain(out *protocol.Output) {
	for s := m.newest; s != nil; s = s.older {
		h := &s.hearing
		if !h.heard || m.round-h.at < probeSilence || s.missing() == 0 && !h.repaired {
			continue
		}
		m.refreshTargets(s.topic)
		if n := len(s.topic.region); n > complaintsSpread && m.config.Rand.IntN(n) >= complaintsSpread {
			continue
		}
		h.at = m.round
		if h.complaints++; h.complaints == complaintsMax {
			h.heard = false
		}
		m.stats.ComplaintsSent++
		out.Send(s.id.Author, &MulticastHeard{Lost: true, Topic: s.id.Topic, Round: h.round})
	}
}
