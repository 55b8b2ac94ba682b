package afc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
		is   error
	}{
		{"", "line 1, column 1: expected SELECT, found the end", ErrSyntax},
		{"SELECT", "line 1, column 7: expected an expression, found the end", ErrSyntax},
		{"SELECT MAX(x)", "line 1, column 14: expected an operator, or AS and the name of the output, found the end", ErrSyntax},
		{"SELECT MAX(x) load", `line 1, column 15: expected an operator, or AS and the name of the output, found name "load"`, ErrSyntax},
		{"SELECT MAX(x) AS", "line 1, column 17: expected the name of an output (keywords stand in double quotes), found the end", ErrSyntax},
		{"SELECT MAX(x) AS order", `line 1, column 18: expected the name of an output (keywords stand in double quotes), found "ORDER"`, ErrSyntax},
		{"SELECT 1 AS a, 2 AS a", "line 1, column 21: output a is there already", ErrSyntax},
		{"SELECT 1 AS a 2", `line 1, column 15: expected a comma, WHERE or the end, found "2"`, ErrSyntax},
		{"SELECT 1 AS a\nFROM t", `line 2, column 1: expected a comma, WHERE or the end, found "FROM"; a program reads the child table of its zone and names no other`, ErrSyntax},
		{"SELECT 1 AS a WHERE x y", `line 1, column 23: expected an operator or the end, found name "y"`, ErrSyntax},
		{"SELECT x AS a", "line 1, column 8: attribute x outside an aggregate: an output is of all rows; write MAX(x), FIRST(1, x) or the like", ErrScope},
		{"SELECT 'ä' = 'ö', 1", "line 1, column 17: expected an operator, or AS and the name of the output, found \",\"", ErrSyntax},
		{"SELECT SUM(MAX(x)) AS a", "line 1, column 12: MAX inside another aggregate: an aggregate is of rows, which that one reads already", ErrScope},
		{"SELECT 1 AS a WHERE COUNT(*) > 1", "line 1, column 21: COUNT in WHERE: WHERE is of one row at a time", ErrScope},
		{"SELECT MEDIAN(x) AS a", `line 1, column 8: expected a function or an aggregate, found "MEDIAN": there are COUNT, SUM, MIN, MAX, AVG, OR, AND, FIRST, RANDOM, ` +
			`ABS, BIT, BIT_COUNT, CEIL, COALESCE, CONTAINS, FLOOR, LENGTH, LOWER, NULLIF, ROUND, UPPER, CAST`, ErrSyntax},
		{"SELECT ABS(1, 2) AS a", "line 1, column 8: expected 1 argument for ABS, found 2", ErrSyntax},
		{"SELECT BIT(1) AS a", "line 1, column 8: expected 2 arguments for BIT, found 1", ErrSyntax},
		{"SELECT ROUND(1, 2, 3) AS a", "line 1, column 8: expected 1 to 2 arguments for ROUND, found 3", ErrSyntax},
		{"SELECT SUM(x, y) AS a", `line 1, column 13: expected an operator or the closing parenthesis of SUM, found ","`, ErrSyntax},
		{"SELECT SUM(*) AS a", `line 1, column 12: expected an expression, found "*"`, ErrSyntax},
		{"SELECT COUNT(DISTINCT x) AS a", `line 1, column 14: expected an expression, found "DISTINCT"; programs have no DISTINCT`, ErrSyntax},
		{"SELECT FIRST(x) AS a", `line 1, column 14: expected how many values FIRST takes, a literal from 1 to 32, found name "x"`, ErrSyntax},
		{"SELECT FIRST(33, x) AS a", `line 1, column 14: expected how many values FIRST takes, a literal from 1 to 32, found "33"`, ErrSyntax},
		{"SELECT RANDOM(0, x) AS a", `line 1, column 15: expected how many values RANDOM takes, a literal from 1 to 32, found "0"`, ErrSyntax},
		{"SELECT FIRST(3 x) AS a", `line 1, column 16: expected a comma and what FIRST takes, found name "x"`, ErrSyntax},
		{"SELECT FIRST(3, x ORDER y) AS a", `line 1, column 25: expected BY after ORDER, found name "y"`, ErrSyntax},
		{"SELECT RANDOM(3, x ORDER BY y) AS a", `line 1, column 20: expected an operator or the closing parenthesis of RANDOM, found "ORDER"`, ErrSyntax},
		{"SELECT OR AS a", `line 1, column 11: expected the argument of the aggregate OR in parentheses, found "AS"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x = y = z", `line 1, column 27: comparisons do not chain: expected AND, OR or parentheses, found "="`, ErrSyntax},
		{"SELECT 1 AS a WHERE x IS NULL IS NULL", `line 1, column 31: comparisons do not chain: expected AND, OR or parentheses, found "IS"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x LIKE 'y' + 'z'", `line 1, column 32: comparisons do not chain: expected AND, OR or parentheses, found "+"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x IS 3", `line 1, column 26: expected NULL or NOT NULL after IS, found "3"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x NOT 3", `line 1, column 27: expected IN, BETWEEN or LIKE after NOT, found "3"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x IN 3", `line 1, column 26: expected the list of IN in parentheses, found "3"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x IN ()", `line 1, column 27: expected an expression, found ")"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x BETWEEN 1 OR 2", `line 1, column 33: expected AND between the bounds of BETWEEN, found "OR"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x LIKE y", `line 1, column 28: expected a string literal, the pattern of LIKE, found name "y"`, ErrSyntax},
		{"SELECT 1 AS a WHERE x = NOT y", "line 1, column 25: expected an operand, found NOT: put it in parentheses", ErrSyntax},
		{"SELECT 1 AS a WHERE (x", "line 1, column 23: expected an operator or a closing parenthesis, found the end", ErrSyntax},
		{"SELECT CASE x WHEN 1 THEN 2 END AS a", `line 1, column 13: expected WHEN after CASE, found name "x"`, ErrSyntax},
		{"SELECT CASE WHEN 1 END AS a", `line 1, column 20: expected an operator, or THEN and a result, found "END"`, ErrSyntax},
		{"SELECT CASE WHEN 1 THEN 2 AS a", `line 1, column 27: expected an operator, WHEN, ELSE or END of CASE, found "AS"`, ErrSyntax},
		{"SELECT CAST(1 AS TEXT) AS a", `line 1, column 18: expected INT or FLOAT, the type of CAST, found name "TEXT"`, ErrSyntax},
		{"SELECT CAST(1) AS a", `line 1, column 14: expected an operator, or AS and a type of CAST, found ")"`, ErrSyntax},
		{"SELECT 1 -- one\nAS a", `line 1, column 10: "--" begins a comment in SQL, and programs have none: write "- -" to subtract a negative number`, ErrSyntax},
		{"SELECT 'abc AS a", "line 1, column 8: expected a closing ' for this string", ErrSyntax},
		{`SELECT 1 AS "abc`, `line 1, column 13: expected a closing " for this name`, ErrSyntax},
		{`SELECT 1 AS ""`, `line 1, column 13: expected a name between the quotes`, ErrSyntax},
		{"SELECT 1 AS a;", "line 1, column 14: expected a name, a literal or an operator, found ';': other names stand in double quotes", ErrSyntax},
		{"SELECT 1x AS a", "line 1, column 9: expected the end of a number, found 'x'", ErrSyntax},
		{"SELECT 1. AS a", "line 1, column 10: expected a digit after the point", ErrSyntax},
		{"SELECT 1e+ AS a", "line 1, column 11: expected a digit in the exponent", ErrSyntax},
		{"SELECT 9223372036854775808 AS a", "line 1, column 8: expected an integer of 64 bits, found 9223372036854775808: write it as a float, with a point", ErrSyntax},
		{"SELECT 1e999 AS a", "line 1, column 8: expected a number of at most 1.7e308, found 1e999", ErrSyntax},
		{"SELECT \xff AS a", "line 1, column 1: expected a program in UTF-8", ErrSyntax},
		{"'\r\n\x1b'", "line 1, column 1: expected SELECT, found string '   '", ErrSyntax},
		{"SELECT 1 AS \"a\nb\", 2 AS \"a\nb\"", `line 2, column 10: output "a b" is there already`, ErrSyntax},
		{"SELECT 'a\x00\n\n' 'b' AS a", `line 3, column 3: expected an operator, or AS and the name of the output, found string 'b'`, ErrSyntax},
	} {
		_, err := Compile(c.text, Limits{})
		var at *Error
		if err == nil || err.Error() != c.want || !errors.Is(err, c.is) || !errors.As(err, &at) {
			t.Errorf("%q:\n got %v\nwant %v", c.text, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "\n") || at.Offset > len(c.text) {
			t.Errorf("%q: error of several lines, or offset %d", c.text, at.Offset)
		}
	}
}

// TestLimits passes each limit exactly, and exceeds it by one.
func TestLimits(t *testing.T) {
	list := func(n int, each string) string { return strings.Repeat(each+", ", n-1) + each }
	outputs := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("1 AS o%d", i))
		}
		return strings.Join(all, ", ")
	}
	sums := func(n int) string { return strings.Repeat("COUNT(*) + ", n-1) + "COUNT(*)" }
	for what, c := range map[string]struct {
		limit int
		text  func(n int) string
	}{
		"text":       {TextMax, func(n int) string { return "SELECT 1 AS a" + strings.Repeat(" ", n-13) }},
		"nodes":      {NodesMax, func(n int) string { return "SELECT 1 IN (" + list(n-2, "1") + ") AS a" }},
		"aggregates": {AggregatesMax, func(n int) string { return "SELECT " + sums(n) + " AS a" }},
		"depth": {DepthMax, func(n int) string {
			return "SELECT " + strings.Repeat("(", n-1) + "1" + strings.Repeat(")", n-1) + " AS a"
		}},
		"negations": {DepthMax, func(n int) string { return "SELECT " + strings.Repeat("NOT ", n-1) + "TRUE AS a" }},
		"outputs":   {OutputsMax, func(n int) string { return "SELECT " + outputs(n) }},
		"literal":   {LiteralMax, func(n int) string { return "SELECT '" + strings.Repeat("a", n) + "' AS a" }},
		"name":      {NameMax, func(n int) string { return "SELECT 1 AS " + strings.Repeat("a", n) }},
		"quoted": {NameMax, func(n int) string {
			return `SELECT MAX("` + strings.Repeat("ä", n/2) + strings.Repeat("a", n%2) + `") AS a`
		}},
		"attribute": {NameMax, func(n int) string { return "SELECT MAX(" + strings.Repeat("a", n) + ") AS a" }},
	} {
		if _, err := Compile(c.text(c.limit), Limits{}); err != nil {
			t.Errorf("%s: at the limit: %v", what, err)
		}
		if _, err := Compile(c.text(c.limit+1), Limits{}); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: beyond the limit: %v", what, err)
		}
	}
	if _, err := Compile("SELECT COALESCE("+list(CoalesceMax+1, "1")+") AS a", Limits{}); !errors.Is(err, ErrSyntax) {
		t.Errorf("COALESCE of too many arguments: %v", err)
	}
}

