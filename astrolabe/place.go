package astrolabe

import (
	"time"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/wire"
)

// Members without a zone in their names are placed by the system. Where they can be follows from their names (protocol.AutomaticName): in the root, or in one zone on each level below
// protocol.AutomaticZone. How deep they are, each of them decides by how many members the summaries of its own path count.

// Limits of automatic zones, in members. A zone that has more than three quarters of its limit splits: its members go a level down. So a zone has room for those who come while it does. When all
// that came of it have less than three eighths, they come up again: that is half of what makes a zone split, so that neither leads to the other.
const (
	AutomaticLimitDefault = 64
	AutomaticLimitMin     = 8
)

func splitAbove(limit int) int { return limit * 3 / 4 }
func mergeBelow(limit int) int { return limit * 3 / 8 }

// wayBack is between both. Who moves is counted twice for a moment, which is not to have others think again who are about to come up.
func wayBack(limit int) int { return (splitAbove(limit) + mergeBelow(limit)) / 2 }

// Patience, in rounds: summaries have to say for so long that another place is the right one, and each member waits for up to as much again, so that not all go at once. Going down is urgent.
// Going up is not, and summaries take a while to be complete after zones have changed.
const (
	downRounds = 2
	upRounds   = 60
	restRounds = 120 // in which who has come up is not drawn down by those who are still there
)

// place is what this member thinks of its place.
type place struct {
	step  int // down 1, up -1, 0: it is the right one
	since protocol.Time
	wait  time.Duration
	rest  protocol.Time // until when it rests after it came up
}

// settleDown asks membership for another place when the present one has not been the right one for long enough.
func (m *Machine) settleDown(now protocol.Time, out *protocol.Output) {
	depth, automatic := protocol.Automatic(m.name)
	if m.config.AutomaticLimit == 0 || !automatic || m.leaving {
		return
	}
	step := m.step(now, depth)
	if step != m.place.step {
		m.place.step, m.place.since, m.place.wait = step, now, m.patienceOf(step)
	}
	if step == 0 || now.Sub(m.place.since) < m.place.wait {
		return
	}
	m.place.since = now // if it is refused, the same is asked for after the same time
	out.Emit(protocol.Move{Name: protocol.AutomaticName(protocol.ConfiguredName(m.name), depth+step)})
}

// patienceOf returns for how long a step has to be the right one. Who has met nobody of its zone yet leaves nobody behind, and need not wait.
func (m *Machine) patienceOf(step int) time.Duration {
	rounds := upRounds
	if step > 0 {
		if rounds = downRounds; m.lone() {
			return 0
		}
	}
	patience := time.Duration(rounds) * m.config.Round
	return patience + time.Duration(m.config.Rand.Int64N(int64(patience)))
}

// step returns whether this member is to go a level down or up from a depth.
func (m *Machine) step(now protocol.Time, depth int) int {
	split, merge := splitAbove(m.config.AutomaticLimit), mergeBelow(m.config.AutomaticLimit)
	count := m.population(depth)
	drawn := m.divided(depth) && count >= merge && now >= m.place.rest
	if m.place.step < 0 {
		merge = wayBack(m.config.AutomaticLimit)
	}
	switch {
	case depth < protocol.AutomaticDepthMax && (count > split || drawn) && (depth > 0 || m.allKnow()):
		return 1
	case depth > 0 && max(m.population(depth-1), m.told(depth-1)) < merge:
		return -1
	}
	return 0
}

// lone reports whether this member knows no other host of its zone.
func (m *Machine) lone() bool { return m.levels[len(m.levels)-1].child.summary.Hosts < 2 }

// automaticLevel returns the table in which the zone of this member's way at a depth of 1 or more has a row.
func (m *Machine) automaticLevel(depth int) *level { return m.levels[depth] }

// population returns how many members that are placed by the system are in the zone of this member's way at a depth, as this member finds by itself; who has met nobody of its zone takes the word of others.
func (m *Machine) population(depth int) int {
	if m.lone() {
		return max(m.counted(depth), m.told(depth))
	}
	return m.counted(depth)
}

func (m *Machine) counted(depth int) int {
	if depth > 0 {
		return m.automaticLevel(depth).child.summary.Hosts
	}
	root := m.levels[0]
	count := root.child.summary.Hosts
	for _, zone := range []string{join(Root, hosts), protocol.AutomaticZone} {
		if zone != root.own {
			count += hostsIn(root, zone)
		}
	}
	return count
}

// told returns how many members a zone of this member's way has by the word of those who represent it.
func (m *Machine) told(depth int) int {
	if depth == 0 {
		return hostsIn(m.levels[0], join(Root, hosts)) + hostsIn(m.levels[0], protocol.AutomaticZone)
	}
	l := m.automaticLevel(depth)
	return hostsIn(l, l.own)
}

// hostsIn returns for how many hosts the row of a child zone stands that is read.
func hostsIn(l *level, zone string) int {
	if feed := l.childOf(zone).feed(); feed != nil {
		return count(feed.Row(), AttributeHosts)
	}
	return 0
}

// divided reports whether the zone at a depth, the own one, has been split: there are members a level down.
func (m *Machine) divided(depth int) bool {
	l := m.levels[len(m.levels)-1]
	if depth == 0 {
		return hostsIn(l, protocol.AutomaticZone) > 0
	}
	return l.others()
}

// allKnow reports whether all hosts of the root are of a build that has automatic zones: others would lose sight of who moves there. While a fleet is upgraded it stays together.
func (m *Machine) allKnow() bool {
	table := m.config.Hosts
	for i := range table.Len() {
		if h := table.Host(i); h.State != membership.StateLeft && h.Row.Owner != m.config.Self && h.Row.Format < wire.FormatAutomatic {
			return false
		}
	}
	return true
}
