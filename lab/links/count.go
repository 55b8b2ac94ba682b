package links

import (
	"spinglass/lab/compare"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/wire"
)

// load is what has crossed a link, in both directions.
type load struct {
	copies  uint64 // datagrams with a packet, or parity
	repairs uint64 // of these
	packets uint64 // datagrams
	bytes   uint64 // of them, as UDP payload
	passed  [2]uint64
}

// counter counts what crosses the links.
type counter struct {
	layout    *compare.Sites
	protocol  *compare.Protocol
	multicast bool
	lines     []load // by site
	ports     []load // by member
	sent      uint64 // messages so far, so that a multicast counts once on each link
	hops      []sim.Hop
}

func newCounter(c *Config, layout *compare.Sites) *counter {
	return &counter{layout: layout, protocol: c.Protocol, multicast: c.Multicast, lines: make([]load, c.Sites), ports: make([]load, c.Members)}
}

// reset begins to count anew.
func (c *counter) reset() {
	clear(c.lines)
	clear(c.ports)
}

// step counts what a member sends.
func (c *counter) step(s *sim.Step) {
	for i := range s.Effects {
		switch e := &s.Effects[i]; e.Kind {
		case protocol.EffectSend:
			c.sent++
			c.carry(s.Host, e.To, e.Message)
		case protocol.EffectSpread:
			c.sent++
			for _, to := range e.Targets {
				c.carry(s.Host, to, e.Message)
				if !c.multicast {
					c.sent++
				}
			}
		}
	}
}

// carry counts a datagram on the links of its way.
func (c *counter) carry(from, to protocol.NodeID, m protocol.Message) {
	c.hops = c.layout.Route(&sim.Place{Index: int(from) - 1}, &sim.Place{Index: int(to) - 1}, c.hops[:0])
	class := c.protocol.Class(m.Kind())
	for _, hop := range c.hops {
		var l *load
		if site, ok := c.layout.Line(hop); ok {
			l = &c.lines[site]
		} else {
			member, _ := c.layout.Port(hop)
			l = &c.ports[member]
		}
		passed := &l.passed[hop.Key&1]
		if *passed == c.sent {
			continue // the multicast has been here
		}
		*passed = c.sent
		l.packets++
		l.bytes += uint64(wire.HeaderSize + wire.FrameSize(m.Size()))
		if class == compare.Data || class == compare.Repair {
			l.copies++
		}
		if class == compare.Repair {
			l.repairs++
		}
	}
}