// The canonical form of a program is no longer than a program may be.
func TestCanonicalFormIsBounded(t *testing.T) {
	strings256 := strings.Repeat("'"+strings.Repeat("a", 250)+"',", 15)
	text := "SELECT 1 IN(" + strings256 + strings.Repeat("1,", 40) + "1)AS a"
	if len(text) > TextMax {
		t.Fatalf("a text of %d bytes is refused for its own length", len(text))
	}
	if _, err := Compile(text, Limits{}); err != nil {
		t.Errorf("a canonical form below the limit: %v", err)
	}
	text = "SELECT 1 IN(" + strings256 + strings.Repeat("1,", 130) + "1)AS a"
	if _, err := Compile(text, Limits{}); len(text) > TextMax || !errors.Is(err, ErrLimit) {
		t.Errorf("a canonical form beyond the limit: %v", err)
	}
}

func TestCost(t *testing.T) {
	for _, c := range []struct {
		text         string
		perRow, once int
	}{
		{"SELECT COUNT(*) AS a", 1, 0},
		{"SELECT MAX(depth) + 1 AS a", 2, 2},
		{"SELECT SUM(a) / COUNT(*) AS a WHERE b > 1", 3 + 3, 1},
		{"SELECT COUNT(*) AS a WHERE b LIKE '%abc%'", 4, 0},
		{"SELECT COUNT(*) AS a WHERE b LIKE '%a_c%d'", 4 + 3, 0},
	} {
		p, err := Compile(c.text, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		perRow, once := p.Cost(1)-p.Cost(0), p.Cost(0)
		if perRow != c.perRow || once != c.once {
			t.Errorf("%s: %d steps a row and %d once, want %d and %d", c.text, perRow, once, c.perRow, c.once)
		}
	}
}

// What is too expensive is refused when it is compiled.
func TestTooExpensive(t *testing.T) {
	text := "SELECT SUM(a) AS a WHERE b > 1" // five steps a row
	if _, err := Compile(text, Limits{Rows: 100, Steps: 500}); err != nil {
		t.Error(err)
	}
	_, err := Compile(text, Limits{Rows: 100, Steps: 499})
	var cost *CostError
	if !errors.Is(err, ErrCost) || !errors.As(err, &cost) || cost.Steps != 500 || cost.Rows != 100 || cost.Limit != 499 {
		t.Errorf("refused with %v", err)
	}
	if want := "the program takes 500 steps for 100 rows, 499 are allowed: shorten it, above all its patterns, or split it"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	patterns := "SELECT COUNT(*) AS a WHERE " + strings.Repeat("b LIKE '%"+strings.Repeat("_", 60)+"%' OR ", 10) + "FALSE"
	if _, err := Compile(patterns, Limits{}); !errors.Is(err, ErrCost) {
		t.Errorf("ten long patterns: %v", err)
	}
	if p, err := Compile(text, Limits{Rows: 1 << 30}); err != nil || p.Limits() != (Limits{Rows: RowsMax, Steps: RowsMax * StepsPerRowDefault}) {
		t.Errorf("limits out of range: %v, %v", p.Limits(), err)
	}
}
