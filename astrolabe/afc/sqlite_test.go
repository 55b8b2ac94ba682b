package afc

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"spinglass/table"
)

// What is meant to be as in SQLite: precedence, three-valued logic, integers and floats, their overflow, comparisons of one class, IN, BETWEEN,
// CASE, COALESCE, NULLIF, LENGTH, LOWER, UPPER, ABS, ROUND, CEIL, FLOOR, CAST of what is in range, and COUNT, SUM, MIN, MAX, AVG, WHERE.
//
// What differs on purpose, and is therefore not compared: booleans are a kind of their own; different classes do not compare; LIKE tells letters apart
// (SQLite does so by a pragma, as here); a SUM out of range and ABS of the least integer are floats (SQLite fails); CAST out of range is NULL;
// NULL comes last in every order.

// sqliteTable is a table in memory with the attributes of generated rows as columns without affinity.
type sqliteTable struct{ db *sql.DB }

func newSQLiteTable(t *testing.T) *sqliteTable {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // each connection would have a table of its own
	for _, statement := range []string{"PRAGMA case_sensitive_like = ON", "CREATE TABLE t (id PRIMARY KEY, i0, i1, i2, f0, f1, f2, s0, s1, s2, b0, b1, b2)"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return &sqliteTable{db}
}

var sqliteColumns = []string{"i0", "i1", "i2", "f0", "f1", "f2", "s0", "s1", "s2", "b0", "b1", "b2"}

func (s *sqliteTable) fill(t *testing.T, rows []oracleRow) {
	if _, err := s.db.Exec("DELETE FROM t"); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		values := []any{r.id}
		for _, column := range sqliteColumns {
			values = append(values, sqliteValue(r.attributes[column]))
		}
		if _, err := s.db.Exec("INSERT INTO t VALUES (?"+strings.Repeat(", ?", len(sqliteColumns))+")", values...); err != nil {
			t.Fatal(err)
		}
	}
}

func sqliteValue(v table.Value) any {
	switch v.Kind() {
	case table.KindInt:
		i, _ := v.Int()
		return i
	case table.KindFloat:
		f, _ := v.Float()
		return f
	case table.KindString:
		return v.String()
	case table.KindBool:
		b, _ := v.Bool()
		if b {
			return int64(1)
		}
		return int64(0)
	}
	return nil
}

// query returns the first column of all rows.
func (s *sqliteTable) query(text string) (values []any, err error) {
	rows, err := s.db.Query(text)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

// sqliteQuery writes an output as SQLite has it. Expressions are in the canonical form, so that the precedence of both is the same or found to differ.
func sqliteQuery(s *statement, o output) string {
	where := "TRUE"
	if s.where != nil {
		var b strings.Builder
		s.where.format(&b, precedenceOr)
		where = b.String()
	}
	var parts []string
	n := o.expression
	for _, child := range append([]*node{n}, n.children...) {
		var b strings.Builder
		child.format(&b, precedenceOr)
		parts = append(parts, b.String())
	}
	from := " FROM t WHERE (" + where + ")"
	if n.kind == nodeAggregate {
		switch {
		case n.aggregate == aggregateAverage && len(n.children) == 2:
			return fmt.Sprintf("SELECT SUM((%[1]s) * 1.0 * (%[2]s)) / SUM(1.0 * (%[2]s))%[3]s AND (%[1]s) IS NOT NULL AND (%[2]s) >= 0", parts[1], parts[2], from)
		case n.aggregate == aggregateOr:
			return "SELECT MAX(" + parts[1] + ")" + from
		case n.aggregate == aggregateAnd:
			return "SELECT MIN(" + parts[1] + ")" + from
		case n.aggregate == aggregateFirst:
			order := "id"
			if len(n.children) == 2 {
				order = fmt.Sprintf("COALESCE(%[1]s, NULL) IS NULL, COALESCE(%[1]s, NULL)%[2]s, id", parts[2], map[bool]string{true: " DESC"}[n.descending])
			}
			return fmt.Sprintf("SELECT %s%s AND (%s) IS NOT NULL ORDER BY %s LIMIT %d", parts[1], from, parts[1], order, n.count)
		}
	}
	return "SELECT " + parts[0] + from
}

// agrees reports whether a value is what SQLite gives: numbers to 12 digits, since sums may differ in the last ones.
func agrees(v table.Value, want any) bool {
	got := sqliteValue(v)
	x, xok := asFloat(got)
	y, yok := asFloat(want)
	if xok && yok {
		return x == y || math.Abs(x-y) <= 1e-12*math.Max(math.Abs(x), math.Abs(y))
	}
	return got == want
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func allAgree(v table.Value, want []any, list bool) bool {
	if !list {
		return len(want) == 1 && agrees(v, want[0])
	}
	elements, _ := v.List()
	if len(elements) != len(want) {
		return false
	}
	for i := range elements {
		if !agrees(elements[i], want[i]) {
			return false
		}
	}
	return true
}

// TestAgainstSQLite evaluates random programs over random tables in both.
func TestAgainstSQLite(t *testing.T) {
	db := newSQLiteTable(t)
	compared, known, overflows := 0, 0, 0
	seeds := 6000
	if testing.Short() {
		seeds = 1500
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 2))
		g := &generator{entropy: &entropy{randomBytes(r, 3000)}, extremes: seed%5 == 0}
		rows, oracle := g.rows(10)
		p, err := Compile(g.program(), Limits{})
		if err != nil {
			continue // generated expressions may chain comparisons, or nest too deeply
		}
		got, err := NewEvaluator(p).Evaluate(rows, seed, nil)
		if err != nil {
			t.Fatal(err)
		}
		db.fill(t, oracle)
		for i, o := range p.statement.outputs {
			query := sqliteQuery(p.statement, o)
			want, err := db.query(query)
			if err != nil && strings.Contains(err.Error(), "integer overflow") {
				overflows++
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			compared++
			if got[i].Kind() != table.KindNone {
				known++
			}
			list := o.expression.kind == nodeAggregate && o.expression.aggregate == aggregateFirst
			if !allAgree(got[i], want, list) {
				for _, r := range oracle {
					t.Log(r.id, r.attributes)
				}
				t.Fatalf("seed %d: %s = %s, SQLite says %v: %s", seed, o.name, describe(got[i]), want, query)
			}
		}
	}
	if compared < 2*seeds || known < compared/2 || overflows == 0 {
		t.Errorf("only %d outputs compared, %d not NULL, %d that SQLite refuses", compared, known, overflows)
	}
	t.Logf("%d outputs compared, %d not NULL, %d that SQLite refuses", compared, known, overflows)
}
