package afc

import "slices"

// Program is a compiled program. It is immutable, and may be shared by evaluators in any goroutines.
type Program struct {
	statement  *statement
	limits     Limits
	cost       cost
	inputs     []string // sorted
	where      expression
	aggregates []aggregate
	results    []expression // of the outputs
	folds      int          // how many places change the case of strings
}

// Compile makes a program of its text. The error is an *Error, which says where the text is wrong and what was expected there, or a
// *CostError where the program takes more than limits allow.
func Compile(text string, limits Limits) (*Program, error) {
	s, err := parse(text)
	if err != nil {
		return nil, err
	}
	if canonical := s.String(); len(canonical) > TextMax {
		return nil, newError(text, 0, ErrLimit, "canonical form exceeds the limit of a program")
	}
	p := &Program{statement: s, limits: limits.withDefaults(), cost: costOf(s)}
	if steps := p.Cost(p.limits.Rows); steps > p.limits.Steps {
		return nil, &CostError{Steps: steps, Rows: p.limits.Rows, Limit: p.limits.Steps}
	}
	p.compile()
	return p, nil
}

// String returns the canonical form of the program, which compiles to an equal program. It is at most TextMax bytes long.
func (p *Program) String() string { return p.statement.String() }

// Outputs returns the names of the outputs in their order.
func (p *Program) Outputs() []string {
	names := make([]string, len(p.statement.outputs))
	for i := range names {
		names[i] = p.statement.outputs[i].name
	}
	return names
}

// Inputs returns the names of the attributes that the program reads, sorted.
func (p *Program) Inputs() []string { return slices.Clone(p.inputs) }

// Cost returns how many steps an evaluation over so many rows takes at most.
func (p *Program) Cost(rows int) int { return p.cost.perRow*rows + p.cost.once }

// Limits returns the limits that the program was compiled for, defaults filled in.
func (p *Program) Limits() Limits { return p.limits }
