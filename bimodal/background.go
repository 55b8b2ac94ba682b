package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// Some topics are **background** topics: nearly all members want them, and hardly anything is published to them. If they counted like others, everybody would be a partner of everybody for their sake, and the
// gossip of a topic with few subscribers would hardly ever reach these. So they have a digest of their own, and the others are as if there were no background ones.

// backgroundDigest is the number of that digest, where those of a round that tell of other topics are numbered from 0.
const backgroundDigest = -1

// background is what a member has to do with such topics.
type background struct {
	ids  map[TopicID]bool
	near []*peer // that want one of which there are streams, in the own zone
	far  []*peer // and in others
}

func newBackground(names []string) background {
	q := background{ids: make(map[TopicID]bool, len(names))}
	for _, name := range names {
		q.ids[TopicOf(name)] = true
	}
	return q
}

// sortPartner lists a peer as one to gossip with: about usual topics, about background ones, or both.
func (m *Machine) sortPartner(p *peer) {
	usual, background := false, false
	for _, id := range p.topics {
		if t := m.topics[id]; t != nil && t.streams > 0 {
			usual, background = usual || !t.background, background || t.background
		}
	}
	if usual {
		m.partners = append(m.partners, p)
	}
	switch {
	case background && p.regional:
		m.background.near = append(m.background.near, p)
	case background:
		m.background.far = append(m.background.far, p)
	}
}

// activity reports whether there is anything to repair of usual topics, and of background ones.
func (m *Machine) activity() (usual, background bool) {
	if len(m.background.ids) == 0 {
		return m.newest != nil, false
	}
	for s := m.newest; s != nil && !(usual && background); s = s.older {
		usual, background = usual || !s.topic.background, background || s.topic.background
	}
	return usual, background
}

// gossipInBackground tells a random peer of background topics, in each round while there is anything of them to repair.
func (m *Machine) gossipInBackground(now protocol.Time, active bool, out *protocol.Output) {
	if len(m.background.ids) == 0 || !active && m.round%idleRounds != 0 {
		return
	}
	m.refreshPartners()
	from, outside := m.background.near, min(remoteMost, remoteDigests/float64(len(m.background.near)+1))
	if len(m.background.far) > 0 && (len(from) == 0 || m.config.Rand.Float64() < outside) {
		from = m.background.far
	}
	if len(from) > 0 {
		m.scratch.weight = 0 // ratings do not count here
		m.sendDigest(now, from[m.config.Rand.IntN(len(from))], backgroundDigest, out)
	}
}

// forgetPartners empties the lists of peers to gossip with.
func (m *Machine) forgetPartners() {
	for _, list := range []*[]*peer{&m.partners, &m.background.near, &m.background.far} {
		*list = slices.Delete(*list, 0, len(*list))
	}
}
