package bimodal

import (
	"spinglass/identity"
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
	Body     []byte // records, see package wire; empty only where there is a manifest
	// Manifest is the author's signature for this packet and those before; nil when a later packet has it, and where nobody signs.
	Manifest *Manifest

	lent   bool
	whole  bool // no piece of a cut message is in it
	memory *int // of a lent packet whose body may be kept: bytes kept alive by that and not accounted for yet
	pinned int  // bytes that the body keeps alive beyond its own, less those of its own that another packet accounts for
	repair Repair
	shared Shared
}

// Repair is a packet sent again, by any member that holds it.
type Repair struct {
	Packet *Packet
}

// packetOverheadMax is the most that a packet adds to its body, in bytes: datagram header, frame, what a Relay adds, and the fields
// before the body.
const packetOverheadMax = wire.HeaderSize + frameOverheadMax + relayOverheadMax + 8 + 10 + 8 + 9 + 5 + 9 + 3 + 1

// Kind implements protocol.Message.
func (p *Packet) Kind() protocol.Kind { return wire.KindData }

// Lent implements protocol.Message.
func (p *Packet) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *Packet) Size() int {
	size := p.Stream.size() + wire.UvarintSize(p.Seq) + wire.UvarintSize(p.Age) + wire.UvarintSize(p.Messages) +
		wire.UvarintSize(p.Count) + 1 + len(p.Body)
	if p.Manifest != nil {
		size += manifestSize(len(p.Manifest.Hashes))
	}
	return size
}

// Append implements protocol.Message.
func (p *Packet) Append(b []byte) []byte {
	b = append(p.appendHead(b), p.Body...)
	if p.Manifest != nil {
		b = append(b, p.Manifest.Signature[:]...)
	}
	return b
}

// appendHead appends what comes before the body.
func (p *Packet) appendHead(b []byte) []byte {
	b = p.Stream.append(b)
	b = wire.AppendUvarint(b, p.Seq)
	b = wire.AppendUvarint(b, p.Age)
	b = wire.AppendUvarint(b, p.Messages)
	b = wire.AppendUvarint(b, p.Count)
	if p.Manifest == nil {
		return append(b, 0)
	}
	b = append(b, byte(1+p.Manifest.covers()))
	return append(b, p.Manifest.Hashes...)
}

// decode reads what Append wrote, with a manifest into f. The body aliases b, and so do hashes.
func (p *Packet) decode(b []byte, f *Manifest) error {
	r := wire.NewReader(b)
	p.Stream = readStreamID(&r)
	p.Seq = r.UvarintMax(SeqMax)
	p.Age = r.UvarintMax(AgeMax)
	p.Messages = r.UvarintMax(SeqMax)
	p.Count = r.UvarintMax(wire.DatagramMax)
	p.Manifest = readManifest(&r, f)
	p.Body = r.Rest()
	if err := r.Err(); err != nil {
		return err
	}
	if p.Seq == 0 {
		return wire.ErrRange
	}
	if p.Manifest != nil {
		if err := p.cutSignature(); err != nil {
			return err
		}
		if len(p.Body) == 0 {
			if p.whole = true; p.Count != 0 {
				return wire.ErrRecord
			}
			return nil
		}
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

// cutSignature takes the signature of the manifest from the end of the body.
func (p *Packet) cutSignature() error {
	body := len(p.Body) - identity.SignatureSize
	switch {
	case body < 0:
		return wire.ErrShort
	case p.Manifest.covers() >= p.Seq:
		return wire.ErrRange
	}
	copy(p.Manifest.Signature[:], p.Body[body:])
	p.Body = p.Body[:body:body]
	return nil
}

// continues reports whether the body begins with a further piece of a message that an earlier packet began. The kind of a record
// is in the lowest bits of its first byte.
func (p *Packet) continues() bool {
	if len(p.Body) == 0 {
		return false
	}
	kind := wire.RecordKind(p.Body[0] & 3)
	return kind == wire.RecordMiddle || kind == wire.RecordLast
}

// total returns the messages of the stream that are complete with this packet.
func (p *Packet) total() uint64 { return p.Messages + p.Count }

// cost returns what the packet counts for in the buffer's account, in bytes.
func (p *Packet) cost() int {
	cost := packetCost + len(p.Body) + p.pinned
	if p.Manifest != nil {
		cost += manifestCost + len(p.Manifest.Hashes)
	}
	return cost
}

// again returns the packet as a repair, without allocating for the packets that a machine made itself.
func (p *Packet) again() *Repair {
	if p.repair.Packet != nil {
		return &p.repair
	}
	return &Repair{Packet: p}
}

// toGroup returns the packet as it is sent to a group, without allocating for the packets that a machine made itself.
func (p *Packet) toGroup() *Shared {
	if p.shared.Packet != nil {
		return &p.shared
	}
	return &Shared{Packet: p}
}

// Kind implements protocol.Message.
func (r *Repair) Kind() protocol.Kind { return wire.KindRepair }

// Lent implements protocol.Message.
func (r *Repair) Lent() bool { return r.Packet.lent }

// Size implements protocol.Message.
func (r *Repair) Size() int { return r.Packet.Size() }

// Append implements protocol.Message.
func (r *Repair) Append(b []byte) []byte { return r.Packet.Append(b) }
