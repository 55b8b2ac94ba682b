package afc

// Limits of the language. They are the same everywhere, so that all members agree on what is a program.
const (
	TextMax       = 4096 // bytes of a program, as it is given and in its canonical form
	NodesMax      = 200  // nodes of all expressions: literals, attributes, operators and calls
	AggregatesMax = 64   // calls of aggregates; equal ones are computed once and count each
	DepthMax      = 32   // expressions inside expressions: parentheses, operands and arguments
	OutputsMax    = 64
	LiteralMax    = 256 // bytes of a string literal
	NameMax       = 64  // bytes of the name of an attribute or output, as package table has it
	ChoiceMax     = 32  // n of FIRST and RANDOM
)

// Limits of an evaluation.
const (
	RowsDefault = 128
	RowsMax     = 1 << 14
	// StepsPerRowDefault lets every program pass that has no long patterns.
	StepsPerRowDefault = 512
)

// Limits says what an evaluation may take. A zero field stands for its default.
type Limits struct {
	// Rows is how many rows a program has to be able to read within its steps: 1 to RowsMax, by default RowsDefault. An evaluation may read more, RowsMax at most, as far as the steps go.
	Rows int
	// Steps is what Program.Cost may be for the rows of an evaluation; by default Rows*StepsPerRowDefault. All who should agree have to have it alike, and need not have Rows alike.
	Steps int
}

// withDefaults fills in what is zero, and keeps the rest in range.
func (l Limits) withDefaults() Limits {
	if l.Rows == 0 {
		l.Rows = RowsDefault
	}
	l.Rows = min(max(l.Rows, 1), RowsMax)
	if l.Steps == 0 {
		l.Steps = l.Rows * StepsPerRowDefault
	}
	return l
}
