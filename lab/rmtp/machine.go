package rmtp

import (
	"time"

	"spinglass/lab/stream"
	"spinglass/protocol"
)

// duty is what a timer is for.
type duty uint8

const (
	dutyStatus duty = iota
	dutyRepair
	dutyExtent
	dutyChildren
)

// Machine is RMTP at one member.
type Machine struct {
	config   Config
	group    stream.Group
	window   *stream.Window
	own      uint64              // packets published
	children []*child            // by ID, ascending
	wanted   map[uint64][]*child // packets that children lack, and which ones do
	order    []uint64            // of wanted
	region   []protocol.NodeID   // of the children, nil when it is to be made again
	full     bool                // Publish failed
	timers   protocol.Deadlines[duty]
	stats    Stats
}

// New returns a machine.
func New(c Config) (*Machine, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Machine{config: c, window: stream.NewWindow(c.Kept, c.Late && c.Self != c.Sender), wanted: make(map[uint64][]*child)}, nil
}

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Held returns the packets that are kept, and the bytes of their payload.
func (m *Machine) Held() (packets, bytes int) { return m.window.Held() }

// sender reports whether this member is the sender.
func (m *Machine) sender() bool { return m.config.Self == m.config.Sender }

// Start implements protocol.Machine.
func (m *Machine) Start(now protocol.Time, _ *protocol.Output) {
	first := dutyStatus
	if m.sender() {
		first = dutyExtent
	}
	m.timers.Set(first, now.Add(time.Duration(m.config.Rand.Float64()*float64(m.config.AckInterval))))
	m.timers.Set(dutyChildren, now.Add(m.config.AckInterval))
}

// Notify implements protocol.Machine.
func (m *Machine) Notify(_ protocol.Time, e protocol.Event, out *protocol.Output) {
	if !m.group.Notify(e) {
		return
	}
	m.forget(func(c *child) bool { return !m.group.Has(c.id) })
	m.advance(out)
}

// Publish sends a packet to the group. It keeps the payload. Error: ErrWindow.
func (m *Machine) Publish(now protocol.Time, payload []byte, out *protocol.Output) error {
	if m.own >= m.acknowledged()+uint64(m.config.Window) {
		m.full = true
		m.stats.Full++
		return ErrWindow
	}
	m.own++
	m.stats.Published++
	m.window.Hear(m.own, true)
	m.window.Put(m.own, payload)
	if to := m.group.All(); len(to) > 0 {
		out.Spread(to, &Message{kind: KindData, Number: m.own, Body: payload})
	}
	m.timers.Set(dutyExtent, now.Add(m.config.AckInterval))
	return nil
}

// acknowledged returns up to which packet all children have the stream.
func (m *Machine) acknowledged() uint64 {
	least := m.own
	for _, c := range m.children {
		least = min(least, c.next-1)
	}
	return least
}

// advance tells who publishes when there is room again.
func (m *Machine) advance(out *protocol.Output) {
	if m.full && m.own < m.acknowledged()+uint64(m.config.Window) {
		m.full = false
		out.Emit(Writable{})
	}
}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	v, ok := message.(*Message)
	switch {
	case !ok || !m.group.Has(from):
		out.Drop(from, "stranger")
	case v.kind == KindStatus:
		m.receiveStatus(now, from, v)
		m.advance(out)
	case m.sender():
		out.Drop(from, "not_the_sender")
	case v.kind == KindExtent:
		if v.Number > 0 {
			m.window.Hear(v.Number, false)
		}
	default:
		m.receivePacket(v, out)
	}
}

func (m *Machine) receivePacket(v *Message, out *protocol.Output) {
	m.window.Hear(v.Number, true)
	if !m.window.Missing(v.Number) {
		m.stats.Duplicates++
		return
	}
	payload := v.kept()
	m.window.Put(v.Number, payload)
	m.stats.Delivered++
	out.Emit(&stream.Delivered{Source: m.config.Sender, Number: v.Number, Payload: payload})
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	for {
		due, ok := m.timers.Due(now)
		if !ok {
			return
		}
		switch due {
		case dutyStatus:
			m.timers.Set(dutyStatus, now.Add(m.config.AckInterval))
			if m.group.Has(m.config.Parent) && m.window.Begun() {
				m.stats.Statuses++
				out.Send(m.config.Parent, status(m.window))
			}
		case dutyExtent:
			m.timers.Set(dutyExtent, now.Add(m.config.AckInterval))
			if to := m.group.All(); len(to) > 0 && m.acknowledged() < m.own {
				out.Spread(to, &Message{kind: KindExtent, Number: m.own})
			}
		case dutyRepair:
			m.repair(now, out)
		case dutyChildren:
			m.timers.Set(dutyChildren, now.Add(m.config.AckInterval))
			m.forgetSilent(now, out)
		}
	}
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return m.timers.Next() }
