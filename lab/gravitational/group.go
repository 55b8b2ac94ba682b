package gravitational

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"spinglass/protocol"
)

// RatingAttribute is the attribute of a member's row with its rating.
const RatingAttribute = "gravitational.rating"

// AppendRating appends the value of the attribute.
func AppendRating(b []byte, rating float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(rating))
}

// parseRating returns the rating that an attribute holds. None at all is one of 0.
func parseRating(value []byte) (rating float64, ok bool) {
	if value == nil {
		return 0, true
	}
	if len(value) != 8 {
		return 0, false
	}
	rating = math.Float64frombits(binary.BigEndian.Uint64(value))
	if !(rating >= 0 && rating <= 1) {
		return 0, false
	}
	return rating, true
}

// group is the other members that a member knows.
type group struct {
	members []member // by ID, ascending
	sums    []float64
	scalar  float64
	current bool // sums and scalar are those of the members
}

type member struct {
	id             protocol.NodeID
	susceptibility float64
}

func (g *group) find(id protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(g.members, id, func(m member, id protocol.NodeID) int { return cmp.Compare(m.id, id) })
}

func (g *group) put(id protocol.NodeID, susceptibility float64) {
	i, known := g.find(id)
	if !known {
		g.members = slices.Insert(g.members, i, member{})
	}
	g.members[i], g.current = member{id, susceptibility}, false
}

func (g *group) remove(id protocol.NodeID) {
	if i, known := g.find(id); known {
		g.members, g.current = slices.Delete(g.members, i, i+1), false
	}
}

// refresh fits the scalar to a group in which the own member has the given susceptibility.
func (g *group) refresh(own float64, rounds int) {
	if g.current {
		return
	}
	all, total := make([]float64, 0, len(g.members)+1), 0.0
	g.sums = g.sums[:0]
	for _, m := range g.members {
		all, total = append(all, m.susceptibility), total+m.susceptibility
		g.sums = append(g.sums, total)
	}
	g.scalar, g.current = Fit(Classes(append(all, own)), rounds), true
}

// draw returns a member, each with its weight. There is one with a weight above zero.
func (g *group) draw(random *rand.Rand) protocol.NodeID {
	at := random.Float64() * g.sums[len(g.sums)-1]
	i, found := slices.BinarySearch(g.sums, at)
	for found && i < len(g.sums)-1 && g.sums[i] == at { // at belongs to the member that begins there
		i++
	}
	return g.members[min(i, len(g.members)-1)].id
}

// wanting reports whether there is anybody to draw.
func (g *group) wanting() bool { return len(g.sums) > 0 && g.sums[len(g.sums)-1] > 0 }
