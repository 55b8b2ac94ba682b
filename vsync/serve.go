package vsync

import (
	"slices"

	"spinglass/protocol"
)

// serving is how this member stands with the state of the group, and what waits for that.
type serving struct {
	ready      bool
	queue      []queued
	queueBytes int
	transfer   *transfer
	donors     int    // asked so far
	entered    ViewID // the first view

	// The state that this member was given holds casts of a view that were delivered to its donor: those up to cover.
	cover     []uint64
	coverView ViewID
	beyond    bool        // others of that view were delivered here
	coverSum  sequence    // their order, where it is total
	passed    sequence    // what was delivered, or passed over, in the present view
	doomed    EjectReason // it has to give up the view; empty for no reason
}

// sequence is how many casts there were, and a hash of their order.
type sequence struct{ count, hash uint64 }

func (s *sequence) add(rank int, seq uint64) {
	s.count++
	s.hash = (s.hash ^ (seq<<8 | uint64(rank))) * 0x9e3779b97f4a7c15
	s.hash ^= s.hash >> 32
}

// queued is an event that waits for the state.
type queued struct {
	delivery  *Delivery
	installed *Installed
	cut       []uint64 // of the view before
}

// queuedCost is what a queued event takes beside its payload, in bytes.
const queuedCost = 160

// beginServing begins with the state of the group, as a joiner.
func (g *group) beginServing(now protocol.Time, founds bool, out *protocol.Output) {
	g.serving = serving{entered: g.view.ID}
	if founds || !g.options.State {
		g.ready = true
		out.Emit(Ready{Group: g.name})
		return
	}
	g.donors = g.m.config.Rand.IntN(MembersMax)
	g.set(taskState, now)
}

// endServing drops what there is of the state.
func (g *group) endServing(out *protocol.Output) {
	if g.transfer != nil {
		g.m.endTransfer(g.transfer, out)
	}
	g.m.dropGifts(g, out)
	g.m.stats.Queued -= g.queueBytes
	g.serving = serving{}
}

// give hands a cast to the application, or has it wait for the state.
func (g *group) give(d *Delivery, out *protocol.Output) {
	if g.ready {
		g.pass(d, out)
		return
	}
	g.enqueue(queued{delivery: d}, len(d.Payload))
}

// giveView hands a view to the application, or has it wait for the state.
func (g *group) giveView(now protocol.Time, v *Installed, cut []uint64, out *protocol.Output) {
	if g.ready {
		g.passView(v, cut, out)
	} else {
		g.enqueue(queued{installed: v, cut: cut}, 0)
		if t := g.transfer; t != nil && t.complete {
			g.useState(now, t, out)
		}
	}
	g.fall(now, out)
}

func (g *group) enqueue(q queued, size int) {
	size += queuedCost
	g.queue = append(g.queue, q)
	g.queueBytes += size
	g.m.stats.Queued += size
	g.m.stats.QueuedMost = max(g.m.stats.QueuedMost, g.m.stats.Queued)
	if g.queueBytes > g.m.config.QueueBytes {
		g.doomed = EjectQueue
	}
}

// pass hands a cast to the application, unless the state that this member was given holds it.
func (g *group) pass(d *Delivery, out *protocol.Output) {
	if g.doomed != "" || d.View.Less(g.coverView) {
		return
	}
	g.passed.add(d.Rank, d.Seq)
	if g.cover != nil {
		if g.options.Order == OrderTotal && g.passed.count == g.coverSum.count && g.passed != g.coverSum {
			g.doomed = EjectOrder
			return
		}
		switch {
		case d.View == g.coverView && d.Rank >= len(g.cover):
			g.doomed = EjectGap // its donor makes no sense
			return
		case d.View == g.coverView && d.Seq <= g.cover[d.Rank]:
			if g.beyond && g.options.Order == OrderTotal {
				g.doomed = EjectOrder // its donor had another order
			}
			return
		case d.View == g.coverView:
			g.beyond = true
		}
	}
	g.m.stats.Delivered++
	g.m.stats.DeliveredBytes += uint64(len(d.Payload))
	out.Emit(d)
}

