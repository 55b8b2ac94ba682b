package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Packet is the unit of sequence and repair: some application messages of a stream. It is sent as KindData by its author.
type Packet struct {
	Stream StreamID
	Seq    uint64 // place in the stream, from 1
	// Age is how long the stream had existed when the packet was sealed, in milliseconds, at most AgeMax. A receiver compares it
	// with the age of its subscription and so knows whether it missed a beginning that it wanted.
	Age      uint64
	Messages uint64 // messages of the stream that were completed before this packet
	Count    uint64 // messages that are completed in this packet
	Body     []byte // records, see package wire; never empty

	lent   bool
	whole  bool // no piece of a cut message is in it
	memory *int // of a lent packet whose body may be kept: bytes kept alive by that and not accounted for yet
	pinned int  // bytes that the body keeps alive beyond its own, less those of its own that another packet accounts for
	repair Repair
}

// Repair is a packet sent again, by any member that holds it.
type Repair struct {
	Packet *Packet
}

// packetOverheadMax is the most that a packet adds to its body, in bytes: datagram header, frame, what a Relay adds, and the fields
// before the body.
const packetOverheadMax = wire.HeaderSize + frameOverheadMax + relayOverheadMax + 8 + 10 + 8 + 9 + 5 + 9 + 3

// Kind implements protocol.Message.
func (p *Packet) Kind() protocol.Kind { return wire.KindData }

// Lent implements protocol.Message.
func (p *Packet) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *Packet) Size() int {
	return p.Stream.size() + wire.UvarintSize(p.Seq) + wire.UvarintSize(p.Age) + wire.UvarintSize(p.Messages) +
		wire.UvarintSize(p.Count) + len(p.Body)
}

// Append implements protocol.Message.
func (p *Packet) Append(b []byte) []byte {
	b = p.Stream.append(b)
	b = wire.AppendUvarint(b, p.Seq)
	b = wire.AppendUvarint(b, p.Age)
	b = wire.AppendUvarint(b, p.Messages)
	b = wire.AppendUvarint(b, p.Count)
	return append(b, p.Body...)
}

// decode reads what Append wrote. The body aliases b.
func (p *Packet) decode(b []byte) error {
	r := wire.NewReader(b)
	p.Stream = readStreamID(&r)
	p.Seq = r.UvarintMax(SeqMax)
	p.Age = r.UvarintMax(AgeMax)
	p.Messages = r.UvarintMax(SeqMax)
	p.Count = r.UvarintMax(wire.DatagramMax)
	p.Body = r.Rest()
	if err := r.Err(); err != nil {
		return err
	}
	if p.Seq == 0 {
		return wire.ErrRange
	}
	completed, _, whole, err := wire.CheckBody(p.Body, wire.MessageMax)
	if err != nil {
		return err
	}
	if uint64(completed) != p.Count {
		return wire.ErrRecord
	}
	p.whole = whole
	return nil
}

// continues reports whether the body begins with a further piece of a message that an earlier packet began. The kind of a record
// is in the lowest bits of its first byte.
func (p *Packet) continues() bool {
	kind := wire.RecordKind(p.Body[0] & 3)
	return kind == wire.RecordMiddle || kind == wire.RecordLast
}

// total returns the messages of the stream that are complete with this packet.
func (p *Packet) total() uint64 { return p.Messages + p.Count }

// cost returns what the packet counts for in the buffer's account, in bytes.
func (p *Packet) cost() int { return packetCost + len(p.Body) + p.pinned }

// again returns the packet as a repair, without allocating for the packets that a machine made itself.
func (p *Packet) again() *Repair {
	if p.repair.Packet != nil {
		return &p.repair
	}
	return &Repair{Packet: p}
}

// Kind implements protocol.Message.
func (r *Repair) Kind() protocol.Kind { return wire.KindRepair }

// Lent implements protocol.Message.
func (r *Repair) Lent() bool { return r.Packet.lent }

// Size implements protocol.Message.
func (r *Repair) Size() int { return r.Packet.Size() }

// Append implements protocol.Message.
func (r *Repair) Append(b []byte) []byte { return r.Packet.Append(b) }
