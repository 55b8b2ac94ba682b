package afc

import (
	"math"
	"testing"
	"time"

	"spinglass/table"
)

// semantics are expressions over the rows of the test, and what they are.
type semantics struct {
	expression string
	want       any
}

func (s semantics) check(t *testing.T, rows ...*Row) {
	t.Helper()
	got := evaluate(t, "SELECT "+s.expression+" AS x", rows...)[0]
	if want := tableValue(s.want); !got.Equal(want) {
		t.Errorf("%s = %s, want %s", s.expression, describe(got), describe(want))
	}
}

// checkScalars checks expressions of one row, which stand inside MAX, or FIRST where they are lists.
func checkScalars(t *testing.T, r *Row, all []semantics) {
	t.Helper()
	for _, s := range all {
		semantics{"MAX(" + s.expression + ")", s.want}.check(t, r)
	}
}

// "An unknown attribute is NULL."
func TestUnknownAttributeIsNull(t *testing.T) {
	checkScalars(t, row("a", "x", 1), []semantics{
		{"y", nil}, {"y IS NULL", true}, {"x IS NULL", false}, {"y IS NOT NULL", false}, {"x IS NOT NULL", true},
		{"y + 1", nil}, {"y = y", nil}, {"-y", nil}, {"COALESCE(y, x)", 1}, {"X", nil},
	})
}

// "Aggregates skip NULL."
func TestAggregatesSkipNull(t *testing.T) {
	rows := []*Row{row("a", "x", 3), row("b"), row("c", "x", nil), row("d", "x", 5), row("e", "x", math.NaN())}
	for _, s := range []semantics{
		{"COUNT(*)", 5}, {"COUNT(x)", 2}, {"SUM(x)", 8}, {"MIN(x)", 3}, {"MAX(x)", 5}, {"AVG(x)", 4.0}, {"FIRST(9, x)", []any{3, 5}},
		{"COUNT(y)", 0}, {"SUM(y)", nil}, {"MIN(y)", nil}, {"MAX(y)", nil}, {"AVG(y)", nil}, {"AVG(x, y)", nil}, {"OR(y)", nil}, {"AND(y)", nil},
		{"FIRST(1, y)", nil}, {"RANDOM(1, y)", nil},
	} {
		s.check(t, rows...)
	}
}

func TestNoRows(t *testing.T) {
	for _, s := range []semantics{
		{"COUNT(*)", 0}, {"SUM(x)", nil}, {"COALESCE(SUM(x), 0)", 0}, {"1 + 1", 2}, {"UPPER('a')", "A"}, {"FIRST(3, x)", nil},
		{"SUM(x) / COUNT(*)", nil}, {"1 / COUNT(*)", nil},
	} {
		s.check(t)
	}
}

// "Logic is three-valued."
func TestThreeValuedLogic(t *testing.T) {
	r := row("a", "t", true, "f", false, "i", 1, "s", "true")
	checkScalars(t, r, []semantics{
		{"t AND t", true}, {"t AND f", false}, {"f AND t", false}, {"t AND n", nil}, {"n AND t", nil}, {"f AND n", false}, {"n AND f", false}, {"n AND n", nil},
		{"f OR f", false}, {"t OR f", true}, {"f OR t", true}, {"f OR n", nil}, {"n OR f", nil}, {"t OR n", true}, {"n OR t", true}, {"n OR n", nil},
		{"NOT t", false}, {"NOT f", true}, {"NOT n", nil},
		{"t AND i", nil}, {"f AND i", false}, {"i OR t", true}, {"NOT i", nil}, {"NOT s", nil}, {"NOT NULL", nil},
		{"1 IN (1, NULL)", true}, {"1 IN (2, NULL)", nil}, {"1 IN (2, 3)", false}, {"n IN (1)", nil}, {"1 NOT IN (2, NULL)", nil}, {"1 NOT IN (2)", true},
		{"1 NOT IN (1)", false}, {"1 IN (1.0)", true}, {"1 IN ('a', 2)", nil},
		{"2 BETWEEN 1 AND 3", true}, {"1 BETWEEN 1 AND 1", true}, {"4 BETWEEN 1 AND 3", false}, {"0 BETWEEN 1 AND n", false}, {"4 BETWEEN n AND 3", false},
		{"2 BETWEEN 1 AND n", nil}, {"n BETWEEN 1 AND 2", nil}, {"4 NOT BETWEEN 1 AND 3", true}, {"2 NOT BETWEEN 1 AND 3", false}, {"2 NOT BETWEEN n AND 3", nil},
		{"CASE WHEN n THEN 1 WHEN f THEN 2 WHEN t THEN 3 ELSE 4 END", 3}, {"CASE WHEN i THEN 1 ELSE 2 END", 2}, {"CASE WHEN f THEN 1 END", nil},
	})
}

