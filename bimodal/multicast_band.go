package bimodal

import (
	"iter"
	"math/bits"

	"spinglass/gravity"
	"spinglass/protocol"
)

// Where some members of the own zone do not want everything of a topic, each band of its heights has a group of its own, of which a member joins those that it wants something of: the network, or the kernel, keeps the rest from it. The
// highest band has the group that all of the topic has otherwise, so that a member that wants everything needs no group less or more when ratings come and go but the lower ones.

// groupLinger is for how many rounds a node stays in a group that it wants nothing of any more: until publishers know.
const groupLinger = 10

// banded is a band of a topic.
type banded struct {
	topic *topic
	band  gravity.Band
}

// bandSet is a set of bands.
type bandSet uint8

func (s bandSet) has(b gravity.Band) bool       { return s>>b&1 == 1 }
func (s bandSet) count() int                    { return bits.OnesCount8(uint8(s)) }
func (s bandSet) without(other bandSet) bandSet { return s &^ other }
func bandsBelow(count int) bandSet              { return 1<<count - 1 }
func bandAlone(b gravity.Band) bandSet          { return 1 << b }
func (s bandSet) all() iter.Seq[gravity.Band]   { return s.yield }
func (s bandSet) yield(f func(gravity.Band) bool) {
	for b := range gravity.Band(gravity.Bands) {
		if s.has(b) && !f(b) {
			return
		}
	}
}

// bandID returns the number that stands for a band of a topic in probes: that of the topic itself for the highest one.
func (t *topic) bandID(b gravity.Band) TopicID {
	if b == gravity.BandLast {
		return t.id
	}
	return TopicID(mix(uint64(t.id) + uint64(b) + 1))
}

// addressOf returns the group of a band.
func (t *topic) addressOf(b gravity.Band) protocol.Group {
	if b == gravity.BandLast {
		return t.address
	}
	return protocol.Group(mix(uint64(t.address) + uint64(b) + 1))
}

// bandsDiffer reports whether bands of a topic have groups of their own, as far as this node knows.
func (t *topic) bandsDiffer() bool { return t.banded || t.rating != gravity.All }

// groups yields the groups of a topic to which this node publishes, the highest first; none of nil.
func (t *topic) groups() iter.Seq[*group] {
	return func(yield func(*group) bool) {
		if t == nil || !yield(&t.group) {
			return
		}
		for i := range t.bands {
			if !yield(&t.bands[i]) {
				return
			}
		}
	}
}

// groupAt returns the group of a band, nil when there is none yet.
func (t *topic) groupAt(b gravity.Band) *group {
	switch {
	case t == nil:
		return nil
	case b == gravity.BandLast:
		return &t.group
	case int(b) < len(t.bands):
		return &t.bands[b]
	}
	return nil
}

// groupFor returns the group to which a packet goes if it goes to one. The lists of the topic are up to date.
func (t *topic) groupFor(p *Packet) *group {
	if !t.banded {
		return &t.group
	}
	return t.groupAt(heightOf(p).Band())
}

// openBands has the groups of bands of a topic to which this node publishes, or no longer. The lists of the topic are up to date.
func (m *Machine) openBands(t *topic) {
	switch {
	case !t.banded:
		t.bands = nil
	case t.bands == nil:
		m.nameBands(t)
		t.bands = make([]group, gravity.BandLast)
		for b := range t.bands {
			t.bands[b].band = gravity.Band(b)
		}
	}
}

// nameBands has the bands of a topic found by their ids.
func (m *Machine) nameBands(t *topic) {
	if t.named {
		return
	}
	t.named = true
	for b := range gravity.Band(gravity.BandLast) {
		m.bands[t.bandID(b)] = banded{t, b}
	}
}

// forgetBands ends nameBands.
func (m *Machine) forgetBands(t *topic) {
	if !t.named {
		return
	}
	for b := range gravity.Band(gravity.BandLast) {
		delete(m.bands, t.bandID(b))
	}
}

// bandNamed returns the topic and the band that an id stands for; no topic if there is none here.
func (m *Machine) bandNamed(id TopicID) (*topic, gravity.Band) {
	if t := m.topics[id]; t != nil {
		return t, gravity.BandLast
	}
	b := m.bands[id]
	return b.topic, b.band
}

