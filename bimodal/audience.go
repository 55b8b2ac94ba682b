package bimodal

import (
	"slices"

	"spinglass/gravity"
	"spinglass/protocol"
)

// levelsMax is how many ratings of the members of a topic are told apart when packets are spread; those in between count as the next higher one.
const levelsMax = 8

// audience is who wants packets of a topic: all of them, or those above a height.
type audience struct {
	targets   []protocol.NodeID // who wants them, the unreachable last; immutable
	region    []protocol.NodeID // those of targets in the own zone; immutable
	ring      []protocol.NodeID // the same and this node, by identifier; nil until an ending needs it
	entrances []entrance        // of other zones, by zone
	level     gravity.Rating    // the lowest rating in it,
	above     gravity.Rating    // which is above this one
}

// nobody is the audience of packets that nobody wants.
var nobody audience

// rating returns the rating that a peer, or the zone for which it stands, has stated for a topic which it wants.
func (p *peer) rating(id TopicID) gravity.Rating {
	if p.sketch != nil {
		return p.sketch.Rating(uint64(id))
	}
	if p.ratings != nil {
		if i, ok := slices.BinarySearch(p.claimed, id); ok {
			return gravity.RatingAt(p.ratings, i)
		}
	}
	return gravity.All
}

// ratingOf returns what a peer wants of a topic that it wants or carries: a carrier holds what any member of the zone wants.
func (m *Machine) ratingOf(p *peer, t *topic) gravity.Rating {
	if p.regional && t.levels != nil && (!p.claims(t.id) || p.carries(t.id)) {
		return t.local
	}
	return p.rating(t.id)
}

// carries reports whether a peer of the own zone says that it carries a topic.
func (p *peer) carries(id TopicID) bool {
	_, listed := slices.BinarySearch(p.carried, id)
	return listed || p.regional && p.broad != nil && p.broad.Wants(uint64(id))
}

// wantsPacket reports whether a peer that wants a topic wants a packet of a height.
func (m *Machine) wantsPacket(p *peer, t *topic, h gravity.Height) bool {
	return t.levels == nil || m.ratingOf(p, t).Wants(h)
}

// grade finds which ratings the peers have that want a topic, and lists the members of each level. Where all want everything there is one audience.
func (m *Machine) grade(t *topic) {
	t.levels, t.local, t.below, t.banded = nil, 0, 0, false
	if t.subscribed {
		t.local = t.rating
	}
	var ratings []gravity.Rating
	for _, p := range m.peerOrder {
		if !p.wantsAny(t.id) {
			continue
		}
		if carrier := p.regional && !p.claims(t.id); carrier {
			continue
		}
		r := p.rating(t.id)
		if r == gravity.All && p.sketch != nil {
			t.below = max(t.below, p.sketch.Below(uint64(t.id)))
		} else if r != gravity.All {
			t.below = max(t.below, r)
		}
		if p.regional {
			t.local, t.banded = max(t.local, r), t.banded || r != gravity.All
		}
		ratings = append(ratings, r)
	}
	if t.local == 0 {
		t.local = gravity.All
	}
	m.settleHolds(t)
	if t.below == 0 {
		return
	}
	if t.local == gravity.All { // of carriers, if there are any
		ratings = append(ratings, gravity.All)
	}
	slices.Sort(ratings)
	if ratings = slices.Compact(ratings); len(ratings) == 1 && ratings[0] == gravity.All {
		return // only inside of other zones
	}
	if n := len(ratings); n > levelsMax {
		m.stats.LevelsMerged++
		for i := range levelsMax {
			ratings[i] = ratings[(i+1)*n/levelsMax-1]
		}
		ratings = ratings[:levelsMax]
	}
	above := gravity.Rating(0)
	t.levels = make([]audience, len(ratings))
	for i, level := range ratings {
		t.levels[i] = audience{level: level, above: above}
		above = level
	}
}

// fillLevels lists who is in the audience of each level. The lists of all that want the topic are up to date.
func (m *Machine) fillLevels(t *topic) {
	for i := range t.levels {
		a := &t.levels[i]
		for _, id := range t.targets {
			p := m.peers[id]
			if m.ratingOf(p, t) <= a.above {
				continue
			}
			if a.targets = append(a.targets, id); p.regional {
				a.region = append(a.region, id)
			}
		}
		for _, e := range t.entrances {
			if e.rating > a.above {
				a.entrances = append(a.entrances, e)
			}
		}
	}
}

// audienceOf returns who wants a packet of a height of a topic whose lists are up to date.
func (t *topic) audienceOf(h gravity.Height) *audience {
	if t.levels == nil {
		return &t.audience
	}
	for i := range t.levels {
		if t.levels[i].level.Wants(h) {
			return &t.levels[i]
		}
	}
	return &nobody
}

// audienceFor is audienceOf for a packet.
func (m *Machine) audienceFor(t *topic, p *Packet) *audience {
	m.refreshTargets(t)
	if t.levels == nil {
		return &t.audience
	}
	return t.audienceOf(heightOf(p))
}

// settleHolds finds what this node holds of a topic: what it wants, and what those want for whom it carries.
func (m *Machine) settleHolds(t *topic) {
	t.holds = gravity.All
	if !t.follows() {
		return
	}
	if t.holds = 0; t.subscribed {
		t.holds = t.rating
	}
	if t.carry == nil {
		return
	}
	t.holds = max(t.holds, m.wantedAt(t.carry.depth, t.id))
	if t.holds == 0 { // nobody is left: it ends soon
		t.holds = gravity.All
	}
}

// tellsOverSpared reports whether a digest under way lists ranges over what this node spares of a stream: its receiver wants no more.
func (m *Machine) tellsOverSpared(s *stream) bool {
	to := m.scratch.to
	return s.spared != nil && to != nil && m.ratingOf(to, s.topic) <= s.topic.holds
}
