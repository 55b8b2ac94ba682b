package seal

import (
	"crypto/cipher"
	"encoding/binary"
)

// Sealer seals the datagrams of one direction.
type Sealer struct {
	aead  cipher.AEAD
	index uint32
	next  uint64 // counter of the next datagram
	limit uint64
	nonce nonce
}

// NewSealer returns a Sealer of datagrams for the session that the other end knows by index.
func NewSealer(key Key, index uint32) *Sealer {
	return &Sealer{aead: key.aead(), index: index, limit: PacketsMax, nonce: newNonce(key)}
}

// Seal appends to b the datagram that holds frames, which must not overlap the room behind b: HeaderSize and TagSize bytes more than the frames. The
// error is ErrExhausted, with b as it was.
func (s *Sealer) Seal(b, frames []byte) ([]byte, error) {
	if s.next >= s.limit {
		return b, ErrExhausted
	}
	start := len(b)
	b = append(b, Version)
	b = binary.BigEndian.AppendUint32(b, s.index)
	b = binary.BigEndian.AppendUint64(b, s.next)
	b = s.aead.Seal(b, s.nonce.of(s.next), frames, b[start:])
	s.next++
	return b, nil
}

// Sealed returns how many datagrams were sealed.
func (s *Sealer) Sealed() uint64 { return s.next }

// Stop makes every further Seal fail.
func (s *Sealer) Stop() { s.limit = 0 }

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