// targetsOf returns who of the own zone wants something of a band. The lists of the topic are up to date.
func (m *Machine) targetsOf(t *topic, b gravity.Band) []protocol.NodeID {
	if !t.banded || b == 0 {
		return t.region
	}
	targets := make([]protocol.NodeID, 0, len(t.region))
	for _, id := range t.region {
		if m.ratingOf(m.peers[id], t) > b.Floor() {
			targets = append(targets, id)
		}
	}
	return targets
}

// restOf returns the targets that want a packet and do not hear its group.
func (m *Machine) restOf(t *topic, g *group, p *Packet) []protocol.NodeID {
	m.refreshGroup(t, g)
	return m.thoseWho(t, g.deaf(), p)
}

// thoseWho returns those of some targets that want a packet; the slice itself if all do.
func (m *Machine) thoseWho(t *topic, targets []protocol.NodeID, p *Packet) []protocol.NodeID {
	if !t.banded {
		return targets
	}
	h, wanting := heightOf(p), []protocol.NodeID(nil)
	for i, id := range targets {
		wants := m.peers[id] != nil && m.wantsPacket(m.peers[id], t, h)
		switch {
		case !wants && wanting == nil:
			wanting = append(make([]protocol.NodeID, 0, len(targets)), targets[:i]...)
		case wants && wanting != nil:
			wanting = append(wanting, id)
		}
	}
	if wanting == nil {
		return targets
	}
	return wanting
}

// sparesPacket reports whether this node, which gets messages of a topic or carries it, does not want a packet.
func (t *topic) sparesPacket(p *Packet) bool {
	return t.follows() && t.holds != gravity.All && !t.holds.Wants(heightOf(p))
}

// wantedGroups returns the bands of a topic that this node wants something of, and that have groups of their own.
func (m *Machine) wantedGroups(t *topic) bandSet {
	switch {
	case m.groups == 0 || !t.subscribed:
		return 0
	case t.bandsDiffer():
		return bandsBelow(t.rating.Bands())
	}
	return bandAlone(gravity.BandLast)
}

// offerGroups takes in how many groups the driver can join.
func (m *Machine) offerGroups(groups int, out *protocol.Output) {
	m.groups = max(0, groups)
	for _, t := range m.topicOrder {
		if m.groups == 0 {
			for g := range t.groups() {
				g.distrust(m.round)
			}
		}
		if m.groupsJoined > m.groups {
			m.leaveGroups(t, out)
		}
	}
	m.joinGroups(out)
}

// joinGroups joins the groups of topics that this node wants, as far as the driver can: one of each topic before others. Senders find out who hears them.
func (m *Machine) joinGroups(out *protocol.Output) {
	if m.config.Mode != ModeFull {
		return
	}
	for _, first := range [...]bool{true, false} {
		for _, t := range m.topicOrder {
			wanted := m.wantedGroups(t)
			if first && t.rating == gravity.All {
				wanted &= bandAlone(gravity.BandLast)
			} else if first {
				wanted &= bandAlone(0)
			}
			for b := range wanted.without(t.joined).all() {
				if m.groupsJoined >= m.groups {
					return
				}
				if b != gravity.BandLast {
					m.nameBands(t)
				}
				m.groupsJoined++
				t.joined |= bandAlone(b)
				out.JoinGroup(t.addressOf(b))
			}
		}
	}
}

// leaveGroups leaves the groups of a topic that are joined.
func (m *Machine) leaveGroups(t *topic, out *protocol.Output) {
	m.leave(t, t.joined, out)
}

func (m *Machine) leave(t *topic, bands bandSet, out *protocol.Output) {
	for b := range bands.all() {
		m.groupsJoined--
		out.LeaveGroup(t.addressOf(b))
	}
	t.joined = t.joined.without(bands)
	t.lingers = 0
}

// settleGroups follows the ratings of this node and of others: it joins what is wanted at once, and leaves what is not a little later.
func (m *Machine) settleGroups(out *protocol.Output) {
	if m.groups == 0 {
		return
	}
	for _, t := range m.topicOrder {
		unwanted := t.joined.without(m.wantedGroups(t))
		switch {
		case unwanted == 0:
			t.lingers = 0
		case t.lingers == 0:
			t.lingers = max(1, m.round+groupLinger)
		case int32(m.round-t.lingers) >= 0:
			m.leave(t, unwanted, out)
		}
	}
	m.joinGroups(out)
}
