package flood

import (
	"slices"

	"spinglass/adhoc"
	"spinglass/protocol"
)

// side is a neighbour from which packets of a group came.
type side struct {
	node     protocol.NodeID
	group    adhoc.Group
	distance int           // fewest hops to an origin of late
	near     protocol.Time // when that was
	heard    protocol.Time
}

// hear notes from which neighbour a packet came, also if it has come before.
func (m *Machine) hear(now protocol.Time, from protocol.NodeID, p *Packet) {
	distance := p.Hops + 1
	i := slices.IndexFunc(m.sides, func(s side) bool { return s.node == from && s.group == p.Group })
	if i < 0 {
		m.forget(now)
		if len(m.sides) >= SidesMax {
			m.stats.SidesRefused++
			return
		}
		m.sides = append(m.sides, side{node: from, group: p.Group, distance: distance, near: now, heard: now})
		return
	}
	s := &m.sides[i]
	s.heard = now
	if distance <= s.distance || now.Sub(s.near) > SideLife {
		s.distance, s.near = distance, now
	}
}

// forget drops the sides from which nothing came of late.
func (m *Machine) forget(now protocol.Time) {
	m.sides = slices.DeleteFunc(m.sides, func(s side) bool { return now.Sub(s.heard) > SideLife })
}

// NextHops implements adhoc.Routing.
func (m *Machine) NextHops(now protocol.Time, group adhoc.Group, hops []adhoc.NextHop) []adhoc.NextHop {
	for _, s := range m.sides {
		if s.group == group && now.Sub(s.heard) <= SideLife {
			hops = append(hops, adhoc.NextHop{Node: s.node, Distance: s.distance})
		}
	}
	return hops
}
