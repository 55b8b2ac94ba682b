package sql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// plan is what is to be done for a statement. Its columns and parameters can be told before it is done.
type plan struct {
	query      string // for SQLite, "" where it is not asked
	columns    []resultColumn
	parameters []*kind // of the values that it is given
	run        func(ctx context.Context, arguments []driver.Value) (*result, error)
	always     bool // it can be done when the transaction has failed
}

// prepare finds out what is to be done for a statement. hints are the types of parameters that the client knows.
func (s *session) prepare(ctx context.Context, statement []token, hints []*kind) (*plan, error) {
	switch first := statement[0]; {
	case first.isAny("select", "with", "values") || first.is("("):
		return s.prepareQuery(ctx, statement, hints)
	case first.isAny("table") && len(statement) > 1:
		return s.prepareQuery(ctx, append([]token{word("select"), operator("*"), word("from")}, statement[1:]...), hints)
	case first.isAny("update", "insert", "delete"):
		return s.prepareWrite(ctx, statement, hints)
	}
	return s.prepareCommand(statement)
}

// prepareQuery prepares what only reads.
func (s *session) prepareQuery(ctx context.Context, statement []token, hints []*kind) (*plan, error) {
	if err := noWrites(statement); err != nil {
		return nil, err
	}
	if p := foreignKeys(statement); p != nil {
		return p, nil
	}
	statement = primaryKeys(statement)
	key := joined(statement)
	for _, hint := range hints {
		if hint != nil {
			key += "\x00" + hint.internal
		}
	}
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if known := s.plans[key]; known != nil {
		return known, nil
	}
	p := &plan{}
	if p.parameters, err = s.parameters(statement, hints); err != nil {
		return nil, err
	}
	rewritten, err := s.rewrite(statement)
	if err != nil {
		return nil, err
	}
	p.query = joined(rewritten)
	if p.columns, err = s.describe(rewritten); err != nil {
		return nil, err
	}
	p.run = func(ctx context.Context, arguments []driver.Value) (*result, error) {
		return s.query(ctx, p, arguments)
	}
	if len(s.plans) >= plansMax {
		clear(s.plans)
	}
	s.plans[key] = p
	return p, nil
}

// rewrite returns a statement in the words of SQLite.
func (s *session) rewrite(statement []token) ([]token, error) {
	rewritten, err := rewrite(statement, s.user, func(t token) bool { return s.columnKind(statement, t) == kindBool })
	if err != nil {
		return nil, err
	}
	return s.special(rewritten)
}

// noWrites refuses a query in which something is changed: WITH can stand before UPDATE.
func noWrites(statement []token) error {
	depth := 0
	for i, t := range statement {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.isAny("insert", "update", "delete", "replace") && statement[0].isAny("with") && i > 0 && (statement[i-1].is(")") || statement[i-1].is("(")):
			return errorf(codeUnsupported, "WITH in front of %s is not supported", strings.ToUpper(t.value))
		case t.isAny("into") && statement[0].isAny("select") && depth == 0:
			return errorf(codeReadOnly, "SELECT INTO would make a table, and there are none but those that are here")
		}
	}
	return nil
}

// query runs a query.
func (s *session) query(ctx context.Context, p *plan, arguments []driver.Value) (*result, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, size, err := s.compute(p.query, arguments)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 && len(rows[0]) != len(p.columns) {
		return nil, errorf(codeUnsupported, "cached plan must not change result type: the tables have other columns now")
	}
	r := &result{columns: settle(p.columns, rows), rows: rows, tag: fmt.Sprintf("SELECT %d", len(rows))}
	if err := s.book(r, size); err != nil {
		return nil, err
	}
	return r, nil
}

// probe runs a query whose parameters are not known, to learn the types of columns that are expressions. It fails like the query would, but for the parameters.
func (s *session) probe(ctx context.Context, p *plan) []resultColumn {
	if p.query == "" || !slices.ContainsFunc(p.columns, func(c resultColumn) bool { return c.kind == nil }) {
		return p.columns
	}
	r, err := s.query(ctx, p, make([]driver.Value, len(p.parameters)))
	if err != nil {
		return settle(p.columns, nil)
	}
	r.release()
	return r.columns
}

// parameters returns the types of the parameters of a statement: those that the client says, or that what they are compared with has.
func (s *session) parameters(statement []token, hints []*kind) ([]*kind, error) {
	var all []*kind
	for i, t := range statement {
		if t.kind != tokenParameter {
			continue
		}
		n, err := strconv.Atoi(t.value)
		if err != nil || n < 1 || n > ParametersMax {
			return nil, errorf(codeLimit, "there is no parameter $%s: the limit is %d", t.value, ParametersMax)
		}
		for len(all) < n {
			all = append(all, nil)
		}
		switch {
		case n <= len(hints) && hints[n-1] != nil:
			all[n-1] = hints[n-1]
		case all[n-1] == nil:
			all[n-1] = s.guess(statement, i)
		}
	}
	for i := range all {
		if all[i] == nil {
			all[i] = kindText
		}
	}
	return all, nil
}

// comparisons are what can stand between a column and a parameter.
var comparisons = []string{"=", "<", ">", "<=", ">=", "<>", "!=", "like", "ilike", "~", "~*", "between", "in", "(", ",", "and", "+", "-", "*", "/"}

// guess returns the type of the parameter at a place, nil when nothing says it.
func (s *session) guess(statement []token, at int) *kind {
	get := func(i int) token {
		if i < 0 || i >= len(statement) {
			return token{kind: tokenEnd}
		}
		return statement[i]
	}
	if get(at + 1).is("::") {
		if get(at + 3).is(".") {
			at += 2
		}
		return kindNamed(get(at + 2).value)
	}
	if get(at-1).isAny("limit", "offset", "first", "next") {
		return kindInt
	}
	if get(at+1).is("=") || get(at+1).is("<") || get(at+1).is(">") || get(at+1).is("<=") || get(at+1).is(">=") || get(at+1).is("<>") {
		if k := s.columnKind(statement, get(at+2)); k != nil {
			return k
		}
	}
	for i := at - 1; i >= 0 && i > at-2*ParametersMax; i-- {
		t := statement[i]
		switch {
		case t.kind == tokenParameter, t.kind == tokenText, t.kind == tokenNumber, t.isAny("not"):
		case (t.kind == tokenOperator || t.kind == tokenWord) && slices.Contains(comparisons, t.value):
		case t.named():
			return s.columnKind(statement, t)
		default:
			return nil
		}
	}
	return nil
}

// columnKind returns the type of the first column of a name among the tables that a statement names.
func (s *session) columnKind(statement []token, column token) *kind {
	if !column.named() {
		return nil
	}
	for _, t := range statement {
		if !t.named() {
			continue
		}
		for _, schema := range []string{schemaMain, "pg_catalog", "information_schema"} {
			if r := s.relation(keyOf(schema, t.value)); r != nil {
				if at := r.column(column.value); at >= 0 {
					return r.columns[at].kind
				}
			}
		}
	}
	return nil
}

// kindNamed returns the type of a name, nil for none that has values of its own here.
func kindNamed(name string) *kind {
	switch strings.ToLower(name) {
	case "int", "int2", "int4", "int8", "integer", "smallint", "bigint":
		return kindInt
	case "float4", "float8", "float", "real", "double", "numeric", "decimal":
		return kindFloat
	case "bool", "boolean":
		return kindBool
	case "bytea":
		return kindBytes
	case "timestamp", "timestamptz":
		return kindTime
	}
	return kindText
}
