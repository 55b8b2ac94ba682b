package aodv

import (
	"slices"
	"time"

	"spinglass/adhoc"
	"spinglass/protocol"
)

// Machine finds routes and carries packets along them. See the package documentation.
type Machine struct {
	config   Config
	sequence uint32 // own
	ids      uint32 // of own requests

	table       table
	seen        adhoc.Seen[adhoc.SeenKey] // requests
	discoveries []*discovery
	neighbours  []neighbour // that have sent a hello, ascending by node
	blackList   []barred
	later       adhoc.Later

	timers        protocol.Deadlines[timer]
	lastBroadcast protocol.Time
	lastUse       protocol.Time // of any route
	requests      adhoc.Rate
	errors        adhoc.Rate
	stats         Stats
}

// timer names what is due.
type timer struct {
	kind timerKind
	node protocol.NodeID
}

type timerKind uint8

const (
	timerRoute     timerKind = iota + 1 // a route expires
	timerDiscovery                      // a request was not answered
	timerNeighbour                      // a neighbour has been silent
	timerHello
)

// longAgo is an instant before all others.
const longAgo = -protocol.Time(time.Hour)

// New returns a machine. It panics on a configuration that Validate refuses.
func New(config Config) *Machine {
	if err := config.Validate(); err != nil {
		panic(err)
	}
	return &Machine{config: config, sequence: config.Sequence, lastBroadcast: longAgo, lastUse: longAgo}
}

// Stats returns the counters.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Routes = m.table.valid()
	return s
}

// Start implements protocol.Machine.
func (m *Machine) Start(now protocol.Time, _ *protocol.Output) {
	if m.config.Hello {
		m.timers.Set(timer{kind: timerHello}, now.Add(m.helloPause()))
	}
}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	if from == m.config.Self || from == 0 {
		out.Drop(from, ReasonSelf)
		return
	}
	m.Heard(now, from)
	switch v := message.(type) {
	case *Request:
		m.receiveRequest(now, from, v, out)
	case *Reply:
		m.receiveReply(now, from, v, out)
	case *Error:
		m.receiveError(now, from, v, out)
	case *Hello:
		m.receiveHello(now, from, v)
	case *Packet:
		m.receivePacket(now, from, v, out)
	default:
		out.Drop(from, ReasonKind)
	}
}

// Notify implements protocol.Machine.
func (m *Machine) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	broken, ok := e.(protocol.LinkBroken)
	if !ok {
		return
	}
	m.stats.LinksBroken++
	switch v := broken.Message.(type) {
	case *Reply:
		m.bar(now, broken.To)
	case *Packet:
		defer m.rescue(now, v, out)
	}
	m.Broken(now, broken.To, out)
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	if m.later.Broadcast(now, out) {
		m.Broadcasted(now)
	}
	for {
		t, ok := m.timers.Due(now)
		if !ok {
			return
		}
		switch t.kind {
		case timerRoute:
			m.expireRoute(now, t.node)
		case timerDiscovery:
			m.tryAgain(now, t.node, out)
		case timerNeighbour:
			m.missNeighbour(now, t.node, out)
		case timerHello:
			m.sayHello(now, out)
		}
	}
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return min(m.timers.Next(), m.later.Next()) }

// Jitter draws for how long a broadcast that is handed on waits.
func (m *Machine) Jitter() time.Duration {
	if m.config.Jitter == 0 {
		return 0
	}
	return time.Duration(m.config.Rand.Int64N(int64(m.config.Jitter)))
}

// handOn broadcasts a message of another node after a short wait.
func (m *Machine) handOn(now protocol.Time, message protocol.Message, out *protocol.Output) bool {
	if m.config.Jitter == 0 {
		out.Broadcast(message)
		m.Broadcasted(now)
		return true
	}
	if !m.later.Add(now.Add(m.Jitter()), message) {
		m.stats.BroadcastsRefused++
		return false
	}
	return true
}

// barred is a neighbour on the black list: it hears nothing of what this node sends, as far as can be told.
type barred struct {
	node  protocol.NodeID
	until protocol.Time
}

// bar puts a neighbour on the black list.
func (m *Machine) bar(now protocol.Time, id protocol.NodeID) {
	m.blackList = slices.DeleteFunc(m.blackList, func(b barred) bool { return b.until <= now || b.node == id })
	if len(m.blackList) >= BlackListMax {
		m.stats.BlackListRefused++
		return
	}
	m.blackList = append(m.blackList, barred{id, now.Add(BlackListTimeout)})
}

// isBarred reports whether requests of a neighbour are ignored.
func (m *Machine) isBarred(now protocol.Time, id protocol.NodeID) bool {
	return slices.ContainsFunc(m.blackList, func(b barred) bool { return b.node == id && b.until > now })
}
