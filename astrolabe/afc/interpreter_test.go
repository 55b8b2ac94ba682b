package afc

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"spinglass/table"
)

// interpreter is an oracle: it walks the tree for every row, computes every operand whether it is needed or not, knows values as package
// table has them, and numbers as package big has them. It shares with the package the tree, and how RANDOM ranks.
type interpreter struct {
	statement *statement
	seed      uint64
	steps     int
}

type oracleRow struct {
	id         string
	attributes map[string]table.Value
}

var unknown table.Value

// run returns the outputs.
func (in *interpreter) run(rows []oracleRow) []table.Value {
	var kept []oracleRow
	for _, r := range rows {
		if in.statement.where != nil {
			if v := in.scalar(in.statement.where, r); !v.Equal(table.Bool(true)) {
				continue
			}
		}
		kept = append(kept, r)
	}
	var out []table.Value
	for _, o := range in.statement.outputs {
		out = append(out, in.compute(o.expression, func(n *node) table.Value { return in.aggregate(n, kept) }))
	}
	return out
}

func (in *interpreter) scalar(n *node, r oracleRow) table.Value {
	return in.compute(n, func(n *node) table.Value { return known(r.attributes[n.name]) })
}

// known makes what is not a number NULL.
func known(v table.Value) table.Value {
	if f, ok := v.Float(); ok && math.IsNaN(f) {
		return unknown
	}
	return v
}

// compute computes a node; leaf is asked for attributes and aggregates.
func (in *interpreter) compute(n *node, leaf func(*node) table.Value) table.Value {
	if n.kind == nodeAttribute {
		in.steps++
		return leaf(n)
	}
	if n.kind == nodeAggregate {
		return leaf(n)
	}
	in.steps += n.ownSteps()
	var arguments []table.Value
	for _, child := range n.children {
		arguments = append(arguments, in.compute(child, leaf))
	}
	switch n.kind {
	case nodeLiteral:
		return n.literal.table()
	case nodeUnary, nodeBinary:
		return oracleOperator(n.operator, arguments)
	case nodeIsNull:
		return table.Bool((arguments[0].Kind() == table.KindNone) != n.not)
	case nodeIn:
		return oracleNot(n.not, oracleIn(arguments))
	case nodeBetween:
		low, high := oracleCompare(opGreaterEqual, arguments[0], arguments[1]), oracleCompare(opLessEqual, arguments[0], arguments[2])
		return oracleNot(n.not, oracleOperator(opAnd, []table.Value{low, high}))
	case nodeLike:
		s, ok := arguments[0].Text()
		if !ok {
			return unknown
		}
		return table.Bool(oracleLike([]rune(s), []rune(n.children[1].literal.text)) != n.not)
	case nodeCase:
		for i := 0; i+1 < len(arguments); i += 2 {
			if arguments[i].Equal(table.Bool(true)) {
				return arguments[i+1]
			}
		}
		if len(arguments)%2 == 1 {
			return arguments[len(arguments)-1]
		}
		return unknown
	}
	return oracleCall(n.function.name, arguments)
}

func oracleNot(not bool, v table.Value) table.Value {
	if b, ok := v.Bool(); ok && not {
		return table.Bool(!b)
	}
	return v
}

func oracleIn(arguments []table.Value) table.Value {
	result := table.Bool(false)
	for _, element := range arguments[1:] {
		result = oracleOperator(opOr, []table.Value{result, oracleCompare(opEqual, arguments[0], element)})
	}
	return result
}

