package membership

import (
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// Host is a member of the zone as a summary of the zone sees it.
type Host struct {
	Row         *table.Row
	Silence     time.Duration // awake time since its heartbeat advanced; 0 for this member
	State       State
	Unreachable bool // no answers to this node
}

// Len returns how many rows the zone has, that of this member among them.
func (m *Machine) Len() int { return m.table.Len() }

// Host returns the i-th member of the zone in the order of NodeIDs.
func (m *Machine) Host(i int) Host {
	e := m.table.At(i)
	h := Host{Row: e.Row(), State: e.State.state, Unreachable: e.State.unreachable}
	if e != m.own {
		h.Silence = m.awake.time.Sub(e.Advanced())
	}
	return h
}

// Own returns the row of this member, nil as long as it takes no part.
func (m *Machine) Own() *table.Row {
	if m.stage < stageRunning || m.stage > stageLeaving {
		return nil
	}
	return m.own.Row()
}

// Missing returns how many members went without having said so, within the last while.
func (m *Machine) Missing(now protocol.Time, ago time.Duration) (count int) {
	for i := range m.gone.records {
		if r := &m.gone.records[i]; !r.left && !r.barred && now.Sub(r.since) <= ago {
			count++
		}
	}
	return count
}

// Policy returns what certificates are to be verified by. It is for members with an identity.
func (m *Machine) Policy(now protocol.Time) identity.Policy { return m.guard.policy(now) }

// Awake returns for how long this member was awake since it started: by this clock silence is measured. Held reports whether it has found itself paused and not
// recovered yet, so that nothing that it finds silent is to be declared dead.
func (m *Machine) Awake() (awake protocol.Time, held bool) { return m.awake.time, m.health.holding }
