package membership

import (
	"time"

	"spinglass/protocol"
)

// Joining. A member that was given join addresses is not a fleet of its own before one of them has answered.
const (
	joinRetryMin  = 500 * time.Millisecond
	joinRetryMax  = 30 * time.Second
	seedsPerTry   = 3
	firstTries    = 7                // of a member that may be a fleet of its own, until the contacts every seedsInterval are as frequent
	seedsInterval = 30 * time.Second // between contacts to join addresses of a member that has joined
)

// begin joins, or is the first, which looks for a fleet as well: there may be one already.
func (m *Machine) begin(now protocol.Time, out *protocol.Output) {
	seeds := len(m.config.Seeds) > 0
	if m.config.First || !seeds {
		m.enterFleet(now, out)
	}
	if seeds {
		m.join(now, out)
		m.deadlines.Set(taskSeeds, now.Add(m.jitter(seedsInterval)))
	}
}

// join tries some of the join addresses until a member has answered, and says so when the try before has failed. It is no failure that the first finds nobody.
func (m *Machine) join(now protocol.Time, out *protocol.Output) {
	if m.met || m.joined && m.attempts == firstTries {
		return
	}
	retry := m.jitter(min(joinRetryMin<<min(m.attempts, 10), joinRetryMax))
	if m.attempts > 0 && !m.joined {
		out.Emit(protocol.JoinFailing{Attempts: m.attempts, Retry: retry})
	}
	m.attempts++
	m.stats.JoinAttempts++
	m.trySeeds(now, out)
	m.deadlines.Set(taskJoin, now.Add(retry))
}

// trySeeds sends a digest to some join addresses, in turn from a random one on.
func (m *Machine) trySeeds(now protocol.Time, out *protocol.Output) {
	n := len(m.config.Seeds)
	start := m.config.Rand.IntN(n)
	for i := range min(n, seedsPerTry) {
		m.digestAddress(now, m.config.Seeds[(start+i)%n], out)
	}
}

// reached notes that tables were exchanged with another member.
func (m *Machine) reached(now protocol.Time, out *protocol.Output) {
	if m.met {
		return
	}
	m.met = true
	m.deadlines.Cancel(taskJoin)
	m.enterFleet(now, out)
}

// enterFleet makes this member one of a fleet, which may be its own.
func (m *Machine) enterFleet(now protocol.Time, out *protocol.Output) {
	if m.joined {
		return
	}
	m.joined = true
	out.Emit(protocol.Joined{})
	m.spread(now, m.config.Self)
}

// contactSeed contacts a random join address at which no known member is: two fleets that started apart, or forgot each other,
// meet there.
func (m *Machine) contactSeed(now protocol.Time, out *protocol.Output) {
	m.deadlines.Set(taskSeeds, now.Add(m.jitter(seedsInterval)))
	seed := m.config.Seeds[m.config.Rand.IntN(len(m.config.Seeds))]
	for i := range m.table.Len() {
		e := m.table.At(i)
		if e.State.state == StateLeft {
			continue
		}
		for _, address := range e.Row().Addresses {
			if address == seed {
				return
			}
		}
	}
	m.stats.Contacts++
	m.digestAddress(now, seed, out)
}

// jitter returns d, a quarter more or less, so that members that started together do not stay together.
func (m *Machine) jitter(d time.Duration) time.Duration {
	return d - d/4 + time.Duration(m.config.Rand.Int64N(int64(d/2)))
}
