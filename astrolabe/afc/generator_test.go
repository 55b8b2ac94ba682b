package afc

import (
	"fmt"
	"math"
	"strings"
	"time"

	"spinglass/table"
)

// entropy is where a generator takes its decisions from: bytes, and zeros when they are spent, so that what is generated ends.
type entropy struct{ bytes []byte }

// below returns a number below n, which is at most 256.
func (e *entropy) below(n int) int {
	if len(e.bytes) == 0 {
		return 0
	}
	b := e.bytes[0]
	e.bytes = e.bytes[1:]
	return int(b) % n
}

func (e *entropy) pick(all ...string) string { return all[e.below(len(all))] }

// sort is what kind of value a generated expression is meant to have.
type sort byte

const (
	sortInt    sort = 'i'
	sortFloat  sort = 'f'
	sortString sort = 's'
	sortBool   sort = 'b'
	sortOther  sort = 'o' // bitmaps, lists, bytes, times
)

// generator writes programs. Attributes are named by sort and number: i0, f1, s2.
type generator struct {
	*entropy
	wild     bool // mistakes kinds, and has aggregates and functions that SQLite lacks
	extremes bool // has integers and floats at the ends of their ranges
}

// program writes a program.
func (g *generator) program() string {
	var outputs []string
	for i := range 1 + g.below(4) {
		outputs = append(outputs, fmt.Sprintf("%s AS o%d", g.output(), i))
	}
	text := "SELECT " + strings.Join(outputs, ", ")
	if g.below(2) == 1 {
		text += " WHERE " + g.expression(sortBool, 3)
	}
	return text
}

// output writes an expression over aggregates.
func (g *generator) output() string {
	number := g.numeric()
	switch g.below(8) {
	case 1:
		return g.aggregate(number) + g.pick(" + ", " - ", " * ", " / ") + g.aggregate(number)
	case 2:
		return "COALESCE(" + g.aggregate(number) + ", " + g.literal(number) + ")"
	case 3:
		return "CASE WHEN " + g.aggregate(sortInt) + g.pick(" > ", " = ", " <= ") + g.literal(sortInt) + " THEN " + g.aggregate(number) + " ELSE " + g.literal(number) + " END"
	case 4:
		return g.special()
	}
	return g.aggregate(g.any())
}

func (g *generator) numeric() sort { return []sort{sortInt, sortFloat}[g.below(2)] }

func (g *generator) any() sort {
	if g.wild {
		return []sort{sortInt, sortFloat, sortString, sortBool, sortOther}[g.below(5)]
	}
	return []sort{sortInt, sortFloat, sortString, sortBool}[g.below(4)]
}

// aggregate writes an aggregate whose value has the sort.
func (g *generator) aggregate(s sort) string {
	if s == sortInt && g.below(3) == 0 {
		return g.pick("COUNT(*)", "COUNT("+g.expression(g.any(), 2)+")")
	}
	if s == sortFloat && g.below(3) == 0 {
		return "AVG(" + g.expression(g.numeric(), 2) + ")"
	}
	if (s == sortInt || s == sortFloat) && g.below(2) == 0 {
		return "SUM(" + g.expression(s, 2) + ")"
	}
	return g.pick("MIN", "MAX") + "(" + g.expression(s, 2) + ")"
}

// special writes an aggregate that SQLite does not have under its name.
func (g *generator) special() string {
	n := []int{1, 2, 3, 32}[g.below(4)]
	choices := 4
	if g.wild {
		choices = 6
	}
	switch g.below(choices) {
	case 0:
		return "AVG(" + g.expression(g.numeric(), 1) + ", " + g.expression(g.numeric(), 1) + ")"
	case 1:
		return g.pick("OR", "AND") + "(" + g.expression(sortBool, 2) + ")"
	case 2:
		return fmt.Sprintf("FIRST(%d, %s)", n, g.expression(g.any(), 1))
	case 3:
		return fmt.Sprintf("FIRST(%d, %s ORDER BY %s%s)", n, g.expression(g.any(), 1), g.expression(g.any(), 1), g.pick("", " DESC", " ASC"))
	case 4:
		return g.pick("OR", "AND", "MIN", "MAX") + "(" + g.expression(sortOther, 1) + ")"
	}
	return fmt.Sprintf("RANDOM(%d, %s)", n, g.expression(g.any(), 1))
}