// WHERE keeps the rows for which it is TRUE, and no others.
func TestWhereKeepsTrue(t *testing.T) {
	rows := []*Row{row("a", "x", true), row("b", "x", false), row("c"), row("d", "x", 1), row("e", "x", "true"), row("f", "x", true)}
	if got := evaluate(t, "SELECT COUNT(*) AS n, FIRST(9, id) AS ids WHERE x", rows...)[0]; !got.Equal(table.Int(2)) {
		t.Errorf("WHERE x kept %s rows, want 2", got)
	}
	if got := evaluate(t, "SELECT COUNT(*) AS n WHERE NOT x", rows...)[0]; !got.Equal(table.Int(1)) {
		t.Errorf("WHERE NOT x kept %s rows, want 1", got)
	}
}

// "A type mismatch gives NULL, never an abort."
func TestTypeMismatchIsNull(t *testing.T) {
	r := row("a", "i", 1, "f", 0.5, "s", "a", "b", true, "t", time.Unix(0, 1), "x", blob{1}, "m", bitmap{1}, "l", []any{1, "a"})
	for _, left := range []string{"s", "b", "t", "x", "m", "l"} {
		var all []semantics
		for _, right := range []string{"i", "f"} {
			for _, op := range []string{"+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">="} {
				all = append(all, semantics{left + " " + op + " " + right, nil}, semantics{right + " " + op + " " + left, nil})
			}
		}
		all = append(all, semantics{"-" + left, nil}, semantics{"ABS(" + left + ")", nil}, semantics{"ROUND(" + left + ")", nil}, semantics{left + " BETWEEN 1 AND 2", nil})
		checkScalars(t, r, all)
	}
	checkScalars(t, r, []semantics{
		{"i LIKE '1'", nil}, {"LENGTH(i)", nil}, {"LENGTH(m)", nil}, {"LOWER(i)", nil}, {"UPPER(x)", nil}, {"BIT(i, 0)", nil}, {"BIT(m, s)", nil}, {"BIT(m, -1)", nil},
		{"BIT_COUNT(x)", nil}, {"CONTAINS(s, 'a')", nil}, {"l = l", nil}, {"s = x", nil}, {"x = m", nil}, {"CAST(s AS INT)", nil}, {"CAST(x AS FLOAT)", nil}, {"f % f", nil},
		{"ROUND(f, 16)", nil}, {"ROUND(f, -1)", nil}, {"ROUND(f, s)", nil}, {"ROUND(f, n)", nil},
	})
	for _, s := range []semantics{
		{"SUM(s)", nil}, {"SUM(b)", nil}, {"AVG(l)", nil}, {"OR(i)", nil}, {"AND(x)", nil}, {"MIN(l)", nil}, {"AVG(i, s)", nil}, {"AVG(s, i)", nil}, {"COUNT(l)", 1},
	} {
		s.check(t, r)
	}
}

// "A division by zero gives NULL."
func TestArithmetic(t *testing.T) {
	r := row("a", "least", int64(math.MinInt64), "most", int64(math.MaxInt64), "inf", math.Inf(1), "m1", -1)
	checkScalars(t, r, []semantics{
		{"1 / 0", nil}, {"1 % 0", nil}, {"1.5 / 0", nil}, {"1 / 0.0", nil}, {"0.0 / 0.0", nil}, {"inf - inf", nil}, {"inf / inf", nil}, {"0 * inf", nil}, {"inf + 1", math.Inf(1)},
		{"7 / 2", 3}, {"-7 / 2", -3}, {"7 % 3", 1}, {"-7 % 3", -1}, {"7 % -3", 1}, {"7 / 2.0", 3.5}, {"1 + 2 * 3", 7}, {"(1 + 2) * 3", 9}, {"10 - 4 - 3", 3}, {"-2 * -3", 6}, {"- -2", 2},
		{"most + 1", 9223372036854775808.0}, {"least - 1", -9223372036854775809.0}, {"least - most", -18446744073709551615.0}, {"most + m1", int64(math.MaxInt64 - 1)},
		{"most * 2", 18446744073709551614.0}, {"least * m1", 9223372036854775808.0}, {"least / m1", 9223372036854775808.0}, {"least % m1", 0}, {"-least", 9223372036854775808.0},
		{"ABS(least)", 9223372036854775808.0}, {"most * 1", int64(math.MaxInt64)}, {"least * 1", int64(math.MinInt64)}, {"m1 * most", int64(-math.MaxInt64)}, {"-9223372036854775808", int64(math.MinInt64)},
		{"1e308 * 10", math.Inf(1)}, {"1 + 0.5", 1.5}, {"3000000000 * 3000000000", int64(9e18)}, {"0 - least", 9223372036854775808.0}, {"m1 - least", int64(math.MaxInt64)},
	})
}

