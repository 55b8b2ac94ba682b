package membership

import (
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Digest begins an exchange of tables: it says which versions the sender holds. The answer is one or more Deltas.
type Digest struct {
	Stamp    uint64 // the sender's time in nanoseconds, which the answer echoes
	Evidence Evidence
	Held     table.Digest
	lent     bool
}

// Kind implements protocol.Message.
func (d *Digest) Kind() protocol.Kind { return wire.KindTableDigest }

// Lent implements protocol.Message.
func (d *Digest) Lent() bool { return d.lent }

// digestHeaderMax is the most that a digest takes beside its claims, in bytes.
const digestHeaderMax = 10 + 4*10 + 1 + proofMax + 2*8 + 3

// digestHeaderTypical is what it takes while heartbeats are not proven.
const digestHeaderTypical = 48

// Size implements protocol.Message.
func (d *Digest) Size() int {
	size := wire.UvarintSize(d.Stamp) + d.Evidence.size() + 2*8 + wire.UvarintSize(uint64(len(d.Held.Claims)))
	for i := range d.Held.Claims {
		size += d.Held.Claims[i].Size()
	}
	return size
}

// Append implements protocol.Message.
func (d *Digest) Append(b []byte) []byte {
	b = wire.AppendUvarint(b, d.Stamp)
	b = d.Evidence.append(b)
	b = wire.AppendFixed64(b, uint64(d.Held.First))
	b = wire.AppendFixed64(b, uint64(d.Held.Last))
	b = wire.AppendUvarint(b, uint64(len(d.Held.Claims)))
	for i := range d.Held.Claims {
		b = d.Held.Claims[i].Append(b)
	}
	return b
}

// decode reads a digest in place of d, reusing its memory.
func (d *Digest) decode(body []byte) error {
	r := wire.NewReader(body)
	claims := d.Held.Claims[:0]
	*d = Digest{Stamp: r.Uvarint(), Evidence: readEvidence(&r), lent: true}
	d.Held.First, d.Held.Last = protocol.NodeID(r.Fixed64()), protocol.NodeID(r.Fixed64())
	if d.Held.First > d.Held.Last {
		r.Fail(wire.ErrRange)
	}
	count := r.Count(wire.DatagramMax, table.ClaimSizeMin)
	for range count {
		claim := table.ReadClaim(&r)
		if last := len(claims) - 1; last >= 0 && claim.Owner <= claims[last].Owner {
			r.Fail(table.ErrOrder)
		}
		if r.Err() != nil {
			break
		}
		claims = append(claims, claim)
	}
	d.Held.Claims = claims
	return r.Done()
}
