package afc

import (
	"slices"
	"strings"

	"spinglass/table"
)

// operand is the argument of an aggregate.
type operand struct {
	column  int        // of an attribute, else -1
	compute expression // of other arguments
}

// aggregate is a compiled aggregate.
type aggregate struct {
	kind       aggregateKind
	descending bool
	count      int // n of FIRST and RANDOM
	argument   operand
	second     operand // weight or key; compute is nil if there is none
	all        bool    // COUNT(*)
}

// aggregate returns the index of an aggregate; equal ones have one.
func (c *compiler) aggregate(n *node) int {
	var canonical strings.Builder
	n.format(&canonical, precedenceOr)
	if index := slices.Index(c.canonical, canonical.String()); index >= 0 {
		return index
	}
	c.canonical = append(c.canonical, canonical.String())
	a := aggregate{kind: n.aggregate, descending: n.descending, count: n.count, all: len(n.children) == 0}
	if len(n.children) > 0 {
		a.argument = operand{column: c.column(n.children[0]), compute: c.expression(n.children[0])}
	}
	if len(n.children) > 1 {
		a.second = operand{column: c.column(n.children[1]), compute: c.expression(n.children[1])}
	}
	c.program.aggregates = append(c.program.aggregates, a)
	return len(c.program.aggregates) - 1
}

// values returns the operand for every row that WHERE keeps, by row: the column of an attribute itself, else computed into scratch.
func (o *operand) values(e *Evaluator, scratch []value) []value {
	if o.column >= 0 {
		return e.columns[o.column]
	}
	for _, row := range e.kept {
		scratch[row] = o.compute(e, int(row))
	}
	return scratch
}

// run computes the aggregate over the rows that WHERE keeps.
func (a *aggregate) run(e *Evaluator, own *choice) value {
	if a.all {
		return integer(int64(len(e.kept)))
	}
	values := a.argument.values(e, e.scratch[0])
	switch a.kind {
	case aggregateCount:
		return count(values, e.kept)
	case aggregateSum:
		s := sumOf(values, e.kept)
		return s.value()
	case aggregateMin:
		return extreme(values, e.kept, -1)
	case aggregateMax:
		return extreme(values, e.kept, 1)
	case aggregateAverage:
		if a.second.compute == nil {
			s := sumOf(values, e.kept)
			return s.average()
		}
		return weightedAverage(values, a.second.values(e, e.scratch[1]), e.kept)
	case aggregateOr, aggregateAnd:
		return own.combine(values, e.kept, a.kind == aggregateOr)
	case aggregateRandom:
		return own.draw(values, e, a.count)
	}
	if a.second.compute == nil {
		return own.first(values, e.kept, a.count)
	}
	return own.leading(values, a.second.values(e, e.scratch[1]), e.kept, a)
}

func count(values []value, kept []int32) value {
	known := 0
	for _, row := range kept {
		if !values[row].null() {
			known++
		}
	}
	return integer(int64(known))
}

// extreme returns the least (sign -1) or greatest (sign 1) value, of equal ones the first. Lists have no place in the order.
func extreme(values []value, kept []int32, sign int) value {
	var best *value
	for _, row := range kept {
		v := &values[row]
		if v.ordered() && (best == nil || rank(v, best)*sign > 0) {
			best = v
		}
	}
	if best == nil {
		return value{}
	}
	return *best
}

// combine is OR or AND: of bitmaps bit by bit, where a bit beyond the end is 0, else of booleans. Where both occur, bitmaps count.
func (c *choice) combine(values []value, kept []int32, or bool) value {
	var flag value
	found := false
	c.bitmap = c.bitmap[:0]
	for _, row := range kept {
		switch v := &values[row]; {
		case v.kind == table.KindBitmap && !found:
			found = true
			c.bitmap = append(c.bitmap, v.text...)
		case v.kind == table.KindBitmap && or:
			c.bitmap = orBits(c.bitmap, v.text)
		case v.kind == table.KindBitmap:
			c.bitmap = andBits(c.bitmap, v.text)
		case v.kind == table.KindBool && (flag.null() || (v.bits == 1) == or):
			flag = *v
		}
	}
	if !found {
		return flag
	}
	return value{kind: table.KindBitmap, text: c.bitmapText()}
}

func orBits(b []byte, s string) []byte {
	for i := range min(len(b), len(s)) {
		b[i] |= s[i]
	}
	if len(s) > len(b) {
		b = append(b, s[len(b):]...)
	}
	return b
}

func andBits(b []byte, s string) []byte {
	b = b[:min(len(b), len(s))]
	for i := range b {
		b[i] &= s[i]
	}
	return b
}

// bitmapText returns the bitmap without zero bytes at its end; the string is a new one only if it differs from the one before.
func (c *choice) bitmapText() string {
	b := c.bitmap
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	if string(b) != c.text {
		c.text = string(b)
	}
	return c.text
}
