package sql

import (
	"slices"
	"strings"
)

// operand returns where the operand begins that was put out last: what stands in front of :: or of a subscript. It is the length of out when there is none.
func (r *rewriter) operand() int {
	i := len(r.out) - 1
	if i < 0 {
		return len(r.out)
	}
	switch t := r.out[i]; {
	case t.is(")"):
		for depth := 0; i >= 0; i-- {
			if r.out[i].is(")") {
				depth++
			} else if r.out[i].is("(") {
				if depth--; depth == 0 {
					break
				}
			}
		}
		if i < 0 {
			return len(r.out)
		}
		if i == 0 || !r.out[i-1].named() || r.out[i-1].isAny(reservedBefore...) {
			return i
		}
		i-- // the name of a function
	case t.isAny("end"):
		for depth := 0; i >= 0; i-- {
			if r.out[i].isAny("end") {
				depth++
			} else if r.out[i].isAny("case") {
				if depth--; depth == 0 {
					return i
				}
			}
		}
		return len(r.out)
	case t.kind == tokenOperator, t.kind == tokenEnd:
		return len(r.out)
	}
	for i >= 2 && r.out[i-1].is(".") && r.out[i].named() {
		i -= 2
	}
	return i
}

// reservedBefore are key words that can stand in front of a parenthesis and are no functions.
var reservedBefore = []string{"select", "where", "and", "or", "not", "on", "when", "then", "else", "having", "by", "in", "like", "regexp", "match", "between", "is", "from", "join", "as", "distinct", "using",
	"values", "union", "all", "except", "intersect", "limit", "offset", "exists", "over", "filter"}

// typeName takes the name of a type, in small letters and without schema, length and quotes; behind an array there is [].
func (r *rewriter) typeName() (string, error) {
	if r.peek(0).named() && r.peek(1).is(".") {
		r.at += 2
	}
	if !r.peek(0).named() {
		return "", errorf(codeSyntax, "there is no type behind a cast, but %q", r.peek(0).text)
	}
	typed := strings.ToLower(r.peek(0).value)
	r.at++
	for _, more := range [][]string{{"precision"}, {"varying"}, {"with", "time", "zone"}, {"without", "time", "zone"}} {
		if r.follows(more) {
			r.at += len(more)
		}
	}
	if r.peek(0).is("(") {
		for r.at < len(r.in) && !r.peek(0).is(")") {
			r.at++
		}
		r.at++
	}
	for r.follows([]string{"with", "time", "zone"}) || r.follows([]string{"without", "time", "zone"}) {
		r.at += 3
	}
	for r.peek(0).is("[") && r.peek(1).is("]") {
		r.at += 2
		typed += "[]"
	}
	return typed, nil
}

func (r *rewriter) follows(words []string) bool {
	for i, w := range words {
		if !r.peek(i).isAny(w) {
			return false
		}
	}
	return true
}

// castAs takes AS type ) of a CAST, whose operand has been put out.
func (r *rewriter) castAs() error {
	start := r.opened[len(r.opened)-1].cast
	r.at++
	typed, err := r.typeName()
	if err != nil {
		return err
	}
	if !r.peek(0).is(")") {
		return errorf(codeSyntax, "CAST is not closed behind the type")
	}
	r.at++
	r.opened = r.opened[:len(r.opened)-1]
	operand := slices.Clone(r.out[start+2:])
	r.out = append(r.out[:start], cast(operand, typed)...)
	return nil
}

// affinities are the types of SQLite that stand for types of PostgreSQL.
var affinities = map[string]string{
	"int": "INTEGER", "int2": "INTEGER", "int4": "INTEGER", "int8": "INTEGER", "integer": "INTEGER", "smallint": "INTEGER", "bigint": "INTEGER", "oid": "INTEGER",
	"float4": "REAL", "float8": "REAL", "float": "REAL", "real": "REAL", "double": "REAL", "numeric": "NUMERIC", "decimal": "NUMERIC",
	"text": "TEXT", "varchar": "TEXT", "char": "TEXT", "character": "TEXT", "bpchar": "TEXT", "name": "TEXT",
}

// converters are functions that make values of a type.
var converters = map[string]string{"bool": "pg_bool", "boolean": "pg_bool", "date": "date", "timestamp": "pg_time", "timestamptz": "pg_time"}

// cast returns an operand as a type. Types that SQLite has nothing for are left out: the value is then what it was.
func cast(operand []token, typed string) []token {
	if typed == "regclass" {
		// A name is looked up; a number is shown as a name.
		converter := "pg_class_name"
		if len(operand) == 1 && (operand[0].kind == tokenText || operand[0].kind == tokenParameter) {
			converter = "pg_class_oid"
		}
		return called(converter, operand)
	}
	if affinity, ok := affinities[typed]; ok {
		tokens := append([]token{word("CAST"), operator("(")}, operand...)
		return append(tokens, word("AS"), word(affinity), operator(")"))
	}
	if converter, ok := converters[typed]; ok {
		return called(converter, operand)
	}
	return append(append([]token{operator("(")}, operand...), operator(")"))
}

// called returns a call of a function.
func called(function string, operand []token) []token {
	tokens := append([]token{word(function), operator("(")}, operand...)
	return append(tokens, operator(")"))
}
