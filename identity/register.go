package identity

import (
	"cmp"
	"errors"
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of registers.
const (
	RegisterMax     = 1 << 16 // certificates that have not expired
	RegisterSizeMax = RegisterMax * (2*protocol.NameMax + 128)
)

// ErrRegisterFull says that an issuer has as many certificates out as it can remember.
var ErrRegisterFull = errors.New("as many certificates are out as an issuer's register can hold; make more zones, or shorter lives")

// Issued is what an issuer remembers of a certificate.
type Issued struct {
	Serial  uint64
	Kind    Kind
	Name    string
	Scope   string
	NodeID  protocol.NodeID
	Key     PublicKey
	Members uint64 // of the quota that it takes: 1 for a member, its own quota for a zone

	NotBefore, NotAfter Instant
}

// Register is what an issuer remembers of the certificates that it issued, until they expire or are renewed. The zero value is empty.
type Register struct {
	issued []Issued // by serial
}

func (r *Register) find(serial uint64) (int, bool) {
	return slices.BinarySearchFunc(r.issued, serial, func(i Issued, serial uint64) int { return cmp.Compare(i.Serial, serial) })
}

// add takes in a certificate whose serial is not in the register. What the same key had for the same before and is no longer needed for the account goes, so that
// whoever asks again and again does not fill the register; functions have no key, and stay. Only for want of room does it drop what has expired: a clock that was
// wrong for a while would take the memory away for good.
func (r *Register) add(c *Certificate, now Instant) error {
	entry := issuedOf(c)
	r.issued = slices.DeleteFunc(r.issued, func(i Issued) bool { return entry.replaces(&i) })
	if len(r.issued) >= RegisterMax && r.Expire(now) == 0 {
		return ErrRegisterFull
	}
	i, _ := r.find(c.Serial)
	r.issued = slices.Insert(r.issued, i, entry)
	return nil
}

func issuedOf(c *Certificate) Issued {
	entry := Issued{
		Serial: c.Serial, Kind: c.Kind, Name: c.Name, Scope: c.Scope, NodeID: c.NodeID, Key: c.Key, NotBefore: c.NotBefore, NotAfter: c.NotAfter,
	}
	switch c.Kind {
	case KindMember:
		entry.Members = 1
	case KindZone:
		entry.Members = c.Quotas.Members
	}
	return entry
}

// replaces reports whether i says all of j that accounts need: it is of the same key for the same, and neither ends earlier nor takes less.
func (i *Issued) replaces(j *Issued) bool {
	return i.Kind != KindFunction && i.Kind == j.Kind && i.Key == j.Key && i.Name == j.Name && i.Scope == j.Scope && i.NodeID == j.NodeID &&
		i.NotAfter >= j.NotAfter && i.Members >= j.Members
}

// All returns the entries in ascending order of serials.
func (r *Register) All() []Issued { return slices.Clone(r.issued) }

// Live reports whether somebody may take the certificate for good at now. Grace counts, whatever it is, up to GraceMax.
func (i *Issued) Live(now Instant) bool { return now.Sub(i.NotAfter) <= GraceMax+Skew }

// Expire drops the certificates that are not live at now, and returns how many.
func (r *Register) Expire(now Instant) int {
	before := len(r.issued)
	r.issued = slices.DeleteFunc(r.issued, func(i Issued) bool { return !i.Live(now) })
	return before - len(r.issued)
}

// members returns how many members are accounted for at now when the named subject takes as many as it wants. Of several certificates of one subject the largest
// counts.
func (r *Register) members(subject string, wanted uint64, now Instant) uint64 {
	counted := map[string]uint64{subject: wanted}
	sum := wanted
	for i := range r.issued {
		entry := &r.issued[i]
		if before := counted[entry.subject()]; entry.Members > before && entry.Live(now) {
			counted[entry.subject()] = entry.Members
			sum += entry.Members - before
		}
	}
	return sum
}

func (i *Issued) subject() string { return subjectText(i.Kind, i.Name) }

func subjectText(kind Kind, name string) string { return kind.String() + " " + name }

// Append appends the encoding of the register to b, for keeping it.
func (r *Register) Append(b []byte) []byte {
	b = wire.AppendUvarint(append(b, formatVersion), uint64(len(r.issued)))
	for i := range r.issued {
		entry := &r.issued[i]
		b = append(wire.AppendFixed64(b, entry.Serial), byte(entry.Kind))
		b = wire.AppendBytes(wire.AppendBytes(b, entry.Name), entry.Scope)
		b = append(wire.AppendFixed64(b, uint64(entry.NodeID)), entry.Key[:]...)
		b = wire.AppendUvarint(b, entry.Members)
		b = appendInstant(appendInstant(b, entry.NotBefore), entry.NotAfter)
	}
	return appendChecksum(b)
}

// DecodeRegister reads the encoding of a register, which must fill b. The error is one of package wire, ErrVersion, ErrDamaged, ErrMalformed, ErrOrder or
// ErrTooLarge.
func DecodeRegister(b []byte) (*Register, error) {
	if len(b) > RegisterSizeMax {
		return nil, ErrTooLarge
	}
	in, err := readChecked(b)
	if err != nil {
		return nil, err
	}
	r := &Register{}
	for range in.Count(RegisterMax, 8+1+2+8+KeySize+3) {
		entry := Issued{Serial: in.Fixed64(), Kind: Kind(in.Byte())}
		entry.Name, entry.Scope = string(in.Bytes(protocol.NameMax)), string(in.Bytes(protocol.NameMax))
		entry.NodeID = protocol.NodeID(in.Fixed64())
		readArray(&in, entry.Key[:])
		entry.Members = in.UvarintMax(QuotaMembersMax)
		entry.NotBefore, entry.NotAfter = readInstant(&in), readInstant(&in)
		if in.Err() != nil {
			break
		}
		if !entry.Kind.known() || entry.Serial == 0 {
			return nil, ErrMalformed
		}
		if last := len(r.issued) - 1; last >= 0 && entry.Serial <= r.issued[last].Serial {
			return nil, ErrOrder
		}
		r.issued = append(r.issued, entry)
	}
	if err := in.Done(); err != nil {
		return nil, err
	}
	return r, nil
}
