package vsync

import (
	"fmt"
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// keySize is the size of an Ed25519 public key.
const keySize = 32

// ViewID names a view of a group. The epoch is that of the founding of the group; within it views are numbered from 1.
type ViewID struct {
	Epoch  uint64
	Number uint64
}

// A number has these fields, from the lowest bits on, so that it is below 2^53: how many views there were since the group was founded or recovered; and of the latest recovery a random number, the rank of the member that led it, and
// how many there were in this epoch. So two members that recover a group apart from each other make views of different ids, and a recovery is later than all that follows on the view that it began from without one.
const (
	countBits     = 24
	lotBits       = 16
	rankBits      = 7
	RecoveriesMax = 63 // of a group in one epoch
)

// Recoveries returns how often the group was recovered in this epoch, as far as the members of this view know.
func (id ViewID) Recoveries() int { return int(id.Number >> (countBits + lotBits + rankBits)) }

// recovered returns the id of a view that follows on this one by a recovery, which a member of a rank leads.
func (id ViewID) recovered(rank int, lot uint64) ViewID {
	number := uint64(id.Recoveries()+1)<<rankBits | uint64(rank)
	return ViewID{id.Epoch, (number<<lotBits|lot)<<countBits | 1}
}

// precedes reports whether a view can follow on this one: the next, or one by a recovery.
func (id ViewID) precedes(next ViewID) bool {
	recovered := next.Recoveries() == id.Recoveries()+1 && next.Number&(1<<countBits-1) == 1
	return id.Epoch == next.Epoch && (next.Number == id.Number+1 || recovered)
}

// Less reports whether id is before another one.
func (id ViewID) Less(other ViewID) bool {
	return id.Epoch < other.Epoch || id.Epoch == other.Epoch && id.Number < other.Number
}

// String returns epoch and number with a dot between them.
func (id ViewID) String() string { return fmt.Sprintf("%d.%d", id.Epoch, id.Number) }

func (id ViewID) append(b []byte) []byte {
	return wire.AppendUvarint(wire.AppendUvarint(b, id.Epoch), id.Number)
}

func readViewID(r *wire.Reader) ViewID { return ViewID{Epoch: r.Uvarint(), Number: r.Uvarint()} }

// Member is one of a view.
type Member struct {
	ID          protocol.NodeID
	Incarnation uint64
	Weight      uint64             // in majorities
	Since       uint64             // number of the view that it came with
	Addresses   []protocol.Address // where it is reached
	Key         []byte             // public key, 32 bytes; empty in a fleet without
}

// View is the membership that its members agree on. It is immutable.
type View struct {
	ID      ViewID
	Members []Member // by rank: who is in longest first
}

// Rank returns the rank of a member, -1 for others.
func (v *View) Rank(id protocol.NodeID) int {
	return slices.IndexFunc(v.Members, func(m Member) bool { return m.ID == id })
}

// Weight returns that of all members.
func (v *View) Weight() (sum uint64) {
	for i := range v.Members {
		sum += v.Members[i].Weight
	}
	return sum
}

// majority reports whether some of the members are a quorum: more than half of the weight, or half of it with the first member that has any. Two quorums have a member in common.
func (v *View) majority(members ranks) bool {
	whole, sum, first := uint64(0), uint64(0), -1
	for i := range v.Members {
		w := v.Members[i].Weight
		if whole += w; members.has(i) {
			sum += w
		}
		if w > 0 && first < 0 {
			first = i
		}
	}
	return 2*sum > whole || 2*sum == whole && first >= 0 && members.has(first)
}

func (v *View) append(b []byte) []byte {
	b = v.ID.append(b)
	b = wire.AppendUvarint(b, uint64(len(v.Members)))
	for i := range v.Members {
		b = v.Members[i].append(b)
	}
	return b
}

func (m *Member) append(b []byte) []byte {
	b = wire.AppendFixed64(b, uint64(m.ID))
	b = wire.AppendUvarint(wire.AppendUvarint(wire.AppendUvarint(b, m.Incarnation), m.Weight), m.Since)
	b = wire.AppendUvarint(b, uint64(len(m.Addresses)))
	for _, a := range m.Addresses {
		b = wire.AppendBytes(b, a)
	}
	return wire.AppendBytes(b, m.Key)
}

// memberSizeMin is the least that a member takes.
const memberSizeMin = 8 + 5

// readView reads a view. What it returns aliases nothing.
func readView(r *wire.Reader) *View {
	v := &View{ID: readViewID(r)}
	count := r.Count(MembersMax, memberSizeMin)
	for range count {
		v.Members = append(v.Members, readMember(r))
	}
	for i := range v.Members {
		if v.Rank(v.Members[i].ID) != i {
			r.Fail(wire.ErrRange)
		}
	}
	return v
}

func readMember(r *wire.Reader) Member {
	m := Member{ID: protocol.NodeID(r.Fixed64()), Incarnation: r.Uvarint(), Weight: r.UvarintMax(WeightMax), Since: r.Uvarint()}
	for range r.Count(AddressesMax, 1) {
		m.Addresses = append(m.Addresses, protocol.Address(r.Bytes(protocol.AddressMax)))
	}
	m.Key = slices.Clone(r.Bytes(keySize))
	if m.ID == 0 || len(m.Key) != 0 && len(m.Key) != keySize {
		r.Fail(wire.ErrRange)
	}
	return m
}
