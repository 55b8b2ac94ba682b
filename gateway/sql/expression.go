package sql

import (
	"cmp"
	"slices"
	"strings"
)

// named returns what PostgreSQL calls a column of a result. SQLite says what the statement calls it, in letters as they were written, or the text of an expression; origin is the column of a table that it is.
func named(text, origin string, statement []token) string {
	if text == origin && origin != "" {
		return text
	}
	written := slices.ContainsFunc(statement, func(t token) bool { return (t.kind == tokenName || t.kind == tokenText) && t.value == text })
	folded := strings.ToLower(text)
	switch {
	case written:
		return text
	case slices.ContainsFunc(statement, func(t token) bool { return t.kind == tokenWord && t.value == folded }):
		return folded
	case origin != "":
		return text
	}
	return columnName(text)
}

// columnName returns what PostgreSQL calls a column that is an expression: SQLite gives its text.
func columnName(text string) string {
	tokens, err := tokensOf(text)
	if err != nil || len(tokens) == 0 {
		return text
	}
	first := tokens[0]
	switch whole := len(tokens) > 2 && tokens[1].is("(") && closes(tokens); {
	case first.isAny("case"):
		return "case"
	case first.isAny("cast") && whole && len(tokens) > 4:
		if named := tokens[2]; named.named() && tokens[3].isAny("as") {
			return named.value
		}
		return strings.ToLower(tokens[len(tokens)-2].value)
	case first.kind == tokenWord && whole:
		return cmp.Or(shownAs[first.value], first.value)
	case first.named() && len(tokens) == 3 && tokens[1].is("."):
		return tokens[2].value
	}
	return "?column?"
}

// shownAs are the names of functions of ours that stand for what PostgreSQL calls otherwise.
var shownAs = map[string]string{"pg_extract": "extract", "pg_bool": "bool", "pg_time": "timestamptz", "json_group_array": "array_agg"}

// closes reports whether an expression is one call of a function, with what windows and filters stand behind it.
func closes(tokens []token) bool {
	end := closing(tokens, 1)
	return end > 0 && (end == len(tokens)-1 || tokens[end+1].isAny("filter", "over"))
}

// Functions by what they give: a number of a type, a text, or what their arguments are.
var (
	functionsOfInt   = []string{"count", "length", "instr", "row_number", "rank", "dense_rank", "ntile", "unicode", "json_array_length", "array_length", "cardinality"}
	functionsOfFloat = []string{"avg", "total", "sqrt", "exp", "ln", "log", "power", "percent_rank", "cume_dist", "julianday", "pg_extract"}
	functionsOfText  = []string{"lower", "upper", "substr", "substring", "replace", "trim", "ltrim", "rtrim", "string_agg", "group_concat", "concat", "printf", "format", "hex", "quote", "typeof", "date", "time", "datetime",
		"strftime", "json_group_array", "json_group_object", "json_object", "json_array"}
	functionsOfArguments = []string{"sum", "min", "max", "coalesce", "ifnull", "nullif", "abs", "round", "first_value", "last_value", "lag", "lead", "ceil", "floor"}
)

// kindOfExpression returns the type that an expression seems to have, nil where nothing says it. Its values say more, where there are some.
func (s *session) kindOfExpression(statement []token, text string) *kind {
	tokens, err := tokensOf(text)
	if err != nil || len(tokens) < 2 {
		return nil
	}
	if first := tokens[0]; tokens[1].is("(") && closes(tokens) {
		switch {
		case first.isAny("cast"):
			return kindNamed(strings.ToLower(tokens[len(tokens)-2].value))
		case first.isAny(functionsOfInt...):
			return kindInt
		case first.isAny(functionsOfFloat...):
			return kindFloat
		case first.isAny(functionsOfText...):
			return kindText
		case first.isAny("pg_bool"):
			return kindBool
		case !first.isAny(functionsOfArguments...):
			return nil
		}
	}
	return s.kindOfOperands(statement, tokens)
}

// kindOfOperands returns the type that holds the columns and constants of an expression.
func (s *session) kindOfOperands(statement, tokens []token) (k *kind) {
	for i, t := range tokens {
		switch {
		case t.is("||"):
			return kindText
		case t.kind == tokenNumber && strings.ContainsAny(t.value, ".eE"):
			k = widen(k, kindFloat)
		case t.kind == tokenNumber, t.isAny("integer"):
			k = widen(k, kindInt)
		case t.isAny("real", "numeric"):
			k = widen(k, kindFloat)
		case t.isAny("case", "select", "and", "or", "not"):
			return nil
		case t.named() && (i+1 == len(tokens) || !tokens[i+1].is("(") && !tokens[i+1].is(".")):
			if column := s.columnKind(statement, t); column != nil {
				k = widen(k, column)
			}
		}
	}
	return k
}
