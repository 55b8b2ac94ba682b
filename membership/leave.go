package membership

import (
	"spinglass/protocol"
)

// Leaving: the row with the left mark is pushed leavePushes times to leaveFanout peers each, half a round apart.
const (
	leavePushes = 4
	leaveFanout = 6
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
	row := *m.own.Row()
	row.Left, row.Sequence, row.Attributes = true, row.Sequence+1, nil
	m.publish(now, &row)
	m.deadlines = protocol.Deadlines[task]{}
	m.expected = protocol.Deadlines[protocol.NodeID]{}
	m.pushLeft(now, out)
}

// pushLeft pushes the left mark once more.
func (m *Machine) pushLeft(now protocol.Time, out *protocol.Output) {
	if m.leavings == 0 || m.partner() == nil {
		m.finish(out)
		return
	}
	m.leavings--
	update := RowUpdate{Row: m.own.Row(), Heartbeat: m.own.Version().Heartbeat}
	m.push(&Delta{Rumour: true, Evidence: m.evidence(), Rows: []RowUpdate{update}}, leaveFanout, out)
	m.deadlines.Set(taskLeave, now.Add(m.config.Round/2))
}

// finish ends the machine's part.
func (m *Machine) finish(out *protocol.Output) {
	m.stage = stageLeft
	m.deadlines = protocol.Deadlines[task]{}
	out.Emit(protocol.Left{})
}
