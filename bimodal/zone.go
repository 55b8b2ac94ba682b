package bimodal

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"spinglass/gravity"
	"spinglass/protocol"
)

// entrance is how packets of a topic get into another zone: through one of the contacts there that this node knows.
type entrance struct {
	zone     ZoneID
	depth    int            // components of the zone's path
	rating   gravity.Rating // of the zone
	contacts []protocol.NodeID
}

// hosts is the last component of the zone that the hosts of a zone, without those of the zones below, are to other zones.
const hosts = "."

// depthOf returns how many components the path of a zone has, 0 for "/".
func depthOf(zone string) int {
	if zone == "/" || zone == "" {
		return 0
	}
	return strings.Count(zone, "/")
}

// hostsOf returns the path of what the hosts of a zone are to other zones.
func hostsOf(zone string) string { return strings.TrimSuffix(zone, "/") + "/" + hosts }

// siblingOf returns the zone through which a member of another zone is reached: the one that contains it and lies directly below the deepest zone that contains both
// it and the own zone.
func siblingOf(own string, p *protocol.Peer) (ZoneID, int) {
	own, other := hostsOf(own)+"/", hostsOf(protocol.Zone(p.Name))+"/"
	end := 0 // of the component that differs
	for at := 1; at < len(other); at++ {
		if other[at] == '/' {
			if end = at; at >= len(own) || own[:at+1] != other[:at+1] {
				break
			}
		}
	}
	sibling := other[:end]
	hash := fnv.New64a()
	hash.Write([]byte(sibling))
	return ZoneID(max(hash.Sum64(), 1)), max(1, min(depthOf(sibling), depthMax))
}

// wantedIn reports whether any host of the zone that has so many components and contains this node wants a topic, as far as this node knows. Members that only carry it do not.
func (m *Machine) wantedIn(depth int, id TopicID) bool {
	for _, p := range m.peerOrder {
		if p.regional && p.claims(id) || !p.regional && p.depth > depth && p.wantsAny(id) {
			return true
		}
	}
	return false
}

// listEntrances returns the entrances of the zones where a topic is wanted, by zone. Contacts that are slow serve only where there are no
// others. A zone is barred of
// which no contact may subscribe to the topic, as far as this node knows.
func (m *Machine) listEntrances(t *topic) []entrance {
	var remote []*peer
	var barred []ZoneID // of contacts that may not have the topic
	for _, p := range m.peerOrder {
		switch {
		case p.regional:
		case p.wants(t.id):
			remote = append(remote, p)
		case p.wantsAny(t.id):
			barred = append(barred, p.zone)
		}
	}
	slices.SortStableFunc(remote, func(a, b *peer) int {
		return cmp.Or(cmp.Compare(a.zone, b.zone), cmp.Compare(min(a.trouble, 1), min(b.trouble, 1)))
	})
	var list []entrance
	for _, p := range remote {
		last := len(list) - 1
		if last < 0 || list[last].zone != p.zone {
			list = append(list, entrance{zone: p.zone, depth: p.depth})
			last++
		}
		list[last].rating = max(list[last].rating, p.rating(t.id))
		if e := &list[last]; p.trouble == 0 || m.peers[e.first()] == nil || m.peers[e.first()].trouble != 0 {
			e.contacts = append(e.contacts, p.id)
		}
	}
	slices.Sort(barred)
	t.barred = 0
	for _, zone := range slices.Compact(barred) {
		if !slices.ContainsFunc(list, func(e entrance) bool { return e.zone == zone }) {
			t.barred++
		}
	}
	return list
}

func (e *entrance) first() protocol.NodeID {
	if len(e.contacts) == 0 {
		return 0
	}
	return e.contacts[0]
}

// enterZone hands a packet on to one of the contacts of a zone.
func (m *Machine) enterZone(t *topic, zone ZoneID, p *Packet, out *protocol.Output) bool {
	if t == nil {
		m.stats.ZonesUnreached++
		return false
	}
	m.refreshTargets(t)
	i, known := slices.BinarySearchFunc(t.entrances, zone, func(e entrance, zone ZoneID) int { return cmp.Compare(e.zone, zone) })
	if !known {
		m.stats.ZonesUnreached++
		return false
	}
	e := &t.entrances[i]
	r := m.arena.relay()
	r.Depth, r.Packet = e.depth, p
	contact := e.contacts[mix(p.Seq^uint64(zone))%uint64(len(e.contacts))]
	m.enterBy(contact)
	out.Send(contact, r)
	return true
}
