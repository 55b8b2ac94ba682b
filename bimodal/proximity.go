package bimodal

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// Constants of the choice of partners that are not for configuration.
const (
	remoteDigests   = 8   // digests a round that a zone sends out of itself, and so receives from outside, whatever its size
	remoteMost      = 0.5 // share of draws that go out of the zone at most, and share of these that go beyond each further zone at most
	nearDraws       = 4   // draws for a partner in the own zone; the last one counts in any case
	proximityReview = 10  // rounds between looks at round trips
)

// proximity says how likely partners of gossip are, by where they are.
//
// Each of the m members of a zone draws a partner outside with probability remoteDigests/m, at most a half; one beyond the next zone above
// with remoteDigests over the members of that, at most half as often, and so on. So the gossip over the link into a zone stays the same whatever its size. In the
// own zone partners are weighed by the inverse of their round trips, from half to twice the usual. Everybody known has some probability.
type proximity struct {
	near  []*peer       // partners in the own zone
	far   []farPeers    // the farthest first
	usual time.Duration // the median of the round trips of near, 0 when they are all the same
}

// farPeers are the partners at one distance.
type farPeers struct {
	peers  []*peer
	chance float64 // of drawing one of them or one that is farther
}

// refreshProximity sorts the partners by where they are.
func (m *Machine) refreshProximity() {
	x := &m.proximity
	x.near, x.far = x.near[:0], x.far[:0]
	distances := 0
	for _, p := range m.partners {
		if p.regional {
			x.near = append(x.near, p)
			continue
		}
		distances = max(distances, p.distance)
	}
	if distances > 0 {
		m.refreshFar(distances)
	}
	m.refreshUsual()
}

// refreshFar estimates how many members there are within each distance: as many in each sibling zone as in the own one.
func (m *Machine) refreshFar(distances int) {
	members, chance := float64(len(m.proximity.near)+1), 1.0
	var zones []ZoneID
	for distance := 1; distance <= distances; distance++ {
		far := farPeers{chance: min(remoteMost*chance, remoteDigests/members)}
		zones = zones[:0]
		for _, p := range m.partners {
			if p.distance == distance {
				far.peers, zones = append(far.peers, p), append(zones, p.zone)
			}
		}
		if len(far.peers) > 0 {
			m.proximity.far, chance = append(m.proximity.far, far), far.chance
		}
		slices.Sort(zones)
		members *= float64(1 + len(slices.Compact(zones)))
	}
	slices.Reverse(m.proximity.far)
}

// refreshUsual finds the median of the round trips within the zone.
func (m *Machine) refreshUsual() {
	x := &m.proximity
	x.usual = 0
	trips := make([]time.Duration, 0, len(x.near))
	for _, p := range x.near {
		if p.roundTrip > 0 {
			trips = append(trips, p.roundTrip)
		}
	}
	slices.Sort(trips)
	if n := len(trips); n > 0 && trips[0] != trips[n-1] {
		x.usual = trips[n/2]
	}
}

// drawDistant returns the partners among whom the next one is to be drawn, by distance.
func (m *Machine) drawDistant() []*peer {
	x := &m.proximity
	if len(x.far) == 0 {
		return m.partners
	}
	draw := m.config.Rand.Float64()
	for i := range x.far {
		if draw < x.far[i].chance || len(x.near) == 0 && i == len(x.far)-1 {
			return x.far[i].peers
		}
	}
	return x.near
}

// drawNear returns a random one of some partners, the nearer the likelier.
func (m *Machine) drawNear(partners []*peer) *peer {
	usual := m.proximity.usual
	for left := nearDraws; ; left-- {
		p := partners[m.config.Rand.IntN(len(partners))]
		if usual == 0 || !p.regional || p.roundTrip == 0 || left == 1 || m.config.Mode != ModeFull {
			return p
		}
		// Accepted with the weight usual/roundTrip, limited to 1/2 and 2, in parts of 2.
		if weight := float64(usual) / float64(p.roundTrip); m.config.Rand.Float64()*2 < min(max(weight, 0.5), 2) {
			return p
		}
	}
}

// polledRedraws is how often another member is drawn instead of one that is shunned.
const polledRedraws = 4

// drawPolled returns a random member to poll for a stream whose topic has targets: of the own zone, where there are others, and of those who want the packet that delivery waits for. A
// contact in another zone may not know this node.
func (m *Machine) drawPolled(s *stream) protocol.NodeID {
	to := &s.topic.audience
	if s.topic.levels != nil {
		if likely := s.topic.audienceOf(s.height(s.next)); len(likely.targets) > 0 {
			to = likely
		}
	}
	from := to.targets
	if len(to.entrances) > 0 && len(to.region) > 0 {
		from = to.region
	}
	id := from[m.config.Rand.IntN(len(from))]
	for redraws := polledRedraws; redraws > 0 && m.shuns(id); redraws-- {
		id = from[m.config.Rand.IntN(len(from))]
	}
	return id
}

// Polls stay in the own zone. What is still missing there after a few rounds is often missing in the whole zone, where a packet did not get in;
// then they are in vain, and it is gossip with other zones that brings it.
const (
	pollEager  = 2 // rounds for which a missing packet is polled for in each
	pollRarely = 4 // rounds between polls from then on
)

// vain reports whether a member that knows other zones leaves out the polls of a round for the oldest packet that a stream misses.
func (m *Machine) vain(s *stream) bool {
	if len(m.proximity.far) == 0 || s.order.seeking || s.missing() == 0 {
		return false
	}
	missing := m.round - s.at(s.next).since
	return missing > pollEager && missing%pollRarely != 0
}
