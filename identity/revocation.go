package identity

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of revocation lists.
const (
	RevocationsMax        = 256   // entries of one list
	RevocationListSizeMax = 16384 // bytes
)

// Revocation takes certificates back: those of a key, or one by its serial. It applies to chains that pass through the certificate of the list's
// issuer, to what comes after that.
type Revocation struct {
	// Key, unless zero, revokes all certificates for the key and all that it issued, if their NotBefore is earlier than Before. InstantMax revokes the
	// key for ever. Who stole an issuer's key dates what it signs as it likes: take InstantMax then.
	Key    PublicKey
	Before Instant
	// Serial, if Key is zero, revokes the certificate of this serial that the list's issuer issued.
	Serial uint64
	// Until is when all that the entry matches has expired, grace included, so that it can be left out.
	Until Instant
}

// String says what is revoked.
func (r Revocation) String() string {
	if r.Key == (PublicKey{}) {
		return fmt.Sprintf("serial %016x", r.Serial)
	}
	if r.Before == InstantMax {
		return fmt.Sprintf("key with the fingerprint %s, for ever", r.Key.Fingerprint())
	}
	return fmt.Sprintf("key with the fingerprint %s, for what was issued before %s", r.Key.Fingerprint(), r.Before)
}

// matches reports whether the revocation, in a list of issuer, is of the certificate.
func (r Revocation) matches(issuer PublicKey, c *Certificate) bool {
	if r.Key == (PublicKey{}) {
		return c.Serial == r.Serial && c.Issuer == issuer
	}
	return (c.Key == r.Key || c.Issuer == r.Key) && c.NotBefore < r.Before
}

func (r Revocation) check() error {
	byKey := r.Key != PublicKey{}
	if byKey == (r.Serial != 0) || byKey != (r.Before != 0) || checkInstant(r.Before) != nil || checkInstant(r.Until) != nil {
		return ErrMalformed
	}
	if byKey {
		return r.Key.Check()
	}
	return nil
}

// compareRevocations orders by keys, then serials; those by serial, whose keys are zero, come first.
func compareRevocations(r, s Revocation) int {
	return cmp.Or(bytes.Compare(r.Key[:], s.Key[:]), cmp.Compare(r.Serial, s.Serial))
}

// RevocationList is all that one issuer revokes. Its number grows with each; the greatest holds. It is immutable once it is signed.
type RevocationList struct {
	Issuer    PublicKey // a zone's key
	Number    uint64    // from 1
	Issued    Instant
	Entries   []Revocation // see NewRevocationList
	Fields    []Field      // optional fields that this version does not know, in ascending order of tags
	Signature Signature
}

// NewRevocationList signs a list. Entries may be in any order; of two for one key the later Before and Until count. The error is an ErrTooLarge,
// ErrMalformed or ErrWeakKey.
func NewRevocationList(issuer PrivateKey, number uint64, now Instant, entries ...Revocation) (*RevocationList, error) {
	list := &RevocationList{Issuer: issuer.Public(), Number: number, Issued: now, Entries: normalRevocations(entries)}
	if err := list.Check(); err != nil {
		return nil, err
	}
	list.Signature = SignStatement(issuer, ContextRevocation, 0, number, list.AppendSigned(nil)).Signature
	return list, nil
}

func normalRevocations(entries []Revocation) (normal []Revocation) {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, compareRevocations)
	for _, entry := range sorted {
		if last := len(normal) - 1; last >= 0 && compareRevocations(normal[last], entry) == 0 {
			normal[last].Before = max(normal[last].Before, entry.Before)
			normal[last].Until = max(normal[last].Until, entry.Until)
			continue
		}
		normal = append(normal, entry)
	}
	return normal
}

// Hash names the list by what it says, not by its signature.
func (l *RevocationList) Hash() [sha256.Size]byte { return sha256.Sum256(l.AppendSigned(nil)) }

// Verify reports why the list cannot be believed: an error of Check, or ErrSignature. That its issuer has anything to say is found with chains.
func (l *RevocationList) Verify() error {
	if err := l.Check(); err != nil {
		return err
	}
	statement := l.statement()
	return statement.Verify()
}

