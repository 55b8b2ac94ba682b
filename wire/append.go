package wire

import (
	"encoding/binary"
	"math/bits"
)

// AppendUvarint appends v in base 128, least significant group first.
func AppendUvarint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// UvarintSize returns the number of bytes that AppendUvarint adds for v, 1 to 10.
func UvarintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// AppendFixed64 appends v in eight bytes, most significant first.
func AppendFixed64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// AppendBytes appends the length of p and p.
func AppendBytes[T ~string | ~[]byte](b []byte, p T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

// BytesSize returns the number of bytes that AppendBytes adds for a p of n bytes.
func BytesSize(n int) int { return UvarintSize(uint64(n)) + n }