// oracleOperator has the truth tables as sets: what the result is for every value that an unknown operand could have.
func oracleOperator(op operator, arguments []table.Value) table.Value {
	switch op {
	case opNot:
		if b, ok := arguments[0].Bool(); ok {
			return table.Bool(!b)
		}
		return unknown
	case opNegate:
		return oracleArithmetic(opSubtract, table.Int(0), arguments[0], true)
	case opOr, opAnd:
		possible := map[bool]bool{}
		for _, a := range oracleTruths(arguments[0]) {
			for _, b := range oracleTruths(arguments[1]) {
				possible[op == opOr && (a || b) || op == opAnd && a && b] = true
			}
		}
		if len(possible) == 2 {
			return unknown
		}
		return table.Bool(possible[true])
	}
	if op <= opGreaterEqual {
		return oracleCompare(op, arguments[0], arguments[1])
	}
	return oracleArithmetic(op, arguments[0], arguments[1], false)
}

func oracleTruths(v table.Value) []bool {
	if b, ok := v.Bool(); ok {
		return []bool{b}
	}
	return []bool{false, true}
}

func oracleNumber(v table.Value) (*big.Float, bool) {
	if i, ok := v.Int(); ok {
		return new(big.Float).SetInt64(i), true
	}
	if f, ok := v.Float(); ok && !math.IsNaN(f) {
		return big.NewFloat(f), true
	}
	return nil, false
}

// oracleOrder compares what compares.
func oracleOrder(a, b table.Value) (int, bool) {
	x, xok := oracleNumber(a)
	y, yok := oracleNumber(b)
	if xok && yok {
		return x.Cmp(y), true
	}
	if a.Kind() != b.Kind() {
		return 0, false
	}
	switch a.Kind() {
	case table.KindString:
		return strings.Compare(a.String(), b.String()), true
	case table.KindBool:
		return strings.Compare(a.String(), b.String()), true // false before true
	case table.KindBytes, table.KindBitmap:
		p, _ := a.Bytes()
		q, _ := b.Bytes()
		return bytes.Compare(p, q), true
	case table.KindTime:
		p, _ := a.Time()
		q, _ := b.Time()
		return p.Compare(q), true
	}
	return 0, false
}

func oracleCompare(op operator, a, b table.Value) table.Value {
	order, ok := oracleOrder(a, b)
	if !ok {
		return unknown
	}
	return table.Bool(map[operator]bool{
		opEqual: order == 0, opUnequal: order != 0, opLess: order < 0, opLessEqual: order <= 0, opGreater: order > 0, opGreaterEqual: order >= 0,
	}[op])
}

func oracleArithmetic(op operator, a, b table.Value, sign bool) table.Value {
	x, xok := a.Int()
	y, yok := b.Int()
	if xok && yok {
		return oracleIntegers(op, big.NewInt(x), big.NewInt(y))
	}
	_, xnumber := oracleNumber(a)
	_, ynumber := oracleNumber(b)
	if !xnumber || !ynumber {
		return unknown
	}
	f, g := oracleFloat(a), oracleFloat(b)
	switch {
	case sign:
		return table.Float(-g)
	case op == opAdd:
		return known(table.Float(f + g))
	case op == opSubtract:
		return known(table.Float(f - g))
	case op == opMultiply:
		return known(table.Float(f * g))
	case op == opDivide && g != 0:
		return known(table.Float(f / g))
	}
	return unknown
}

func oracleFloat(v table.Value) float64 {
	if i, ok := v.Int(); ok {
		return float64(i)
	}
	f, _ := v.Float()
	return f
}

// oracleIntegers gives what does not fit into 64 bits as the float that is made of the operands as floats.
func oracleIntegers(op operator, x, y *big.Int) table.Value {
	z := new(big.Int)
	f, _ := new(big.Float).SetInt(x).Float64()
	g, _ := new(big.Float).SetInt(y).Float64()
	var otherwise float64
	switch op {
	case opAdd:
		z.Add(x, y)
		otherwise = f + g
	case opSubtract:
		z.Sub(x, y)
		otherwise = f - g
	case opMultiply:
		z.Mul(x, y)
		otherwise = f * g
	case opDivide:
		if y.Sign() == 0 {
			return unknown
		}
		z.Quo(x, y)
		otherwise = f / g
	default:
		if y.Sign() == 0 {
			return unknown
		}
		z.Rem(x, y)
	}
	if z.IsInt64() {
		return table.Int(z.Int64())
	}
	return table.Float(otherwise)
}

