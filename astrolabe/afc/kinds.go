package afc

import "spinglass/table"

// kinds is a set of kinds of values, a bit for each. What an expression can be but NULL; the empty set is an expression that is always NULL.
type kinds uint16

func kindsOf(list ...table.ValueKind) (k kinds) {
	for _, kind := range list {
		k |= 1 << kind
	}
	return k
}

// Sets that operators and functions take and give.
var (
	anyKind     = kindsOf(table.KindBool, table.KindInt, table.KindFloat, table.KindString, table.KindBytes, table.KindTime, table.KindBitmap, table.KindList)
	noKind      = kindsOf()
	boolKind    = kindsOf(table.KindBool)
	intKind     = kindsOf(table.KindInt)
	numberKinds = kindsOf(table.KindInt, table.KindFloat)
	stringKind  = kindsOf(table.KindString)
	bitmapKind  = kindsOf(table.KindBitmap)
	listKind    = kindsOf(table.KindList)
	lengthKinds = kindsOf(table.KindString, table.KindBytes, table.KindList)
	castKinds   = numberKinds | kindsOf(table.KindBool, table.KindTime)
	// comparable are the sets within which values compare.
	comparable = []kinds{boolKind, numberKinds, stringKind, bitmapKind, kindsOf(table.KindBytes), kindsOf(table.KindTime)}
)

// compares reports whether a value of one set can compare with one of the other.
func compares(a, b kinds) bool {
	for _, set := range comparable {
		if a&set != 0 && b&set != 0 {
			return true
		}
	}
	return false
}

// where gives result if there are arguments for it, else nothing.
func (k kinds) where(possible bool) kinds {
	if possible {
		return k
	}
	return noKind
}

// kinds returns what the expression can be.
func (n *node) kinds() kinds {
	child := func(i int) kinds { return n.children[i].kinds() }
	switch n.kind {
	case nodeLiteral:
		return kindsOf(n.literal.kind) & anyKind
	case nodeAttribute:
		return anyKind
	case nodeUnary:
		if n.operator == opNot {
			return child(0) & boolKind
		}
		return numberKinds.where(child(0)&numberKinds != 0)
	case nodeBinary:
		return n.operatorKinds(child(0), child(1))
	case nodeIsNull:
		return boolKind
	case nodeIn:
		return boolKind.where(n.anyCompares())
	case nodeBetween:
		return boolKind.where(compares(child(0), child(1)) || compares(child(0), child(2)))
	case nodeLike:
		return boolKind.where(child(0)&stringKind != 0)
	case nodeCase:
		return n.caseKinds()
	case nodeCall:
		return n.callKinds()
	}
	return n.aggregateKinds()
}

func (n *node) operatorKinds(a, b kinds) kinds {
	switch {
	case n.operator <= opAnd:
		return (a | b) & boolKind // one operand may decide
	case n.operator <= opGreaterEqual:
		return boolKind.where(compares(a, b))
	case n.operator == opModulo:
		return a & b & intKind
	}
	return numberKinds.where(a&numberKinds != 0 && b&numberKinds != 0)
}

func (n *node) anyCompares() bool {
	for _, element := range n.children[1:] {
		if compares(n.children[0].kinds(), element.kinds()) {
			return true
		}
	}
	return false
}

func (n *node) caseKinds() (k kinds) {
	for i, child := range n.children {
		if i%2 == 1 || i == len(n.children)-1 {
			k |= child.kinds()
		}
	}
	return k
}

func (n *node) callKinds() kinds {
	a := n.children[0].kinds()
	second := func() kinds { return n.children[1].kinds() }
	switch n.function {
	case coalesce:
		all := noKind
		for _, child := range n.children {
			all |= child.kinds()
		}
		return all
	case castInteger:
		return intKind.where(a&castKinds != 0)
	case castFloat:
		return kindsOf(table.KindFloat).where(a&castKinds != 0)
	case lower, upper:
		return a & stringKind
	}
	switch n.function.name {
	case "NULLIF":
		return a
	case "BIT":
		return boolKind.where(a&bitmapKind != 0 && second()&intKind != 0)
	case "BIT_COUNT":
		return intKind.where(a&bitmapKind != 0)
	case "CONTAINS":
		return boolKind.where(a&listKind != 0 && second() != 0)
	case "LENGTH":
		return intKind.where(a&lengthKinds != 0)
	}
	return numberKinds.where(a&numberKinds != 0) // ABS, CEIL, FLOOR, ROUND
}

// argumentKinds returns what the aggregate does not skip.
func (k aggregateKind) argumentKinds() kinds {
	switch k {
	case aggregateSum, aggregateAverage:
		return numberKinds
	case aggregateMin, aggregateMax:
		return anyKind &^ listKind
	case aggregateOr, aggregateAnd:
		return boolKind | bitmapKind
	}
	return anyKind
}

func (n *node) aggregateKinds() kinds {
	if n.aggregate == aggregateCount {
		return intKind
	}
	argument := n.children[0].kinds() & n.aggregate.argumentKinds()
	switch {
	case argument == noKind:
		return noKind
	case n.aggregate == aggregateSum:
		return numberKinds
	case n.aggregate == aggregateAverage:
		return kindsOf(table.KindFloat)
	case n.aggregate.chooses():
		return listKind
	}
	return argument
}
