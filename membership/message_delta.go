package membership

import (
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Delta brings rows and heartbeats, and asks for others. It answers a Digest, or what an earlier Delta asked for, or spreads a
// rumour.
type Delta struct {
	Answer bool   // answers the digest with the stamp Echo
	More   bool   // the sender holds more rows that the receiver lacks than it could send now
	Rumour bool   // the rows are news, to be passed on by whom they are news to
	Echo   uint64 // 0 unless Answer

	Evidence  Evidence
	Rows      []RowUpdate
	Beats     []Beat
	WantRows  []protocol.NodeID // send me these rows
	WantBeats []protocol.NodeID // I have these rows; send me their heartbeats
	lent      bool
}

// RowUpdate is a row with its heartbeat. The Row is not lent, even where the Delta is.
type RowUpdate struct {
	Row       *table.Row
	Heartbeat uint64
	Proof     []byte
}

// Beat is a heartbeat without its row.
type Beat struct {
	table.Claim
	Proof []byte
}

// Flags of a delta.
const (
	flagAnswer = 1 << 0
	flagMore   = 1 << 1
	flagRumour = 1 << 2
)

// Kind implements protocol.Message.
func (d *Delta) Kind() protocol.Kind { return wire.KindTableDelta }

// Lent implements protocol.Message.
func (d *Delta) Lent() bool { return d.lent }

func (u *RowUpdate) size() int {
	return wire.BytesSize(u.Row.Size()) + wire.UvarintSize(u.Heartbeat) + wire.BytesSize(len(u.Proof))
}

func (b *Beat) size() int { return b.Claim.Size() + wire.BytesSize(len(b.Proof)) }

// deltaHeaderMax is the most that a delta takes beside its entries, in bytes.
const deltaHeaderMax = 1 + 10 + 4*10 + 1 + proofMax + 4*3

// Size implements protocol.Message.
func (d *Delta) Size() int {
	size := 1 + wire.UvarintSize(d.Echo) + d.Evidence.size()
	size += wire.UvarintSize(uint64(len(d.Rows))) + wire.UvarintSize(uint64(len(d.Beats)))
	for i := range d.Rows {
		size += d.Rows[i].size()
	}
	for i := range d.Beats {
		size += d.Beats[i].size()
	}
	size += wire.UvarintSize(uint64(len(d.WantRows))) + 8*len(d.WantRows)
	return size + wire.UvarintSize(uint64(len(d.WantBeats))) + 8*len(d.WantBeats)
}

// Append implements protocol.Message.
func (d *Delta) Append(b []byte) []byte {
	b = append(b, d.flags())
	b = wire.AppendUvarint(b, d.Echo)
	b = d.Evidence.append(b)
	b = wire.AppendUvarint(b, uint64(len(d.Rows)))
	for i := range d.Rows {
		u := &d.Rows[i]
		b = wire.AppendUvarint(b, uint64(u.Row.Size()))
		b = u.Row.Append(b)
		b = wire.AppendUvarint(b, u.Heartbeat)
		b = wire.AppendBytes(b, u.Proof)
	}
	b = wire.AppendUvarint(b, uint64(len(d.Beats)))
	for i := range d.Beats {
		b = d.Beats[i].Claim.Append(b)
		b = wire.AppendBytes(b, d.Beats[i].Proof)
	}
	b = appendOwners(b, d.WantRows)
	return appendOwners(b, d.WantBeats)
}

func (d *Delta) flags() (flags byte) {
	if d.Answer {
		flags |= flagAnswer
	}
	if d.More {
		flags |= flagMore
	}
	if d.Rumour {
		flags |= flagRumour
	}
	return flags
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
	flags := r.Byte()
	*d = Delta{
		Answer: flags&flagAnswer != 0, More: flags&flagMore != 0, Rumour: flags&flagRumour != 0,
		Rows: d.Rows[:0], Beats: d.Beats[:0], WantRows: d.WantRows[:0], WantBeats: d.WantBeats[:0], lent: true,
	}
	d.Echo = r.Uvarint()
	if flags > flagAnswer|flagMore|flagRumour || !d.Answer && d.Echo != 0 {
		r.Fail(wire.ErrRange)
	}
	d.Evidence = readEvidence(&r)
	d.readRows(&r)
	d.readBeats(&r)
	d.WantRows = readOwners(&r, d.WantRows)
	d.WantBeats = readOwners(&r, d.WantBeats)
	return r.Done()
}

func (d *Delta) readRows(r *wire.Reader) {
	count := r.Count(wire.DatagramMax, 3)
	for range count {
		encoded := r.Bytes(table.RowSizeMax)
		heartbeat, proof := r.Uvarint(), r.Bytes(proofMax)
		if r.Err() != nil {
			return
		}
		row, err := table.DecodeRow(encoded)
		if err != nil {
			r.Fail(err)
			return
		}
		d.Rows = append(d.Rows, RowUpdate{Row: row, Heartbeat: heartbeat, Proof: proof})
	}
}

func (d *Delta) readBeats(r *wire.Reader) {
	count := r.Count(wire.DatagramMax, table.ClaimSizeMin+1)
	for range count {
		beat := Beat{Claim: table.ReadClaim(r), Proof: r.Bytes(proofMax)}
		if r.Err() != nil {
			return
		}
		d.Beats = append(d.Beats, beat)
	}
}

func readOwners(r *wire.Reader, owners []protocol.NodeID) []protocol.NodeID {
	count := r.Count(wire.DatagramMax, 8)
	for range count {
		owner := protocol.NodeID(r.Fixed64())
		if owner == 0 {
			r.Fail(wire.ErrRange)
		}
		owners = append(owners, owner)
	}
	return owners
}
