package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// depthMax bounds how many levels of zones lie above a member.
const depthMax = 32

// Relay is a packet on its first way that is to be handed on: by the children that an order says, or, when it enters a zone, by an order
// of its receiver.
type Relay struct {
	Number uint64          // of the order; 0 when the packet enters a zone
	Owner  protocol.NodeID // of the order
	Depth  int             // of the zone that it enters: components of its path, 1 to 32
	Packet *Packet

	lent bool
}

// relayOverheadMax is the most that a Relay adds to its packet, in bytes.
const relayOverheadMax = 5 + 8

// Kind implements protocol.Message.
func (r *Relay) Kind() protocol.Kind { return wire.KindRelay }

// Lent implements protocol.Message.
func (r *Relay) Lent() bool { return r.lent }

// The number is followed by a bit that tells that the owner is not the packet's author.
func (r *Relay) head() uint64 {
	head := r.Number << 1
	if r.Number > 0 && r.Owner != r.Packet.Stream.Author {
		head |= 1
	}
	return head
}

// Size implements protocol.Message.
func (r *Relay) Size() int {
	head := r.head()
	size := wire.UvarintSize(head) + r.Packet.Size()
	switch {
	case head == 0:
		size += wire.UvarintSize(uint64(r.Depth))
	case head&1 != 0:
		size += 8
	}
	return size
}

// Append implements protocol.Message.
func (r *Relay) Append(b []byte) []byte {
	head := r.head()
	b = wire.AppendUvarint(b, head)
	switch {
	case head == 0:
		b = wire.AppendUvarint(b, uint64(r.Depth))
	case head&1 != 0:
		b = wire.AppendFixed64(b, uint64(r.Owner))
	}
	return r.Packet.Append(b)
}

// decode reads what Append wrote into r and the packet p, with a manifest into f.
func (r *Relay) decode(b []byte, p *Packet, f *Manifest) error {
	reader := wire.NewReader(b)
	head := reader.UvarintMax(orderNumberMax<<1 | 1)
	r.Number, r.Owner, r.Depth, r.Packet = head>>1, 0, 0, p
	switch {
	case head == 0:
		r.Depth = int(reader.UvarintMax(depthMax))
	case head&1 != 0:
		r.Owner = protocol.NodeID(reader.Fixed64())
	}
	if err := reader.Err(); err != nil {
		return err
	}
	if err := p.decode(reader.Rest(), f); err != nil {
		return err
	}
	// There is one encoding for each owner, and none for the order of number 0 or a zone above all.
	if head == 1 || head == 0 && r.Depth == 0 || head&1 != 0 && (r.Owner == 0 || r.Owner == p.Stream.Author) {
		return wire.ErrRange
	}
	if head > 1 && head&1 == 0 {
		r.Owner = p.Stream.Author
	}
	return nil
}

// receiveRelay takes in a packet and hands it on.
func (m *Machine) receiveRelay(now protocol.Time, from protocol.NodeID, r *Relay, out *protocol.Output) {
	id := r.Packet.Stream.Topic
	if r.Number > 0 {
		m.carryBroad(now, from, id, out)
	} else if m.acknowledge(now, from, out); r.Depth <= m.depth && !m.carryFor(now, from, id, r.Depth, out) && m.awaitName(from, r) {
		return
	}
	m.receive(now, arrived{packet: r.Packet, from: from, way: wayRelay, relay: r}, out)
}

// handRelay hands on a packet that was taken in.
func (m *Machine) handRelay(now protocol.Time, from protocol.NodeID, r *Relay, out *protocol.Output) {
	switch p := r.Packet; {
	case r.Owner == m.config.Self:
		out.Drop(from, ReasonOwn)
	case m.byID[p.Stream] == nil && m.forbidden(p.Stream): // counted when it was not taken in
	case !m.firstRelay(now, from, p, out):
	case r.Number == 0:
		m.enter(from, r, out)
	default:
		m.relay(from, r, out)
	}
}

// handProven hands on a packet that its author itself has sent, if it has signed it too. As long as that is not known the packet waits.
func (m *Machine) handProven(now protocol.Time, a arrived, out *protocol.Output) {
	m.awake(now)
	p, by, s := a.packet, m.voiceOf(&a), m.byID[a.packet.Stream]
	if s != nil {
		held, use := s.packet(p.Seq)
		switch {
		case held == nil && p.Seq < s.next:
			return // long past
		case held == nil:
		case m.prove(s, held, use, by):
			m.handRelay(now, a.from, m.relayOf(a.relay, held), out)
			return
		case use.standing == disproven:
			return
		default:
			a.packet = held
		}
	}
	if held := a.packet; held.Manifest != nil {
		m.handSigned(now, a, by, out)
		return
	}
	if a.taken = true; !m.tryCover(now, s, a, by, out) {
		m.waitOrDrop(a, by, out)
	}
}

