package bimodal

import (
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// TopicName tells the name of a topic, or asks for it. Members that carry a topic for others have to know it, since grants speak of names. It proves itself: the TopicID is its
// hash.
type TopicName struct {
	Topic TopicID
	Name  string // of 1 to protocol.TopicMax bytes; empty asks

	lent bool
}

// Kind implements protocol.Message.
func (n *TopicName) Kind() protocol.Kind { return wire.KindTopicName }

// Lent implements protocol.Message.
func (n *TopicName) Lent() bool { return n.lent }

// Size implements protocol.Message.
func (n *TopicName) Size() int { return 8 + wire.BytesSize(len(n.Name)) }

// Append implements protocol.Message.
func (n *TopicName) Append(b []byte) []byte {
	return wire.AppendBytes(wire.AppendFixed64(b, uint64(n.Topic)), []byte(n.Name))
}

func (n *TopicName) decode(b []byte) error {
	r := wire.NewReader(b)
	n.Topic, n.Name = TopicID(r.Fixed64()), string(r.Bytes(protocol.TopicMax))
	if err := r.Done(); err != nil {
		return err
	}
	if n.Name != "" && TopicOf(n.Name) != n.Topic {
		return wire.ErrRange
	}
	return nil
}

// Bounds of names that are told.
const (
	namesAsked    = 64  // asked for at once
	nameAgain     = 2   // rounds after which one is asked for again
	namesAnswered = 64  // told a round
	namesKept     = 256 // of topics that are not carried yet
	nameWaits     = 64  // packets that wait for the name of their topic
	nameRounds    = 10  // rounds for which they do, and for which an answer counts
)

// named is a topic whose name was told.
type named struct {
	id   TopicID
	name string
}

// asked is a topic whose name was asked for.
type asked struct {
	id    TopicID
	first uint32 // round in which it was asked for first
	last  uint32
}

// nameless is a packet that enters the zone and waits for the name of its topic.
type nameless struct {
	relay *Relay
	from  protocol.NodeID
	round uint32
}

// toldName returns the name of a topic that somebody told of late, empty when nobody did.
func (m *Machine) toldName(id TopicID) string {
	for _, n := range m.carrying.names {
		if n.id == id {
			return n.name
		}
	}
	return ""
}

// askName asks a member for the name of a topic.
func (m *Machine) askName(now protocol.Time, from protocol.NodeID, id TopicID, out *protocol.Output) {
	if !m.knowsZones(from) {
		return
	}
	c := &m.carrying
	switch i := slices.IndexFunc(c.asked, func(a asked) bool { return a.id == id }); {
	case i >= 0 && m.round-c.asked[i].last < nameAgain, i < 0 && len(c.asked) >= namesAsked:
		return
	case i >= 0:
		c.asked[i].last = m.round
	default:
		c.asked = append(c.asked, asked{id, m.round, m.round})
	}
	m.awake(now)
	m.stats.NamesAsked++
	out.Send(from, &TopicName{Topic: id})
}

// knowsZones reports whether a member speaks a format that has zones, as all do who are not of the own one where views have zones.
func (m *Machine) knowsZones(id protocol.NodeID) bool {
	if p := m.peers[id]; p != nil && p.regional {
		return p.format == 0 || p.format >= wire.FormatZones
	}
	return slices.ContainsFunc(m.peerOrder, func(p *peer) bool { return !p.regional && p.broad != nil })
}

// receiveTopicName answers a question, or takes in a name, and what has waited for it.
func (m *Machine) receiveTopicName(now protocol.Time, from protocol.NodeID, n *TopicName, out *protocol.Output) {
	if n.Name == "" {
		if t := m.topics[n.Topic]; t != nil && t.name != "" && m.favours.names.Take(&m.portions(from).names, 1) == protocol.Granted {
			out.Send(from, &TopicName{Topic: t.id, Name: t.name})
		}
		return
	}
	c := &m.carrying
	i := slices.IndexFunc(c.asked, func(a asked) bool { return a.id == n.Topic })
	if i < 0 {
		return // nobody asked for it, or it is here
	}
	c.asked = slices.Delete(c.asked, i, i+1)
	if c.names = append(c.names, named{n.Topic, n.Name}); len(c.names) > namesKept {
		c.names = slices.Delete(c.names, 0, 1)
	}
	waits := c.waits
	c.waits = nil
	for _, w := range waits {
		if w.topic() == n.Topic {
			m.receiveRelay(now, w.from, w.relay, out)
		} else {
			c.waits = append(c.waits, w)
		}
	}
}

func (w *nameless) topic() TopicID { return w.relay.Packet.Stream.Topic }

// awaitName keeps a packet that enters the zone until the name of its topic is told, if it was asked for. It reports whether it did.
func (m *Machine) awaitName(from protocol.NodeID, r *Relay) bool {
	c := &m.carrying
	if !slices.ContainsFunc(c.asked, func(a asked) bool { return a.id == r.Packet.Stream.Topic }) {
		return false
	}
	if len(c.waits) >= nameWaits {
		m.stats.RelaysRefused++
		return true
	}
	c.waits = append(c.waits, nameless{relay: m.keepRelay(r), from: from, round: m.round})
	return true
}

// sweepNames gives up what has waited for too long.
func (m *Machine) sweepNames() {
	c := &m.carrying
	c.asked = slices.DeleteFunc(c.asked, func(a asked) bool { return m.round-a.first > nameRounds })
	c.waits = slices.DeleteFunc(c.waits, func(w nameless) bool {
		over := m.round-w.round > nameRounds
		if over {
			m.stats.RelaysExpired++
		}
		return over
	})
}
