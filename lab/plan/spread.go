package plan

// How packets spread, as package bimodal does it (tree.go, spread.go, zone.go there).
const (
	directMost = 32 // members of a zone that are sent a copy each
	arity      = 8
	arityMost  = 64
	stripes    = 16
)

// tree is the way of a packet from who sends it in a zone, at position 0, to the members of the zone and to other zones, which have the last positions.
type tree struct {
	members int
	copies  int   // that a position sends, if it sends any
	parents []int // by position, from 1 on
	depths  []int
}

// newTree makes the tree for so many members besides the sender, and so many zones to be entered.
func newTree(members, entrances int) tree {
	n := members + entrances
	t := tree{members: members, parents: make([]int, n+1), depths: make([]int, n+1)}
	if n == 0 {
		return t
	}
	inside := 1
	if members > directMost || entrances > 0 {
		inside = max(min((n+arity-1)/arity, members+1), (n+arityMost-1)/arityMost, 1)
	}
	t.copies = (n + inside - 1) / inside
	for at := range inside {
		for child := at*n/inside + 1; child <= (at+1)*n/inside; child++ {
			t.parents[child], t.depths[child] = at, t.depths[at]+1
		}
	}
	return t
}

// levels returns how many of the members are so deep in the tree, by depth.
func (t *tree) levels() []int {
	var levels []int
	for _, depth := range t.depths[1 : t.members+1] {
		for len(levels) <= depth {
			levels = append(levels, 0)
		}
		levels[depth]++
	}
	return levels
}

// missing returns the law of the number of members, or of other zones, that a packet does not reach, when each copy is lost with a probability and the sender has it.
func (t *tree) missing(loss float64, zones bool) []float64 {
	laws := make([][]float64, len(t.parents)) // of those below a position, if it has the packet
	for at := len(t.parents) - 1; at > 0; at-- {
		below := laws[at]
		if below == nil {
			below = []float64{1}
		}
		all := len(below) - 1
		if (at > t.members) == zones {
			all++
		}
		law := make([]float64, all+1)
		for k, p := range below {
			law[k] = (1 - loss) * p
		}
		law[all] += loss
		laws[at] = nil
		if above := t.parents[at]; laws[above] == nil {
			laws[above] = law
		} else {
			laws[above] = convolve(laws[above], law)
		}
	}
	if laws[0] == nil {
		return []float64{1}
	}
	return laws[0]
}

func convolve(a, b []float64) []float64 {
	law := make([]float64, len(a)+len(b)-1)
	for i, x := range a {
		if x == 0 {
			continue
		}
		for j, y := range b {
			law[i+j] += x * y
		}
	}
	return law
}
