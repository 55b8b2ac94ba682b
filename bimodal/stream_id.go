package bimodal

import (
	"crypto/sha256"
	"encoding/binary"

	"spinglass/protocol"
	"spinglass/wire"
)

// TopicID stands for a topic in packets and in the interest of a peer: the first eight bytes, most significant first, of the
// SHA-256 of its name.
type TopicID uint64

// TopicOf returns the TopicID of a topic's name.
func TopicOf(name string) TopicID {
	sum := sha256.Sum256([]byte(name))
	return TopicID(binary.BigEndian.Uint64(sum[:8]))
}

// StreamID names the packets that one run of one author publishes to one topic.
type StreamID struct {
	Author protocol.NodeID
	Epoch  uint64 // the author's boot counter
	Topic  TopicID
}

// Limits of numbers in messages.
const (
	// SeqMax is the highest number of a packet and of a message in a stream.
	SeqMax = 1<<62 - 1
	// AgeMax is the highest age of a stream, in milliseconds (49.7 days). It stands for every age from there on.
	AgeMax = 1<<32 - 1
)

func (s StreamID) size() int { return 8 + wire.UvarintSize(s.Epoch) + 8 }

func (s StreamID) append(b []byte) []byte {
	b = wire.AppendFixed64(b, uint64(s.Author))
	b = wire.AppendUvarint(b, s.Epoch)
	return wire.AppendFixed64(b, uint64(s.Topic))
}

func readStreamID(r *wire.Reader) StreamID {
	s := StreamID{Author: protocol.NodeID(r.Fixed64()), Epoch: r.Uvarint(), Topic: TopicID(r.Fixed64())}
	if s.Author == 0 {
		r.Fail(wire.ErrRange)
	}
	return s
}
