package seal

import (
	"crypto/cipher"
	"encoding/binary"
)

// Sealer seals the datagrams of one direction.
type Sealer struct {
	counted
	index uint32
}

// NewSealer returns a Sealer of datagrams for the session that the other end knows by index.
func NewSealer(key Key, index uint32) *Sealer {
	return &Sealer{counted: newCounted(key), index: index}
}

// Seal appends to b the datagram that holds frames, which must not overlap the room behind b: HeaderSize and TagSize bytes more than the frames. The
// error is ErrExhausted, with b as it was.
func (s *Sealer) Seal(b, frames []byte) ([]byte, error) {
	if s.next >= PacketsMax {
		return b, ErrExhausted
	}
	start := len(b)
	b = append(b, Version)
	b = binary.BigEndian.AppendUint32(b, s.index)
	b = binary.BigEndian.AppendUint64(b, s.next)
	return s.seal(b, start, frames), nil
}

// counted seals by one key and counts.
type counted struct {
	aead  cipher.AEAD
	next  uint64 // counter of the next datagram
	nonce nonce
}

func newCounted(key Key) counted { return counted{aead: key.aead(), nonce: newNonce(key)} }

// seal appends frames to a header that begins at start and holds the counter.
func (c *counted) seal(b []byte, start int, frames []byte) []byte {
	b = c.aead.Seal(b, c.nonce.of(c.next), frames, b[start:])
	c.next++
	return b
}

// Sealed returns how many datagrams were sealed.
func (c *counted) Sealed() uint64 { return c.next }

// nonce makes the nonces of a key from counters.
type nonce struct {
	mask  uint64
	bytes [nonceSize]byte
}

func newNonce(k Key) nonce {
	return nonce{mask: binary.BigEndian.Uint64(k.mask[nonceSize-8:]), bytes: k.mask}
}

// of returns the nonce of a counter. It is good until the next call.
func (n *nonce) of(counter uint64) []byte {
	binary.BigEndian.PutUint64(n.bytes[nonceSize-8:], n.mask^counter)
	return n.bytes[:]
}
