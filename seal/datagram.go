package seal

import (
	"encoding/binary"
	"errors"

	"spinglass/wire"
)

// Version is the first byte of every sealed datagram.
const Version = 2

// Sizes of a sealed datagram's parts, in bytes.
const (
	HeaderSize = 1 + 4 + 8 // as that of an open one, wire.HeaderSize
	TagSize    = 16
	SizeMin    = HeaderSize + TagSize
)

// PacketsMax is how many datagrams one key seals. AES-GCM with counted nonces would be safe for more; a session does not last that long.
const PacketsMax = 1 << 32

// Errors of sealing and opening. They are values, so that refusing garbage allocates nothing.
var (
	ErrExhausted = errors.New("seal: the key has sealed as many datagrams as it may")
	ErrForged    = errors.New("seal: not sealed by the other end of the session")
	ErrReplayed  = errors.New("seal: opened before, or too old to tell")
)

// Index returns the receiver's index of the session of a sealed datagram, and looks at nothing else but its size and version. The error is
// wire.ErrShort or wire.ErrVersion.
func Index(datagram []byte) (uint32, error) {
	if len(datagram) < SizeMin {
		return 0, wire.ErrShort
	}
	if datagram[0] != Version {
		return 0, wire.ErrVersion
	}
	return binary.BigEndian.Uint32(datagram[1:5]), nil
}

// Counter returns the number of a datagram that Index has passed.
func Counter(datagram []byte) uint64 { return binary.BigEndian.Uint64(datagram[5:HeaderSize]) }
