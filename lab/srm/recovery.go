package srm

import (
	"time"

	"spinglass/protocol"
)

// state is what a member does about a packet that was lost somewhere.
type state uint8

const (
	wanting   state = iota // it is missing here: a request will be sent
	answering              // it was asked for: a repair will be sent
	ignoring               // it was repaired: requests for it are ignored for a while
)

// recovery is a packet that was lost somewhere.
type recovery struct {
	state  state
	begin  protocol.Time
	grown  int           // wanting: times that the interval has grown, by requests sent or heard
	delay  time.Duration // wanting: the latest that was drawn
	until  protocol.Time // wanting: further requests are ignored
	sent   bool          // by this member, the first time
	scoped bool          // answering: the request was
	first  bool          // answering: nobody has sent a repair
	asker  protocol.NodeID
}

// miss has the packets asked for that are missing, as the stream of a source goes up to a number.
func (m *Machine) miss(now protocol.Time, s *source, number uint64, arrived bool) {
	if s.id == m.config.Self {
		return
	}
	first, last := s.window.Hear(number, arrived)
	for n := first; n <= last; n++ {
		m.want(now, packet{s.id, n})
	}
}

// want begins to ask for a packet.
func (m *Machine) want(now protocol.Time, p packet) *recovery {
	m.stats.Missing++
	m.requests.begin(m.size())
	r := &recovery{state: wanting, begin: now}
	m.recoveries[p] = r
	m.draw(now, p, r)
	return r
}

// draw draws when to ask for a packet.
func (m *Machine) draw(now protocol.Time, p packet, r *recovery) {
	base := 2
	if m.config.Adaptive {
		base = 3
	}
	r.delay = m.requests.draw(m.config.Rand, m.distance(p.source))
	for range min(r.grown, backoffMax) {
		r.delay *= time.Duration(base)
	}
	m.timers.Set(p, now.Add(r.delay))
}

// grow draws anew after a request, from an interval that is longer.
func (m *Machine) grow(now protocol.Time, p packet, r *recovery) {
	r.grown++
	m.draw(now, p, r)
	r.until = now.Add(r.delay / 2)
}

// due does what a packet's timer was set for.
func (m *Machine) due(now protocol.Time, p packet, r *recovery, out *protocol.Output) {
	s := m.source(p.source)
	switch r.state {
	case wanting:
		if !s.window.Missing(p.number) { // given up
			m.forget(p)
			return
		}
		m.ask(now, p, r, out)
	case answering:
		payload, kept := s.window.Get(p.number)
		if !kept {
			m.forget(p)
			return
		}
		m.stats.Repairs++
		m.repairs.first(now.Sub(r.begin), m.distance(r.asker))
		m.repairs.sent()
		r.sent = true
		m.spread(&Message{
			kind: KindRepair, Source: p.source, Number: p.number, First: true, Scoped: r.scoped, Requester: r.asker, Distance: m.distance(r.asker), Payload: payload,
		}, out)
		m.ignore(now, p, r, m.distance(r.asker))
	case ignoring:
		m.forget(p)
	}
}

// ask sends a request.
func (m *Machine) ask(now protocol.Time, p packet, r *recovery, out *protocol.Output) {
	m.stats.Requests++
	first := r.grown == 0
	if first {
		m.requests.first(now.Sub(r.begin), m.distance(p.source))
		m.requests.sent()
		r.sent = true
	}
	scoped := first && len(m.group.Near()) > 0
	if scoped {
		m.stats.Scoped++
	}
	m.spread(&Message{kind: KindRequest, Source: p.source, Number: p.number, First: first, Scoped: scoped, Distance: m.distance(p.source)}, out)
	m.grow(now, p, r)
}

// receiveRequest takes in that a member asks for a packet.
func (m *Machine) receiveRequest(now protocol.Time, from protocol.NodeID, s *source, v *Message) {
	p := packet{s.id, v.Number}
	if s.id == m.config.Self && v.Number > m.own {
		return // what was never published
	}
	m.miss(now, s, v.Number, false)
	r := m.recoveries[p]
	switch {
	case r == nil:
		m.answer(now, from, p, s, v)
	case r.state == wanting:
		m.overhear(now, p, r, v)
	}
}

// overhear takes in that another member asks for what is missing here.
func (m *Machine) overhear(now protocol.Time, p packet, r *recovery, v *Message) {
	if r.grown == 0 {
		m.requests.first(now.Sub(r.begin), m.distance(p.source))
	} else if v.First && r.grown == 1 && now <= r.until {
		m.requests.duplicates++
		if r.sent && float64(v.Distance) > closer*float64(m.distance(p.source)) {
			m.requests.closest = true
		}
	}
	if now >= r.until {
		m.grow(now, p, r)
	}
}

// answer has a repair sent, if the packet is here.
func (m *Machine) answer(now protocol.Time, from protocol.NodeID, p packet, s *source, v *Message) {
	if _, kept := s.window.Get(p.number); !kept {
		m.stats.Unknown++
		return
	}
	m.repairs.begin(m.size())
	m.recoveries[p] = &recovery{state: answering, begin: now, asker: from, scoped: v.Scoped, first: true}
	m.timers.Set(p, now.Add(m.repairs.draw(m.config.Rand, m.distance(from))))
}

// repaired takes in that a member has sent a packet again.
func (m *Machine) repaired(now protocol.Time, p packet, r *recovery, v *Message) {
	if r == nil {
		return // late, or for others
	}
	switch r.state {
	case wanting:
		if r.grown == 0 {
			m.requests.first(now.Sub(r.begin), m.distance(p.source))
		}
		m.ignore(now, p, r, m.distance(p.source))
	case answering:
		m.repairs.first(now.Sub(r.begin), m.distance(r.asker))
		m.ignore(now, p, r, m.distance(r.asker))
	case ignoring:
		if r.first {
			m.repairs.duplicates++
			if r.sent && float64(v.Distance) > closer*float64(m.distance(r.asker)) {
				m.repairs.closest = true
			}
		}
	}
}

// ignore has requests for a packet ignored from now on.
func (m *Machine) ignore(now protocol.Time, p packet, r *recovery, distance time.Duration) {
	r.state = ignoring
	m.timers.Set(p, now.Add(ignoreFactor*distance))
}

func (m *Machine) forget(p packet) {
	delete(m.recoveries, p)
	m.timers.Cancel(p)
}
