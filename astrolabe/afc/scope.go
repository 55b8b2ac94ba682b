package afc

import "fmt"

// checkScope holds the rules about aggregates: WHERE is of one row and has none, an output is of all rows and reads attributes inside
// aggregates only, and no aggregate is inside another one.
func (s *statement) checkScope(text string) error {
	var err error
	report := func(n *node, format string, arguments ...any) {
		if err == nil {
			err = newError(text, n.at, ErrScope, fmt.Sprintf(format, arguments...))
		}
	}
	inside := func(n *node) bool {
		if n.kind == nodeAggregate {
			report(n, "%s inside another aggregate: an aggregate is of rows, which that one reads already", aggregateTexts[n.aggregate])
		}
		return true
	}
	for i := range s.outputs {
		s.outputs[i].expression.walk(func(n *node) bool {
			switch n.kind {
			case nodeAttribute:
				name := quoteName(shorten(n.name))
				report(n, "attribute %s outside an aggregate: an output is of all rows; write MAX(%s), FIRST(1, %s) or the like", name, name, name)
			case nodeAggregate:
				for _, child := range n.children {
					child.walk(inside)
				}
				return false
			}
			return true
		})
	}
	if s.where != nil {
		s.where.walk(func(n *node) bool {
			if n.kind == nodeAggregate {
				report(n, "%s in WHERE: WHERE is of one row at a time", aggregateTexts[n.aggregate])
			}
			return true
		})
	}
	return err
}
