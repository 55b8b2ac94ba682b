package flood

import (
	"slices"

	"spinglass/protocol"
)

// route is the way back to a node.
type route struct {
	node  protocol.NodeID
	next  protocol.NodeID
	heard protocol.Time
}

// learn notes from which neighbour something of a node came, and reports whether there was room for that.
func (m *Machine) learn(now protocol.Time, node, next protocol.NodeID) bool {
	if node == m.config.Self || node == 0 {
		return false
	}
	if i := slices.IndexFunc(m.routes, func(r route) bool { return r.node == node }); i >= 0 {
		m.routes[i] = route{node, next, now}
		return true
	}
	if len(m.routes) >= RoutesMax {
		m.routes = slices.DeleteFunc(m.routes, func(r route) bool { return now.Sub(r.heard) > RouteLife })
	}
	if len(m.routes) >= RoutesMax {
		m.stats.RoutesRefused++
		return false
	}
	m.routes = append(m.routes, route{node, next, now})
	return true
}

// route returns the neighbour that leads to a node, if that was heard of late.
func (m *Machine) route(now protocol.Time, node protocol.NodeID) (protocol.NodeID, bool) {
	for _, r := range m.routes {
		if r.node == node && now.Sub(r.heard) <= RouteLife {
			return r.next, true
		}
	}
	return 0, false
}
