package afc

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"spinglass/table"
)

// FuzzCompile gives arbitrary text. Whatever it is, there is a program or an error of one line with a place; and a program's canonical form is a
// program with the same tree, which evaluates like its interpreter.
func FuzzCompile(f *testing.F) {
	for _, text := range []string{
		sevenOutputs, threeOutputs, `SELECT RANDOM(2, "a b") AS x, AND(m) AS y, CAST(SUM(i0) / 2 AS INT) AS z WHERE NOT i0 NOT IN (1, -2.5e3, 'it''s', NULL)`,
		"SELECT CASE WHEN COUNT(*) > 1 THEN - -MAX(f0) ELSE 9223372036854775807 END AS a WHERE s0 LIKE '%a_b' OR s1 NOT BETWEEN 'a' AND 'b' AND b0 IS NOT NULL",
		"'\r'", "SELECT 1", "", "SELECT 'a", "SELECT 1 AS a -- b", "SELECT " + strings.Repeat("(", 40),
	} {
		f.Add(text)
	}
	g := &generator{entropy: &entropy{[]byte("some rows for programs that were not made for them, which is why there are enough of all kinds here")}, wild: true}
	rows, oracle := g.rows(8)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Compile(text, Limits{})
		if err != nil {
			var at *Error
			switch {
			case strings.ContainsAny(err.Error(), "\n\r"), len(err.Error()) > 600:
				t.Fatalf("error of several lines, or long: %q", err)
			case errors.Is(err, ErrCost):
			case !errors.As(err, &at), at.Offset > len(text), at.Line < 1, at.Column < 1:
				t.Fatalf("error without a place: %#v", err)
			}
			return
		}
		if p.statement.nodes() > NodesMax || len(p.aggregates) > AggregatesMax || len(p.Outputs()) > OutputsMax || len(p.String()) > TextMax {
			t.Fatalf("exceeds limits: %s", p)
		}
		checkCanonical(t, p)
		for _, warning := range p.Warnings() {
			if strings.ContainsAny(warning.Message, "\n\r") || warning.Offset > len(text) {
				t.Fatalf("warning of several lines, or without a place: %#v", warning)
			}
		}
		checkAgainstInterpreter(t, p, rows, oracle, 7)
	})
}

// nodes counts the nodes of all expressions.
func (s *statement) nodes() int {
	count := 0
	visit := func(*node) bool {
		count++
		return true
	}
	for i := range s.outputs {
		s.outputs[i].expression.walk(visit)
	}
	if s.where != nil {
		s.where.walk(visit)
	}
	return count
}

// FuzzEvaluate makes a program and two tables of arbitrary bytes. Compiled and interpreted give the same; an evaluator that has seen other rows
// gives it too; and outputs can be encoded.
func FuzzEvaluate(f *testing.F) {
	for _, seed := range []string{"", "a", "program and rows", strings.Repeat("0123456789abcdefghij", 40), strings.Repeat("\xff\x00\x07", 200)} {
		f.Add([]byte(seed), uint64(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		g := &generator{entropy: &entropy{data}, wild: seed&1 != 0, extremes: seed&2 != 0}
		p, err := Compile(g.program(), Limits{})
		if err != nil {
			return // generated expressions may chain comparisons, or nest too deeply
		}
		rows, oracle := g.rows(8)
		want := checkAgainstInterpreter(t, p, rows, oracle, seed)
		e := NewEvaluator(p)
		others, _ := g.rows(20)
		if _, err := e.Evaluate(others, seed, nil); err != nil {
			t.Fatal(err)
		}
		got, err := e.Evaluate(rows, seed, nil)
		if err != nil || !slices.EqualFunc(got, want, table.Value.Equal) {
			t.Fatalf("%v, %v; a new evaluator gives %v: %s", got, err, want, p)
		}
		for _, v := range got {
			if _, err := v.Encode(); err != nil && v.Kind() != table.KindNone {
				t.Fatalf("%s cannot be encoded: %v", describe(v), err)
			}
		}
	})
}
