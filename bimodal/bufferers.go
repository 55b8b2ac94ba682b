package bimodal

import (
	"math/bits"

	"spinglass/gravity"
	"spinglass/protocol"
)

// Hashed bufferers (Ozkasap, van Renesse, Birman, Xiao, "Efficient Buffering in Reliable Multicast Protocols", NGC 1999): after its
// short phase a packet stays only at members that a hash of packet and member names, so that everybody can tell who they are.

// Buffering says which members keep a packet beyond its short phase.
type Buffering uint8

// The forms of buffering.
const (
	// BufferRendezvous lets those members of a zone keep a packet whose hashes with it are the highest, Bufferers in number.
	BufferRendezvous Buffering = iota
	// BufferIndependent is the published form: a member keeps a packet if its hash is below Bufferers over the number of members,
	// each on its own. It leaves no copy with probability e^-Bufferers.
	BufferIndependent
	// BufferAll lets every member keep every packet, and tell of it, for the whole of its life. The model modes do so.
	BufferAll
)

// blockLength is how many packets in a row share their bufferers, a power of two. One hash then serves many packets, and what a member
// holds of old packets are few ranges; but packets of a block are also lost together. A block that begins a stream is shorter by one.
const blockLength = 16

// candidate is a member of the own zone that wants a topic, and so may be one of the bufferers of its packets.
type candidate struct {
	id        protocol.NodeID
	hash      uint64
	reachable bool
	rating    gravity.Rating
}

// hashMember returns what stands for a member in weights.
func hashMember(id protocol.NodeID) uint64 { return mix(uint64(id)) }

// hash returns what stands for a stream in the keys of its blocks.
func (s StreamID) hash() uint64 {
	return mix(mix(mix(uint64(s.Author))^s.Epoch) + uint64(s.Topic))
}

// blockOf returns the first number of the block that a packet belongs to.
func blockOf(seq uint64) uint64 { return seq &^ (blockLength - 1) }

// blockKey returns what stands for the block of packet seq in weights.
func (s *stream) blockKey(seq uint64) uint64 { return mix(s.key + blockOf(seq)) }

// weight is the hash of a member and a block, by which bufferers are chosen.
func weight(member, key uint64) uint64 { return mix(member ^ key) }

// below reports whether weight/2^64 < count/members.
func below(weight uint64, count, members int) bool {
	high, _ := bits.Mul64(weight, uint64(members))
	return high < uint64(count)
}

// hashed reports whether packets have bufferers.
func (m *Machine) hashed() bool {
	return m.config.Mode == ModeFull && m.config.Buffering != BufferAll
}

// residents returns how many members of the own zone want a topic whose lists are up to date, this node included.
func (t *topic) residents() int {
	if t.follows() {
		return len(t.candidates) + 1
	}
	return len(t.candidates)
}

// buffers reports whether this node is one of the bufferers of a block. Where there are no more members than there should be
// bufferers all of them are. An author is one besides, whatever its hash, since nobody else may have got the packet. It looks at few members:
// it ends with as many that weigh more as there are bufferers.
func (m *Machine) buffers(s *stream, seq uint64) bool {
	t := s.topic
	m.refreshTargets(t)
	members, count := t.residents(), t.knobs.Bufferers
	switch {
	case members <= count:
		return true
	case m.config.Buffering == BufferRendezvous && m.own(s.id):
		return true
	}
	if t.levels == nil && t.holds == gravity.All {
		return t.follows() && m.ranks(t, m.hash, s.blockKey(seq), 0)
	}
	h := s.height(seq)
	return t.follows() && t.holds.Wants(h) && m.ranks(t, m.hash, s.blockKey(seq), h)
}

// ranks reports whether a member of the own zone that wants a packet is one of its bufferers by the hash of its block: one of those with the highest that want it.
func (m *Machine) ranks(t *topic, member, key uint64, h gravity.Height) bool {
	own, count, members := weight(member, key), t.knobs.Bufferers, t.residents()
	if members <= count {
		return true
	}
	if m.config.Buffering == BufferIndependent {
		return below(own, count, members)
	}
	if t.follows() && t.holds.Wants(h) && weight(m.hash, key) > own {
		count--
	}
	if t.levels != nil {
		return t.outranks(own, key, h, count)
	}
	for i := 0; i < len(t.candidates) && count > 0; i++ {
		if weight(t.candidates[i].hash, key) > own {
			count--
		}
	}
	return count > 0
}

// outranks reports whether fewer than count of the candidates that want a packet weigh more for its block than own.
func (t *topic) outranks(own, key uint64, h gravity.Height, count int) bool {
	for i := 0; i < len(t.candidates) && count > 0; i++ {
		if c := &t.candidates[i]; c.rating.Wants(h) && weight(c.hash, key) > own {
			count--
		}
	}
	return count > 0
}

// drawBufferer returns a random one of the other bufferers of a block, one that is reachable and not shunned if there is any; nil when there is none in the own zone.
func (m *Machine) drawBufferer(s *stream, seq uint64) *candidate {
	t := s.topic
	m.refreshTargets(t)
	var chosen [bufferersMax]rival
	bufferers := m.weigh(t, s.blockKey(seq), s.height(seq), chosen[:0])
	if len(bufferers) == 0 {
		return nil
	}
	pick, reachable := m.config.Rand.IntN(len(bufferers)), 0
	for i := range bufferers {
		if bufferers[i].reachable && !m.shuns(bufferers[i].id) {
			if reachable++; m.config.Rand.IntN(reachable) == 0 {
				pick = i
			}
		}
	}
	return bufferers[pick].candidate
}

// rival is a candidate with its weight for one block.
type rival struct {
	*candidate
	weight uint64
}

// weigh appends those candidates that are bufferers of a packet as far as this node knows, at most bufferersMax.
func (m *Machine) weigh(t *topic, key uint64, h gravity.Height, chosen []rival) []rival {
	count, members := t.knobs.Bufferers, t.residents()
	for i := range t.candidates {
		r := rival{&t.candidates[i], weight(t.candidates[i].hash, key)}
		if t.levels != nil && !r.rating.Wants(h) {
			continue
		}
		switch {
		case m.config.Buffering == BufferIndependent && members > count:
			if below(r.weight, count, members) && len(chosen) < bufferersMax {
				chosen = append(chosen, r)
			}
			continue
		case len(chosen) < count:
			chosen = append(chosen, r)
		case r.weight > chosen[len(chosen)-1].weight:
			chosen[len(chosen)-1] = r
		default:
			continue
		}
		for j := len(chosen) - 1; j > 0 && chosen[j].weight > chosen[j-1].weight; j-- {
			chosen[j], chosen[j-1] = chosen[j-1], chosen[j]
		}
	}
	if last := len(chosen) - 1; t.follows() && t.holds.Wants(h) && m.config.Buffering == BufferRendezvous && last == count-1 && chosen[last].weight < weight(m.hash, key) {
		return chosen[:last] // this node is one of them
	}
	return chosen
}