// SignatureCheck returns the check of the signature, for who has it done elsewhere.
func (l *RevocationList) SignatureCheck() protocol.Check {
	statement := l.statement()
	return statement.SignatureCheck()
}

func (l *RevocationList) statement() Statement {
	return Statement{Author: l.Issuer, Context: ContextRevocation, Sequence: l.Number, Digest: l.Hash(), Signature: l.Signature}
}

// Compare orders lists of one issuer by number and, within one number, by what they say; 0 says that they are the same.
func (l *RevocationList) Compare(m *RevocationList) int {
	if l == m {
		return 0
	}
	return cmp.Or(cmp.Compare(l.Number, m.Number), bytes.Compare(l.AppendSigned(nil), m.AppendSigned(nil)))
}

// Live returns the entries that can still match something at now.
func (l *RevocationList) Live(now Instant) []Revocation {
	return slices.DeleteFunc(slices.Clone(l.Entries), func(r Revocation) bool { return now > r.Until })
}

// Check reports why the list cannot be encoded: ErrMalformed, ErrOrder, ErrTooLarge, ErrWeakKey or ErrCritical.
func (l *RevocationList) Check() error {
	if l.Number == 0 || checkInstant(l.Issued) != nil {
		return ErrMalformed
	}
	if len(l.Entries) > RevocationsMax {
		return fmt.Errorf("revocation list of %d entries, the limit is %d: %w", len(l.Entries), RevocationsMax, ErrTooLarge)
	}
	for i := range l.Entries {
		if err := l.Entries[i].check(); err != nil {
			return err
		}
		if i > 0 && compareRevocations(l.Entries[i-1], l.Entries[i]) >= 0 {
			return ErrOrder
		}
	}
	if err := checkFields(l.Fields); err != nil {
		return err
	}
	return l.Issuer.Check()
}

// Append appends the encoding of the list to b.
func (l *RevocationList) Append(b []byte) []byte { return append(l.AppendSigned(b), l.Signature[:]...) }

// AppendSigned appends the part of the encoding that the signature covers: all but the signature.
func (l *RevocationList) AppendSigned(b []byte) []byte {
	b = append(appendHeader(b), l.Issuer[:]...)
	b = appendInstant(wire.AppendUvarint(b, l.Number), l.Issued)
	b = wire.AppendUvarint(b, uint64(len(l.Entries)))
	for i := range l.Entries {
		b = l.Entries[i].append(b)
	}
	return appendFields(b, l.Fields)
}

// What an entry begins with.
const (
	revokeSerial = 1
	revokeKey    = 2
)

func (r Revocation) append(b []byte) []byte {
	if r.Key == (PublicKey{}) {
		return appendInstant(wire.AppendFixed64(append(b, revokeSerial), r.Serial), r.Until)
	}
	b = append(append(b, revokeKey), r.Key[:]...)
	return appendInstant(appendInstant(b, r.Before), r.Until)
}

func readRevocation(in *wire.Reader) (r Revocation) {
	switch kind := in.Byte(); {
	case kind == revokeSerial:
		r.Serial = in.Fixed64()
	case kind == revokeKey:
		readArray(in, r.Key[:])
		r.Before = readInstant(in)
	case in.Err() == nil:
		in.Fail(ErrMalformed)
	}
	r.Until = readInstant(in)
	return r
}

// DecodeRevocationList reads the encoding of one list, which must fill b. The list does not alias b, and its signature is not checked. The error is one
// of package wire or of Check, ErrVersion or ErrAlgorithm.
func DecodeRevocationList(b []byte) (*RevocationList, error) {
	if len(b) > RevocationListSizeMax {
		return nil, ErrTooLarge
	}
	in := wire.NewReader(b)
	readHeader(&in)
	l := &RevocationList{}
	readArray(&in, l.Issuer[:])
	l.Number, l.Issued = in.Uvarint(), readInstant(&in)
	for range in.Count(RevocationsMax, 10) {
		entry := readRevocation(&in)
		if in.Err() != nil {
			break
		}
		l.Entries = append(l.Entries, entry)
	}
	l.Fields = readFields(&in)
	readArray(&in, l.Signature[:])
	if err := in.Done(); err != nil {
		return nil, err
	}
	if err := l.Check(); err != nil {
		return nil, err
	}
	return l, nil
}
