package aodv

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// route is an entry of the routing table.
type route struct {
	destination protocol.NodeID
	sequence    uint32
	known       bool // sequence is the destination's
	valid       bool
	hops        int
	next        protocol.NodeID
	expires     protocol.Time // of a valid route; when an invalid one is forgotten
	precursors  []protocol.NodeID
}

// table is the routing table. Its order is that in which destinations came, so that whatever goes through it is the same in equal runs.
type table struct {
	index map[protocol.NodeID]*route
	order []*route
}

// find returns the entry of a destination, nil when there is none.
func (t *table) find(id protocol.NodeID) *route { return t.index[id] }

// add makes the entry of a destination, which there is none of.
func (t *table) add(id protocol.NodeID) *route {
	if t.index == nil {
		t.index = make(map[protocol.NodeID]*route)
	}
	r := &route{destination: id}
	t.index[id] = r
	t.order = append(t.order, r)
	return r
}

// least returns the entry that matters least: an invalid one, or the one that expires first.
func (t *table) least() *route {
	least := t.order[0]
	for _, r := range t.order[1:] {
		if !r.valid && least.valid || r.valid == least.valid && r.expires < least.expires {
			least = r
		}
	}
	return least
}

func (t *table) remove(r *route) {
	delete(t.index, r.destination)
	i := slices.Index(t.order, r)
	t.order = slices.Delete(t.order, i, i+1)
}

// valid counts the valid routes.
func (t *table) valid() (count int) {
	for _, r := range t.order {
		if r.valid {
			count++
		}
	}
	return count
}

// entry returns the entry of a destination, which it makes when there is none. If there is no room another one goes, and its timer with it.
func (m *Machine) entry(id protocol.NodeID) *route {
	if r := m.table.find(id); r != nil {
		return r
	}
	if len(m.table.order) >= RoutesMax {
		least := m.table.least()
		m.table.remove(least)
		m.timers.Cancel(timer{kind: timerRoute, node: least.destination})
		m.stats.RoutesEvicted++
	}
	return m.table.add(id)
}

// news is what a message says of the way to a node.
type news struct {
	destination protocol.NodeID
	sequence    uint32
	next        protocol.NodeID
	hops        int
	lifetime    time.Duration
}

// update takes news of a route with a sequence number into the table if they are fresher than what is there, or as fresh and better (RFC 3561, sections 6.2 and 6.7). It reports whether they were taken.
func (m *Machine) update(now protocol.Time, n news) bool {
	if n.destination == m.config.Self {
		return false
	}
	r := m.entry(n.destination)
	fresher := !r.known || newer(n.sequence, r.sequence)
	same := r.known && n.sequence == r.sequence
	if !fresher && !(same && (!r.valid || n.hops < r.hops)) {
		if same && r.valid && r.next == n.next && r.hops == n.hops {
			m.extend(now, r, n.lifetime)
		}
		return false
	}
	r.sequence, r.known = n.sequence, true
	m.establish(now, r, n)
	return true
}

// neighbour notes that a node is within one hop, without a sequence number.
func (m *Machine) neighbour(now protocol.Time, id protocol.NodeID) {
	if id == m.config.Self {
		return
	}
	r := m.entry(id)
	if r.valid && r.hops == 1 && r.next == id {
		m.extend(now, r, ActiveRouteTimeout)
		return
	}
	m.establish(now, r, news{next: id, hops: 1, lifetime: ActiveRouteTimeout})
}

// establish makes a route valid.
func (m *Machine) establish(now protocol.Time, r *route, n news) {
	if !r.valid {
		r.expires = 0
	}
	if r.next != n.next {
		r.precursors = nil
	}
	r.valid, r.next, r.hops = true, n.next, n.hops
	m.extend(now, r, n.lifetime)
}

// extend has a route live at least so long from now.
func (m *Machine) extend(now protocol.Time, r *route, lifetime time.Duration) {
	r.expires = max(r.expires, now.Add(lifetime))
	m.timers.Set(timer{kind: timerRoute, node: r.destination}, r.expires)
}

// use extends a route that has carried a packet, and that to its next hop.
func (m *Machine) use(now protocol.Time, r *route) {
	m.lastUse = now
	m.extend(now, r, ActiveRouteTimeout)
	if next := m.table.find(r.next); next != nil && next.valid && next != r {
		m.extend(now, next, ActiveRouteTimeout)
	}
}

// invalidate ends a route. Its sequence number stays, so that nothing older replaces it.
func (m *Machine) invalidate(now protocol.Time, r *route) {
	r.valid, r.expires = false, now.Add(DeletePeriod)
	m.timers.Set(timer{kind: timerRoute, node: r.destination}, r.expires)
}

// expireRoute does what is due for a route: a valid one becomes invalid, an invalid one is forgotten.
func (m *Machine) expireRoute(now protocol.Time, id protocol.NodeID) {
	r := m.table.find(id)
	switch {
	case r == nil || r.expires > now:
	case r.valid:
		if r.known {
			r.sequence++
		}
		m.invalidate(now, r)
	default:
		m.table.remove(r)
	}
}

// active returns the valid route to a node, nil when there is none.
func (m *Machine) active(id protocol.NodeID) *route {
	if r := m.table.find(id); r != nil && r.valid {
		return r
	}
	return nil
}

// precursor notes that a neighbour uses a route.
func (m *Machine) precursor(r *route, id protocol.NodeID) {
	i, found := slices.BinarySearch(r.precursors, id)
	switch {
	case found || id == r.destination:
	case len(r.precursors) >= PrecursorsMax:
		m.stats.PrecursorsRefused++
	default:
		r.precursors = slices.Insert(r.precursors, i, id)
	}
}
