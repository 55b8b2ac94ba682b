package load

import (
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// knownAfter is the time after which the members of a zone know what one of them has told of itself, or learn a key that they ask for.
const knownAfter = 100 * time.Millisecond

// choose chooses who wants the topic, and has the peers say so: members by their topics, and representatives by the interest of their zones.
func (g *group) choose() {
	c := &g.config
	g.wants = make([]bool, c.Members)
	represents := make([]bool, c.Members)
	if c.Representatives > 0 {
		for group := range g.groups {
			first, last := g.zonesOf(group)
			g.mark(represents, first, last)
			for zone := first; zone < last; zone++ {
				g.mark(represents, zone, zone+1)
			}
		}
	}
	for i := range g.wants {
		zone := g.zoneOf(i)
		first, _ := g.membersOf(zone, zone+1)
		some := int(float64(zone+1)*c.Wanting) > int(float64(zone)*c.Wanting) && int(float64(i-first+1)*c.Interested) > int(float64(i-first)*c.Interested)
		g.wants[i] = c.Representatives == 0 || !represents[i] && some
		if g.wants[i] {
			g.wanted++
		} else {
			g.peers[0][i].Attributes = nil
		}
	}
	if c.Representatives > 0 {
		g.summarize()
	}
}

// mark marks the representatives of a zone that consists of leaf zones.
func (g *group) mark(represents []bool, firstZone, lastZone int) {
	first, last := g.membersOf(firstZone, lastZone)
	for _, i := range g.represent(first, last) {
		represents[i] = true
	}
}

// represent returns the representatives of a zone that consists of the members from first to last-1: those of its leaf zones, of as many different ones as there are.
func (g *group) represent(first, last int) (members []int) {
	for zone := g.zoneOf(first); zone <= g.zoneOf(last-1) && len(members) < g.config.Representatives; zone++ {
		begin, _ := g.membersOf(zone, zone+1)
		members = append(members, begin)
	}
	zone := g.zoneOf(first)
	for i, end := g.membersOf(zone, zone+1); len(members) < g.config.Representatives && i+1 < end; i++ {
		members = append(members, i+1)
	}
	return members
}

// summarize has representatives say what their zones want.
func (g *group) summarize() {
	interest := func(first, last int) []protocol.Attribute {
		var zone protocol.Interest
		for i := first; i < last; i++ {
			if g.wants[i] {
				zone.Add(uint64(bimodal.TopicOf(topic)))
			}
		}
		return []protocol.Attribute{{Name: protocol.InterestAttribute, Value: zone[:]}}
	}
	for group := range g.groups {
		firstZone, lastZone := g.zonesOf(group)
		first, last := g.membersOf(firstZone, lastZone)
		above := interest(first, last)
		for i := first; i < last; i++ {
			g.peers[2][i].Attributes = above
		}
		for zone := firstZone; zone < lastZone; zone++ {
			first, last := g.membersOf(zone, zone+1)
			leaf := interest(first, last)
			for i := first; i < last; i++ {
				g.peers[1][i].Attributes = leaf
			}
		}
	}
}

// tell has the members of a zone know what one of them carries.
func (g *group) tell(now protocol.Time, i int, a protocol.Attribute) {
	if a.Name != bimodal.CarriesAttribute {
		return
	}
	changed := *g.peers[0][i]
	if changed.Attributes = nil; a.Value != nil {
		changed.Attributes = []protocol.Attribute{a}
	}
	g.peers[0][i] = &changed
	g.world.At(now.Add(knownAfter), func() {
		zone := g.zoneOf(i)
		first, last := g.membersOf(zone, zone+1)
		for j := first; j < last; j++ {
			if j != i {
				g.world.Command(protocol.NodeID(j+1), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
					m.Notify(now, protocol.PeerChanged{Peer: &changed}, out)
				})
			}
		}
	})
}

// inquire answers a member that asks for the credential of an author.
func (g *group) inquire(now protocol.Time, id protocol.NodeID, e protocol.WantCredential) {
	g.world.At(now.Add(knownAfter), func() {
		g.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			known := protocol.CredentialKnown{Author: e.Author, Epoch: 1, From: e.From, Credential: credential(g.publicKey(int(e.Author) - 1))}
			m.Notify(now, known, out)
		})
	})
}
