package bimodal

import (
	"slices"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

// A member through which packets enter a zone is one of few that represent it, and need not want the topic itself. If its zone does, it **carries** the topic: it takes
// part as a subscriber does, holds packets, hands them on and repairs, but delivers nothing. It tells its own zone so, apart from what it wants, so that zones
// do not seem to want what nobody but carriers does.

// Bounds of carrying that are not for configuration.
const (
	carriesMax  = 1024 // topics that a member carries, at most
	carryIdle   = 600  // rounds for which a topic is carried since anything of it came from another zone
	carryReview = 10   // rounds between looks at whether topics are to be carried still
	carryLooks  = 16   // topics of one digest that may be taken up: whether they are wanted takes a look at all peers
)

// carrying is what a member has to do with topics that it carries.
type carrying struct {
	topics    []*topic           // in the order in which they were taken up
	limit     int                // of topics: what the row has room for
	announced *protocol.Interest // what the row says, where that is a bitmap
	names     []named            // told of late
	asked     []asked            // names asked for
	waits     []nameless         // packets that wait for names
}

// carry is how a topic is carried.
type carry struct {
	depth    int             // the least of zones through which packets came in
	used     uint32          // round in which anything came from another zone last
	stranger protocol.NodeID // whose digest is all that has come so far, where that is no peer; else 0
}

// follows reports whether this node takes part in a topic: because it is subscribed to it, or carries it.
func (t *topic) follows() bool { return t != nil && (t.subscribed || t.carry != nil) }

// carried reports whether this node carries a topic.
func (t *topic) carried() bool { return t != nil && t.carry != nil }

// carryFor takes up a topic of which something came, if the zone of so many components that it entered wants it. It reports whether this node follows the topic then.
func (m *Machine) carryFor(now protocol.Time, from protocol.NodeID, id TopicID, depth int, out *protocol.Output) bool {
	t := m.topics[id]
	if t.carried() {
		if t.carry.used, t.carry.depth = m.round, min(t.carry.depth, depth); from != t.carry.stranger {
			t.carry.stranger = 0
		}
	}
	switch {
	case t.follows():
		m.carryMore(now, t, depth, out)
		return true
	case m.config.Mode != ModeFull || !m.wantedIn(depth, id):
		return false
	case len(m.carrying.topics) >= m.carrying.limit:
		m.stats.CarriesRefused++
		return false
	}
	name := m.toldName(id)
	if t != nil {
		name = t.name
	}
	if m.signed() && name == "" {
		m.askName(now, from, id, out)
		return false
	}
	m.beginCarry(now, t, named{id, name}, depth, out)
	return true
}

// carryMore has a member carry a topic that it is subscribed to, if those for whom something of it came in want more than it does itself.
func (m *Machine) carryMore(now protocol.Time, t *topic, depth int, out *protocol.Output) {
	if t.carry != nil || t.rating == gravity.All || m.config.Mode != ModeFull || t.looked != 0 && m.round-t.looked < carryReview {
		return
	}
	t.looked = m.round
	switch {
	case m.wantedAt(depth, t.id) <= t.rating:
	case len(m.carrying.topics) >= m.carrying.limit:
		m.stats.CarriesRefused++
	default:
		m.beginCarry(now, t, named{t.id, t.name}, depth, out)
		m.refreshTargets(t)
	}
}

// wantedAt returns the highest rating for a topic of the hosts of the zone that has so many components and contains this node, as far as this node knows, itself not counted; 0 when none wants it.
func (m *Machine) wantedAt(depth int, id TopicID) (highest gravity.Rating) {
	for _, p := range m.peerOrder {
		if p.regional && p.claims(id) || !p.regional && p.depth > depth && p.wantsAny(id) {
			highest = max(highest, p.rating(id))
		}
	}
	return highest
}

// carryDepth returns the number of components of the zone that something enters which comes from a member, 0 of the own zone. Of who is no peer the zone is not known: the topmost is assumed where there are others, and else that it
// is a new member of the own one.
func (m *Machine) carryDepth(from protocol.NodeID) int {
	p := m.peers[from]
	switch {
	case p == nil && slices.ContainsFunc(m.peerOrder, func(p *peer) bool { return !p.regional }):
		return 1
	case p == nil || p.regional:
		return 0
	}
	return p.depth
}

// carryDigest takes up topics that a digest from another zone tells of.
func (m *Machine) carryDigest(now protocol.Time, from protocol.NodeID, d *Digest, out *protocol.Output) {
	depth, looks := m.carryDepth(from), carryLooks
	for _, id := range d.Topics {
		if !m.topics[id].follows() {
			if looks == 0 {
				continue // later digests tell of it again, in another order
			}
			looks--
		}
		if depth > 0 {
			m.carryAfar(now, from, id, depth, out)
		} else {
			m.carryBroad(now, from, id, out)
		}
	}
}

// carryAfar takes up a topic that a digest from another zone tells of, as it seems.
func (m *Machine) carryAfar(now protocol.Time, from protocol.NodeID, id TopicID, depth int, out *protocol.Output) {
	carried := m.topics[id].carried()
	m.carryFor(now, from, id, depth, out)
	if t := m.topics[id]; m.peers[from] == nil && !carried && t.carried() {
		t.carry.stranger = from
	}
}

// carryBroad takes up a topic of which something came within the zone, if its members can believe that this node carries it.
func (m *Machine) carryBroad(now protocol.Time, from protocol.NodeID, id TopicID, out *protocol.Output) {
	if m.carrying.announced != nil && !m.topics[id].follows() && m.carrying.announced.Wants(uint64(id)) {
		m.carryFor(now, from, id, m.depth, out)
	}
}

func (m *Machine) beginCarry(now protocol.Time, t *topic, n named, depth int, out *protocol.Output) {
	if t == nil {
		t = m.newTopic(now, n.id, n.name)
	}
	m.stats.CarriesBegun++
	m.awake(now)
	t.carry = &carry{depth: depth, used: m.round}
	if !t.subscribed {
		t.since = max(0, now.Add(-time.Duration(t.life())*m.config.Round))
	}
	m.carrying.topics = append(m.carrying.topics, t)
	m.announceCarries(out)
	m.reshape(t)
}

// endCarry ends that a topic is carried.
func (m *Machine) endCarry(t *topic, out *protocol.Output) {
	if t.carry == nil {
		return
	}
	m.stats.CarriesEnded++
	m.dropCarry(t)
	m.announceCarries(out)
	if t.subscribed {
		m.reshape(t)
		return
	}
	m.forget(func(s *stream) bool { return s.topic == t && s != t.stream })
	if !t.needed() {
		m.removeTopic(t)
		return
	}
	m.reshape(t)
}

func (m *Machine) dropCarry(t *topic) {
	t.carry = nil
	m.carrying.topics = slices.DeleteFunc(m.carrying.topics, func(other *topic) bool { return other == t })
}

// reshape has what depends on whether this node follows a topic looked at again.
func (m *Machine) reshape(t *topic) {
	t.known, m.partnersKnown = false, false
}

// reviewCarries ends what is carried for nobody any more, or because of a member that was new in the own zone.
func (m *Machine) reviewCarries(out *protocol.Output) {
	if m.round%carryReview != 0 {
		return
	}
	if m.round%carryIdle == 0 {
		m.carrying.limit = carriesMax // the row may have room again
	}
	for _, t := range slices.Clone(m.carrying.topics) {
		stranger := m.peers[t.carry.stranger]
		if m.round-t.carry.used > carryIdle || !m.wantedIn(t.carry.depth, t.id) || stranger != nil && stranger.regional {
			m.endCarry(t, out)
		}
	}
}

// announceCarries asks membership to put the topics that this node carries into its row. Those of which it wants everything itself are not told twice.
func (m *Machine) announceCarries(out *protocol.Output) {
	ids := make([]TopicID, 0, len(m.carrying.topics))
	for _, t := range m.carrying.topics {
		if !t.subscribed || t.rating != gravity.All {
			ids = append(ids, t.id)
		}
	}
	attribute := protocol.Attribute{Name: CarriesAttribute}
	m.carrying.announced = nil
	if len(ids) > 0 {
		slices.Sort(ids)
		attribute.Value, m.carrying.announced = appendCarries(ids)
	}
	out.Emit(protocol.SetAttribute{Attribute: attribute})
}

// refuseCarries takes in that the row has no room for what is carried: as many as are carried now, less one, is the most for some time.
func (m *Machine) refuseCarries(out *protocol.Output) {
	count := len(m.carrying.topics)
	if count == 0 {
		return
	}
	m.stats.CarriesRefused++
	m.carrying.limit = count - 1
	m.endCarry(m.carrying.topics[count-1], out)
}

// busy reports whether there is anything that ends with the present round or a later one.
func (c *carrying) busy() bool { return len(c.topics) > 0 || len(c.asked) > 0 || len(c.waits) > 0 }
