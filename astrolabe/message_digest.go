package astrolabe

import (
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Digest begins an exchange: it says which rows the sender holds in the tables that both have.
type Digest struct {
	Zone  string // the zone whose host the sender is
	Held  []Held
	Stamp uint64 // the sender's time in nanoseconds, which the answer echoes
	// Functions are those of the zones that both are in, as far as the digest is about them: Told says so. In ascending order.
	Functions []uint64
	Told      bool
	lent      bool
}

// Held is which rows the sender holds in one table.
type Held struct {
	Depth  int // of the table's zone: 0 is the root
	Digest table.Digest
}

// Kind implements protocol.Message.
func (d *Digest) Kind() protocol.Kind { return wire.KindZoneDigest }

// Lent implements protocol.Message.
func (d *Digest) Lent() bool { return d.lent }

// heldHeaderMax is the most that a table takes in a digest beside its claims.
const heldHeaderMax = 1 + 2*8 + 3

// Size implements protocol.Message.
func (d *Digest) Size() int {
	size := wire.BytesSize(len(d.Zone)) + wire.UvarintSize(d.Stamp) + 2
	if d.Told {
		size += 8 * len(d.Functions)
	}
	for i := range d.Held {
		h := &d.Held[i].Digest
		size += 1 + 2*8 + wire.UvarintSize(uint64(len(h.Claims)))
		for j := range h.Claims {
			size += h.Claims[j].Size()
		}
	}
	return size
}

// Append implements protocol.Message.
func (d *Digest) Append(b []byte) []byte {
	b = wire.AppendUvarint(wire.AppendBytes(b, d.Zone), d.Stamp)
	b = appendFunctions(b, d.Functions, d.Told)
	b = append(b, byte(len(d.Held)))
	for i := range d.Held {
		h := &d.Held[i].Digest
		b = append(b, byte(d.Held[i].Depth))
		b = wire.AppendFixed64(wire.AppendFixed64(b, uint64(h.First)), uint64(h.Last))
		b = wire.AppendUvarint(b, uint64(len(h.Claims)))
		for j := range h.Claims {
			b = h.Claims[j].Append(b)
		}
	}
	return b
}

// decode reads a digest in place of d, reusing its memory.
func (d *Digest) decode(body []byte) error {
	r := wire.NewReader(body)
	held := d.Held[:0]
	*d = Digest{Zone: readZone(&r), Stamp: r.Uvarint(), lent: true, Functions: d.Functions[:0]}
	d.Functions, d.Told = readFunctions(&r, d.Functions)
	count := r.Count(DepthMax, 1+2*8+1)
	for range count {
		if len(held) < cap(held) {
			held = held[:len(held)+1]
		} else {
			held = append(held, Held{})
		}
		h := &held[len(held)-1]
		h.read(&r)
		if last := len(held) - 2; last >= 0 && h.Depth >= held[last].Depth {
			r.Fail(table.ErrOrder)
		}
		if r.Err() != nil {
			break
		}
	}
	d.Held = held
	return r.Done()
}

func (h *Held) read(r *wire.Reader) {
	h.Depth = int(r.Byte())
	h.Digest.First, h.Digest.Last = protocol.NodeID(r.Fixed64()), protocol.NodeID(r.Fixed64())
	if h.Depth >= DepthMax || h.Digest.First > h.Digest.Last {
		r.Fail(wire.ErrRange)
	}
	h.Digest.Claims = readClaims(r, h.Digest.Claims[:0], true)
}

// readZone reads the path of the zone whose host somebody is.
func readZone(r *wire.Reader) string {
	zone := string(r.Bytes(protocol.NameMax))
	if r.Err() == nil && zone != Root && protocol.CheckName(zone) != nil {
		r.Fail(wire.ErrRange)
	}
	return zone
}

// readClaims reads claims, in ascending order of owners if sorted says so.
func readClaims(r *wire.Reader, claims []table.Claim, sorted bool) []table.Claim {
	count := r.Count(wire.DatagramMax, table.ClaimSizeMin)
	for range count {
		claim := table.ReadClaim(r)
		if last := len(claims) - 1; sorted && last >= 0 && claim.Owner <= claims[last].Owner {
			r.Fail(table.ErrOrder)
		}
		if r.Err() != nil {
			break
		}
		claims = append(claims, claim)
	}
	return claims
}

// functionsMax is how many functions a digest tells of at most: half of those that a path may have, which leaves room for the rows.
const functionsMax = DepthMax * FunctionsZoneMax / 2

// appendFunctions appends a list of functions with its length and 1, 0 for none that is told.
func appendFunctions(b []byte, functions []uint64, told bool) []byte {
	if !told {
		return append(b, 0)
	}
	b = append(b, byte(len(functions)+1))
	for _, id := range functions {
		b = wire.AppendFixed64(b, id)
	}
	return b
}

func readFunctions(r *wire.Reader, functions []uint64) (all []uint64, told bool) {
	count := int(r.Byte())
	if count > functionsMax+1 || count > 0 && r.Len() < 8*(count-1) {
		r.Fail(wire.ErrRange)
		return functions, false
	}
	for range max(0, count-1) {
		id := r.Fixed64()
		if last := len(functions) - 1; last >= 0 && id <= functions[last] {
			r.Fail(table.ErrOrder)
			return functions, false
		}
		functions = append(functions, id)
	}
	return functions, count > 0
}
