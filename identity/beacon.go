package identity

import (
	"cmp"
	"crypto/sha256"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// Times of beacons.
const (
	BeaconPeriod = 30 * time.Second
	// BeaconLife is the age from which on a beacon is stale: three of them were missed, and clocks differ by Skew.
	BeaconLife = 3*BeaconPeriod + Skew
)

// Beacon says which revocation list of an issuer is the latest at an instant, so that who is kept from new lists notices it.
type Beacon struct {
	Issuer    PublicKey
	Number    uint64            // of the list; 0 before the first
	Hash      [sha256.Size]byte // RevocationList.Hash of it; zero before the first
	Instant   Instant
	Fields    []Field // optional fields that this version does not know, in ascending order of tags
	Signature Signature
}

// NewBeacon signs a beacon for the issuer's latest list, or nil before the first. The error is an ErrMalformed or an ErrAuthority.
func NewBeacon(issuer PrivateKey, list *RevocationList, now Instant) (*Beacon, error) {
	b := &Beacon{Issuer: issuer.Public(), Instant: now}
	if list != nil {
		if list.Issuer != b.Issuer {
			return nil, &AuthorityError{Expected: b.Issuer.Fingerprint(), Found: list.Issuer.Fingerprint()}
		}
		b.Number, b.Hash = list.Number, list.Hash()
	}
	if err := b.Check(); err != nil {
		return nil, err
	}
	b.Signature = Sign(issuer, ContextBeacon, b.AppendSigned(nil))
	return b, nil
}

// Verify reports why the beacon cannot be believed at now: an error of Check, ErrSignature, or ErrNotYetValid when it comes from later than Skew allows.
func (b *Beacon) Verify(now Instant) error {
	if err := b.Check(); err != nil {
		return err
	}
	if b.Instant.Sub(now) > Skew {
		return &NotYetValidError{From: b.Instant, Now: now}
	}
	return Verify(b.Issuer, ContextBeacon, b.AppendSigned(nil), b.Signature)
}

// SignatureCheck returns the check of the signature, for who has it done elsewhere. The beacon has to pass Check.
func (b *Beacon) SignatureCheck() protocol.Check {
	return protocol.Check{PublicKey: b.Issuer[:], Context: ContextBeacon.String(), Message: b.AppendSigned(nil), Signature: b.Signature[:]}
}

// Stale reports whether the issuer has not been heard for longer than BeaconLife.
func (b *Beacon) Stale(now Instant) bool { return now.Sub(b.Instant) > BeaconLife }

// Missing reports whether the beacon tells of another list than the one held, nil for none, that is not older: it has to be fetched.
func (b *Beacon) Missing(held *RevocationList) bool {
	if held == nil {
		return b.Number > 0
	}
	return b.Number > held.Number || b.Number == held.Number && b.Hash != held.Hash()
}

// Compare orders beacons of one issuer: the later list and, for one list, the later instant is greater.
func (b *Beacon) Compare(c *Beacon) int {
	return cmp.Or(cmp.Compare(b.Number, c.Number), cmp.Compare(b.Instant, c.Instant))
}

// Check reports why the beacon cannot be encoded: ErrMalformed, ErrOrder, ErrTooLarge, ErrCritical or ErrWeakKey.
func (b *Beacon) Check() error {
	if checkInstant(b.Instant) != nil || (b.Number == 0) != (b.Hash == [sha256.Size]byte{}) {
		return ErrMalformed
	}
	if err := checkFields(b.Fields); err != nil {
		return err
	}
	return b.Issuer.Check()
}

// Append appends the encoding of the beacon to p.
func (b *Beacon) Append(p []byte) []byte { return append(b.AppendSigned(p), b.Signature[:]...) }

// AppendSigned appends the part of the encoding that the signature covers: all but the signature.
func (b *Beacon) AppendSigned(p []byte) []byte {
	p = append(appendHeader(p), b.Issuer[:]...)
	p = append(wire.AppendUvarint(p, b.Number), b.Hash[:]...)
	return appendFields(appendInstant(p, b.Instant), b.Fields)
}

// DecodeBeacon reads the encoding of one beacon, which must fill p. The beacon does not alias p, and its signature is not checked. The error is one of
// package wire or of Check, ErrVersion or ErrAlgorithm.
func DecodeBeacon(p []byte) (*Beacon, error) {
	in := wire.NewReader(p)
	readHeader(&in)
	b := &Beacon{}
	readArray(&in, b.Issuer[:])
	b.Number = in.Uvarint()
	readArray(&in, b.Hash[:])
	b.Instant, b.Fields = readInstant(&in), readFields(&in)
	readArray(&in, b.Signature[:])
	if err := in.Done(); err != nil {
		return nil, err
	}
	if err := b.Check(); err != nil {
		return nil, err
	}
	return b, nil
}
