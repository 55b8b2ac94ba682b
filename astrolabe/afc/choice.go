package afc

import (
	"slices"

	"spinglass/table"
)

// choice is what an evaluator keeps for an aggregate that needs memory: the values that FIRST or RANDOM have taken, and the bitmap of OR
// or AND.
type choice struct {
	list   list
	keys   []value  // FIRST with an order: the keys of the elements
	ranks  []uint64 // RANDOM: the ranks of the elements
	bitmap []byte
	text   string // the bitmap at last
}

// begin empties the choice, and makes room for n values.
func (c *choice) begin(n int) {
	if cap(c.list.elements) < n {
		c.list.elements, c.keys, c.ranks = make([]value, 0, n), make([]value, 0, n), make([]uint64, 0, n)
	}
	c.list.elements, c.keys, c.ranks = c.list.elements[:0], c.keys[:0], c.ranks[:0]
}

// result is the list that was chosen, NULL if it is empty.
func (c *choice) result() value {
	if len(c.list.elements) == 0 {
		return value{}
	}
	return value{kind: table.KindList, list: &c.list}
}

// flat returns the elements of a list, other values as the one element, and nothing for NULL.
func flat(values []value, row int32) []value {
	switch v := &values[row]; v.kind {
	case table.KindNone:
		return nil
	case table.KindList:
		return v.list.elements
	}
	return values[row : row+1]
}

// first takes the first n values.
func (c *choice) first(values []value, kept []int32, n int) value {
	c.begin(n)
	for _, row := range kept {
		elements := flat(values, row)
		c.list.elements = append(c.list.elements, elements[:min(len(elements), n-len(c.list.elements))]...)
		if len(c.list.elements) == n {
			break
		}
	}
	return c.result()
}

// leading takes the n values whose keys come first; of equal keys, those of earlier rows.
func (c *choice) leading(values, keys []value, kept []int32, a *aggregate) value {
	c.begin(a.count)
	for _, row := range kept {
		elements := flat(values, row)
		if len(elements) == 0 {
			continue
		}
		at := len(c.keys)
		for at > 0 && before(&keys[row], &c.keys[at-1], a.descending) {
			at--
		}
		for i := range elements[:min(len(elements), a.count)] {
			if at+i == a.count {
				break
			}
			if len(c.keys) == a.count {
				c.keys, c.list.elements = c.keys[:a.count-1], c.list.elements[:a.count-1]
			}
			c.keys = slices.Insert(c.keys, at+i, keys[row])
			c.list.elements = slices.Insert(c.list.elements, at+i, elements[i])
		}
	}
	return c.result()
}

// before reports whether key a comes before b. Keys without an order, NULL and lists, come last, whichever way the order goes.
func before(a, b *value, descending bool) bool {
	switch {
	case !a.ordered():
		return false
	case !b.ordered():
		return true
	case descending:
		return rank(a, b) > 0
	}
	return rank(a, b) < 0
}

// draw takes the n values of the lowest ranks, which are as good as random and follow from the seed, the row and the place in its list.
func (c *choice) draw(values []value, e *Evaluator, n int) value {
	c.begin(n)
	for _, row := range e.kept {
		elements := flat(values, row)
		salt := mix(e.seed ^ e.bound[row].hash)
		for i := range elements {
			rank := mix(salt + uint64(i))
			at := len(c.ranks)
			for at > 0 && rank < c.ranks[at-1] {
				at--
			}
			if at == n {
				continue
			}
			if len(c.ranks) == n {
				c.ranks, c.list.elements = c.ranks[:n-1], c.list.elements[:n-1]
			}
			c.ranks = slices.Insert(c.ranks, at, rank)
			c.list.elements = slices.Insert(c.list.elements, at, elements[i])
		}
	}
	return c.result()
}
