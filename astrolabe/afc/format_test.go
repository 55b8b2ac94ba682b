package afc

import (
	"slices"
	"testing"
)

func TestCanonicalForm(t *testing.T) {
	for text, want := range map[string]string{
		"select count(*) as n":      "SELECT COUNT(*) AS n",
		"SELECT\tmax( x )AS\n\"x\"": "SELECT MAX(x) AS x",
		`SELECT MAX("and") + max("a b") AS "select", MIN(a.b) AS "a."`: `SELECT MAX("and") + MAX("a b") AS "select", MIN(a.b) AS "a."`,
		`SELECT MAX("a""b") AS ".a", 1 AS "1", 2 AS "ä"`:               `SELECT MAX("a""b") AS ".a", 1 AS "1", 2 AS "ä"`,
		"SELECT 'it''s' AS a":                                                "SELECT 'it''s' AS a",
		"SELECT ((1+2))*3 AS a, 1+(2*3) AS b":                                "SELECT (1 + 2) * 3 AS a, 1 + 2 * 3 AS b",
		"SELECT 1-(2-3) AS a, (1-2)-3 AS b":                                  "SELECT 1 - (2 - 3) AS a, 1 - 2 - 3 AS b",
		"SELECT -(5) AS a, -(-5) AS b, - - -5 AS c, 3- -5 AS d":              "SELECT -5 AS a, 5 AS b, -5 AS c, 3 - -5 AS d",
		"SELECT -(-9223372036854775808) AS a":                                "SELECT 9.223372036854776e+18 AS a",
		"SELECT -MAX(x) AS a, - -MAX(x) AS b, -(MAX(x)+1) AS c":              "SELECT -MAX(x) AS a, - -MAX(x) AS b, -(MAX(x) + 1) AS c",
		"SELECT 1.0 AS a, 1e3 AS b, .5 AS c, 1E+30 AS d, -0.0 AS e":          "SELECT 1.0 AS a, 1000.0 AS b, 0.5 AS c, 1e+30 AS d, -0.0 AS e",
		"SELECT true AS a, False AS b, nUll AS c":                            "SELECT TRUE AS a, FALSE AS b, NULL AS c",
		"SELECT 1 AS a WHERE (a and b) or c and not (d or e)":                "SELECT 1 AS a WHERE a AND b OR c AND NOT (d OR e)",
		"SELECT 1 AS a WHERE not (a = b) and (not a) = b":                    "SELECT 1 AS a WHERE NOT a = b AND (NOT a) = b",
		"SELECT 1 AS a WHERE (a = b) = (c != d) or (a is null) is null":      "SELECT 1 AS a WHERE (a = b) = (c <> d) OR (a IS NULL) IS NULL",
		"SELECT 1 AS a WHERE a not in (1,2 or 3) and b in (c)":               "SELECT 1 AS a WHERE a NOT IN (1, 2 OR 3) AND b IN (c)",
		"SELECT 1 AS a WHERE a not between 1+1 and (2 or 3) and b":           "SELECT 1 AS a WHERE a NOT BETWEEN 1 + 1 AND (2 OR 3) AND b",
		"SELECT 1 AS a WHERE a not like '%x' or b like ''":                   "SELECT 1 AS a WHERE a NOT LIKE '%x' OR b LIKE ''",
		"SELECT 1 AS a WHERE a or (b or c)":                                  "SELECT 1 AS a WHERE a OR (b OR c)",
		"SELECT or(a) AS a, AND(b or c) or and(d) AS b":                      "SELECT OR(a) AS a, AND(b OR c) OR AND(d) AS b",
		"SELECT first(3,a order by b) AS a, FIRST(1,a ORDER BY b desc) AS b": "SELECT FIRST(3, a ORDER BY b) AS a, FIRST(1, a ORDER BY b DESC) AS b",
		"SELECT first(3,a ORDER BY b asc) AS a, random(2,c) AS b":            "SELECT FIRST(3, a ORDER BY b) AS a, RANDOM(2, c) AS b",
		"SELECT avg(a,b) AS a, avg(a) AS b":                                  "SELECT AVG(a, b) AS a, AVG(a) AS b",
		"SELECT cast(1 as integer) AS a, CAST(2 AS real) AS b":               "SELECT CAST(1 AS INT) AS a, CAST(2 AS FLOAT) AS b",
		"SELECT case when 1 then 2 when 3 then 4 else 5 end AS a":            "SELECT CASE WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END AS a",
		"SELECT max(count) AS count, sum(first) AS first":                    "SELECT MAX(count) AS count, SUM(first) AS first",
	} {
		p, err := Compile(text, Limits{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.String(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
		if again, err := Compile(want, Limits{}); err != nil || again.String() != want {
			t.Errorf("%s: its canonical form gives %v, %v", want, again, err)
		}
	}
}

func TestInputsAndOutputs(t *testing.T) {
	p, err := Compile(`SELECT SUM(b) + MAX(a) AS x, FIRST(1, c ORDER BY "d e") AS "y z", AVG(b, w) AS x2 WHERE q LIKE 'r' AND b > 1`, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "d e", "q", "w"}; !slices.Equal(p.Inputs(), want) {
		t.Errorf("inputs %v, want %v", p.Inputs(), want)
	}
	if want := []string{"x", "y z", "x2"}; !slices.Equal(p.Outputs(), want) {
		t.Errorf("outputs %v, want %v", p.Outputs(), want)
	}
}
