package membership

import (
	"spinglass/table"
	"spinglass/wire"
)

// proofMax is the longest proof of a heartbeat that is carried, in bytes.
const proofMax = 32

// Evidence is the own version that every message of a member carries: that it arrives is a sign of life, and the
// heartbeat is news from its source.
type Evidence struct {
	table.Version
	Proof []byte // link of the heartbeat; empty when heartbeats are not proven
}

func (e *Evidence) size() int {
	return wire.UvarintSize(e.Epoch) + wire.UvarintSize(e.Sequence) + wire.UvarintSize(e.Heartbeat) + wire.BytesSize(len(e.Proof))
}

func (e *Evidence) append(b []byte) []byte {
	b = wire.AppendUvarint(b, e.Epoch)
	b = wire.AppendUvarint(b, e.Sequence)
	b = wire.AppendUvarint(b, e.Heartbeat)
	return wire.AppendBytes(b, e.Proof)
}

func readEvidence(r *wire.Reader) Evidence {
	var e Evidence
	e.Epoch = r.UvarintMax(table.EpochMax)
	e.Sequence = r.Uvarint()
	e.Heartbeat = r.Uvarint()
	e.Proof = r.Bytes(proofMax)
	if r.Err() == nil && (e.Epoch == 0 || e.Sequence == 0) {
		r.Fail(wire.ErrRange)
	}
	return e
}
