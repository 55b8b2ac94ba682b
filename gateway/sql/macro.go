package sql

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"
)

// macros are functions that look into the catalog: queries that stand for their calls. $1 and so on are the arguments, in parentheses. Names that end in an underscore
// are there so that those of the arguments mean the tables of the query.
var macros = map[string]string{
	"obj_description": "(SELECT d_ FROM (SELECT objoid AS o_, objsubid AS s_, description AS d_ FROM pg_catalog.pg_description) WHERE o_ = $1 AND s_ = 0)",
	"col_description": "(SELECT d_ FROM (SELECT objoid AS o_, objsubid AS s_, description AS d_ FROM pg_catalog.pg_description) WHERE o_ = $1 AND s_ = $2)",
	"pg_class_name":   "(SELECT n_ FROM (SELECT oid AS o_, relname AS n_ FROM pg_catalog.pg_class) WHERE o_ = $1)",
	"pg_class_oid":    "(SELECT o_ FROM (SELECT oid AS o_, relname AS n_ FROM pg_catalog.pg_class) WHERE n_ = pg_last_name($1))",
	"pg_get_indexdef": "(CASE coalesce($2, 0) WHEN 0 THEN (SELECT d_ FROM (SELECT indexrelid AS o_, indexdef_ AS d_ FROM pg_catalog.pg_index) WHERE o_ = $1) " +
		"ELSE (SELECT d_ FROM (SELECT attrelid AS o_, attnum AS s_, attname AS d_ FROM pg_catalog.pg_attribute) WHERE o_ = $1 AND s_ = $2) END)",
	"pg_get_constraintdef": "(SELECT d_ FROM (SELECT oid AS o_, condef_ AS d_ FROM pg_catalog.pg_constraint) WHERE o_ = $1)",
	"current_setting":      "(SELECT s_ FROM (SELECT name AS n_, setting AS s_ FROM pg_catalog.pg_settings) WHERE n_ = lower($1))",
	"set_config":           "$2",
}

// specialMax is how many tokens a statement may have when queries stand in the place of functions. A query has its arguments several times, so that calls within calls would grow without end; SQLite takes no text that is longer.
const specialMax = 4 * StatementMax

// special puts queries in the place of functions that look into the catalog.
func (s *session) special(statement []token) ([]token, error) {
	out := make([]token, 0, len(statement))
	for i := 0; i < len(statement); i++ {
		t := statement[i]
		template, ok := macros[t.value]
		if t.kind != tokenWord || !ok || i+1 >= len(statement) || !statement[i+1].is("(") || i > 0 && statement[i-1].is(".") {
			out = append(out, t)
			continue
		}
		end := closing(statement, i+1)
		if end < 0 {
			out = append(out, t)
			continue
		}
		expanded, err := s.expand(template, t.value, parts(statement[i+2:end]))
		if err != nil {
			return nil, err
		}
		if out = append(out, expanded...); len(out) > specialMax {
			return nil, errorf(codeComplex, "calls of %s and the like are nested too deep, or there are too many", t.value)
		}
		i = end
	}
	return out, nil
}

// closing returns where the parenthesis at a place is closed, -1 where it is not.
func closing(tokens []token, open int) int {
	depth := 0
	for i := open; i < len(tokens); i++ {
		if tokens[i].is("(") {
			depth++
		} else if tokens[i].is(")") {
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// expand returns what a template makes of arguments.
func (s *session) expand(template, function string, arguments [][]token) (out []token, err error) {
	if function == "current_setting" && len(arguments) > 0 && len(arguments[0]) == 1 && arguments[0][0].kind == tokenText {
		if value, ok := s.setting(arguments[0][0].value); ok {
			return []token{text(value)}, nil
		}
		return []token{word("NULL")}, nil
	}
	for i := range arguments {
		if arguments[i], err = s.special(arguments[i]); err != nil {
			return nil, err
		}
	}
	tokens, err := tokensOf(template)
	if err != nil {
		return nil, err // it is a constant, and tests look at all of them
	}
	for _, t := range tokens {
		if t.kind != tokenParameter {
			out = append(out, t)
			continue
		}
		n, _ := strconv.Atoi(t.value)
		out = append(out, operator("("))
		if n <= len(arguments) && len(arguments[n-1]) > 0 {
			out = append(out, arguments[n-1]...)
		} else {
			out = append(out, word("NULL"))
		}
		out = append(out, operator(")"))
	}
	return out, nil
}

// lastName returns the name of a table without schema and quotes.
func lastName(text string) string {
	if !strings.Contains(text, `"`) {
		return strings.ToLower(text[strings.LastIndexByte(text, '.')+1:])
	}
	text = strings.TrimSuffix(text, `"`)
	return strings.ReplaceAll(text[strings.LastIndexByte(text, '"')+1:], `""`, `"`)
}

// foreignKeys returns the answer to the question of the ODBC driver for foreign keys, of which there are none: it is asked by means that SQLite does not have. It is nil for any other statement.
func foreignKeys(statement []token) *plan {
	asks, series := false, false
	for _, t := range statement {
		asks = asks || t.kind == tokenName && t.value == "FKTABLE_NAME"
		series = series || t.isAny("generate_series")
	}
	from := topLevel(statement, "from")
	if !asks || !series || from < 1 {
		return nil
	}
	var columns []resultColumn
	for _, part := range parts(statement[1:from]) {
		k := kindName
		switch last := part[len(part)-1]; last.value {
		case "KEY_SEQ", "UPDATE_RULE", "DELETE_RULE", "DEFERRABILITY":
			k = kindInt2
		}
		columns = append(columns, resultColumn{name: part[len(part)-1].value, kind: k})
	}
	return &plan{columns: columns, run: func(context.Context, []driver.Value) (*result, error) {
		return &result{columns: columns, tag: "SELECT 0"}, nil
	}}
}

// primaryKeys returns what stands for the question of the JDBC driver for primary keys, which expands an array to rows. Any other statement is returned as it is.
func primaryKeys(statement []token) []token {
	expands, names := false, false
	conditions := ""
	for i, t := range statement {
		expands = expands || t.isAny("_pg_expandarray")
		names = names || t.isAny("pk_name")
		if i >= 2 && i+2 < len(statement) && statement[i+1].is("=") && statement[i+2].kind == tokenText {
			switch statement[i-2].value + "." + t.value {
			case "n.nspname", "ct.relname":
				conditions += " AND " + joined(statement[i-2:i+3])
			}
		}
	}
	if !expands || !names {
		return statement
	}
	tokens, err := tokensOf("SELECT NULL AS table_cat, n.nspname AS table_schem, ct.relname AS table_name, a.attname AS column_name, pg_position(i.indkey, a.attnum) AS key_seq, ci.relname AS pk_name " +
		"FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_attribute a ON a.attrelid = ct.oid JOIN pg_catalog.pg_namespace n ON n.oid = ct.relnamespace JOIN pg_catalog.pg_index i ON i.indrelid = ct.oid " +
		"JOIN pg_catalog.pg_class ci ON ci.oid = i.indexrelid WHERE i.indisprimary AND pg_position(i.indkey, a.attnum) > 0" + conditions + " ORDER BY table_name, pk_name, key_seq")
	if err != nil {
		return statement // it is too long with these names
	}
	return tokens
}
