package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// probeBitsMax bounds MulticastProbe.Bits: a sample of one member in 2^32.
const probeBitsMax = 32

// MulticastProbe is sent to the group of a topic and asks a sample of those whom it reaches to say so.
type MulticastProbe struct {
	Topic TopicID
	Round uint32 // the sender's own, which tells its probes apart
	Bits  uint8  // one member in 2^Bits is in the sample; at most 32

	lent bool
}

// MulticastHeard answers a probe. With Lost it says that this member misses packets and hears no probes of the topic any more, of which
// that of Round was the last.
type MulticastHeard struct {
	Lost  bool
	Topic TopicID
	Round uint32

	lent bool
}

// The first field of MulticastHeard is a set of flags. A decoder refuses those that it does not know.
const (
	heardLost  = 1 << iota
	heardKnown = heardLost
)

// sampled reports whether a member is in the sample of a probe. Sender and receivers come to the same result.
func (q *MulticastProbe) sampled(id protocol.NodeID) bool {
	// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
	x := uint64(id) ^ uint64(q.Round)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return x>>(64-q.Bits) == 0
}

// Kind implements protocol.Message.
func (q *MulticastProbe) Kind() protocol.Kind { return wire.KindMulticastProbe }

// Lent implements protocol.Message.
func (q *MulticastProbe) Lent() bool { return q.lent }

// Size implements protocol.Message.
func (q *MulticastProbe) Size() int { return 8 + wire.UvarintSize(uint64(q.Round)) + 1 }

// Append implements protocol.Message.
func (q *MulticastProbe) Append(b []byte) []byte {
	b = wire.AppendFixed64(b, uint64(q.Topic))
	b = wire.AppendUvarint(b, uint64(q.Round))
	return append(b, q.Bits)
}

func (q *MulticastProbe) decode(b []byte) error {
	r := wire.NewReader(b)
	q.Topic = TopicID(r.Fixed64())
	q.Round = uint32(r.UvarintMax(1<<32 - 1))
	q.Bits = uint8(r.UvarintMax(probeBitsMax))
	return r.Done()
}

// Kind implements protocol.Message.
func (h *MulticastHeard) Kind() protocol.Kind { return wire.KindMulticastHeard }

// Lent implements protocol.Message.
func (h *MulticastHeard) Lent() bool { return h.lent }

// Size implements protocol.Message.
func (h *MulticastHeard) Size() int { return 1 + 8 + wire.UvarintSize(uint64(h.Round)) }

// Append implements protocol.Message.
func (h *MulticastHeard) Append(b []byte) []byte {
	flags := byte(0)
	if h.Lost {
		flags |= heardLost
	}
	b = append(b, flags)
	b = wire.AppendFixed64(b, uint64(h.Topic))
	return wire.AppendUvarint(b, uint64(h.Round))
}

func (h *MulticastHeard) decode(b []byte) error {
	r := wire.NewReader(b)
	flags := r.Byte()
	if flags&^heardKnown != 0 {
		r.Fail(wire.ErrVersion)
	}
	h.Lost = flags&heardLost != 0
	h.Topic = TopicID(r.Fixed64())
	h.Round = uint32(r.UvarintMax(1<<32 - 1))
	return r.Done()
}
