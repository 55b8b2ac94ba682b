package vsync

import (
	"slices"

	"spinglass/protocol"
)

// stream is what a member sends in a view, as far as this member has it. Numbers up to base are forgotten: stable, and delivered here.
type stream struct {
	base      uint64
	messages  [][]byte // from base+1 on; nil where it is missing
	have      uint64   // all up to here
	delivered uint64   // delivered, or passed over, up to here
	told      uint64   // the highest that was heard of
	stable    uint64   // all members have it up to here
	depends   []uint64 // of the latest that was delivered, for causal order
	next      []uint64 // of the one behind, nil when not looked at
	pull      pull
}

// aheadMax is how far a message may be ahead of what is forgotten.
const aheadMax = 1 << 17

// messageCost is what a message takes beside its body, in bytes.
const messageCost = 48

func (s *stream) at(seq uint64) []byte {
	if i := seq - s.base - 1; seq > s.base && i < uint64(len(s.messages)) {
		return s.messages[i]
	}
	return nil
}

// put stores a message that is not there.
func (s *stream) put(seq uint64, body []byte) {
	i := int(seq - s.base - 1)
	if i >= len(s.messages) {
		s.messages = append(s.messages, make([][]byte, i+1-len(s.messages))...)
	}
	s.messages[i] = body
	s.told = max(s.told, seq)
}

// trim forgets what is stable and delivered. It returns how many bytes that was.
func (s *stream) trim() (bytes int) {
	upto := min(s.stable, s.delivered)
	if upto <= s.base {
		return 0
	}
	n := int(upto - s.base)
	for _, body := range s.messages[:n] {
		bytes += len(body) + messageCost
	}
	s.messages = slices.Delete(s.messages, 0, n)
	s.base = upto
	return bytes
}

// hold accounts for messages that are held.
func (m *Machine) hold(bytes int) {
	m.stats.Held += bytes
	m.stats.HeldMost = max(m.stats.HeldMost, m.stats.Held)
}

// store keeps a message of the present view, if it is new and there is room.
func (g *group) store(rank int, seq uint64, body []byte) bool {
	s := &g.streams[rank]
	size := len(body) + messageCost
	switch {
	case seq <= s.have || s.at(seq) != nil:
		return false
	case seq > s.base+aheadMax || rank != g.rank && g.held+size > 2*g.m.config.BufferBytes && !g.blocked:
		g.m.stats.HeldRefused++
		s.told = max(s.told, min(seq, s.base+aheadMax))
		return false
	}
	s.put(seq, body)
	g.held += size
	g.m.hold(size)
	return true
}

// take takes a message of a member, whichever way it came. The body is kept.
func (g *group) take(now protocol.Time, rank int, seq uint64, body []byte, out *protocol.Output) {
	if !g.store(rank, seq, body) {
		return
	}
	g.advance(now, rank)
	if s := &g.streams[rank]; s.have < s.told {
		g.setSooner(taskPull, now.Add(g.m.config.Retry))
	}
	g.activate(now)
	if g.blocked {
		g.complete(now, out)
		return
	}
	g.deliverAll(now, out)
}

// advance goes over what has come without a gap.
func (g *group) advance(now protocol.Time, rank int) {
	s := &g.streams[rank]
	for {
		body := s.at(s.have + 1)
		if body == nil {
			return
		}
		s.have++
		if g.options.Order == OrderTotal {
			g.examine(now, rank, s.have, body)
		}
	}
}

// send numbers a message of this member, and sends it.
func (g *group) send(now protocol.Time, body []byte, out *protocol.Output) error {
	s := &g.streams[g.rank]
	seq := s.have + 1
	if seq >= s.base+aheadMax {
		return ErrFull
	}
	payload := appendNumbered(make([]byte, 0, 32+len(body)), g.view.ID, seq, body)
	if err := g.m.config.Host.Publish(now, g.topic, payload, out); err != nil {
		g.m.stats.PublishFailed++
		return err
	}
	g.store(g.rank, seq, payload[len(payload)-len(body):])
	g.advance(now, g.rank)
	g.activate(now)
	return nil
}

// full reports whether too much of what this member sent is not stable.
func (g *group) full() bool {
	s := &g.streams[g.rank]
	return g.held > 3*g.m.config.BufferBytes/2 || s.have-s.base >= aheadMax/2
}

// cast sends a message of the application.
func (g *group) cast(now protocol.Time, payload []byte, out *protocol.Output) error {
	switch {
	case g.view == nil:
		return ErrNotMember
	case g.leaving:
		return ErrLeaving
	case g.outside:
		return ErrNotPrimary
	case g.blocked:
		g.m.stats.CastsBlocked++
		g.wanting = true
		return ErrBlocked
	case g.full():
		g.m.stats.CastsFull++
		g.wanting = true
		return ErrFull
	}
	body := append(make([]byte, 0, 16+len(payload)), bodyCast)
	depends := g.sent
	if g.options.Order == OrderCausal {
		delivered := g.vector()
		body = appendDepends(body, delivered, g.sent, g.rank)
		depends = delivered
	}
	if err := g.send(now, append(body, payload...), out); err != nil {
		g.m.stats.CastsFull++
		g.wanting = true
		return ErrFull
	}
	g.sent = depends // not before: what was not sent says nothing
	g.m.stats.Cast++
	g.m.stats.CastBytes += uint64(len(payload))
	g.deliverAll(now, out)
	return nil
}

// vector returns up to where messages of each member are delivered.
func (g *group) vector() []uint64 {
	v := make([]uint64, len(g.streams))
	for i := range g.streams {
		v[i] = g.streams[i].delivered
	}
	return v
}

// haves returns up to where this member has the messages of each.
func (g *group) haves() []uint64 {
	v := make([]uint64, len(g.streams))
	for i := range g.streams {
		v[i] = g.streams[i].have
	}
	return v
}
