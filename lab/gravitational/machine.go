package gravitational

import (
	"fmt"
	"math"
	"slices"

	"spinglass/lab/stream"
	"spinglass/protocol"
	"spinglass/wire"
)

// Machine is Gravitational Gossip at one member.
type Machine struct {
	config         Config
	susceptibility float64
	group          group
	number         uint64 // of the latest message published here
	held           []Item // in the order of arrival; Age is the rounds in which it was gossiped, here or before it came
	known          map[name]struct{}
	next           protocol.Time // round
	stats          Stats
}

// name names a message.
type name struct {
	source protocol.NodeID
	number uint64
}

// New returns a machine.
func New(c Config) (*Machine, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Machine{config: c, susceptibility: Susceptibility(c.Rating), known: make(map[name]struct{}), next: protocol.Never}, nil
}

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Start implements protocol.Machine.
func (m *Machine) Start(protocol.Time, *protocol.Output) {}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return m.next }

// Notify implements protocol.Machine.
func (m *Machine) Notify(_ protocol.Time, e protocol.Event, _ *protocol.Output) {
	switch e := e.(type) {
	case protocol.PeerUp:
		m.put(e.Peer)
	case protocol.PeerChanged:
		m.put(e.Peer)
	case protocol.PeerDown:
		m.group.remove(e.Peer.ID)
	case protocol.PeerLeft:
		m.group.remove(e.Peer.ID)
	}
}

func (m *Machine) put(p *protocol.Peer) {
	rating, ok := parseRating(p.Attribute(RatingAttribute))
	if !ok {
		m.stats.Malformed++
	}
	m.group.put(p.ID, Susceptibility(rating))
}

// Publish has a message gossiped from the next round on. It keeps the payload, which has PayloadMax bytes at most, and reports whether there is room for it.
func (m *Machine) Publish(now protocol.Time, payload []byte) bool {
	if len(payload) > PayloadMax {
		panic(fmt.Sprintf("gravitational: a payload of %d bytes", len(payload)))
	}
	if !m.hold(now, Item{Source: m.config.Self, Number: m.number + 1, Payload: payload}) {
		return false
	}
	m.number++
	m.stats.Published++
	return true
}

// hold takes a message in, unless there is no room.
func (m *Machine) hold(now protocol.Time, i Item) bool {
	if len(m.held) == EventsMax {
		m.stats.Refused++
		return false
	}
	m.held = append(m.held, i)
	m.known[name{i.Source, i.Number}] = struct{}{}
	if m.next == protocol.Never {
		m.schedule(now)
	}
	return true
}

// schedule sets the next round: the first multiple of a round's length after now.
func (m *Machine) schedule(now protocol.Time) {
	round := protocol.Time(m.config.Round)
	m.next = (now/round + 1) * round
}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	v, ok := message.(*Message)
	if _, member := m.group.find(from); !ok || !member {
		out.Drop(from, "stranger")
		return
	}
	for _, i := range v.Items {
		if i.Age > m.config.Life {
			out.Drop(from, "too_old")
			continue
		}
		if _, here := m.known[name{i.Source, i.Number}]; here || i.Source == m.config.Self {
			m.stats.Duplicates++
			continue
		}
		if v.lent {
			i.Payload = slices.Clone(i.Payload)
		}
		if !m.hold(now, i) {
			out.Drop(from, "full")
			continue
		}
		m.stats.Delivered++
		out.Emit(&stream.Delivered{Source: i.Source, Number: i.Number, Payload: i.Payload})
	}
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	if now < m.next {
		return
	}
	m.gossip(out)
	m.age()
	if len(m.held) == 0 {
		m.next = protocol.Never
		return
	}
	m.schedule(now)
}

// partners returns how many a holder draws in this round.
func (m *Machine) partners() int {
	mean := m.group.scalar * m.susceptibility
	whole := math.Floor(mean)
	n := int(min(whole, ContactsMax+1))
	if m.config.Rand.Float64() < mean-whole {
		n++
	}
	if n > ContactsMax {
		m.stats.Capped += uint64(n - ContactsMax)
		n = ContactsMax
	}
	return n
}

// gossip sends what is held to the partners of this round. One partner may be drawn twice.
func (m *Machine) gossip(out *protocol.Output) {
	m.group.refresh(m.susceptibility, m.config.Life)
	messages, items := m.pack()
	if len(messages) == 0 || !m.group.wanting() {
		return
	}
	for range m.partners() {
		to := m.group.draw(m.config.Rand)
		for _, v := range messages {
			out.Send(to, v)
		}
		m.stats.Partners++
		m.stats.Contacts += uint64(items)
	}
}

// messageMax is the size of a message that fits into a datagram.
const messageMax = wire.DatagramDefault - wire.HeaderSize - 1 - 3

// pack returns what is gossiped in this round in as few messages as keep to the order, and how many items these have.
func (m *Machine) pack() (messages []*Message, items int) {
	var open *Message
	for _, i := range m.held {
		if i.Age >= m.config.Life {
			continue
		}
		i.Age++
		if open == nil || open.size+i.size() > messageMax {
			open = &Message{}
			messages = append(messages, open)
		}
		open.add(i)
		items++
	}
	return messages, items
}

// age tells that a round is over. Messages are remembered for as long again as they were gossiped, so that late copies are known.
func (m *Machine) age() {
	kept := m.held[:0]
	for _, i := range m.held {
		if i.Age++; i.Age >= m.config.Life {
			i.Payload = nil
		}
		if i.Age < 2*m.config.Life {
			kept = append(kept, i)
			continue
		}
		delete(m.known, name{i.Source, i.Number})
	}
	clear(m.held[len(kept):])
	m.held = kept
}
