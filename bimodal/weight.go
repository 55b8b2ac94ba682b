package bimodal

// Members are contacted about a topic, and contact others, in proportion to their ratings (Gravitational Gossip: infectivity and susceptibility are the rating, up to scale). The scale is the
// highest rating in the own zone, so that where all have the same one they gossip as if it were 1. A contact in another zone stands for all who want the topic there, and what goes over the link between zones has
// a limit of its own: it is drawn as where there are no ratings.

// ratedDraws bounds how often a partner is drawn instead of one that is passed over for its ratings. The last one counts in any case.
const ratedDraws = 16

// attraction returns the probability with which a peer is contacted about a topic when it is drawn, relative to who wants most.
func (m *Machine) attraction(t *topic, p *peer) float64 {
	m.refreshTargets(t)
	if t.levels == nil || !p.regional {
		return 1
	}
	return min(1, m.ratingOf(p, t).Fraction()/t.local.Fraction())
}

// eagerness returns the share of its rounds in which this node tells members of its zone of a topic.
func (m *Machine) eagerness(t *topic) float64 {
	m.refreshTargets(t)
	if !t.follows() {
		return 1
	}
	return min(1, t.holds.Fraction()/t.local.Fraction())
}

// drawRated returns a peer to send digest number i of the round to, nil for none: drawn as where there are no ratings, and passed over with the probability that its ratings leave for another one in its place.
func (m *Machine) drawRated(i int) *peer {
	p := m.drawPartnerFor(i)
	if p == nil {
		return nil
	}
	for left := ratedDraws; ; left-- {
		weight := m.weightOf(p, i)
		if weight == 1 || left == 1 || m.config.Rand.Float64() < weight {
			m.scratch.weight = weight
			return p
		}
		near := m.partners
		if len(m.proximity.far) > 0 {
			near = m.proximity.near
		}
		p = m.drawNear(near)
	}
}

// weightOf returns the highest attraction of a peer, of the topics that digest number i of a round tells of; 0 when it tells of none that the peer wants.
func (m *Machine) weightOf(p *peer, i int) (weight float64) {
	for _, id := range p.topics {
		if t := m.topics[id]; t != nil && t.streams > 0 && !t.background && t.knobs.Fanout > i {
			if weight = max(weight, m.attraction(t, p)); weight == 1 {
				break
			}
		}
	}
	return weight
}

// drawTopic reports whether the digest under way tells its receiver of a topic, so that over many draws of partners each is told of each topic in proportion to both ratings.
func (m *Machine) drawTopic(t *topic, p *peer) bool {
	if !p.regional || t.levels == nil && t.holds >= t.local {
		return true
	}
	chance := m.eagerness(t)
	if weight := m.scratch.weight; weight > 0 {
		chance *= m.attraction(t, p) / weight
	}
	return chance >= 1 || m.config.Rand.Float64() < chance
}
