package membership

import (
	"time"

	"spinglass/protocol"
)

// downTimeouts is after how many T_fail of silence a member is removed.
const downTimeouts = 2

// judge draws the conclusions from silence: suspect after T_fail, down after twice T_fail, both of awake time. Only silence makes
// a member dead; nobody is asked, and nobody can say so.
func (m *Machine) judge(now protocol.Time, out *protocol.Output) {
	fail := m.FailTimeout()
	for e := m.table.Silent(); e != nil; {
		silence, next := m.awake.time.Sub(e.Advanced()), e.Shorter()
		if silence < fail {
			return
		}
		switch s := &e.State; {
		case silence >= downTimeouts*fail && s.state == StateLeft:
			m.table.Remove(e.Owner())
			m.expected.Cancel(e.Owner())
			r := m.recordOf(e, s.since)
			r.left = true
			m.bury(now, r)
		case silence >= downTimeouts*fail && !m.health.holding:
			m.down(now, e, out)
		case s.state == StateUp:
			s.state, s.since = StateSuspect, now
			m.stats.PeersSuspect++
			out.Emit(protocol.PeerSuspect{Peer: m.view(e)})
		}
		e = next
	}
}

// down removes a member that was silent for too long.
func (m *Machine) down(now protocol.Time, e *entry, out *protocol.Output) {
	m.table.Remove(e.Owner())
	m.expected.Cancel(e.Owner())
	m.bury(now, m.recordOf(e, now))
	m.stats.PeersDown++
	out.Emit(protocol.PeerDown{Peer: m.view(e)})
}

// bury keeps the record of a member that went. Who left is only remembered; who vanished is contacted.
func (m *Machine) bury(now protocol.Time, r record) {
	at := now.Add(contactAfter(0))
	if r.left || r.barred {
		at = now.Add(m.memory())
	}
	m.gone.put(r, at)
}

// memory returns for how long the versions of those who went are remembered, whether they left or fell silent: a member that was paused
// for longer than T_fail still holds their rows when it wakes, and offers them.
func (m *Machine) memory() time.Duration {
	return max(m.config.RecordLife, m.config.MemoryOfDead, MemoryTimeouts*m.FailTimeout())
}
