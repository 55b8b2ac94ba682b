package sql

import (
	"slices"
	"strings"
)

// databaseName is the name of the database, whatever the client calls it.
const databaseName = "spinglass"

// schemaMain is the schema of the tables, "public" to clients and "main" to SQLite.
const schemaMain = "public"

// rewriter makes a statement for SQLite of one for PostgreSQL, on tokens.
type rewriter struct {
	in     []token
	at     int
	out    []token
	opened []parenthesis
	// brackets says of each open bracket that it became a parenthesis: of a list, or of a subscript.
	brackets []bool
	user     string                  // who asks
	boolean  func(column token) bool // reports whether the values of a column are booleans
}

// parenthesis is one that is open: where it was put out, and where the CAST stands that it belongs to, -1 for any other.
type parenthesis struct{ at, cast int }

// rewrite returns a statement in the words of SQLite. user is who asks; boolean reports whether the values of a column are booleans.
func rewrite(statement []token, user string, boolean func(column token) bool) ([]token, error) {
	r := rewriter{in: statement, user: user, boolean: boolean, out: make([]token, 0, len(statement)+16)}
	for r.at < len(r.in) {
		if err := r.step(); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

// peek returns the token that is n behind the present one, an empty one beyond the end.
func (r *rewriter) peek(n int) token {
	if r.at+n >= len(r.in) {
		return token{kind: tokenEnd}
	}
	return r.in[r.at+n]
}

// last returns the token that was put out last.
func (r *rewriter) last() token {
	if len(r.out) == 0 {
		return token{kind: tokenEnd}
	}
	return r.out[len(r.out)-1]
}

func (r *rewriter) put(skip int, tokens ...token) {
	r.out = append(r.out, tokens...)
	r.at += skip
}

// step takes one token, or several that belong together.
func (r *rewriter) step() error {
	t := r.in[r.at]
	switch {
	case t.kind == tokenParameter:
		r.put(1, token{tokenParameter, "?" + t.value, t.value})
	case t.named() && r.peek(1).is(".") && !r.last().is("."):
		r.qualified(t)
	case t.kind == tokenWord:
		return r.word(t)
	case t.kind == tokenOperator:
		return r.operator(t)
	case t.kind == tokenText && r.comparesBoolean():
		if is, ok := boolOf(t.value); ok {
			t = token{tokenNumber, textOf(truth(is)), ""}
		}
		r.put(1, t)
	default:
		r.put(1, t)
	}
	return nil
}

// comparesBoolean reports whether a column of booleans is compared with what comes: as text it may be written 't'.
func (r *rewriter) comparesBoolean() bool {
	n := len(r.out)
	return n >= 2 && (r.out[n-1].is("=") || r.out[n-1].is("<>") || r.out[n-1].is("!=")) && r.out[n-2].named() && r.boolean(r.out[n-2])
}

// qualified takes a name with others in front of it: the database and schema public are left out, and so is the schema of functions.
func (r *rewriter) qualified(t token) {
	if strings.EqualFold(t.value, databaseName) && r.peek(2).named() && r.peek(3).is(".") {
		r.at += 2
		t = r.in[r.at]
	}
	schema, called := strings.ToLower(t.value), r.peek(3).is("(")
	switch {
	case !r.peek(1).is("."):
		r.put(1, t)
	case schema == "pg_catalog" && called, schema == schemaMain && called:
		r.at += 2
	case schema == schemaMain && r.peek(2).named():
		r.put(2, word("main"), operator("."))
	default:
		r.put(2, t, operator("."))
	}
}

// constants are key words that PostgreSQL takes for calls of functions without parentheses.
var constants = map[string]string{"current_role": "", "current_user": "", "session_user": "", "current_catalog": databaseName, "current_schema": schemaMain}

// renamed are functions that SQLite has by other names.
var renamed = map[string]string{
	"bool_and": "min", "every": "min", "bool_or": "max", "greatest": "max", "least": "min", "char_length": "length", "character_length": "length", "strpos": "instr",
	"json_agg": "json_group_array", "array_agg": "json_group_array", "jsonb_agg": "json_group_array",
}

// word takes a key word or a name.
func (r *rewriter) word(t token) error {
	next := r.peek(1)
	constant, isConstant := constants[t.value]
	other, isRenamed := renamed[t.value]
	switch {
	case r.last().is("."):
		r.put(1, t)
	case isConstant && !next.is("("):
		if constant == "" {
			constant = r.user
		}
		r.put(1, text(constant))
	case isRenamed && next.is("("):
		r.put(1, word(other))
	case t.value == "ilike":
		r.put(1, word("MATCH"))
	case t.isAny("date", "timestamp", "timestamptz", "time") && next.kind == tokenText:
		r.at++
	case t.value == "operator" && next.is("("):
		return r.named()
	case t.value == "collate":
		r.collate()
	case t.value == "as" && len(r.opened) > 0 && r.opened[len(r.opened)-1].cast >= 0:
		return r.castAs()
	case t.value == "array" && next.is("["):
		r.at++
		r.array()
	case t.value == "array" && next.is("(") && r.peek(2).isAny("select"):
		return r.arrayOf()
	case t.isAny("any", "some", "all") && next.is("(") && (r.last().is("=") || r.last().is("<>") || r.last().is("!=")):
		r.quantified()
	case t.isAny("generate_series", "unnest") && next.is("(") && (r.last().isAny("from", "join") || r.last().is(",")):
		return r.elements(t)
	case t.value == "extract" && next.is("(") && r.peek(3).isAny("from"):
		field := r.peek(2)
		r.opened = append(r.opened, parenthesis{len(r.out) + 1, -1})
		r.put(4, word("pg_extract"), operator("("), text(strings.ToLower(field.value)), operator(","))
	case t.value == "limit" && next.isAny("all"):
		r.at += 2
	case t.value == "fetch" && next.isAny("first", "next"):
		r.fetch()
	case t.value == "for" && next.isAny("update", "share", "read", "no", "key"):
		r.at = len(r.in) // nothing is locked, since nothing of a snapshot changes
	default:
		r.put(1, t)
	}
	return nil
}

// operator takes an operator or a parenthesis.
func (r *rewriter) operator(t token) error {
	switch t.value {
	case "::":
		r.at++
		typed, err := r.typeName()
		if err != nil {
			return err
		}
		start := r.operand()
		operand := slices.Clone(r.out[start:])
		r.out = append(r.out[:start], cast(operand, typed)...)
		return nil
	case "(":
		cast := -1
		if r.last().isAny("cast") {
			cast = len(r.out) - 1
		}
		r.opened = append(r.opened, parenthesis{len(r.out), cast})
	case ")":
		if n := len(r.opened) - 1; n >= 0 {
			at := r.opened[n].at
			r.opened = r.opened[:n]
			if r.columnsNamed(at) {
				return nil
			}
		}
	case "[":
		r.subscript()
		return nil
	case "]":
		r.closeBracket()
		return nil
	case "~", "!~", "~*", "!~*", "~~", "!~~", "~~*", "!~~*":
		if t.value != "~" || r.afterOperand() {
			r.match(t.value)
			r.at++
			return nil
		}
	}
	r.put(1, t)
	return nil
}

// columnsNamed takes the end of a subquery that gets names for its columns as well: (VALUES ...) AS t (a, b). SQLite has such names in WITH only.
func (r *rewriter) columnsNamed(at int) bool {
	n := 1
	if r.peek(n).isAny("as") {
		n++
	}
	alias := r.peek(n)
	if !r.out[min(at+1, len(r.out)-1)].isAny("values", "select", "with") || !alias.named() || alias.isAny(reservedBehind...) || !r.peek(n+1).is("(") {
		return false
	}
	end := closing(r.in, r.at+n+1)
	if end < 0 {
		return false
	}
	inner := slices.Clone(r.out[at+1:])
	names := r.in[r.at+n+1 : end+1]
	r.out = append(r.out[:at], operator("("), word("WITH"), alias)
	r.out = append(append(r.out, names...), word("AS"), operator("("))
	r.out = append(append(r.out, inner...), operator(")"), word("SELECT"), operator("*"), word("FROM"), alias, operator(")"), word("AS"), alias)
	r.at = end + 1
	return true
}

// afterOperand reports whether what was put out last can be the left side of an operator.
func (r *rewriter) afterOperand() bool {
	t := r.last()
	switch t.kind {
	case tokenOperator:
		return t.value == ")"
	case tokenWord:
		return !t.isAny("select", "where", "and", "or", "not", "on", "when", "then", "else", "case", "having", "by", "in", "like", "between", "is", "distinct")
	}
	return t.kind != tokenEnd
}

// match puts out what stands for an operator that compares with a pattern.
func (r *rewriter) match(op string) {
	if strings.HasPrefix(op, "!") {
		r.out = append(r.out, word("NOT"))
		op = op[1:]
	}
	switch op {
	case "~":
		r.out = append(r.out, word("REGEXP"))
	case "~*":
		r.out = append(r.out, word("REGEXP"), text("(?i)"), operator("||"))
	case "~~":
		r.out = append(r.out, word("LIKE"))
	case "~~*":
		r.out = append(r.out, word("MATCH"))
	}
}

// named takes OPERATOR(schema.op).
func (r *rewriter) named() error {
	end := r.at + 2
	for end < len(r.in) && !r.in[end].is(")") {
		end++
	}
	if end >= len(r.in) || end == r.at+2 {
		return errorf(codeSyntax, "OPERATOR without an operator in parentheses")
	}
	op := r.in[end-1]
	r.at = end + 1
	if op.kind != tokenOperator || op.is(".") {
		return errorf(codeSyntax, "OPERATOR without an operator in parentheses")
	}
	if strings.Contains(op.value, "~") {
		r.match(op.value)
		return nil
	}
	r.out = append(r.out, op)
	return nil
}

// collate leaves out a collation: all texts are compared byte by byte.
func (r *rewriter) collate() {
	r.at += 2
	for r.peek(0).is(".") {
		r.at += 2
	}
}

// array takes ARRAY[: an array is a list in JSON.
func (r *rewriter) array() {
	r.brackets = append(r.brackets, true)
	r.put(1, word("json_array"), operator("("))
}

// arrayOf takes ARRAY(SELECT ...): the list of the only column.
func (r *rewriter) arrayOf() error {
	end := closing(r.in, r.at+1)
	if end < 0 {
		return errorf(codeSyntax, "ARRAY is not closed")
	}
	inner, err := rewrite(r.in[r.at+2:end], r.user, r.boolean)
	if err != nil {
		return err
	}
	r.out = append(r.out, operator("("), word("WITH"), word("list_"), operator("("), word("element_"), operator(")"), word("AS"), operator("("))
	r.out = append(r.out, inner...)
	r.out = append(r.out, operator(")"), word("SELECT"), word("json_group_array"), operator("("), word("element_"), operator(")"), word("FROM"), word("list_"), operator(")"))
	r.at = end + 1
	return nil
}

// elements takes generate_series(...) and unnest(...) in FROM, with what they are called: a table of one column, which has the name of the table.
func (r *rewriter) elements(t token) error {
	end := closing(r.in, r.at+1)
	if end < 0 {
		return errorf(codeSyntax, "%s is not closed", t.value)
	}
	inner, err := rewrite(r.in[r.at+2:end], r.user, r.boolean)
	if err != nil {
		return err
	}
	r.at = end + 1
	alias, function := word(t.value), "pg_list"
	if t.value == "generate_series" {
		function = "pg_series"
	}
	if r.peek(0).isAny("as") {
		r.at++
	}
	if next := r.peek(0); next.kind == tokenName || next.kind == tokenWord && !next.isAny(reservedBehind...) {
		alias = next
		r.at++
	}
	named := alias
	if r.peek(0).is("(") && r.peek(1).named() && r.peek(2).is(")") {
		named = r.peek(1)
		r.at += 3
	}
	r.out = append(r.out, operator("("), word("SELECT"), word("value"), word("AS"), named, word("FROM"), word("json_each"), operator("("))
	r.out = append(r.out, called(function, inner)...)
	r.out = append(r.out, operator(")"), operator(")"), word("AS"), alias)
	return nil
}

// reservedBehind are key words that can stand behind a table and are no name for it.
var reservedBehind = []string{"where", "group", "order", "having", "limit", "offset", "union", "except", "intersect", "join", "left", "right", "full", "inner", "cross", "natural", "on", "using", "fetch", "for", "window"}

// quantified takes = ANY (...): of an array of constants IN, else the elements of a list.
func (r *rewriter) quantified() {
	not := !r.last().is("=")
	r.out = r.out[:len(r.out)-1]
	if not {
		r.out = append(r.out, word("NOT"))
	}
	r.out = append(r.out, word("IN"))
	if r.peek(2).isAny("select") {
		r.at++
		return
	}
	end := closing(r.in, r.at+1)
	if end < 0 {
		end = len(r.in)
	}
	inner, err := rewrite(r.in[r.at+2:end], r.user, r.boolean)
	if err != nil {
		inner = r.in[r.at+2 : end]
	}
	r.at = min(end+1, len(r.in))
	r.out = append(r.out, operator("("), word("SELECT"), word("value"), word("FROM"), word("json_each"), operator("("), word("pg_list"), operator("("))
	r.out = append(r.out, inner...)
	r.out = append(r.out, operator(")"), operator(")"), operator(")"))
}

// fetch takes FETCH FIRST n ROWS ONLY.
func (r *rewriter) fetch() {
	r.at += 2
	count := token{tokenNumber, "1", "1"}
	if !r.peek(0).isAny("row", "rows") {
		count = r.peek(0)
		if count.kind == tokenParameter {
			count.text = "?" + count.value
		}
		r.at++
	}
	r.out = append(r.out, word("LIMIT"), count)
	for r.peek(0).isAny("row", "rows", "only") {
		r.at++
	}
}

// subscript takes the bracket behind a list.
func (r *rewriter) subscript() {
	if start := r.operand(); start < len(r.out) {
		list := slices.Clone(r.out[start:])
		r.out = append(append(r.out[:start], word("pg_element"), operator("(")), list...)
		r.put(1, operator(","))
		r.brackets = append(r.brackets, true)
		return
	}
	r.brackets = append(r.brackets, false)
	r.put(1, operator("["))
}

func (r *rewriter) closeBracket() {
	if n := len(r.brackets); n > 0 {
		call := r.brackets[n-1]
		r.brackets = r.brackets[:n-1]
		if call {
			r.put(1, operator(")"))
			return
		}
	}
	r.put(1, operator("]"))
}
