package bimodal

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"spinglass/protocol"
)

// entrance is how packets of a topic get into another zone: through one of the contacts there that this node knows.
type entrance struct {
	zone     ZoneID
	depth    int // components of the zone's path
	contacts []protocol.NodeID
}

// depthOf returns how many components the path of a zone has, 0 for "/".
func depthOf(zone string) int {
	if zone == "/" || zone == "" {
		return 0
	}
	return strings.Count(zone, "/")
}

// siblingOf returns the zone through which a peer at some distance is reached: the one that contains the peer and lies directly below the
// zone that both have in common. depth is that of the own leaf zone.
func siblingOf(depth int, p *protocol.Peer) (ZoneID, int) {
	path := protocol.Zone(p.Name)
	below := min(max(depth-p.Distance, 0)+1, depthMax)
	if below < depthOf(path) {
		end := 0
		for range below {
			end += 1 + strings.IndexByte(path[end+1:]+"/", '/')
		}
		path = path[:end]
	}
	hash := fnv.New64a()
	hash.Write([]byte(path))
	return ZoneID(max(hash.Sum64(), 1)), max(1, min(depthOf(path), depthMax))
}

// listEntrances returns the entrances of the zones where a topic is wanted, by zone. Contacts that are slow serve only where there are no
// others.
func (m *Machine) listEntrances(t *topic) []entrance {
	var remote []*peer
	for _, p := range m.peerOrder {
		if !p.regional && p.wants(t.id) {
			remote = append(remote, p)
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
		if e := &list[last]; p.trouble == 0 || m.peers[e.first()] == nil || m.peers[e.first()].trouble != 0 {
			e.contacts = append(e.contacts, p.id)
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
	out.Send(e.contacts[mix(p.Seq^uint64(zone))%uint64(len(e.contacts))], r)
	return true
}
