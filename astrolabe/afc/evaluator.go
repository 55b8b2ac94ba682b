package afc

import "spinglass/table"

// Evaluator evaluates one program, again and again, and keeps what it needs for that. It is not safe for concurrent use.
type Evaluator struct {
	program *Program
	seed    uint64
	bound   []*Row    // the rows of the columns
	columns [][]value // by input, by row
	kept    []int32   // the rows that WHERE keeps
	scratch [2][]value
	folds   [][]fold // by place in the program, by row + 1
	choices []choice // by aggregate
	results []value  // by aggregate
	last    []published
	rows    int // for which there is room
}

// NewEvaluator returns an evaluator of p.
func NewEvaluator(p *Program) *Evaluator {
	e := &Evaluator{
		program: p, columns: make([][]value, len(p.inputs)), folds: make([][]fold, p.folds),
		choices: make([]choice, len(p.aggregates)), results: make([]value, len(p.aggregates)), last: make([]published, len(p.results)),
	}
	for i := range e.folds {
		e.folds[i] = make([]fold, 1)
	}
	return e
}

// Evaluate appends the outputs of the program over the rows to out, in the order of Program.Outputs; NULL is the zero Value. The
// rows are in ascending order of their identifiers. Errors: ErrRows, ErrOrder; out is unchanged then.
//
// Equal rows and an equal seed give equal outputs at every member. The evaluator keeps the rows until the next evaluation, which reads only
// those anew that are not the same pointers.
func (e *Evaluator) Evaluate(rows []*Row, seed uint64, out []table.Value) ([]table.Value, error) {
	if err := e.bind(rows); err != nil {
		return out, err
	}
	e.seed = seed
	e.filter(len(rows))
	for i := range e.program.aggregates {
		e.results[i] = e.program.aggregates[i].run(e, &e.choices[i])
	}
	for i, result := range e.program.results {
		v := result(e, -1)
		out = append(out, e.last[i].publish(&v))
	}
	return out, nil
}

// bind reads the rows that have changed.
func (e *Evaluator) bind(rows []*Row) error {
	if len(rows) > RowsMax || e.program.Cost(len(rows)) > e.program.limits.Steps {
		return ErrRows
	}
	changed := len(rows) != len(e.bound)
	for i := 0; i < len(rows) && !changed; i++ {
		changed = rows[i] != e.bound[i]
	}
	if !changed {
		return nil
	}
	for i := range rows {
		if rows[i] == nil || i > 0 && rows[i].id <= rows[i-1].id {
			return ErrOrder
		}
	}
	e.grow(len(rows))
	for i, row := range rows {
		if i >= len(e.bound) || e.bound[i] != row {
			row.bind(e.program.inputs, e.columns, i)
		}
	}
	for i := len(rows); i < len(e.bound); i++ {
		for _, column := range e.columns {
			column[i] = value{}
		}
	}
	clear(e.bound)
	e.bound = append(e.bound[:0], rows...)
	return nil
}

// grow makes room for so many rows.
func (e *Evaluator) grow(rows int) {
	if rows <= e.rows {
		return
	}
	e.rows = min(max(rows, 2*e.rows), RowsMax)
	for i := range e.columns {
		e.columns[i] = append(make([]value, 0, e.rows), e.columns[i]...)[:e.rows]
	}
	for i := range e.folds {
		e.folds[i] = append(make([]fold, 0, e.rows+1), e.folds[i]...)[:e.rows+1]
	}
	for i := range e.scratch {
		e.scratch[i] = make([]value, e.rows)
	}
	e.kept = make([]int32, 0, e.rows)
}

// filter finds the rows that WHERE keeps.
func (e *Evaluator) filter(rows int) {
	e.kept = e.kept[:0]
	for row := range rows {
		if e.program.where != nil {
			if v := e.program.where(e, row); !v.isTrue() {
				continue
			}
		}
		e.kept = append(e.kept, int32(row))
	}
}