// Packets that are handed on take different ways and overtake each other, though those of one stripe hardly do. So in a stream of many
// packets a round, a missing one counts as lost when a later one of its stripe is there, or when the round is over.

// overtakes reports whether a gap in the stream says nothing yet.
func (s *stream) overtakes() bool { return s.relayed && s.pace > stripes }

// overtaken reports whether the arrival of a packet shows that the oldest missing one is lost.
func (s *stream) overtaken(seq uint64) bool {
	return s.overtakes() && s.next+stripes == seq && s.at(s.next).packet == nil
}

// underway reports whether a missing packet may still be on its way: in a stream whose packets overtake each other, and wherever this very
// digest is the first to tell of it.
func (s *stream) underway(seq uint64, m *Machine, o *occasion) bool {
	return s.relayed && s.at(seq).since == m.round && (seq > o.known || s.pace > stripes && seq+stripes > s.high)
}

// firstRelay reports whether a packet was not handed on before, and notes that it is now.
func (m *Machine) firstRelay(now protocol.Time, from protocol.NodeID, p *Packet, out *protocol.Output) bool {
	s := m.byID[p.Stream]
	if s == nil || p.Seq > s.high {
		return m.firstStray(now, from, p, out)
	}
	if p.Seq < s.base {
		return false
	}
	slot := s.at(p.Seq)
	first := !slot.relayed
	slot.relayed = true
	return first
}

// relay hands a packet on to the children that its order says.
func (m *Machine) relay(from protocol.NodeID, r *Relay, out *protocol.Output) {
	t := m.findOrder(r.key(), r.Number)
	switch {
	case t == nil:
		m.hold(m.keepRelay(r), from, out)
	case t.relays(r.Packet.Seq):
		m.stats.PacketsRelayed += uint64(m.handOn(t, m.keepRelay(r), out))
	}
}

// keepRelay returns r itself if it may be kept, and otherwise a copy of it with the packet that is kept anyway, if it is.
func (m *Machine) keepRelay(r *Relay) *Relay {
	if !r.lent {
		return r
	}
	return m.relayOf(r, m.kept(r.Packet))
}

// kept returns the stored copy of a packet, or else makes one.
func (m *Machine) kept(p *Packet) *Packet {
	if s := m.byID[p.Stream]; s != nil {
		if stored, _ := s.packet(p.Seq); stored != nil {
			return stored
		}
	}
	return m.arena.keep(p)
}

// handOn sends a packet to the children that this node has in an order, and returns how many copies it sent.
func (m *Machine) handOn(t *tree, r *Relay, out *protocol.Output) (copies int) {
	c := t.children(r.Packet.Seq)
	for _, run := range c.members {
		if len(run) > 0 {
			out.Spread(run, r)
		}
	}
	copies = c.count()
	for _, zone := range c.zones {
		if m.enterZone(m.topics[t.key.topic], ZoneID(zone), r.Packet, out) {
			copies++
		}
	}
	return copies
}

// enter hands a packet that enters a zone through this node on to the zone.
func (m *Machine) enter(from protocol.NodeID, r *Relay, out *protocol.Output) {
	t := m.topics[r.Packet.Stream.Topic]
	if !t.follows() {
		return // counted as unwanted
	}
	if r.Depth > m.depth {
		out.Drop(from, ReasonZone)
		return
	}
	to := m.audienceFor(t, r.Packet)
	p := m.kept(r.Packet)
	if len(to.region) > directMax || to.deeper(r.Depth) {
		m.spreadTree(t, to, r.Depth, p, out)
		return
	}
	if len(to.region) > 0 {
		m.stats.PacketsRelayed += uint64(len(to.region))
		out.Spread(to.region, p)
	}
}

// deeper reports whether there are zones to reach that lie deeper than depth.
func (a *audience) deeper(depth int) bool {
	for i := range a.entrances {
		if a.entrances[i].depth > depth {
			return true
		}
	}
	return false
}

// handSigned hands on a packet with a manifest of which nothing is kept here, if its signature is good.
func (m *Machine) handSigned(now protocol.Time, a arrived, by *voice, out *protocol.Output) {
	key, known := m.keyOf(a.packet.Stream)
	if !known {
		a.taken = true
		m.waitForKey(a, by, out)
		return
	}
	switch valid, refused := m.verify(a.packet, key, by); {
	case refused:
		out.Drop(a.from, ReasonVerifications)
	case valid:
		m.acquit(now, a.packet, out)
		m.handRelay(now, a.from, a.relay, out)
	default:
		m.stats.PacketsContrary++
	}
}
