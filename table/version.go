package table

import (
	"cmp"

	"spinglass/protocol"
	"spinglass/wire"
)

// EpochMax is the greatest epoch that is accepted from others. A boot counter does not come near it; the bound leaves room to go
// above an epoch that somebody else put into circulation.
const EpochMax = 1 << 48

// Version orders what a member says of itself. The order is (epoch, sequence, heartbeat) and never wall
// time, so that no member's clock has to be right.
type Version struct {
	Epoch     uint64 // boot counter of the owner, 1 or more
	Sequence  uint64 // changes of the row within the epoch, 1 or more
	Heartbeat uint64 // signs of life since the row last changed
}

// Compare returns -1, 0 or 1 as v is older than, equal to or newer than w.
func (v Version) Compare(w Version) int {
	if c := v.CompareRow(w); c != 0 {
		return c
	}
	return cmp.Compare(v.Heartbeat, w.Heartbeat)
}

// CompareRow compares without the heartbeats: 0 says that both stand for the same content.
func (v Version) CompareRow(w Version) int {
	if c := cmp.Compare(v.Epoch, w.Epoch); c != 0 {
		return c
	}
	return cmp.Compare(v.Sequence, w.Sequence)
}

// Claim says that somebody holds the row of Owner in Version.
type Claim struct {
	Owner protocol.NodeID
	Version
}

// ClaimSizeTypical is the number of bytes that a claim takes while epoch and sequence are small, for planning.
const ClaimSizeTypical = 12

// Size returns the number of bytes that Append adds.
func (c Claim) Size() int {
	return 8 + wire.UvarintSize(c.Epoch) + wire.UvarintSize(c.Sequence) + wire.UvarintSize(c.Heartbeat)
}

// Append appends the encoding of the claim to b.
func (c Claim) Append(b []byte) []byte {
	b = wire.AppendFixed64(b, uint64(c.Owner))
	b = wire.AppendUvarint(b, c.Epoch)
	b = wire.AppendUvarint(b, c.Sequence)
	return wire.AppendUvarint(b, c.Heartbeat)
}

// ClaimSizeMin is the smallest encoding of a claim, in bytes.
const ClaimSizeMin = 8 + 3

// ReadClaim takes a claim off r. Nobody (owner zero) and epochs and sequences out of range are errors.
func ReadClaim(r *wire.Reader) Claim {
	c := Claim{Owner: protocol.NodeID(r.Fixed64())}
	c.Epoch = r.UvarintMax(EpochMax)
	c.Sequence = r.Uvarint()
	c.Heartbeat = r.Uvarint()
	if r.Err() == nil && (c.Owner == 0 || c.Epoch == 0 || c.Sequence == 0) {
		r.Fail(wire.ErrRange)
	}
	return c
}
