package flood

import (
	"spinglass/adhoc"
	"spinglass/protocol"
	"spinglass/wire"
)

// Packet carries a payload to all members of a group, or to one node.
type Packet struct {
	TTL         int             // hops that it may still go, 1 or more
	Hops        int             // that it came
	Group       adhoc.Group     // 0 if it is for one node,
	Destination protocol.NodeID // which is this one, and else 0
	Routed      bool            // to one node: it goes along a route, and only its receiver passes it on
	Origin      protocol.NodeID
	Number      uint32 // of the packets of the origin
	Payload     []byte // at most adhoc.PayloadMax

	lent bool
}

// Kind implements protocol.Message.
func (p *Packet) Kind() protocol.Kind { return wire.KindFlood }

// Lent implements protocol.Message.
func (p *Packet) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *Packet) Size() int {
	size := 2 + 8 + 8 + wire.UvarintSize(uint64(p.Number)) + len(p.Payload)
	if p.Group == 0 {
		size += 1 + 8
	}
	return size
}

// Append implements protocol.Message.
func (p *Packet) Append(b []byte) []byte {
	b = append(b, byte(p.TTL), byte(p.Hops))
	b = wire.AppendFixed64(b, uint64(p.Group))
	if p.Group == 0 {
		routed := byte(0)
		if p.Routed {
			routed = 1
		}
		b = wire.AppendFixed64(append(b, routed), uint64(p.Destination))
	}
	b = wire.AppendFixed64(b, uint64(p.Origin))
	b = wire.AppendUvarint(b, uint64(p.Number))
	return append(b, p.Payload...)
}

func (p *Packet) decode(b []byte) error {
	r := wire.NewReader(b)
	*p = Packet{TTL: int(r.Byte()), Hops: int(r.Byte()), Group: adhoc.Group(r.Fixed64()), lent: true}
	if p.Group == 0 {
		p.Routed, p.Destination = r.Bool(), protocol.NodeID(r.Nonzero64())
	}
	p.Origin, p.Number = protocol.NodeID(r.Nonzero64()), r.Uint32()
	p.Payload = r.Rest()
	if p.TTL == 0 {
		r.Fail(wire.ErrRange)
	}
	if len(p.Payload) > adhoc.PayloadMax {
		r.Fail(wire.ErrOversized)
	}
	return r.Done()
}

// Decoder turns bodies into messages of this package, which are lent. The zero value is ready for use.
type Decoder struct{ packet Packet }

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	if kind != wire.KindFlood {
		return nil, wire.ErrKind
	}
	if err := d.packet.decode(body); err != nil {
		return nil, err
	}
	return &d.packet, nil
}
