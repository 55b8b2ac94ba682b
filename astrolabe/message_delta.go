package astrolabe

import (
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Delta brings rows and heartbeats, and asks for others. It answers a Digest, or what an earlier Delta asked for.
type Delta struct {
	Zone  string                 // the zone whose host the sender is
	Echo  uint64                 // the stamp of the digest that it answers, 0 for none
	Rows  []membership.RowUpdate // of the tables of the zones that their names lie in
	Parts []Part
	// WantFunctions are functions that the sender lacks, in ascending order.
	WantFunctions []uint64
	lent          bool
}

// Part is what a delta holds of one table.
type Part struct {
	Depth     int // of the table's zone
	Beats     []membership.Beat
	WantRows  []protocol.NodeID // send me these rows
	WantBeats []protocol.NodeID // I have these rows; send me their heartbeats
}

// Kind implements protocol.Message.
func (d *Delta) Kind() protocol.Kind { return wire.KindZoneDelta }

// Lent implements protocol.Message.
func (d *Delta) Lent() bool { return d.lent }

const (
	proofMax       = table.LinkSize
	deltaHeaderMax = 2 + protocol.NameMax + 10 + 3 + 1
	partHeaderMax  = 1 + 3*3
	rowOverhead    = 3 + 10 + 1 + proofMax // beside the row itself
)

func rowSize(u *membership.RowUpdate) int {
	return wire.BytesSize(u.Row.Size()) + wire.UvarintSize(u.Heartbeat) + wire.BytesSize(len(u.Proof))
}

func beatSize(b *membership.Beat) int { return b.Claim.Size() + wire.BytesSize(len(b.Proof)) }

// Size implements protocol.Message.
func (d *Delta) Size() int {
	size := wire.BytesSize(len(d.Zone)) + wire.UvarintSize(d.Echo) + wire.UvarintSize(uint64(len(d.Rows))) + 1 + 1 + 8*len(d.WantFunctions)
	for i := range d.Rows {
		size += rowSize(&d.Rows[i])
	}
	for i := range d.Parts {
		p := &d.Parts[i]
		size += 1 + wire.UvarintSize(uint64(len(p.Beats)))
		for j := range p.Beats {
			size += beatSize(&p.Beats[j])
		}
		size += wire.UvarintSize(uint64(len(p.WantRows))) + 8*len(p.WantRows)
		size += wire.UvarintSize(uint64(len(p.WantBeats))) + 8*len(p.WantBeats)
	}
	return size
}

// Append implements protocol.Message.
func (d *Delta) Append(b []byte) []byte {
	b = wire.AppendUvarint(wire.AppendBytes(b, d.Zone), d.Echo)
	b = wire.AppendUvarint(b, uint64(len(d.Rows)))
	for i := range d.Rows {
		u := &d.Rows[i]
		b = u.Row.Append(wire.AppendUvarint(b, uint64(u.Row.Size())))
		b = wire.AppendBytes(wire.AppendUvarint(b, u.Heartbeat), u.Proof)
	}
	b = append(b, byte(len(d.Parts)))
	for i := range d.Parts {
		p := &d.Parts[i]
		b = wire.AppendUvarint(append(b, byte(p.Depth)), uint64(len(p.Beats)))
		for j := range p.Beats {
			b = wire.AppendBytes(p.Beats[j].Claim.Append(b), p.Beats[j].Proof)
		}
		b = appendOwners(b, p.WantRows)
		b = appendOwners(b, p.WantBeats)
	}
	return appendFunctions(b, d.WantFunctions, true)
}

func appendOwners(b []byte, owners []protocol.NodeID) []byte {
	b = wire.AppendUvarint(b, uint64(len(owners)))
	for _, owner := range owners {
		b = wire.AppendFixed64(b, uint64(owner))
	}
	return b
}

// decode reads a delta in place of d, reusing its memory.
func (d *Delta) decode(body []byte) error {
	r := wire.NewReader(body)
	rows, parts := d.Rows[:0], d.Parts[:0]
	*d = Delta{Zone: readZone(&r), Echo: r.Uvarint(), lent: true, WantFunctions: d.WantFunctions[:0]}
	count := r.Count(wire.DatagramMax, 3)
	for range count {
		row, err := table.DecodeRow(r.Bytes(table.RowSizeMax))
		if err != nil {
			r.Fail(err)
		}
		rows = append(rows, membership.RowUpdate{Row: row, Heartbeat: r.Uvarint(), Proof: r.Bytes(proofMax)})
		if r.Err() != nil {
			break
		}
	}
	d.Rows = rows
	count = r.Count(DepthMax, 1+3)
	for range count {
		if len(parts) < cap(parts) {
			parts = parts[:len(parts)+1]
		} else {
			parts = append(parts, Part{})
		}
		parts[len(parts)-1].read(&r)
		if last := len(parts) - 2; last >= 0 && parts[last+1].Depth >= parts[last].Depth {
			r.Fail(table.ErrOrder)
		}
		if r.Err() != nil {
			break
		}
	}
	d.Parts = parts
	var told bool
	if d.WantFunctions, told = readFunctions(&r, d.WantFunctions); !told {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

func (p *Part) read(r *wire.Reader) {
	p.Depth = int(r.Byte())
	if p.Depth >= DepthMax {
		r.Fail(wire.ErrRange)
	}
	p.Beats = p.Beats[:0]
	count := r.Count(wire.DatagramMax, table.ClaimSizeMin+1)
	for range count {
		beat := membership.Beat{Claim: table.ReadClaim(r), Proof: r.Bytes(proofMax)}
		if r.Err() != nil {
			break
		}
		p.Beats = append(p.Beats, beat)
	}
	p.WantRows = readOwners(r, p.WantRows[:0])
	p.WantBeats = readOwners(r, p.WantBeats[:0])
}

func readOwners(r *wire.Reader, owners []protocol.NodeID) []protocol.NodeID {
	count := r.Count(wire.DatagramMax/8, 8)
	for range count {
		owners = append(owners, protocol.NodeID(r.Fixed64()))
	}
	return owners
}