// expression writes an expression of one row.
func (g *generator) expression(s sort, depth int) string {
	if g.wild && g.below(12) == 0 {
		s = g.any()
	}
	if depth == 0 || g.below(4) == 0 {
		if g.below(3) == 0 {
			return g.literal(s)
		}
		return fmt.Sprintf("%c%d", s, g.below(3))
	}
	sub := func(s sort) string { return g.expression(s, depth-1) }
	switch g.below(8) {
	case 0:
		return "COALESCE(" + sub(s) + ", " + sub(s) + ")"
	case 1:
		return "CASE WHEN " + sub(sortBool) + " THEN " + sub(s) + g.pick("", " ELSE "+g.literal(s)) + " END"
	case 2:
		return "NULLIF(" + sub(s) + ", " + sub(s) + ")"
	}
	switch s {
	case sortInt:
		return g.integer(sub)
	case sortFloat:
		return g.float(sub)
	case sortString:
		return g.pick("LOWER", "UPPER") + "(" + sub(sortString) + ")"
	case sortBool:
		return g.predicate(sub)
	}
	return fmt.Sprintf("%c%d", s, g.below(4))
}

func (g *generator) integer(sub func(sort) string) string {
	switch g.below(6) {
	case 0:
		return g.pick("-", "- ") + "(" + sub(sortInt) + ")"
	case 1:
		return "LENGTH(" + sub(sortString) + ")"
	case 2:
		if g.wild || !g.extremes { // SQLite gives the nearest integer for what is out of range
			return "CAST(" + sub(g.numeric()) + " AS INT)"
		}
	case 3:
		if g.wild {
			return g.pick("BIT_COUNT(", "LENGTH(") + sub(sortOther) + ")"
		}
	}
	if g.extremes && !g.wild { // what overflows is a float, of which SQLite takes % nevertheless
		return g.joined(sub(sortInt), g.pick("+", "-", "*", "/"), sub(sortInt))
	}
	return g.joined(sub(sortInt), g.pick("+", "-", "*", "/", "%"), sub(sortInt))
}

func (g *generator) float(sub func(sort) string) string {
	switch g.below(7) {
	case 0:
		return g.pick("ABS", "ROUND", "CEIL", "FLOOR") + "(" + sub(sortFloat) + ")"
	case 1:
		return "CAST(" + sub(g.numeric()) + " AS FLOAT)"
	case 2:
		return "ROUND(f" + g.pick("0", "1", "2") + ", " + g.pick("0", "1", "2") + ")"
	case 3:
		return "-(" + sub(sortFloat) + ")"
	}
	return g.joined(sub(g.numeric()), g.pick("+", "-", "*", "/"), sub(sortFloat))
}

// joined puts operands of arithmetic in parentheses or not, whatever that means.
func (g *generator) joined(a, op, b string) string {
	switch g.below(4) {
	case 0:
		return "(" + a + ") " + op + " " + b
	case 1:
		return a + " " + op + " (" + b + ")"
	case 2:
		return "(" + a + " " + op + " " + b + ")"
	}
	return a + " " + op + " " + b
}