// passView hands a view to the application. What the state holds of the view before has to be in its cut, unless nobody else is left: then there is no other state.
func (g *group) passView(v *Installed, cut []uint64, out *protocol.Output) {
	if g.cover != nil && g.coverView.Less(v.View.ID) {
		alone := len(v.View.Members)-len(v.Joiners) == 1
		for rank, n := range g.cover {
			if !alone && (rank >= len(cut) || n > cut[rank]) {
				g.doomed = EjectGap
			}
		}
		g.cover, g.beyond = nil, false
	}
	if g.passed = (sequence{}); g.doomed == "" {
		out.Emit(v)
	}
}

// fall gives up the view if it has to be.
func (g *group) fall(now protocol.Time, out *protocol.Output) bool {
	if g.doomed == "" || g.view == nil {
		return false
	}
	if g.doomed == EjectOrder {
		g.m.stats.OrderConflicts++
	}
	g.eject(now, g.doomed, out)
	return true
}

// becomeReady begins to hand over what has waited for the state, which is complete.
func (g *group) becomeReady(out *protocol.Output) {
	t := g.transfer
	g.m.stats.StatesTaken++
	g.m.endTransfer(t, out)
	g.cancel(taskState)
	g.ready, g.cover, g.coverView, g.coverSum = true, t.position, t.view, t.sum
	waiting := g.queue
	g.m.stats.Queued -= g.queueBytes
	g.queue, g.queueBytes = nil, 0
	begun := 1 + slices.IndexFunc(waiting, func(q queued) bool { return q.installed != nil && q.installed.View.ID == t.view })
	for _, q := range waiting[:begun] { // the state is as of a later view than the first
		if q.installed != nil {
			out.Emit(q.installed)
		}
	}
	out.Emit(Ready{Group: g.name, Bytes: t.offset})
	for _, q := range waiting[begun:] {
		if q.delivery != nil {
			g.pass(q.delivery, out)
		} else {
			g.passView(q.installed, q.cut, out)
		}
	}
	if g.blocked && g.doomed == "" {
		out.Emit(Blocked{Group: g.name}) // again, as views have come behind it
	}
}

// donorsOf returns whom to ask for the state: members that were there before this one, else all others.
func (g *group) donorsOf() (ids []protocol.NodeID) {
	since := g.view.Members[g.rank].Since
	for i := range g.view.Members {
		if g.view.Members[i].Since < since && !g.failed.has(i) {
			ids = append(ids, g.view.Members[i].ID)
		}
	}
	if len(ids) == 0 {
		ids = g.others(g.failed)
	}
	return ids
}

// driveState asks a member for the state, and another one when nothing comes of that.
func (g *group) driveState(now protocol.Time, out *protocol.Output) {
	if g.view == nil || g.ready {
		return
	}
	g.set(taskState, now.Add(g.m.jitter(4*g.m.config.Retry)))
	if t := g.transfer; t != nil {
		if t.complete || t.held || now.Sub(t.at) < g.m.config.SnapshotWait || g.m.wasStopped(now) {
			return
		}
		g.m.endTransfer(t, out)
	}
	donors := g.donorsOf()
	if len(donors) == 0 {
		return
	}
	g.donors++
	if g.m.streamNumber++; len(g.m.transfers) >= transfersMax {
		return
	}
	t := &transfer{group: g, number: g.m.streamNumber, donor: donors[g.donors%len(donors)], at: now}
	g.transfer = t
	g.m.transfers = append(g.m.transfers, t)
	out.Do(&protocol.StreamOpen{Number: t.number, To: t.donor})
}

// transfersMax bounds the states that a node is given at once.
const transfersMax = 64

// endTransfer gives up what a donor gives.
func (m *Machine) endTransfer(t *transfer, out *protocol.Output) {
	if !t.closed {
		t.closed = true
		out.Do(&protocol.StreamClose{Number: t.number})
	}
	m.transfers = slices.DeleteFunc(m.transfers, func(other *transfer) bool { return other == t })
	if t.group.transfer == t {
		t.group.transfer = nil
	}
}