// oracleLike fills the table of which beginnings match which beginnings.
func oracleLike(s, pattern []rune) bool {
	match := make([][]bool, len(pattern)+1)
	for i := range match {
		match[i] = make([]bool, len(s)+1)
		for j := range match[i] {
			switch {
			case i == 0:
				match[i][j] = j == 0
			case pattern[i-1] == '%':
				match[i][j] = match[i-1][j] || j > 0 && match[i][j-1]
			case j > 0 && (pattern[i-1] == '_' || pattern[i-1] == s[j-1]):
				match[i][j] = match[i-1][j-1]
			}
		}
	}
	return match[len(pattern)][len(s)]
}

func oracleCall(name string, arguments []table.Value) table.Value {
	a, b := arguments[0], unknown
	if len(arguments) > 1 {
		b = arguments[1]
	}
	switch name {
	case "COALESCE":
		for _, v := range arguments {
			if v.Kind() != table.KindNone {
				return v
			}
		}
		return unknown
	case "NULLIF":
		if oracleCompare(opEqual, a, b).Equal(table.Bool(true)) {
			return unknown
		}
		return a
	case "ABS", "CEIL", "FLOOR", "ROUND", "INT", "FLOAT":
		return oracleNumeric(name, a, b, len(arguments) > 1)
	case "LOWER", "UPPER":
		return oracleCase(name == "LOWER", a)
	case "LENGTH":
		return oracleLength(a)
	}
	return oracleBits(name, a, b)
}

func oracleNumeric(name string, a, digits table.Value, hasDigits bool) table.Value {
	i, isInt := a.Int()
	f, isFloat := a.Float()
	d, ok := digits.Int()
	switch {
	case name == "INT" && isFloat:
		if z, _ := big.NewFloat(f).Int(nil); !math.IsInf(f, 0) && z.IsInt64() {
			return table.Int(z.Int64())
		}
		return unknown
	case name == "INT" || name == "FLOAT" && !isInt && !isFloat:
		return oracleOrdinal(name, a)
	case name == "FLOAT":
		return table.Float(oracleFloat(a))
	case name == "ROUND" && hasDigits && (!ok || d < 0 || d > 15), !isInt && !isFloat:
		return unknown
	case name == "ABS" && isInt && i < 0:
		return oracleIntegers(opSubtract, new(big.Int), big.NewInt(i))
	case isInt:
		return a
	case name == "ABS":
		return table.Float(math.Abs(f))
	case name == "CEIL":
		return table.Float(math.Ceil(f))
	case name == "FLOOR":
		return table.Float(math.Floor(f))
	}
	scale := math.Pow10(int(d))
	if math.Abs(f*scale) < 1<<52 {
		return table.Float(math.Round(f*scale) / scale)
	}
	return a
}

// oracleOrdinal casts what is no number.
func oracleOrdinal(name string, a table.Value) table.Value {
	i, ok := a.Int()
	if t, isTime := a.Time(); isTime {
		i, ok = t.UnixNano(), true
	}
	if b, isBool := a.Bool(); isBool {
		ok = true
		if b {
			i = 1
		}
	}
	switch {
	case !ok:
		return unknown
	case name == "FLOAT":
		return table.Float(float64(i))
	}
	return table.Int(i)
}