func TestComparisons(t *testing.T) {
	r := row("a", "most", int64(math.MaxInt64), "big", int64(1<<53+1), "early", time.Unix(1, 0), "late", time.Unix(2, 0), "x", blob{1, 2}, "y", blob{1, 3}, "m", bitmap{1}, "inf", math.Inf(1))
	checkScalars(t, r, []semantics{
		{"1 < 2", true}, {"2 <= 1", false}, {"1 = 1.0", true}, {"1 <> 1.5", true}, {"1 != 1", false}, {"'a' < 'b'", true}, {"'a' < 'B'", false}, {"'a' = 'a'", true}, {"FALSE < TRUE", true},
		{"most < 9223372036854775808.0", true}, {"most = 9223372036854775808.0", false}, {"9223372036854775808.0 > most", true}, {"big = 9007199254740992.0", false}, {"big > 9007199254740992.0", true},
		{"-9223372036854775808 = -9223372036854775808.0", true}, {"most < inf", true}, {"-inf < most", true}, {"0.0 = -0.0", true}, {"2 > 1.5", true}, {"-2 < -1.5", true}, {"-1 > -1.5", true},
		{"early < late", true}, {"early >= late", false}, {"x < y", true}, {"x = x", true}, {"m = m", true},
	})
}

func TestScalarFunctions(t *testing.T) {
	r := row("a", "f", -2.5, "s", "Grüße", "x", blob{1, 2, 3}, "m", bitmap{0b101, 0b10}, "l", []any{1, "a", 2.0}, "t", time.Unix(0, 5), "e", []any{})
	checkScalars(t, r, []semantics{
		{"ABS(-3)", 3}, {"ABS(3)", 3}, {"ABS(f)", 2.5}, {"CEIL(f)", -2.0}, {"FLOOR(f)", -3.0}, {"CEIL(3)", 3}, {"ROUND(f)", -3.0}, {"ROUND(2.5)", 3.0}, {"ROUND(2.4)", 2.0}, {"ROUND(7)", 7},
		{"ROUND(3.14159, 2)", 3.14}, {"ROUND(0.25, 1)", 0.3}, {"ROUND(1e300, 15)", 1e300}, {"ROUND(7, 2)", 7},
		{"COALESCE(n, n, 4)", 4}, {"COALESCE(n, n)", nil}, {"NULLIF(1, 1.0)", nil}, {"NULLIF(1, 2)", 1}, {"NULLIF(1, n)", 1}, {"NULLIF(n, 1)", nil},
		{"LENGTH(s)", 5}, {"LENGTH(x)", 3}, {"LENGTH(l)", 3}, {"LENGTH(e)", 0}, {"LENGTH('')", 0}, {"LOWER(s)", "grüße"}, {"UPPER(s)", "GRüßE"}, {"LOWER('a')", "a"}, {"UPPER('@[`{')", "@[`{"},
		{"BIT(m, 0)", true}, {"BIT(m, 1)", false}, {"BIT(m, 9)", true}, {"BIT(m, 9000)", false}, {"BIT(m, 9223372036854775807)", false}, {"BIT_COUNT(m)", 3},
		{"CONTAINS(l, 1)", true}, {"CONTAINS(l, 1.0)", true}, {"CONTAINS(l, 'a')", true}, {"CONTAINS(l, 'b')", false}, {"CONTAINS(l, TRUE)", false}, {"CONTAINS(l, n)", nil}, {"CONTAINS(e, 1)", false},
		{"CAST(2.9 AS INT)", 2}, {"CAST(f AS integer)", -2}, {"CAST(1e19 AS INT)", nil}, {"CAST(-9223372036854775808.0 AS INT)", int64(math.MinInt64)}, {"CAST(TRUE AS INT)", 1}, {"CAST(t AS INT)", 5},
		{"CAST(3 AS FLOAT)", 3.0}, {"CAST(FALSE AS REAL)", 0.0}, {"CAST(1.5 AS FLOAT)", 1.5}, {"CAST(t AS FLOAT)", 5.0},
	})
}

