package afc

import (
	"slices"
	"testing"
)

// "AVG over zones needs a weight (nmembers): say so when a function is installed without one."
func TestWarnings(t *testing.T) {
	unweighted := "AVG without a weight counts every row alike, a zone of one member as much as one of many: write AVG(load, nmembers)"
	for _, c := range []struct {
		text string
		want []Warning
	}{
		{"SELECT SUM(nmembers) AS nmembers, MAX(depth) + 1 AS depth, FIRST(3, contacts) AS contacts, FIRST(3, servers) AS servers", nil},
		{"SELECT AVG(load, nmembers) AS load, COUNT(*) AS n, 1 AS one WHERE load < 2", nil},
		{"SELECT AVG(load) AS load", []Warning{{7, unweighted}}},
		{"SELECT MIN(load) AS minload", []Warning{
			{20, "output minload reads only what is no output, such as load: it is NULL above the zones of the hosts, unless another program puts that out"}}},
		{"SELECT MIN(COALESCE(minload, load)) AS minload", nil},
		{"SELECT FIRST(1, id ORDER BY load) AS best", nil},
		{"SELECT SUM(up > 3) AS up", []Warning{{7, "SUM skips every value of up > 3"}, {22, "output up is always NULL"}}},
		{"SELECT 'a' + COUNT(*) AS x", []Warning{{25, "output x is always NULL"}}},
		{"SELECT 1 AS x WHERE load + 1", []Warning{{25, "WHERE is never true: it is NULL for every row"}}},
		{"SELECT 1 AS x WHERE NULL = 1 OR 'a' < 1 OR x LIKE 'y'", nil},
	} {
		p, err := Compile(c.text, Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := p.Warnings(); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %v\nwant %v", c.text, got, c.want)
		}
	}
}

// TestKinds checks what is known of expressions without a row.
func TestKinds(t *testing.T) {
	always := []string{
		"NULL", "NULL + 1", "'a' + 1", "1 % 2.0", "-'a'", "NOT 1", "1 AND 'a'", "'a' < 1", "TRUE = 1", "1 IN ('a', TRUE)", "1 BETWEEN 'a' AND 'b'", "1 LIKE 'a'", "ABS('a')",
		"LENGTH(1)", "LOWER(1)", "BIT(1, 2)", "BIT_COUNT('a')", "CONTAINS(1, 2)", "CAST('a' AS INT)", "CAST('a' AS FLOAT)", "COALESCE(NULL, 'a' + 1)", "CASE WHEN x THEN NULL END",
		"NULLIF(NULL, 1)", "ROUND('a', 1)", "CONTAINS(x, NULL)",
	}
	for _, text := range always {
		if k := parseArgument(t, text).kinds(); k != noKind {
			t.Errorf("%s can be %b, want always NULL", text, k)
		}
	}
	for text, want := range map[string]kinds{
		"x": anyKind, "x + 1": numberKinds, "x < 1": boolKind, "x IS NULL": boolKind, "x AND 1": boolKind, "LOWER(x)": stringKind, "CAST(x AS INT)": intKind, "x % 2": intKind,
		"CASE WHEN x THEN 1 ELSE 'a' END": intKind | stringKind, "COALESCE(1, 'a')": intKind | stringKind, "NULLIF('a', x)": stringKind, "LENGTH(x)": intKind, "1 BETWEEN 'a' AND 2": boolKind,
	} {
		if k := parseArgument(t, text).kinds(); k != want {
			t.Errorf("%s can be %b, want %b", text, k, want)
		}
	}
}

// parseArgument returns the tree of an expression of one row.
func parseArgument(t *testing.T, text string) *node {
	t.Helper()
	s, err := parse("SELECT COUNT(" + text + ") AS x")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s.outputs[0].expression.children[0]
}
