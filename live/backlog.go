package live

import (
	"encoding/binary"
	"math/rand/v2"

	"spinglass/protocol"
	"spinglass/wire"
)

const (
	backlogShare  = 31  // one source may have so many times as much waiting as is free
	backlogPlaces = 256 // over which senders are spread, to see what each of them has waiting
)

// backlog is what sources have waiting in an inbox. One that sends faster than the loop takes leaves a part of the room for others, 512 KiB of the default: so what
// these send, if it is not much, arrives all the same. Senders that share a place count as one source.
type backlog struct {
	seed    uint64
	waiting [backlogPlaces]int // bytes
}

func newBacklog() backlog { return backlog{seed: rand.Uint64()} }

// place returns where a sender is counted. Nobody but this node can tell who shares a place.
func (b *backlog) place(sender protocol.NodeID) uint8 {
	return uint8((uint64(sender) ^ b.seed) * 0x9e3779b97f4a7c15 >> 56)
}

// admits reports whether a source may have so many bytes more waiting, where so many are free.
func (b *backlog) admits(place uint8, size, free int) bool {
	return b.waiting[place]+size <= backlogShare*free
}

// firstSender returns the sender of the first datagram of an arrival that was not refused, and false if all were.
func firstSender(b []byte, segment int) (protocol.NodeID, bool) {
	for len(b) > 0 {
		datagram := firstDatagram(b, segment)
		if datagram[0] != refused {
			return protocol.NodeID(binary.BigEndian.Uint64(datagram[wire.HeaderSize-8:])), true
		}
		b = b[len(datagram):]
	}
	return 0, false
}