func TestLike(t *testing.T) {
	checkScalars(t, row("a", "s", "web-1.example", "u", "äöü", "e", ""), []semantics{
		{"s LIKE 'web-1.example'", true}, {"s LIKE 'web'", false}, {"s LIKE 'web%'", true}, {"s LIKE '%example'", true}, {"s LIKE '%.%'", true}, {"s LIKE 'WEB%'", false},
		{"s LIKE 'web-_.%'", true}, {"s LIKE '%_1%'", true}, {"s LIKE '_'", false}, {"s LIKE '%'", true}, {"s LIKE '%%'", true}, {"s LIKE '%x%x%'", false}, {"s LIKE 'web%web'", false},
		{"u LIKE '___'", true}, {"u LIKE '%_ü'", true}, {"u LIKE '__'", false}, {"u LIKE '%___%'", true}, {"u LIKE '%____'", false}, {"e LIKE ''", true}, {"e LIKE '%'", true}, {"e LIKE '_'", false},
		{"s NOT LIKE 'web%'", false}, {"s NOT LIKE 'x'", true}, {"n LIKE '%'", nil}, {"'aab' LIKE '%ab'", true}, {"'aXbXc' LIKE 'a%X_'", true}, {"'ab' LIKE 'a%ab'", false},
	})
}

// SUM of integers is exact, and a float only if it is out of range; with a float among them it is a float.
func TestSum(t *testing.T) {
	most, least := int64(math.MaxInt64), int64(math.MinInt64)
	for _, c := range []struct {
		values []any
		want   any
	}{
		{[]any{1, 2, 3}, 6}, {[]any{most, 1}, 9223372036854775808.0}, {[]any{most, most, least, least, 2}, 0}, {[]any{least, -1}, -9223372036854775809.0}, {[]any{most, 1, -1}, most},
		{[]any{least, most, most, 1}, most}, {[]any{least, least}, -18446744073709551616.0}, {[]any{1, 0.5}, 1.5}, {[]any{1e100, 1.0, -1e100}, 1.0}, {[]any{math.Inf(1), 1.0}, math.Inf(1)},
		{[]any{math.Inf(1), math.Inf(-1)}, nil}, {[]any{"a", 2, true, nil}, 2}, {[]any{most, most, most, most, 0.0}, 4 * 9223372036854775807.0},
	} {
		var rows []*Row
		for i, v := range c.values {
			rows = append(rows, row(string(rune('a'+i)), "x", v))
		}
		semantics{"SUM(x)", c.want}.check(t, rows...)
	}
}

// "AVG over zones needs a weight."
func TestAverage(t *testing.T) {
	rows := []*Row{row("a", "x", 1, "w", 3), row("b", "x", 4.0, "w", 1), row("c", "x", 100), row("d", "w", 7), row("e", "x", 50, "w", -1), row("f", "x", 50, "w", "a"), row("g", "x", "z", "w", 9)}
	semantics{"AVG(x, w)", 1.75}.check(t, rows...)
	semantics{"AVG(x)", 41.0}.check(t, rows...)
	semantics{"AVG(x, 0)", nil}.check(t, rows...)
	semantics{"AVG(x, 2)", 41.0}.check(t, rows...)
	semantics{"AVG(x)", 1.5}.check(t, row("a", "x", 1), row("b", "x", 2))
}

// MIN and MAX take all kinds but lists, in one order.
func TestExtremes(t *testing.T) {
	rows := []*Row{
		row("a", "x", "a"), row("b", "x", 5), row("c", "x", true), row("d", "x", bitmap{1}), row("e", "x", []any{9}), row("f", "x", blob{0}), row("g", "x", time.Unix(3, 0)), row("h", "x", -1.5),
	}
	semantics{"MIN(x)", true}.check(t, rows...)
	semantics{"MAX(x)", bitmap{1}}.check(t, rows...)
	semantics{"MIN(CASE WHEN x < 100 THEN x END)", -1.5}.check(t, rows...)
	semantics{"MAX(x)", blob{0}}.check(t, append(rows[:3:3], rows[4:]...)...)
	semantics{"MAX(x)", 1}.check(t, row("a", "x", 1), row("b", "x", 1.0)) // of equal ones the first
}

