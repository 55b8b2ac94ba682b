package membership

import (
	"time"

	"spinglass/protocol"
)

// Leaving: the row with the left mark is pushed leavePushes times to leaveFanout peers each, half a round apart.
const (
	leavePushes = 4
	leaveFanout = 6
	// leaveSigning is how long a member that leaves waits for the signature of its last row.
	leaveSigning = 2 * time.Second
)

// Leave tells the peers that the member leaves; Left tells when it is done. After that the machine is silent for good.
func (m *Machine) Leave(now protocol.Time, out *protocol.Output) {
	m.awake.observe(now)
	if m.stage > stageRunning {
		return
	}
	if m.stage < stageRunning {
		m.finish(out)
		return
	}
	m.stage, m.leavings = stageLeaving, leavePushes
	row := *m.draft()
	row.Left, row.Attributes = true, nil
	m.deadlines = protocol.Deadlines[task]{}
	m.expected = protocol.Deadlines[protocol.NodeID]{}
	m.change(now, &row, out)
	if m.guard != nil {
		m.deadlines.Set(taskLeave, now.Add(leaveSigning)) // in case that the row is not signed
		return
	}
	m.pushLeft(now, out)
}

// pushLeft pushes the left mark once more. A member whose last row was not signed in time leaves without: others find that it is silent.
func (m *Machine) pushLeft(now protocol.Time, out *protocol.Output) {
	if !m.own.Row().Left {
		m.stats.SignFailures++
		out.Emit(RowNotSigned{})
	}
	if m.leavings == 0 || m.partner() == nil || !m.own.Row().Left {
		m.finish(out)
		return
	}
	m.leavings--
	update := RowUpdate{Row: m.own.Row(), Heartbeat: m.own.Version().Heartbeat, Proof: m.own.Proof()}
	m.push(&Delta{Rumour: true, Evidence: m.evidence(), Rows: []RowUpdate{update}}, leaveFanout, out)
	m.deadlines.Set(taskLeave, now.Add(m.config.Round/2))
}

// finish ends the machine's part.
func (m *Machine) finish(out *protocol.Output) {
	m.stage = stageLeft
	m.deadlines = protocol.Deadlines[task]{}
	out.Emit(protocol.Left{})
}
