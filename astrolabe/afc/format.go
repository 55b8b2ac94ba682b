package afc

import (
	"strconv"
	"strings"

	"spinglass/table"
)

// String returns the canonical form: keywords in capitals, single spaces, and parentheses only where they are needed.
func (s *statement) String() string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i := range s.outputs {
		if i > 0 {
			b.WriteString(", ")
		}
		s.outputs[i].expression.format(&b, precedenceOr)
		b.WriteString(" AS " + quoteName(s.outputs[i].name))
	}
	if s.where != nil {
		b.WriteString(" WHERE ")
		s.where.format(&b, precedenceOr)
	}
	return b.String()
}

// format writes the expression, in parentheses where what is around it binds more tightly.
func (n *node) format(b *strings.Builder, least precedence) {
	if n.precedence() < least {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch n.kind {
	case nodeLiteral:
		b.WriteString(formatLiteral(&n.literal))
	case nodeAttribute:
		b.WriteString(quoteName(n.name))
	case nodeUnary:
		n.formatUnary(b)
	case nodeBinary:
		n.formatBinary(b)
	case nodeIsNull, nodeIn, nodeBetween, nodeLike:
		n.formatPredicate(b)
	case nodeCase:
		n.formatCase(b)
	case nodeCall:
		n.formatCall(b)
	case nodeAggregate:
		n.formatAggregate(b)
	}
}

func formatLiteral(v *value) string {
	switch v.kind {
	case table.KindBool:
		return strings.ToUpper(strconv.FormatBool(v.bits == 1))
	case table.KindInt:
		return strconv.FormatInt(v.int(), 10)
	case table.KindFloat:
		s := strconv.FormatFloat(v.float(), 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case table.KindString:
		return quoteString(v.text)
	}
	return "NULL"
}

func (n *node) formatUnary(b *strings.Builder) {
	operand := n.children[0]
	b.WriteString(operatorTexts[n.operator])
	if n.operator == opNot || operand.kind == nodeUnary {
		b.WriteByte(' ')
	}
	operand.format(b, n.operator.precedence())
}

func (n *node) formatBinary(b *strings.Builder) {
	left := n.precedence()
	if left == precedenceComparison {
		left++
	}
	n.children[0].format(b, left)
	b.WriteString(" " + operatorTexts[n.operator] + " ")
	n.children[1].format(b, n.precedence()+1)
}

func (n *node) formatPredicate(b *strings.Builder) {
	n.children[0].format(b, precedenceSum)
	not := ""
	if n.not {
		not = "NOT "
	}
	switch n.kind {
	case nodeIsNull:
		b.WriteString(" IS " + not + "NULL")
	case nodeIn:
		b.WriteString(" " + not + "IN (")
		formatList(b, n.children[1:])
		b.WriteByte(')')
	case nodeBetween:
		b.WriteString(" " + not + "BETWEEN ")
		n.children[1].format(b, precedenceSum)
		b.WriteString(" AND ")
		n.children[2].format(b, precedenceSum)
	case nodeLike:
		b.WriteString(" " + not + "LIKE ")
		n.children[1].format(b, precedenceSum)
	}
}

func formatList(b *strings.Builder, list []*node) {
	for i, n := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		n.format(b, precedenceOr)
	}
}

func (n *node) formatCase(b *strings.Builder) {
	b.WriteString("CASE")
	for i, child := range n.children {
		switch {
		case i%2 == 1:
			b.WriteString(" THEN ")
		case i == len(n.children)-1:
			b.WriteString(" ELSE ")
		default:
			b.WriteString(" WHEN ")
		}
		child.format(b, precedenceOr)
	}
	b.WriteString(" END")
}

func (n *node) formatCall(b *strings.Builder) {
	if n.function == castInteger || n.function == castFloat {
		b.WriteString("CAST(")
		n.children[0].format(b, precedenceOr)
		b.WriteString(" AS " + n.function.name + ")")
		return
	}
	b.WriteString(n.function.name + "(")
	formatList(b, n.children)
	b.WriteByte(')')
}

func (n *node) formatAggregate(b *strings.Builder) {
	b.WriteString(aggregateTexts[n.aggregate] + "(")
	if len(n.children) == 0 {
		b.WriteByte('*')
	}
	if n.aggregate.chooses() {
		b.WriteString(strconv.Itoa(n.count) + ", ")
	}
	for i, child := range n.children {
		if i == 1 && n.aggregate == aggregateFirst {
			b.WriteString(" ORDER BY ")
		} else if i == 1 {
			b.WriteString(", ")
		}
		child.format(b, precedenceOr)
	}
	if n.descending {
		b.WriteString(" DESC")
	}
	b.WriteByte(')')
}