// "OR, AND (bitmaps)."
func TestBitAggregates(t *testing.T) {
	rows := []*Row{row("a", "m", bitmap{0b0011, 0, 1}, "b", true), row("b", "m", bitmap{0b0110, 2}, "b", false), row("c", "m", 5), row("d", "m", true)}
	semantics{"OR(m)", bitmap{0b0111, 2, 1}}.check(t, rows...)
	semantics{"AND(m)", bitmap{0b0010}}.check(t, rows...)
	semantics{"OR(b)", true}.check(t, rows...)
	semantics{"AND(b)", false}.check(t, rows...)
	semantics{"BIT(OR(m), 9)", true}.check(t, rows...)
	semantics{"AND(m)", bitmap{}}.check(t, row("a", "m", bitmap{1}), row("b", "m", bitmap{2}))
	semantics{"AND(m)", true}.check(t, rows[3])
	semantics{"AND(m)", bitmap{1}}.check(t, row("a", "m", false), row("b", "m", bitmap{1}))
}

// "Representatives are just the outcome of aggregation (FIRST(3, contacts))": FIRST of lists flattens, so that it works level by level.
func TestFirst(t *testing.T) {
	rows := []*Row{
		row("a", "c", []any{"a1", "a2"}, "load", 0.5), row("b", "c", []any{"b1"}), row("c", "c", "c1", "load", 0.1), row("d", "load", 0.0), row("e", "c", []any{}, "load", 0.0),
		row("f", "c", []any{"f1", "f2"}, "load", 0.5),
	}
	for _, s := range []semantics{
		{"FIRST(3, c)", []any{"a1", "a2", "b1"}}, {"FIRST(32, c)", []any{"a1", "a2", "b1", "c1", "f1", "f2"}}, {"FIRST(1, c)", []any{"a1"}},
		{"FIRST(3, c ORDER BY load)", []any{"c1", "a1", "a2"}}, {"FIRST(4, c ORDER BY load)", []any{"c1", "a1", "a2", "f1"}}, {"FIRST(9, c ORDER BY load ASC)", []any{"c1", "a1", "a2", "f1", "f2", "b1"}},
		{"FIRST(9, c ORDER BY load DESC)", []any{"a1", "a2", "f1", "f2", "c1", "b1"}}, {"FIRST(2, c ORDER BY nothing)", []any{"a1", "a2"}}, {"FIRST(2, load ORDER BY load)", []any{0.0, 0.0}},
		{"LENGTH(FIRST(9, c))", 6}, {"CONTAINS(FIRST(3, c), 'b1')", true}, {"FIRST(2, c ORDER BY c)", []any{"c1", "a1"}},
	} {
		s.check(t, rows...)
	}
	leaf := evaluate(t, "SELECT FIRST(3, c) AS c", rows...)
	semantics{"FIRST(3, c)", []any{"a1", "a2", "b1"}}.check(t, row("b-zone", "c", leaf[0]), rows[2])
}

func TestExpressionsOverAggregates(t *testing.T) {
	rows := []*Row{row("a", "x", 3, "depth", 2), row("b", "x", 4, "depth", 5)}
	for _, s := range []semantics{
		{"SUM(x) / COUNT(*)", 3}, {"1.0 * SUM(x) / COUNT(*)", 3.5}, {"MAX(depth) + 1", 6}, {"CASE WHEN COUNT(*) > 1 THEN 'many' ELSE 'one' END", "many"}, {"SUM(x) IS NULL", false},
		{"MIN(x) IN (3, 9)", true}, {"COUNT(*) BETWEEN 1 AND 2", true}, {"LOWER(MAX('A'))", "a"}, {"-SUM(x)", -7}, {"NOT OR(x > 3)", false}, {"SUM(CASE WHEN x > 3 THEN 1 ELSE 0 END)", 1},
		{"SUM(CAST(x > 3 AS INT))", 1}, {"SUM(x) - SUM(x)", 0},
	} {
		s.check(t, rows...)
	}
}
