package membership

import (
	"bytes"
	"slices"

	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Rumours: news of rows is pushed to a few random peers at once and in the next rounds, and whoever hears news does the same.
// What they miss, exchanges of tables find.
const (
	rumoursMax     = 64 // rows in the queue
	rumourPushes   = 3  // how often a row is pushed by each member
	rumourGapShare = 8  // pushes are at least this share of a round apart
	rumourRest     = 5  // rounds after a change of a row in which a further one of the same run is left to exchanges
)

// rumour is a row to be pushed.
type rumour struct {
	owner  protocol.NodeID
	pushes int // still to come
}

// rumours is the queue of news, oldest first.
type rumours struct {
	queue []rumour
	last  protocol.Time // when the last push was
}

// changed spreads a change of the row of a member. One that changes its row all the time does not have the others push it all the time; but which topics it wants everybody has
// to hear at once, since what is published before does not reach it; and so with one that leaves, or moves to another zone.
func (m *Machine) changed(now protocol.Time, e *entry) {
	s, row := &e.State, e.Row()
	if last := s.rumoured; last != nil && !row.Left && !m.elsewhere(row) && row.Epoch == last.row.Epoch && now < last.at.Add(rumourRest*m.config.Round) && sameTopics(row, last.row) {
		m.stats.RumoursSpared++
		return
	}
	s.rumoured = &rumoured{row: row, at: now}
	m.spread(now, e.Owner())
}

// rumoured is the row that was last made a rumour, and when.
type rumoured struct {
	row *table.Row
	at  protocol.Time
}

// sameTopics reports whether two rows name the same topics.
func sameTopics(a, b *table.Row) bool {
	same := func(attribute string) bool {
		one, _ := a.Attribute(attribute)
		other, _ := b.Attribute(attribute)
		return bytes.Equal(one, other)
	}
	return same(TopicsAttribute) && same(CarriesAttribute)
}

// spread queues the row of owner as news. The push comes once the present batch of inputs is done, so that several changes make
// one.
func (m *Machine) spread(now protocol.Time, owner protocol.NodeID) {
	r := &m.rumours
	r.queue = slices.DeleteFunc(r.queue, func(r rumour) bool { return r.owner == owner })
	if len(r.queue) == rumoursMax {
		r.queue = slices.Delete(r.queue, 0, 1)
		m.stats.RumoursDropped++
	}
	r.queue = append(r.queue, rumour{owner: owner, pushes: rumourPushes})
	at := max(now, r.last.Add(m.config.Round/rumourGapShare))
	m.deadlines.Set(taskRumour, min(at, m.deadlines.At(taskRumour)))
}

// pushRumours pushes as much news as fits into a datagram, latest first, and comes again in a round for what is left.
func (m *Machine) pushRumours(now protocol.Time, out *protocol.Output) {
	r := &m.rumours
	r.last = now
	delta := &Delta{Rumour: true, Evidence: m.evidence()}
	room := m.config.payload() - delta.Size() - 4*2
	fresh := false
	for i := len(r.queue) - 1; i >= 0; i-- {
		e := m.table.Get(r.queue[i].owner)
		if e == nil {
			r.queue[i].pushes = 0
			continue
		}
		update := RowUpdate{Row: e.Row(), Heartbeat: e.Version().Heartbeat, Proof: e.Proof()}
		if room -= update.size(); room < 0 {
			fresh = fresh || r.queue[i].pushes == rumourPushes
			break
		}
		delta.Rows = append(delta.Rows, update)
		r.queue[i].pushes--
	}
	r.queue = slices.DeleteFunc(r.queue, func(r rumour) bool { return r.pushes <= 0 })
	if len(delta.Rows) > 0 {
		m.push(delta, m.config.Fanout, out)
	}
	switch {
	case fresh: // some were never pushed: do not make them wait
		m.deadlines.Set(taskRumour, now.Add(m.config.Round/rumourGapShare))
	case len(r.queue) > 0:
		m.deadlines.Set(taskRumour, now.Add(m.config.Round))
	}
}

// targets returns several random peers, if there are any.
func (m *Machine) targets(fanout int) []protocol.NodeID {
	return m.targetsOf(wire.FormatOldest, fanout)
}

// targetsOf is targets among those who speak a format.
func (m *Machine) targetsOf(format uint64, fanout int) []protocol.NodeID {
	targets := make([]protocol.NodeID, 0, fanout)
	for range 2 * fanout {
		if e := m.partnerOf(format); e != nil && len(targets) < fanout && !slices.Contains(targets, e.Owner()) {
			targets = append(targets, e.Owner())
		}
	}
	return targets
}

// push sends a delta to several random peers.
func (m *Machine) push(delta *Delta, fanout int, out *protocol.Output) {
	targets := m.targets(fanout)
	if len(targets) == 0 {
		return
	}
	m.stats.RumoursSent += uint64(len(targets))
	m.stats.BytesSent += uint64(len(targets) * delta.Size())
	out.Spread(targets, delta)
}
