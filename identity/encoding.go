package identity

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"spinglass/wire"
)

// What every signed encoding begins with.
const (
	formatVersion    = 1
	algorithmEd25519 = 1
)

// Limits of optional fields.
const (
	FieldsMax    = 8
	FieldSizeMax = 256 // bytes
)

// Field is an optional field that this version does not know. Its tag is odd: those with even tags have to be understood, so that what carries one is
// refused. Signatures cover it, so it is carried along, and otherwise ignored.
type Field struct {
	Tag   uint64
	Value []byte
}

func appendHeader(b []byte) []byte { return append(b, formatVersion, algorithmEd25519) }

func readHeader(in *wire.Reader) {
	if version := in.Byte(); in.Err() == nil && version != formatVersion {
		in.Fail(&VersionError{version})
	}
	if algorithm := in.Byte(); in.Err() == nil && algorithm != algorithmEd25519 {
		in.Fail(&AlgorithmError{algorithm})
	}
}

func appendFields(b []byte, fields []Field) []byte {
	b = wire.AppendUvarint(b, uint64(len(fields)))
	for i := range fields {
		b = wire.AppendBytes(wire.AppendUvarint(b, fields[i].Tag), fields[i].Value)
	}
	return b
}

func readFields(in *wire.Reader) (fields []Field) {
	for range in.Count(FieldsMax, 2) {
		tag, value := in.Uvarint(), in.Bytes(FieldSizeMax)
		if in.Err() != nil {
			return nil
		}
		fields = append(fields, Field{Tag: tag, Value: append([]byte(nil), value...)})
	}
	return fields
}

// checkFields reports an ErrCritical, ErrOrder or ErrTooLarge.
func checkFields(fields []Field) error {
	if len(fields) > FieldsMax {
		return ErrTooLarge
	}
	for i := range fields {
		switch {
		case fields[i].Tag%2 == 0:
			return &CriticalError{fields[i].Tag}
		case i > 0 && fields[i].Tag <= fields[i-1].Tag:
			return ErrOrder
		case len(fields[i].Value) > FieldSizeMax:
			return ErrTooLarge
		}
	}
	return nil
}

func appendInstant(b []byte, t Instant) []byte { return wire.AppendUvarint(b, uint64(t)) }

func readInstant(in *wire.Reader) Instant { return Instant(in.UvarintMax(uint64(InstantMax))) }

func checkInstant(t Instant) error {
	if t < 0 || t > InstantMax {
		return ErrMalformed
	}
	return nil
}

// readArray fills into, unless the input ends before.
func readArray(in *wire.Reader, into []byte) { copy(into, in.Take(len(into))) }

// checksumSize is that of files that nobody signs: they are kept, not sent, and the checksum finds damage only.
const checksumSize = 8

// ErrDamaged says that a file does not have the checksum that it had when it was written.
var ErrDamaged = errors.New("checksum does not match: the file is damaged")

// appendChecksum appends the checksum of all of b.
func appendChecksum(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:checksumSize]...)
}

// readChecked returns a reader of what stands between the version and the checksum of a file.
func readChecked(b []byte) (wire.Reader, error) {
	if len(b) < 1+checksumSize {
		return wire.Reader{}, wire.ErrShort
	}
	if b[0] != formatVersion {
		return wire.Reader{}, &VersionError{b[0]}
	}
	content, sum := b[:len(b)-checksumSize], b[len(b)-checksumSize:]
	if want := sha256.Sum256(content); !bytes.Equal(want[:checksumSize], sum) {
		return wire.Reader{}, ErrDamaged
	}
	return wire.NewReader(content[1:]), nil
}
