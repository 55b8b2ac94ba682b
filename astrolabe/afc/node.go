package afc

// nodeKind is what a node of an expression is.
type nodeKind uint8

const (
	nodeLiteral   nodeKind = iota // literal
	nodeAttribute                 // name
	nodeUnary                     // operator, one child
	nodeBinary                    // operator, two children
	nodeIsNull                    // one child; not
	nodeIn                        // the child sought, then the list; not
	nodeBetween                   // three children; not
	nodeLike                      // one child and the pattern, a literal; not
	nodeCase                      // condition and result by turns, and what ELSE says if the number is odd
	nodeCall                      // function, arguments
	nodeAggregate                 // aggregate; nothing for COUNT(*), else the argument, then the weight or the key of the order
)

// operator is what a unary or binary node does.
type operator uint8

const (
	opOr operator = iota
	opAnd
	opEqual
	opUnequal
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opAdd
	opSubtract
	opMultiply
	opDivide
	opModulo
	opNot
	opNegate
)

// operatorTexts are the canonical forms.
var operatorTexts = [...]string{
	opOr: "OR", opAnd: "AND", opEqual: "=", opUnequal: "<>", opLess: "<", opLessEqual: "<=", opGreater: ">", opGreaterEqual: ">=",
	opAdd: "+", opSubtract: "-", opMultiply: "*", opDivide: "/", opModulo: "%", opNot: "NOT", opNegate: "-",
}

// precedence says how tightly an operator binds. Comparisons do not chain; the other binary operators group to the left.
type precedence int

const (
	precedenceOr precedence = iota + 1
	precedenceAnd
	precedenceNot
	precedenceComparison
	precedenceSum
	precedenceProduct
	precedenceSign
	precedencePrimary
)

func (o operator) precedence() precedence {
	switch {
	case o == opOr:
		return precedenceOr
	case o == opAnd:
		return precedenceAnd
	case o <= opGreaterEqual:
		return precedenceComparison
	case o <= opSubtract:
		return precedenceSum
	case o <= opModulo:
		return precedenceProduct
	case o == opNot:
		return precedenceNot
	}
	return precedenceSign
}

// aggregateKind is which aggregate a node is.
type aggregateKind uint8

const (
	aggregateCount aggregateKind = iota
	aggregateSum
	aggregateMin
	aggregateMax
	aggregateAverage
	aggregateOr
	aggregateAnd
	aggregateFirst
	aggregateRandom
)

var aggregateTexts = [...]string{
	aggregateCount: "COUNT", aggregateSum: "SUM", aggregateMin: "MIN", aggregateMax: "MAX", aggregateAverage: "AVG",
	aggregateOr: "OR", aggregateAnd: "AND", aggregateFirst: "FIRST", aggregateRandom: "RANDOM",
}

// chooses reports whether the aggregate is a list of at most n values.
func (k aggregateKind) chooses() bool { return k == aggregateFirst || k == aggregateRandom }

// node is an expression. It is immutable once parsed.
type node struct {
	kind       nodeKind
	operator   operator
	aggregate  aggregateKind
	not        bool
	descending bool // FIRST
	count      int  // n of FIRST and RANDOM
	at         int  // offset in the text
	name       string
	literal    value
	function   *function
	children   []*node
}

// precedence says how tightly the outermost operator of the expression binds.
func (n *node) precedence() precedence {
	switch n.kind {
	case nodeUnary, nodeBinary:
		return n.operator.precedence()
	case nodeIsNull, nodeIn, nodeBetween, nodeLike:
		return precedenceComparison
	}
	return precedencePrimary
}

// walk calls visit for the node and, where that says so, for what is below it.
func (n *node) walk(visit func(*node) bool) {
	if !visit(n) {
		return
	}
	for _, child := range n.children {
		child.walk(visit)
	}
}

// output is one expression of SELECT with its name.
type output struct {
	name       string
	at         int // offset of the name
	expression *node
}

// statement is a whole program.
type statement struct {
	outputs []output
	where   *node // nil: all rows
}
