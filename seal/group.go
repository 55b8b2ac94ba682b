package seal

import (
	"encoding/binary"

	"spinglass/protocol"
	"spinglass/wire"
)

// Versions of datagrams for a group. Which one it is tells the keys of a sender apart of which one takes the place of the other.
const (
	versionGroup      = 4 // of keys of even generations
	versionGroupOther = 5 // of odd ones
)

// GroupKey is what a sender gives to all who may hear what it sends to groups. Each of them could seal by it, too: who has the key is trusted not to.
type GroupKey struct {
	Generation uint64 // the sender's number of the key
	Secret     [SecretSize]byte
}

// labelGroup is fixed for good.
const labelGroup = "spinglass 1 datagrams to groups"

func (k GroupKey) derive() (Key, error) { return deriveKey(k.Secret[:], labelGroup) }

// GroupSealer seals what one sender sends to groups.
type GroupSealer struct {
	counted
	header [1 + 8]byte
}

// NewGroupSealer returns a GroupSealer of the sender's own key, which must not be used by another one.
func NewGroupSealer(k GroupKey, sender protocol.NodeID) (*GroupSealer, error) {
	key, err := k.derive()
	if err != nil {
		return nil, err
	}
	s := &GroupSealer{counted: newCounted(key)}
	s.header[0] = versionGroup + byte(k.Generation%2)
	binary.BigEndian.PutUint64(s.header[1:], uint64(sender))
	return s, nil
}

// Seal is as that of a Sealer.
func (s *GroupSealer) Seal(b, frames []byte) ([]byte, error) {
	if s.next >= PacketsMax {
		return b, ErrExhausted
	}
	start := len(b)
	b = append(b, s.header[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.next))
	return s.seal(b, start, frames), nil
}

// Group returns who claims to have sent a datagram to a group, and whether by a key of an odd generation. The error is wire.ErrShort, wire.ErrVersion
// or wire.ErrRange.
func Group(datagram []byte) (sender protocol.NodeID, odd bool, err error) {
	if len(datagram) < SizeMin {
		return 0, false, wire.ErrShort
	}
	if datagram[0] != versionGroup && datagram[0] != versionGroupOther {
		return 0, false, wire.ErrVersion
	}
	sender = protocol.NodeID(binary.BigEndian.Uint64(datagram[1:]))
	if sender == 0 {
		return 0, false, wire.ErrRange
	}
	return sender, datagram[0] == versionGroupOther, nil
}

// GroupOpener opens what one sender has sealed by one key, each datagram once.
type GroupOpener struct {
	once
	header [1 + 8]byte
	first  uint64
}

// NewGroupOpener returns a GroupOpener of a key that the sender has given. It refuses all below number first, which the sender had sealed before it gave the key: who asks for
// a key again does not know what it has opened before.
func NewGroupOpener(k GroupKey, sender protocol.NodeID, first uint64) (*GroupOpener, error) {
	key, err := k.derive()
	if err != nil {
		return nil, err
	}
	o := &GroupOpener{once: newOnce(key), first: first}
	o.header[0] = versionGroup + byte(k.Generation%2)
	binary.BigEndian.PutUint64(o.header[1:], uint64(sender))
	return o, nil
}

// Open is as that of an Opener.
func (o *GroupOpener) Open(datagram []byte) (frames []byte, err error) {
	if _, _, err := Group(datagram); err != nil {
		return nil, err
	}
	if [1 + 8]byte(datagram) != o.header {
		return nil, ErrForged
	}
	counter := uint64(binary.BigEndian.Uint32(datagram[len(o.header):]))
	if counter < o.first {
		return nil, ErrReplayed
	}
	return o.open(datagram, counter)
}
