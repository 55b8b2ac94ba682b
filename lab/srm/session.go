package srm

import (
	"time"

	"spinglass/protocol"
)

// tellSession multicasts a session message, and sets when the next one is due.
func (m *Machine) tellSession(now protocol.Time, out *protocol.Output) {
	jitter := 1 - sessionJitter + 2*sessionJitter*m.config.Rand.Float64()
	m.timers.Set(packet{}, now.Add(time.Duration(jitter*float64(m.config.SessionInterval))))
	m.stats.Sessions++
	v := &Message{kind: KindSession, Clock: now}
	for _, s := range m.sources {
		if end := s.window.End(); end > 0 {
			v.Extents = append(v.Extents, Extent{s.id, end})
		}
	}
	for range min(EchoesMax, len(m.heard)) {
		m.turn %= len(m.heard)
		id := m.heard[m.turn]
		m.turn++
		if k := m.members[id]; m.group.Has(id) {
			v.Echoes = append(v.Echoes, Echo{id, k.clock, now.Sub(k.at)})
		}
	}
	m.spread(v, out)
}

// receiveSession takes in what a member has heard of, and how far away it is.
func (m *Machine) receiveSession(now protocol.Time, from protocol.NodeID, v *Message) {
	k := m.member(from)
	if !k.clocked {
		m.heard = append(m.heard, from)
	}
	k.clock, k.at, k.clocked = v.Clock, now, true
	for _, e := range v.Echoes {
		if roundTrip := now.Sub(e.Clock) - e.Delay; e.Member == m.config.Self && e.Clock <= now && roundTrip > 0 {
			if k.distance == 0 {
				k.distance = roundTrip / 2
			} else {
				k.distance += time.Duration(smoothing * float64(roundTrip/2-k.distance))
			}
		}
	}
	for _, e := range v.Extents {
		if e.Source == 0 || e.Number == 0 {
			continue
		}
		if s := m.source(e.Source); s != nil {
			m.miss(now, s, e.Number, false)
		}
	}
}
