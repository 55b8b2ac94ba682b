package srm

import (
	"time"

	"spinglass/lab/stream"
	"spinglass/protocol"
)

// Machine is SRM at one member.
type Machine struct {
	config  Config
	group   stream.Group
	members map[protocol.NodeID]*member
	heard   []protocol.NodeID // members of which there is a clock, in the order in which they were heard first
	turn    int               // in heard: whose clock is told next

	own      uint64 // packets published
	sources  []*source
	requests timer
	repairs  timer

	recoveries map[packet]*recovery
	timers     protocol.Deadlines[packet] // the zero packet is the session message
	stats      Stats
}

// member is what a member knows of another one.
type member struct {
	distance time.Duration // 0 while nothing is known
	clock    protocol.Time // as it came last
	at       protocol.Time // when that was
	clocked  bool
}

// source is the stream of one member.
type source struct {
	id     protocol.NodeID
	window *stream.Window
}

// packet names one.
type packet struct {
	source protocol.NodeID
	number uint64
}

// New returns a machine.
func New(c Config) (*Machine, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Machine{
		config: c, group: stream.NewGroup(c.Scope), members: make(map[protocol.NodeID]*member), requests: requestTimer(&c), repairs: repairTimer(&c),
		recoveries: make(map[packet]*recovery),
	}, nil
}

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Held returns the packets that are kept, of all sources, and the bytes of their payload.
func (m *Machine) Held() (packets, bytes int) {
	for _, s := range m.sources {
		n, size := s.window.Held()
		packets, bytes = packets+n, bytes+size
	}
	return packets, bytes
}

// Start implements protocol.Machine.
func (m *Machine) Start(now protocol.Time, _ *protocol.Output) {
	// Members that start together are to speak by turns.
	m.timers.Set(packet{}, now.Add(time.Duration(m.config.Rand.Float64()*float64(m.config.SessionInterval))))
}

// Notify implements protocol.Machine.
func (m *Machine) Notify(_ protocol.Time, e protocol.Event, _ *protocol.Output) {
	if !m.group.Notify(e) {
		return
	}
	if up, ok := e.(protocol.PeerUp); ok {
		if k := m.member(up.Peer.ID); k.distance == 0 {
			k.distance = up.Peer.RoundTrip / 2
		}
	}
	m.repairs.grow(m.size())
}

// size returns the number of members, this one included.
func (m *Machine) size() int { return m.group.Len() + 1 }

func (m *Machine) member(id protocol.NodeID) *member {
	k := m.members[id]
	if k == nil {
		k = new(member)
		m.members[id] = k
	}
	return k
}

// distance returns how long a message to a member is on its way.
func (m *Machine) distance(id protocol.NodeID) time.Duration {
	if k := m.members[id]; k != nil && k.distance > 0 {
		return k.distance
	}
	return m.config.Distance
}

// source returns the stream of a source, nil if there are too many.
func (m *Machine) source(id protocol.NodeID) *source {
	for _, s := range m.sources {
		if s.id == id {
			return s
		}
	}
	if len(m.sources) == SourcesMax {
		m.stats.Refused++
		return nil
	}
	s := &source{id: id, window: stream.NewWindow(m.config.Kept, m.config.Late && id != m.config.Self)}
	m.sources = append(m.sources, s)
	return s
}

// Publish sends a packet to the group. It keeps the payload.
func (m *Machine) Publish(_ protocol.Time, payload []byte, out *protocol.Output) {
	m.own++
	m.stats.Published++
	s := m.source(m.config.Self)
	s.window.Hear(m.own, true)
	s.window.Put(m.own, payload)
	m.spread(&Message{kind: KindData, Source: m.config.Self, Number: m.own, Payload: payload}, out)
}

func (m *Machine) spread(message *Message, out *protocol.Output) {
	to := m.group.All()
	if message.Scoped {
		to = m.group.Near()
	}
	if len(to) > 0 {
		out.Spread(to, message)
	}
}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	v, ok := message.(*Message)
	if !ok || !m.group.Has(from) {
		out.Drop(from, "stranger")
		return
	}
	if v.kind == KindSession {
		m.receiveSession(now, from, v)
		return
	}
	s := m.source(v.Source)
	if s == nil {
		out.Drop(from, "too_many_sources")
		return
	}
	switch v.kind {
	case KindRequest:
		m.receiveRequest(now, from, s, v)
	default:
		m.receivePacket(now, s, v, out)
	}
}

// receivePacket takes in a packet on its first way, or a repair.
func (m *Machine) receivePacket(now protocol.Time, s *source, v *Message, out *protocol.Output) {
	p := packet{s.id, v.Number}
	m.miss(now, s, v.Number, true)
	isNew := s.window.Missing(v.Number)
	if isNew {
		payload := v.kept()
		s.window.Put(v.Number, payload)
		m.stats.Delivered++
		out.Emit(&stream.Delivered{Source: s.id, Number: v.Number, Payload: payload})
	} else {
		m.stats.Duplicates++
	}
	switch r := m.recoveries[p]; {
	case v.kind == KindRepair:
		m.repaired(now, p, r, v)
	case r != nil && r.state == wanting: // it was late, not lost
		if r.grown == 0 {
			m.forget(p)
			return
		}
		m.ignore(now, p, r, m.distance(s.id))
	}
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	for {
		p, due := m.timers.Due(now)
		if !due {
			return
		}
		if p.source == 0 {
			m.tellSession(now, out)
			continue
		}
		m.due(now, p, m.recoveries[p], out)
	}
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return m.timers.Next() }
