package afc

import (
	"slices"

	"spinglass/table"
)

// expression computes a value from one row, or from the results of the aggregates, where row is -1. It keeps nothing: what has to be kept
// is with the evaluator.
type expression func(e *Evaluator, row int) value

// compiler turns the trees of a statement into closures.
type compiler struct {
	program   *Program
	canonical []string // of the aggregates that the program has
}

// compile fills in what the statement says.
func (p *Program) compile() {
	c := compiler{program: p}
	p.inputs = p.statement.inputs()
	if p.statement.where != nil {
		p.where = c.expression(p.statement.where)
	}
	for i := range p.statement.outputs {
		p.results = append(p.results, c.expression(p.statement.outputs[i].expression))
	}
}

// inputs returns the names of the attributes that the statement reads, sorted.
func (s *statement) inputs() []string {
	var names []string
	add := func(n *node) bool {
		if n.kind == nodeAttribute {
			names = append(names, n.name)
		}
		return true
	}
	for i := range s.outputs {
		s.outputs[i].expression.walk(add)
	}
	if s.where != nil {
		s.where.walk(add)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *compiler) expression(n *node) expression {
	switch n.kind {
	case nodeLiteral:
		literal := n.literal
		return func(*Evaluator, int) value { return literal }
	case nodeAttribute:
		column := c.column(n)
		return func(e *Evaluator, row int) value { return e.columns[column][row] }
	case nodeUnary:
		return c.unary(n)
	case nodeBinary:
		return c.binary(n)
	case nodeIsNull:
		operand, not := c.expression(n.children[0]), n.not
		return func(e *Evaluator, row int) value {
			v := operand(e, row)
			return boolean(v.null() != not)
		}
	case nodeIn:
		return c.in(n)
	case nodeBetween:
		return c.between(n)
	case nodeLike:
		return c.like(n)
	case nodeCase:
		return c.caseWhen(n)
	case nodeAggregate:
		index := c.aggregate(n)
		return func(e *Evaluator, _ int) value { return e.results[index] }
	}
	return c.call(n)
}

// column returns where an attribute is among the inputs, -1 for other expressions.
func (c *compiler) column(n *node) int {
	if n.kind != nodeAttribute {
		return -1
	}
	column, _ := slices.BinarySearch(c.program.inputs, n.name)
	return column
}

func (c *compiler) expressions(nodes []*node) []expression {
	var all []expression
	for _, n := range nodes {
		all = append(all, c.expression(n))
	}
	return all
}

func (c *compiler) unary(n *node) expression {
	operand := c.expression(n.children[0])
	if n.operator == opNegate {
		return func(e *Evaluator, row int) value {
			v := operand(e, row)
			return negate(&v)
		}
	}
	return func(e *Evaluator, row int) value {
		v := operand(e, row)
		return not(&v)
	}
}

func not(v *value) value {
	if v.kind == table.KindBool {
		return boolean(v.bits == 0)
	}
	return value{}
}

func (c *compiler) binary(n *node) expression {
	left, right, op := c.expression(n.children[0]), c.expression(n.children[1]), n.operator
	switch {
	case op == opOr:
		return logic(left, right, true)
	case op == opAnd:
		return logic(left, right, false)
	case op <= opGreaterEqual:
		return comparison(left, right, op)
	}
	return func(e *Evaluator, row int) value {
		a := left(e, row)
		b := right(e, row)
		return arithmetic(op, &a, &b)
	}
}

// logic is OR, which one TRUE decides, or AND, which one FALSE decides. Undecided, it is unknown if one operand is.
func logic(left, right expression, decisive bool) expression {
	return func(e *Evaluator, row int) value {
		a := left(e, row)
		known := a.kind == table.KindBool
		if known && (a.bits == 1) == decisive {
			return boolean(decisive)
		}
		b := right(e, row)
		if b.kind != table.KindBool {
			return value{}
		}
		if (b.bits == 1) == decisive {
			return boolean(decisive)
		}
		if !known {
			return value{}
		}
		return boolean(!decisive)
	}
}

// accepts says which results of compare make an operator true: less, equal, greater.
var accepts = [...][3]bool{
	opEqual: {false, true, false}, opUnequal: {true, false, true}, opLess: {true, false, false},
	opLessEqual: {true, true, false}, opGreater: {false, false, true}, opGreaterEqual: {false, true, true},
}

func comparison(left, right expression, op operator) expression {
	accept := accepts[op]
	return func(e *Evaluator, row int) value {
		a := left(e, row)
		b := right(e, row)
		order, ok := compare(&a, &b)
		if !ok {
			return value{}
		}
		return boolean(accept[order+1])
	}
}

// in is TRUE if one element equals, else unknown if one comparison is, else FALSE.
func (c *compiler) in(n *node) expression {
	operand, elements, found := c.expression(n.children[0]), c.expressions(n.children[1:]), !n.not
	return func(e *Evaluator, row int) value {
		a := operand(e, row)
		unknown := false
		for _, element := range elements {
			b := element(e, row)
			order, ok := compare(&a, &b)
			if ok && order == 0 {
				return boolean(found)
			}
			unknown = unknown || !ok
		}
		if unknown {
			return value{}
		}
		return boolean(!found)
	}
}

// between is operand >= low AND operand <= high, with the operand computed once.
func (c *compiler) between(n *node) expression {
	operand, low, high, inside := c.expression(n.children[0]), c.expression(n.children[1]), c.expression(n.children[2]), !n.not
	return func(e *Evaluator, row int) value {
		a := operand(e, row)
		l := low(e, row)
		h := high(e, row)
		fromLow, lowKnown := compare(&a, &l)
		fromHigh, highKnown := compare(&a, &h)
		if lowKnown && fromLow < 0 || highKnown && fromHigh > 0 {
			return boolean(!inside)
		}
		if !lowKnown || !highKnown {
			return value{}
		}
		return boolean(inside)
	}
}

func (c *compiler) like(n *node) expression {
	operand, pattern, matching := c.expression(n.children[0]), newPattern(n.children[1].literal.text), !n.not
	return func(e *Evaluator, row int) value {
		v := operand(e, row)
		if !v.isString() {
			return value{}
		}
		return boolean(pattern.matches(v.text) == matching)
	}
}

// caseWhen computes only the result that is wanted.
func (c *compiler) caseWhen(n *node) expression {
	children := c.expressions(n.children)
	pairs, otherwise := children, expression(nil)
	if last := len(children) - 1; last%2 == 0 {
		pairs, otherwise = children[:last], children[last]
	}
	return func(e *Evaluator, row int) value {
		for i := 0; i < len(pairs); i += 2 {
			if condition := pairs[i](e, row); condition.isTrue() {
				return pairs[i+1](e, row)
			}
		}
		if otherwise != nil {
			return otherwise(e, row)
		}
		return value{}
	}
}

func (c *compiler) call(n *node) expression {
	arguments := c.expressions(n.children)
	first := arguments[0]
	switch n.function {
	case coalesce:
		return firstKnown(arguments)
	case lower:
		return c.fold(first, 'A')
	case upper:
		return c.fold(first, 'a')
	}
	apply := n.function.apply
	if n.function == round {
		apply = roundTo
	}
	if len(arguments) == 2 {
		second := arguments[1]
		return func(e *Evaluator, row int) value { return apply(first(e, row), second(e, row)) }
	}
	none := value{}
	if n.function == round {
		none = integer(0)
	}
	return func(e *Evaluator, row int) value { return apply(first(e, row), none) }
}

func firstKnown(arguments []expression) expression {
	return func(e *Evaluator, row int) value {
		for _, argument := range arguments {
			if v := argument(e, row); !v.null() {
				return v
			}
		}
		return value{}
	}
}

// fold changes the case of the letters from first on.
func (c *compiler) fold(operand expression, first byte) expression {
	slot := c.program.folds
	c.program.folds++
	return func(e *Evaluator, row int) value { return foldCase(e, slot, row, operand(e, row), first) }
}
