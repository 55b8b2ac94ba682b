package rmtp

import (
	"cmp"
	"slices"

	"spinglass/protocol"
)

// child is a receiver whose acknowledgement processor this member is. It is known by its statuses.
type child struct {
	id       protocol.NodeID
	next     uint64 // the first packet that it lacks
	heard    protocol.Time
	repaired map[uint64]protocol.Time // packets from next on that were sent again, and when last
	gone     bool                     // forgotten
}

// receiveStatus takes in what a child has, and has repaired what it lacks.
func (m *Machine) receiveStatus(now protocol.Time, from protocol.NodeID, v *Message) {
	c := m.child(from)
	if c == nil {
		return
	}
	c.heard = now
	for n := c.next; n < v.Number && len(c.repaired) > 0; n++ {
		delete(c.repaired, n)
	}
	c.next = max(c.next, v.Number)
	for n := v.Number; n <= min(m.window.End(), v.End, v.Number+uint64(8*len(v.Bits))); n++ {
		if v.has(n) {
			continue
		}
		if at, known := c.repaired[n]; known && now.Sub(at) < m.config.AckInterval {
			continue
		}
		if _, kept := m.window.Get(n); !kept {
			m.stats.Unheld++
			continue
		}
		m.want(c, n)
	}
	if len(m.order) > 0 && m.timers.At(dutyRepair) == protocol.Never {
		m.timers.Set(dutyRepair, now.Add(m.config.RepairInterval))
	}
}

// want takes note that a child lacks a packet.
func (m *Machine) want(c *child, number uint64) {
	lacking, known := m.wanted[number]
	if !known {
		m.order = append(m.order, number)
	}
	if !slices.Contains(lacking, c) {
		m.wanted[number] = append(lacking, c)
	}
}

// child returns a child, which is added if it is new; nil if there are too many.
func (m *Machine) child(id protocol.NodeID) *child {
	i, known := slices.BinarySearchFunc(m.children, id, func(c *child, id protocol.NodeID) int { return cmp.Compare(c.id, id) })
	if known {
		return m.children[i]
	}
	if len(m.children) == ChildrenMax {
		m.stats.Refused++
		return nil
	}
	c := &child{id: id, next: 1, repaired: make(map[uint64]protocol.Time)}
	m.children, m.region = slices.Insert(m.children, i, c), nil
	return c
}

// forget forgets the children of which that is to be, so that they hold up nobody, and returns how many.
func (m *Machine) forget(unwanted func(*child) bool) int {
	before := len(m.children)
	m.children = slices.DeleteFunc(m.children, func(c *child) bool {
		c.gone = unwanted(c)
		return c.gone
	})
	m.region = nil
	return before - len(m.children)
}

// everyChild returns the children's IDs, in a list that is never changed afterwards.
func (m *Machine) everyChild() []protocol.NodeID {
	if m.region == nil {
		for _, c := range m.children {
			m.region = append(m.region, c.id)
		}
	}
	return m.region
}

// repair sends what children lack: to each of them, or to the region if it is many.
func (m *Machine) repair(now protocol.Time, out *protocol.Output) {
	for _, number := range m.order {
		payload, kept := m.window.Get(number)
		if !kept {
			continue
		}
		lacking := slices.DeleteFunc(m.wanted[number], func(c *child) bool { return c.gone })
		v := &Message{kind: KindRepair, Number: number, Body: payload}
		if len(lacking) > m.config.MulticastAbove {
			m.stats.Multicasts++
			out.Spread(m.everyChild(), v)
		}
		for _, c := range lacking {
			c.repaired[number] = now
			if len(lacking) <= m.config.MulticastAbove {
				m.stats.Repairs++
				out.Send(c.id, v)
			}
		}
	}
	clear(m.wanted)
	m.order = m.order[:0]
}

// forgetSilent forgets children that have said nothing for long.
func (m *Machine) forgetSilent(now protocol.Time, out *protocol.Output) {
	patience := protocol.Time(m.config.Silence) * protocol.Time(m.config.AckInterval)
	if n := m.forget(func(c *child) bool { return now-c.heard > patience }); n > 0 {
		m.stats.Forgotten += uint64(n)
		m.advance(out)
	}
}
