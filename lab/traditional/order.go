package traditional

import "spinglass/protocol"

// place names a message of the present view.
type place struct {
	rank int
	seq  uint64
}

// arrived takes a message that has no gap before it: to the application, or to wait for its place in the order.
func (m *Machine) arrived(now protocol.Time, origin int, d *Message, out *protocol.Output) {
	if m.config.Order == OrderFIFO {
		m.deliver(d, out)
		return
	}
	if d.High == 1 {
		m.takeOrder(origin, d, out)
		return
	}
	m.streams[origin].queue = append(m.streams[origin].queue, d)
	m.stats.Undelivered++
	m.stats.UndeliveredMost = max(m.stats.UndeliveredMost, m.stats.Undelivered)
	if m.rank == 0 && !m.blocked {
		m.unordered = append(m.unordered, place{origin, d.Low})
		m.timers.Set(timerOrder, now) // once for all that arrives with it
	}
	m.deliverOrdered(out)
}

// tellOrder multicasts the places of what has arrived at the sequencer.
func (m *Machine) tellOrder(now protocol.Time, out *protocol.Output) {
	for len(m.unordered) > 0 && !m.blocked {
		n := min(len(m.unordered), NumbersMax/2)
		numbers := make([]uint64, 0, 2*n)
		for _, p := range m.unordered[:n] {
			numbers = append(numbers, uint64(p.rank), p.seq)
		}
		m.unordered = m.unordered[n:]
		m.multicast(now, &Message{kind: KindData, View: m.view.ID, High: 1, Numbers: numbers}, out)
	}
}

func (m *Machine) takeOrder(origin int, d *Message, out *protocol.Output) {
	if origin != 0 || len(d.Numbers)%2 != 0 {
		out.Drop(m.view.Members[origin], ReasonMalformed)
		return
	}
	for i := 0; i < len(d.Numbers); i += 2 {
		if d.Numbers[i] >= uint64(len(m.streams)) {
			out.Drop(m.view.Members[origin], ReasonMalformed)
			return
		}
		m.orders = append(m.orders, place{int(d.Numbers[i]), d.Numbers[i+1]})
	}
	m.deliverOrdered(out)
}

// deliverOrdered delivers what is next in the order and here.
func (m *Machine) deliverOrdered(out *protocol.Output) {
	for len(m.orders) > 0 {
		s := &m.streams[m.orders[0].rank]
		if len(s.queue) == 0 || s.queue[0].Low > m.orders[0].seq {
			return
		}
		m.deliverQueued(s, out)
		m.orders = m.orders[1:]
	}
}

// deliverRest delivers what has no place in the order when the view ends: by rank, at all members alike.
func (m *Machine) deliverRest(out *protocol.Output) {
	m.deliverOrdered(out)
	for i := range m.streams {
		for s := &m.streams[i]; len(s.queue) > 0; {
			m.deliverQueued(s, out)
		}
	}
}

func (m *Machine) deliverQueued(s *stream, out *protocol.Output) {
	d := s.queue[0]
	s.queue = s.queue[1:]
	m.stats.Undelivered--
	m.deliver(d, out)
}

func (m *Machine) deliver(d *Message, out *protocol.Output) {
	m.stats.Delivered++
	out.Emit(&Delivery{View: m.view.ID, Origin: m.view.Members[d.Origin], Seq: d.Low, Payload: d.Payload})
}
