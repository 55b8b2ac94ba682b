package wire

import (
	"encoding/binary"
	"errors"
)

// Errors of decoding. They are values, so that rejecting garbage allocates nothing.
var (
	ErrShort     = errors.New("wire: input ends inside a value")
	ErrTrailing  = errors.New("wire: bytes after the last value")
	ErrVarint    = errors.New("wire: integer not in its shortest form or too large")
	ErrRange     = errors.New("wire: value out of range")
	ErrVersion   = errors.New("wire: unknown version")
	ErrChecksum  = errors.New("wire: checksum does not match")
	ErrRecord    = errors.New("wire: malformed record")
	ErrOversized = errors.New("wire: exceeds its limit")
	ErrKind      = errors.New("wire: unknown kind of frame")
)

// Reader takes values off a byte slice. After the first error every further call returns zero, and Err tells the first error; so
// a decoder reads all its fields and checks once.
type Reader struct {
	rest []byte
	err  error
}

// NewReader returns a Reader of b, which it aliases.
func NewReader(b []byte) Reader { return Reader{rest: b} }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Len returns the number of bytes left.
func (r *Reader) Len() int { return len(r.rest) }

// Fail records an error found by the caller, unless there is one already.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

// Done returns the first error, or ErrTrailing when bytes are left.
func (r *Reader) Done() error {
	if r.err == nil && len(r.rest) > 0 {
		r.err = ErrTrailing
	}
	return r.err
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.rest) == 0 {
		r.Fail(ErrShort)
		return 0
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return v
}

// Uvarint reads an integer in its shortest form.
func (r *Reader) Uvarint() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		v := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.rest)
	switch {
	case n == 0:
		r.Fail(ErrShort)
		return 0
	case n < 0 || r.rest[n-1] == 0:
		r.Fail(ErrVarint)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// UvarintMax reads an integer of at most max.
func (r *Reader) UvarintMax(max uint64) uint64 {
	v := r.Uvarint()
	if v > max {
		r.Fail(ErrRange)
		return 0
	}
	return v
}

// Uint32 reads an integer below 2^32.
func (r *Reader) Uint32() uint32 { return uint32(r.UvarintMax(1<<32 - 1)) }

// Bool reads one byte that is 0 or 1.
func (r *Reader) Bool() bool {
	v := r.Byte()
	if v > 1 {
		r.Fail(ErrRange)
	}
	return v == 1
}

// Count reads how many elements follow: at most max, and no more than the remaining bytes can hold at size bytes (1 or more) each.
func (r *Reader) Count(max, size int) int {
	v := r.UvarintMax(uint64(max))
	if v > uint64(len(r.rest)/size) {
		r.Fail(ErrShort)
		return 0
	}
	return int(v)
}

// Fixed64 reads eight bytes, most significant first.
func (r *Reader) Fixed64() uint64 {
	if len(r.rest) < 8 {
		r.Fail(ErrShort)
		return 0
	}
	v := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return v
}

// Nonzero64 reads eight bytes, as Fixed64 does, that are not all zero, such as an identifier.
func (r *Reader) Nonzero64() uint64 {
	v := r.Fixed64()
	if v == 0 {
		r.Fail(ErrRange)
	}
	return v
}

// Take reads n bytes, aliased.
func (r *Reader) Take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.Fail(ErrShort)
		return nil
	}
	v := r.rest[:n:n]
	r.rest = r.rest[n:]
	return v
}

// Bytes reads a length of at most max and as many bytes, aliased.
func (r *Reader) Bytes(max int) []byte {
	return r.Take(int(r.UvarintMax(uint64(max))))
}

// Rest takes all that is left, aliased.
func (r *Reader) Rest() []byte { return r.Take(len(r.rest)) }