func (g *generator) predicate(sub func(sort) string) string {
	s := g.any()
	p := func(s sort) string { return "(" + sub(s) + ")" }
	not := g.pick("", "NOT ")
	switch g.below(9) {
	case 0:
		return sub(sortBool) + g.pick(" AND ", " OR ") + sub(sortBool)
	case 1:
		return p(sortBool) + g.pick(" AND ", " OR ") + p(sortBool)
	case 2:
		return "NOT " + p(sortBool)
	case 3:
		return p(s) + " IS " + not + "NULL"
	case 4:
		return p(s) + " " + not + "IN (" + sub(s) + ", " + g.literal(s) + ", " + sub(s) + ")"
	case 5:
		return p(s) + " " + not + "BETWEEN " + p(s) + " AND " + p(s)
	case 6:
		return p(sortString) + " " + not + "LIKE '" + g.pick("%", "a%", "%b", "_", "%a_%", "a%b%a", "", "%ä%", "_b%_") + "'"
	case 7:
		if g.wild {
			return g.pick("BIT(o0, "+sub(sortInt)+")", "CONTAINS(o1, "+sub(g.any())+")", "CONTAINS(o1, "+g.literal(sortString)+")")
		}
	}
	if s == sortInt || s == sortFloat {
		return p(g.numeric()) + g.pick(" = ", " <> ", " < ", " <= ", " > ", " >= ") + p(s)
	}
	return p(s) + g.pick(" = ", " <> ", " < ", " <= ", " > ", " >= ") + p(s)
}

// words are few, so that equal ones meet.
var words = []string{"", "a", "b", "ab", "aB", "Bab", "ä", "aäb"}

var (
	extremeInts   = []int64{math.MinInt64, math.MaxInt64, math.MinInt64 + 1, 1 << 53, 1<<53 + 1, -1 << 62, 1 << 32}
	extremeFloats = []float64{math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 63, -1 << 63, 1e16, 0.1}
)

func (g *generator) literal(s sort) string {
	if g.below(12) == 0 {
		return "NULL"
	}
	v := valueOf(ptr(g.value(s)))
	if !v.ordered() || v.kind > table.KindString {
		return "NULL"
	}
	return formatLiteral(&v)
}

func ptr[T any](v T) *T { return &v }

// value makes a value of the sort. Floats are eighths, unless they are extremes, so that sums are exact.
func (g *generator) value(s sort) table.Value {
	extreme := g.extremes && g.below(4) == 0
	switch s {
	case sortInt:
		if extreme {
			return table.Int(extremeInts[g.below(len(extremeInts))])
		}
		return table.Int(int64(g.below(12)) - 4)
	case sortFloat:
		if extreme {
			return table.Float(extremeFloats[g.below(len(extremeFloats))])
		}
		return table.Float(float64(g.below(64)-24) / 8)
	case sortString:
		return table.String(words[g.below(len(words))])
	case sortBool:
		return table.Bool(g.below(2) == 1)
	}
	switch g.below(4) {
	case 0:
		return table.Bitmap([]byte{byte(g.below(256)), byte(g.below(4))}[:g.below(3)])
	case 1:
		return table.Bytes([]byte(words[g.below(len(words))]))
	case 2:
		return table.Time(time.Unix(int64(g.below(5)), 7))
	}
	elements := make([]table.Value, g.below(5))
	for i := range elements {
		elements[i] = g.value([]sort{sortInt, sortFloat, sortString, sortBool}[g.below(4)])
	}
	return table.List(elements...)
}

// rows makes a child table. Names lie about sorts now and then if the generator is wild.
func (g *generator) rows(most int) (rows []*Row, oracle []oracleRow) {
	for i := range g.below(most + 1) {
		var attributes []Attribute
		known := map[string]table.Value{}
		for _, s := range []sort{sortInt, sortFloat, sortString, sortBool, sortOther} {
			for n := range 3 {
				kind := s
				if g.wild && g.below(16) == 0 {
					kind = g.any()
				}
				if g.below(5) == 0 {
					continue
				}
				name := fmt.Sprintf("%c%d", s, n)
				known[name] = g.value(kind)
				if g.extremes && g.below(40) == 0 {
					known[name] = table.Float(math.NaN())
				}
				attributes = append(attributes, Attribute{name, known[name]})
			}
		}
		id := fmt.Sprintf("%03d", i)
		rows, oracle = append(rows, NewRow(id, attributes, nil)), append(oracle, oracleRow{id, known})
	}
	return rows, oracle
}
