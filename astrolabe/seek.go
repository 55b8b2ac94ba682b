package astrolabe

import (
	"slices"
	"time"

	"spinglass/membership"
	"spinglass/protocol"
)

// Bounds of looking for others.
const (
	seekRetryMin  = 2  // rounds between attempts while nobody was met
	seekRetryMax  = 30 // and after many,
	seekOften     = 8  // of which so many are no further apart than
	seekRetryOft  = 8  // this
	seedsRounds   = 60 // rounds between contacts to join addresses of a member that has met others
	seedsPerTry   = 3
	contactRounds = 10 // rounds between contacts to members of the own zone that membership does not know
	seekRounds    = 8  // after which a member that has found nobody takes its zone for empty, a half more or less
	seedsMax      = 64
)

// seeds is where to look for others.
type seeds struct {
	addresses []protocol.Address
	next      protocol.Time
	attempts  int
	until     protocol.Time // when the own zone is taken for empty if nobody of it was found
	contact   protocol.Time // when somebody may be pointed out to membership again
	asked     *asked        // who was asked last of those who speak for a zone on the own path, nil when nobody was who has not answered
	contacted contacted
}

// asked is a member that was asked for all tables.
type asked struct {
	id        protocol.NodeID
	addresses []protocol.Address
}

func newSeeds(c *Config) seeds { return seeds{addresses: c.Seeds} }

// seek looks for the own zone and for other zones: at the join addresses, and then, from the root down, at the representatives of the zones on the own path.
func (m *Machine) seek(now protocol.Time, out *protocol.Output) {
	s := &m.seeds
	lost := m.config.Hosts.Len() < 2 // nobody of the own zone was found yet
	if len(s.addresses) > 0 && now >= s.next && (lost || m.speaksFor(m.levels[0])) {
		rounds := seedsRounds
		if lost && !m.onWay() {
			rounds = min(seekRetryMin<<min(s.attempts, 10), seekRetryOft)
			if s.attempts++; s.attempts > seekOften {
				rounds = min(seekRetryOft<<min(s.attempts-seekOften, 10), seekRetryMax)
			}
		} else {
			s.attempts = 0
		}
		s.next = now.Add(m.jitter(time.Duration(rounds) * m.config.Round))
		start := m.config.Rand.IntN(len(s.addresses))
		for i := range min(len(s.addresses), seedsPerTry) {
			m.exchangeAddress(now, s.addresses[(start+i)%len(s.addresses)], len(m.levels), out)
		}
	}
	for _, l := range m.levels {
		m.contactLost(now, l, out)
	}
	m.descend(now, out)
}

// onWay reports whether anybody is known who speaks for a zone on the own path, and can tell more of it than a join address: many may have been given the same one.
func (m *Machine) onWay() bool {
	return slices.ContainsFunc(m.levels, func(l *level) bool {
		return slices.ContainsFunc(l.childOf(l.own), func(e *entry) bool { return e.Owner() != m.config.Self && !e.Row().Left })
	})
}

// contactLost tries to reach child zones that went, so that a partition heals by itself however long it lasted. It is for those who speak for the own child zone.
func (m *Machine) contactLost(now protocol.Time, l *level, out *protocol.Output) {
	if len(l.lost) == 0 || !m.speaksFor(l) {
		return
	}
	for i := range l.lost {
		z := &l.lost[i]
		if now < z.next || len(z.addresses) == 0 {
			continue
		}
		if address := z.addresses[m.config.Rand.IntN(len(z.addresses))]; m.mayContact(address) {
			m.stats.Contacts++
			m.exchangeAddress(now, address, l.depth+1, out)
		}
		z.next = now.Add(m.jitter(min(max(now.Sub(z.since)/lostRatio, lostMin), lostMax)))
		return // one a round
	}
}

// descend asks the deepest representative of a zone on the own path that is no host of the own zone: it knows the tables further down, or is one whom membership lacks.
func (m *Machine) descend(now protocol.Time, out *protocol.Output) {
	if now < m.seeds.contact || m.config.Hosts.Len() > 1 && !m.speaksFor(m.levels[len(m.levels)-1]) {
		return // those who speak for the zone ask for all of it: the one whom all ask would have to answer them all
	}
	for i := len(m.levels) - 1; i >= 0; i-- {
		c := m.levels[i].childOf(m.levels[i].own)
		if len(c) == 0 {
			continue
		}
		start := m.config.Rand.IntN(len(c))
		for j := range c {
			row := c[(start+j)%len(c)].Row()
			if row.Left || row.Owner == m.config.Self || len(row.Addresses) == 0 || m.knowsHost(row.Owner) {
				continue
			}
			addresses := m.contactable(row.Addresses)
			if len(addresses) == 0 {
				continue
			}
			m.seeds.contact = now.Add(m.jitter(m.patience()))
			m.exchangeAddress(now, addresses[0], len(m.levels), out) // of all tables: zones that are the only ones of theirs have no rows by which to go further down step by step
			m.seeds.asked = &asked{row.Owner, addresses}
			if i >= len(m.levels)-2 {
				out.Emit(protocol.Contact{Addresses: addresses})
			}
			return
		}
	}
}

// introduce points out to membership who has answered as a host of the own zone.
func (m *Machine) introduce(from protocol.NodeID, out *protocol.Output) {
	if a := m.seeds.asked; a != nil && a.id == from {
		if m.seeds.asked = nil; !m.knowsHost(from) {
			out.Emit(protocol.Contact{Addresses: a.addresses})
		}
	}
}

// patience is the time between two contacts: short for who has not found its zone.
func (m *Machine) patience() time.Duration {
	if m.config.Hosts.Len() < 2 {
		return m.config.Round
	}
	return contactRounds * m.config.Round
}

// knowsHost reports whether a member is a host of the own zone that is known.
func (m *Machine) knowsHost(id protocol.NodeID) bool {
	for i := range m.config.Hosts.Len() {
		if h := m.config.Hosts.Host(i); h.Row.Owner == id {
			return h.State != membership.StateLeft
		}
	}
	return false
}

// jitter returns d, a quarter more or less, so that members that started together do not stay together.
func (m *Machine) jitter(d time.Duration) time.Duration {
	return d - d/4 + time.Duration(m.config.Rand.Int64N(int64(d/2)))
}
