package membership

import (
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// beaconSizeMax is the largest encoding of a beacon that is passed on, in bytes: one has 137, and optional fields come on top.
const beaconSizeMax = 512

// Beacon pushes an authority's beacon: which of its revocation lists is the latest, and when that was so.
type Beacon struct {
	Signed *identity.Beacon
	lent   bool
}

// Kind implements protocol.Message.
func (b *Beacon) Kind() protocol.Kind { return wire.KindBeacon }

// Lent implements protocol.Message. What Signed points to is not lent.
func (b *Beacon) Lent() bool { return b.lent }

// Size implements protocol.Message.
func (b *Beacon) Size() int { return len(b.Signed.Append(nil)) }

// Append implements protocol.Message.
func (b *Beacon) Append(p []byte) []byte { return b.Signed.Append(p) }

func (b *Beacon) decode(body []byte) (err error) {
	if len(body) > beaconSizeMax {
		return wire.ErrRange
	}
	*b = Beacon{lent: true}
	b.Signed, err = identity.DecodeBeacon(body)
	return err
}
