package bimodal

import (
	"cmp"
	"slices"
	"time"

	"spinglass/protocol"
)

// peer is what this protocol needs of another member.
type peer struct {
	id         protocol.NodeID
	hash       uint64 // of id, for the choice of bufferers
	epoch      uint64
	topics     []TopicID           // that it or its zone wants and, as far as this node knows their names, it may subscribe to; ascending
	stated                         // by its row. Of broad, topics has those that this node knows
	credential protocol.Credential // nil where members do not prove themselves
	format     uint64              // the latest that it speaks; 0 where rows do not say
	regional   bool                // in the own zone
	reachable  bool
	roundTrip  time.Duration
	zone       ZoneID // of the own zone's siblings and those of the zones above, the one that it is in; 0 in the own zone
	depth      int    // of that zone
	distance   int    // levels up to what both have in common
	since      uint32 // round in which it came up
	trouble    trouble
	troubled   bool      // was in trouble before
	lagged     uint32    // round in which it was said to lag
	recovered  uint32    // round in which that ended
	line       line      // repairs that it waits for
	link       voice     // what it hands on over its link,
	group      *voice    // and by groups; nil as long as that is nothing
	record     record    // of corrupt packets
	entered    uint32    // round in which a packet was sent into its zone through it, since it was heard last, or since when it is silent; 0 for never
	unanswered int       // requests since a repair last came from it
	held       int       // packets from it that wait for an order
	asked      uint32    // round in which it was last asked for the ends of its streams
	portions   *portions // nil as long as it has not asked for anything: few representatives of other zones ever do
}

// setPeer takes over what membership says of a peer.
func (m *Machine) setPeer(p *protocol.Peer, out *protocol.Output) {
	said := interestOf(p)
	credential := m.credentialOf(p)
	topics := m.topicsOf(said.claimed, said.carried, said.broad, credential)
	known := m.peers[p.ID]
	if known == nil {
		if len(m.peerOrder) >= m.config.Peers {
			m.stats.PeersRefused++
			out.Drop(p.ID, ReasonPeers)
			return
		}
		known = &peer{id: p.ID, hash: hashMember(p.ID), reachable: true, regional: p.Distance == 0, since: m.round, asked: m.round - authorPause}
		m.settled = m.round + max(newcomerWait, slowMemory)
		known.link = voice{peer: known}
		m.locate(known, p)
		m.peers[p.ID] = known
		i, _ := m.findPeer(p.ID)
		m.peerOrder = slices.Insert(m.peerOrder, i, known)
	}
	restarted := known.epoch != p.Epoch
	if restarted {
		m.unprove(known)
	}
	m.knowAuthor(p)
	if renewed := known.credential != credential; renewed {
		known.credential = credential
		m.revisePublisher(known)
	}
	restated := !known.equal(&said, p.Distance > 0) // who carries what it wants some of is sent more of it
	known.stated = said
	known.epoch, known.roundTrip, known.format = p.Epoch, p.RoundTrip, p.Format
	if restated || restarted || p.Distance != known.distance || m.elsewhere(known, p) || !slices.Equal(topics, known.topics) {
		m.changed(known)
		before := known.topics
		known.topics = topics
		m.locate(known, p)
		m.changed(known)
		m.meet(known, before)
	}
}

// locate notes where a peer is.
func (m *Machine) locate(known *peer, p *protocol.Peer) {
	known.distance, known.regional, known.zone, known.depth = p.Distance, p.Distance == 0, 0, 0
	if !known.regional {
		known.zone, known.depth = siblingOf(m.config.Zone, p)
	}
}

// elsewhere reports whether a peer of another zone is in another one than before.
func (m *Machine) elsewhere(known *peer, p *protocol.Peer) bool {
	if p.Distance == 0 {
		return false
	}
	zone, depth := siblingOf(m.config.Zone, p)
	return zone != known.zone || depth != known.depth
}

func (m *Machine) removePeer(id protocol.NodeID) {
	known := m.peers[id]
	if known == nil {
		return
	}
	m.departAuthor(id)
	m.readmit(known)
	m.changed(known)
	m.repairs.leave(known)
	delete(m.peers, id)
	i, _ := m.findPeer(id)
	m.peerOrder = slices.Delete(m.peerOrder, i, i+1)
}

func (m *Machine) setReachable(id protocol.NodeID, reachable bool) {
	if known := m.peers[id]; known != nil && known.reachable != reachable {
		known.reachable = reachable
		known.unanswered = 0
		m.changed(known)
		m.setTrouble(id, troubleUnreachable, !reachable)
	}
}

func (m *Machine) findPeer(id protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(m.peerOrder, id, func(p *peer, id protocol.NodeID) int { return cmp.Compare(p.id, id) })
}

// changed outdates the lists that hold p. They are made anew when they are next needed, so that many changes cost one making.
func (m *Machine) changed(p *peer) {
	for _, id := range p.topics {
		if t := m.topics[id]; t != nil {
			t.known = false
			t.reorder()
		}
	}
	m.partnersKnown = false
}

func (p *peer) wants(id TopicID) bool {
	_, ok := slices.BinarySearch(p.topics, id)
	return ok
}

// refreshTargets makes the lists of a topic anew if they are out of date. Lists that were handed out stay as they are.
func (m *Machine) refreshTargets(t *topic) {
	if t.known {
		return
	}
	t.known = true
	m.grade(t)
	targets := make([]protocol.NodeID, 0, len(t.targets)+8)
	region := make([]protocol.NodeID, 0, len(t.region)+8)
	t.candidates = t.candidates[:0]
	for _, reachable := range []bool{true, false} {
		for _, p := range m.peerOrder {
			if p.reachable != reachable || !p.wants(t.id) {
				continue
			}
			targets = append(targets, p.id)
			if p.regional {
				region = append(region, p.id)
				t.candidates = append(t.candidates, candidate{id: p.id, hash: p.hash, reachable: reachable, rating: m.ratingOf(p, t)})
			}
		}
	}
	t.targets, t.region = targets, region
	t.entrances = m.listEntrances(t)
	m.fillLevels(t)
	for g := range t.groups() {
		g.current = false
	}
	if t.target != 0 {
		m.resolveKnobs(t)
	}
}

// refreshPartners makes the list of peers to gossip with anew if it is out of date: those that want a topic of which this node
// knows streams.
func (m *Machine) refreshPartners() {
	if m.partnersKnown {
		return
	}
	m.partnersKnown = true
	m.refreshFanout()
	m.forgetPartners()
	for _, p := range m.peerOrder {
		m.sortPartner(p)
	}
	m.refreshProximity()
}

// drawPartner returns a random peer to gossip with, nil when there is none: mostly one in the own zone, and rather a near one. One that this node cannot reach at present is drawn
// again once, so that it is contacted less but never given up.
func (m *Machine) drawPartner() *peer {
	if len(m.partners) == 0 {
		return nil
	}
	partners := m.drawDistant()
	p := m.drawNear(partners)
	if !p.reachable {
		p = m.drawNear(partners)
	}
	return p
}
