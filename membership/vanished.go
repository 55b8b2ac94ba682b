package membership

import (
	"spinglass/protocol"
)

// healedRounds is how long returns are collected before they are told as one heal, in rounds.
const healedRounds = 10

// addressesTried is how many addresses of a vanished member are contacted at once.
const addressesTried = 3

// contactGone contacts vanished members that are due, so that a partition heals by itself however long it lasted, and forgets
// those whose record has lived its life.
func (m *Machine) contactGone(now protocol.Time, out *protocol.Output) {
	for range contactsPerRound {
		owner, due := m.gone.due.Due(now)
		if !due {
			return
		}
		r := m.gone.get(owner)
		age := now.Sub(r.since)
		if r.left || r.barred || age >= m.memory() {
			m.gone.remove(owner)
			continue
		}
		if age >= m.config.RecordLife { // no longer contacted, still remembered
			m.gone.due.Set(owner, r.since.Add(m.memory()))
			continue
		}
		for _, address := range r.row.Addresses[:min(len(r.row.Addresses), addressesTried)] {
			m.stats.Contacts++
			m.digestAddress(now, address, out)
		}
		m.gone.due.Set(owner, now.Add(contactAfter(age)))
	}
}

// contact contacts a member that a sibling has found, and that may be of the zone.
func (m *Machine) contact(now protocol.Time, addresses []protocol.Address, out *protocol.Output) {
	if m.stage != stageRunning {
		return
	}
	for _, address := range addresses[:min(len(addresses), addressesTried)] {
		m.stats.Contacts++
		m.digestAddress(now, address, out)
	}
}

// comeBack counts a member that was down and is back without having restarted.
func (m *Machine) comeBack(now protocol.Time) {
	if m.returned++; m.returned == 1 {
		m.deadlines.Set(taskHealed, now.Add(healedRounds*m.config.Round))
	}
}

// tellHealed tells of those who came back.
func (m *Machine) tellHealed(out *protocol.Output) {
	m.stats.Heals++
	out.Emit(protocol.Healed{Peers: m.returned})
	m.returned = 0
}
