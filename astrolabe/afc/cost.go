package afc

// cost is what a program takes, in steps. A step computes one node once, in time linear in the size of the values that it reads.
type cost struct {
	perRow int // WHERE and the aggregates with their arguments
	once   int // what stands around the aggregates
}

// costOf counts each expression once for each time that it stands in the program.
func costOf(s *statement) cost {
	var c cost
	if s.where != nil {
		c.perRow += s.where.steps()
	}
	for i := range s.outputs {
		s.outputs[i].expression.walk(func(n *node) bool {
			if n.kind == nodeAggregate {
				c.perRow += n.steps()
				return false
			}
			c.once += n.ownSteps()
			return true
		})
	}
	return c
}

// steps counts the node and all below it.
func (n *node) steps() int {
	sum := 0
	n.walk(func(n *node) bool {
		sum += n.ownSteps()
		return true
	})
	return sum
}

func (n *node) ownSteps() int {
	if n.kind == nodeLike {
		return newPattern(n.children[1].literal.text).steps()
	}
	return 1
}