func oracleCase(lower bool, a table.Value) table.Value {
	s, ok := a.Text()
	if !ok {
		return unknown
	}
	return table.String(strings.Map(func(r rune) rune {
		switch {
		case lower && r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case !lower && r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, s))
}

func oracleLength(a table.Value) table.Value {
	switch a.Kind() {
	case table.KindString:
		return table.Int(int64(utf8.RuneCountInString(a.String())))
	case table.KindBytes:
		b, _ := a.Bytes()
		return table.Int(int64(len(b)))
	case table.KindList:
		l, _ := a.List()
		return table.Int(int64(len(l)))
	}
	return unknown
}

func oracleBits(name string, a, b table.Value) table.Value {
	if name == "CONTAINS" {
		list, ok := a.List()
		if !ok || b.Kind() == table.KindNone {
			return unknown
		}
		return table.Bool(slices.ContainsFunc(list, func(v table.Value) bool { return oracleCompare(opEqual, v, b).Equal(table.Bool(true)) }))
	}
	if a.Kind() != table.KindBitmap {
		return unknown
	}
	raw, _ := a.Bytes()
	slices.Reverse(raw)
	number := new(big.Int).SetBytes(raw)
	if name == "BIT_COUNT" {
		ones := strings.Count(number.Text(2), "1")
		return table.Int(int64(ones))
	}
	n, ok := b.Int()
	if !ok || n < 0 {
		return unknown
	}
	return table.Bool(n < int64(8*len(raw)) && number.Bit(int(n)) == 1)
}

// aggregate computes an aggregate over the rows that were kept.
func (in *interpreter) aggregate(n *node, rows []oracleRow) table.Value {
	in.steps += len(rows)
	var first, second []table.Value // of rows where the first is not NULL
	var ids []string
	for _, r := range rows {
		var v, w table.Value
		if len(n.children) > 0 {
			v = in.scalar(n.children[0], r)
		}
		if len(n.children) > 1 {
			w = in.scalar(n.children[1], r)
		}
		if len(n.children) == 0 || v.Kind() != table.KindNone {
			first, second, ids = append(first, v), append(second, w), append(ids, r.id)
		}
	}
	switch n.aggregate {
	case aggregateCount:
		return table.Int(int64(len(first)))
	case aggregateSum, aggregateAverage:
		if len(n.children) > 1 {
			return oracleWeighted(first, second)
		}
		return oracleSum(first, n.aggregate == aggregateAverage)
	case aggregateMin, aggregateMax:
		return oracleExtreme(first, n.aggregate == aggregateMax)
	case aggregateOr, aggregateAnd:
		return oracleCombine(first, n.aggregate == aggregateOr)
	case aggregateFirst:
		if len(n.children) > 1 {
			return oracleFirst(first, second, n)
		}
		return oracleList(oracleFlat(first), n.count)
	}
	return in.random(first, ids, n.count)
}

func oracleSum(values []table.Value, average bool) table.Value {
	integers, floats, compensation, count, mixed := new(big.Int), 0.0, 0.0, 0, false
	for _, v := range values {
		if i, ok := v.Int(); ok {
			integers.Add(integers, big.NewInt(i))
			count++
		}
		if f, ok := v.Float(); ok {
			mixed = true
			count++
			floats, compensation = oracleAdd(floats, compensation, f)
		}
	}
	rounded, _ := new(big.Float).SetInt(integers).Float64()
	total := rounded + floats
	if !math.IsInf(floats, 0) && !math.IsNaN(floats) {
		total += compensation
	}
	switch {
	case count == 0:
		return unknown
	case average:
		return known(table.Float(total / float64(count)))
	case !mixed && integers.IsInt64():
		return table.Int(integers.Int64())
	}
	return known(table.Float(total))
}

// oracleAdd is one step of Neumaier's sum.
func oracleAdd(sum, compensation, v float64) (float64, float64) {
	next := sum + v
	large, small := sum, v
	if math.Abs(v) > math.Abs(sum) {
		large, small = v, sum
	}
	return next, compensation + ((large - next) + small)
}

func oracleWeighted(values, weights []table.Value) table.Value {
	var products, total [2]float64
	for i := range values {
		_, ok := oracleNumber(values[i])
		_, weighed := oracleNumber(weights[i])
		v, w := oracleFloat(values[i]), oracleFloat(weights[i])
		if ok && weighed && w >= 0 {
			products[0], products[1] = oracleAdd(products[0], products[1], v*w)
			total[0], total[1] = oracleAdd(total[0], total[1], w)
		}
	}
	value := func(s [2]float64) float64 {
		if math.IsInf(s[0], 0) || math.IsNaN(s[0]) {
			return s[0]
		}
		return s[0] + s[1]
	}
	if value(total) == 0 {
		return unknown
	}
	return known(table.Float(value(products) / value(total)))
}

// oracleRank orders values of all kinds.
func oracleRank(a, b table.Value) int {
	if order, ok := oracleOrder(a, b); ok {
		return order
	}
	order := []table.ValueKind{table.KindBool, table.KindInt, table.KindTime, table.KindString, table.KindBytes, table.KindBitmap}
	place := func(v table.Value) int {
		if v.Kind() == table.KindFloat {
			return 1
		}
		return slices.Index(order, v.Kind())
	}
	return cmp.Compare(place(a), place(b))
}

func oracleExtreme(values []table.Value, greatest bool) table.Value {
	values = slices.DeleteFunc(values, func(v table.Value) bool { return v.Kind() == table.KindList })
	if len(values) == 0 {
		return unknown
	}
	slices.SortStableFunc(values, func(a, b table.Value) int {
		if greatest {
			return oracleRank(b, a)
		}
		return oracleRank(a, b)
	})
	return values[0]
}

func oracleCombine(values []table.Value, or bool) table.Value {
	var maps [][]byte
	var flags []bool
	length := 0
	for _, v := range values {
		if b, ok := v.Bool(); ok {
			flags = append(flags, b)
		}
		if v.Kind() == table.KindBitmap {
			b, _ := v.Bytes()
			maps, length = append(maps, b), max(length, len(b))
		}
	}
	if len(maps) == 0 {
		if len(flags) == 0 {
			return unknown
		}
		return table.Bool(or && slices.Contains(flags, true) || !or && !slices.Contains(flags, false))
	}
	result := make([]byte, length)
	for i := range 8 * length {
		set := 0
		for _, b := range maps {
			if i/8 < len(b) && b[i/8]&(1<<(i%8)) != 0 {
				set++
			}
		}
		if or && set > 0 || !or && set == len(maps) {
			result[i/8] |= 1 << (i % 8)
		}
	}
	return table.Bitmap(result)
}

func oracleFlat(values []table.Value) (flat []table.Value) {
	for _, v := range values {
		if list, ok := v.List(); ok {
			flat = append(flat, list...)
		} else {
			flat = append(flat, v)
		}
	}
	return flat
}

func oracleList(values []table.Value, n int) table.Value {
	if len(values) == 0 {
		return unknown
	}
	return table.List(values[:min(n, len(values))]...)
}

func oracleFirst(values, keys []table.Value, n *node) table.Value {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	last := func(v table.Value) bool { return v.Kind() == table.KindNone || v.Kind() == table.KindList }
	slices.SortStableFunc(order, func(i, j int) int {
		switch a, b := keys[i], keys[j]; {
		case last(a) && last(b):
			return 0
		case last(a):
			return 1
		case last(b):
			return -1
		case n.descending:
			return oracleRank(b, a)
		default:
			return oracleRank(a, b)
		}
	})
	var sorted []table.Value
	for _, i := range order {
		sorted = append(sorted, values[i])
	}
	return oracleList(oracleFlat(sorted), n.count)
}

func (in *interpreter) random(values []table.Value, ids []string, n int) table.Value {
	type ticket struct {
		rank  uint64
		value table.Value
	}
	var tickets []ticket
	for i := range values {
		for j, v := range oracleFlat(values[i : i+1]) {
			tickets = append(tickets, ticket{mix(mix(in.seed^mix(hashString(ids[i]))) + uint64(j)), v})
		}
	}
	slices.SortStableFunc(tickets, func(a, b ticket) int { return cmp.Compare(a.rank, b.rank) })
	var drawn []table.Value
	for _, t := range tickets {
		drawn = append(drawn, t.value)
	}
	return oracleList(drawn, n)
}
