package bimodal

// fanoutDraws bounds how often a partner is drawn for a digest of which only some topics are part.
const fanoutDraws = 8

// The digests of a round are numbered from 0, and digest number i tells of the topics whose fanout is greater than i.

// refreshFanout finds the highest and the lowest fanout among the topics that have streams.
func (m *Machine) refreshFanout() {
	m.fanoutLeast, m.fanoutMost = fanoutMax, 0
	for _, t := range m.topicOrder {
		if t.streams > 0 && !t.background {
			m.fanoutLeast, m.fanoutMost = min(m.fanoutLeast, t.knobs.Fanout), max(m.fanoutMost, t.knobs.Fanout)
		}
	}
}

// drawPartnerFor returns a random peer to send digest number i of the round to, nil when a few draws find none.
func (m *Machine) drawPartnerFor(i int) *peer {
	if i < m.fanoutLeast {
		return m.drawPartner()
	}
	for range fanoutDraws {
		if p := m.drawPartner(); p != nil && m.concerns(p, i) {
			return p
		}
	}
	return nil
}

// concerns reports whether a peer wants any topic that digest number i of a round tells of.
func (m *Machine) concerns(p *peer, i int) bool {
	for _, id := range p.topics {
		if t := m.topics[id]; t != nil && t.streams > 0 && !t.background && t.knobs.Fanout > i {
			return true
		}
	}
	return false
}
