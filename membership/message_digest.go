package membership

import (
	"crypto/sha256"
	"math"

	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Digest begins an exchange of tables: it says which versions the sender holds. The answer is one or more Deltas.
type Digest struct {
	Stamp    uint64 // the sender's time in nanoseconds, which the answer echoes
	Evidence Evidence
	Held     table.Digest
	Notices  uint32 // hash of the notices that the sender holds, 0 for none
	// Checks holds a byte of the hash of each claimed row, the one at Salt, so that different rows under one version are found; empty when rows are
	// not signed.
	Checks []byte
	Salt   byte // 0 without Checks
	lent   bool
}

// Kind implements protocol.Message.
func (d *Digest) Kind() protocol.Kind { return wire.KindTableDigest }

// Lent implements protocol.Message.
func (d *Digest) Lent() bool { return d.lent }

// digestHeaderMax is the most that a digest takes beside its claims, in bytes.
const digestHeaderMax = 10 + 4*10 + 1 + proofMax + 2*8 + 3 + 5 + 1

// digestChecksMax is what checks take beside a byte for each claim.
const digestChecksMax = 2 + 1

// digestHeaderTypical is what it takes while heartbeats are not proven.
const digestHeaderTypical = 48

// Size implements protocol.Message.
func (d *Digest) Size() int {
	size := wire.UvarintSize(d.Stamp) + d.Evidence.size() + 2*8 + wire.UvarintSize(uint64(len(d.Held.Claims)))
	for i := range d.Held.Claims {
		size += d.Held.Claims[i].Size()
	}
	size += wire.UvarintSize(uint64(d.Notices)) + wire.BytesSize(len(d.Checks))
	if len(d.Checks) > 0 {
		size++
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
	b = wire.AppendBytes(wire.AppendUvarint(b, uint64(d.Notices)), d.Checks)
	if len(d.Checks) > 0 {
		b = append(b, d.Salt)
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
	d.Notices, d.Checks = uint32(r.UvarintMax(math.MaxUint32)), r.Bytes(len(claims))
	if len(d.Checks) > 0 {
		d.Salt = r.Byte()
		if len(d.Checks) != len(claims) || d.Salt >= sha256.Size {
			r.Fail(wire.ErrRange)
		}
	}
	return r.Done()
}
