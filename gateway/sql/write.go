package sql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"time"

	"spinglass"
)

// writing is an UPDATE, INSERT or DELETE of the own rows, cut into its parts.
type writing struct {
	verb    string
	table   string // self or own_rows
	columns []string
	query   []token // gives, for each row, the name of the row and the values of the columns
	always  []*bool // a column's value is TRUE or FALSE, whatever the others are
}

// prepareWrite prepares a change of the own rows. All other changes are refused. SQLite only computes the values.
func (s *session) prepareWrite(ctx context.Context, statement []token, hints []*kind) (*plan, error) {
	w, err := parseWriting(statement)
	if err != nil {
		s.gateway.stats.writesRefused.Add(1)
		return nil, err
	}
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	p := &plan{}
	if p.parameters, err = s.parameters(statement, hints); err != nil {
		return nil, err
	}
	rewritten, err := s.rewrite(w.query)
	if err != nil {
		return nil, err
	}
	p.query = joined(rewritten)
	if _, err := s.describe(rewritten); err != nil {
		return nil, err
	}
	p.run = func(ctx context.Context, arguments []driver.Value) (*result, error) {
		return s.execute(ctx, w, p, arguments)
	}
	return p, nil
}

// parseWriting cuts a statement into its parts.
func parseWriting(statement []token) (*writing, error) {
	w := &writing{verb: statement[0].value}
	rest := statement[1:]
	switch w.verb {
	case "insert":
		if len(rest) == 0 || !rest[0].isAny("into") {
			return nil, errorf(codeSyntax, "INSERT without INTO")
		}
		rest = rest[1:]
	case "delete":
		if len(rest) == 0 || !rest[0].isAny("from") {
			return nil, errorf(codeSyntax, "DELETE without FROM")
		}
		rest = rest[1:]
	}
	for len(rest) > 2 && rest[1].is(".") && (strings.EqualFold(rest[0].value, databaseName) || strings.EqualFold(rest[0].value, schemaMain)) {
		rest = rest[2:]
	}
	if len(rest) == 0 || !rest[0].named() {
		return nil, errorf(codeSyntax, "%s without a table", strings.ToUpper(w.verb))
	}
	w.table = strings.ToLower(rest[0].value)
	if w.table != "self" && w.table != "own_rows" || len(rest) > 1 && rest[1].is(".") {
		return nil, &Error{
			Code: codePrivilege, Message: fmt.Sprintf("%s of %s is not allowed: a member changes its own rows only", strings.ToUpper(w.verb), w.table),
			Hint: "UPDATE self changes the row of the member, and INSERT, UPDATE and DELETE of own_rows those of its applications.",
		}
	}
	if at := topLevel(rest, "returning"); at >= 0 {
		return nil, errorf(codeUnsupported, "RETURNING is not supported")
	}
	switch w.verb {
	case "update":
		return w, w.update(rest[1:])
	case "insert":
		return w, w.insert(rest[1:])
	}
	return w, w.delete(rest[1:])
}

// topLevel returns where a key word stands outside of parentheses, -1 where it does not.
func topLevel(tokens []token, word string) int {
	depth := 0
	for i, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case depth == 0 && t.isAny(word):
			return i
		}
	}
	return -1
}

// source returns FROM and the table, with what it is called, and the condition, which is cut off.
func (w *writing) source(alias []token, condition []token) []token {
	tokens := append([]token{word("from"), word("main"), operator("."), word(w.table)}, alias...)
	return append(tokens, condition...)
}

// update takes [alias] SET name = expression, ... [WHERE condition].
func (w *writing) update(rest []token) error {
	set := topLevel(rest, "set")
	if set < 0 {
		return errorf(codeSyntax, "UPDATE without SET")
	}
	alias, rest := rest[:set], rest[set+1:]
	if at := topLevel(rest, "from"); at >= 0 {
		return errorf(codeUnsupported, "UPDATE with FROM is not supported")
	}
	condition := []token(nil)
	if at := topLevel(rest, "where"); at >= 0 {
		rest, condition = rest[:at], rest[at:]
	}
	w.query = []token{word("select"), word("name")}
	for _, part := range parts(rest) {
		column, value, err := assignment(part)
		if err != nil {
			return err
		}
		w.columns = append(w.columns, column)
		w.value(value)
	}
	if len(w.columns) == 0 {
		return errorf(codeSyntax, "UPDATE sets nothing")
	}
	w.query = append(w.query, w.source(alias, condition)...)
	return nil
}

// value adds the value of a column to the query.
func (w *writing) value(tokens []token) {
	var always *bool
	if len(tokens) == 1 && tokens[0].isAny("true", "false") {
		is := tokens[0].value == "true"
		always = &is
	}
	if len(tokens) == 1 && tokens[0].isAny("default") {
		tokens = []token{word("null")}
	}
	w.always = append(w.always, always)
	w.query = append(append(append(w.query, operator(","), operator("(")), tokens...), operator(")"))
}

// parts returns what stands between the commas outside of parentheses.
func parts(tokens []token) (all [][]token) {
	depth, start := 0, 0
	for i, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case depth == 0 && t.is(","):
			all = append(all, tokens[start:i])
			start = i + 1
		}
	}
	return append(all, tokens[start:])
}

// assignment takes name = expression. The name may be that of an attribute with dots.
func assignment(part []token) (column string, value []token, err error) {
	equals := slices.IndexFunc(part, func(t token) bool { return t.is("=") })
	if equals < 1 || equals == len(part)-1 {
		return "", nil, errorf(codeSyntax, "SET without name = value")
	}
	if equals != 1 || !part[0].named() {
		return "", nil, errorf(codeSyntax, "SET %s: write the name of one attribute, in double quotes where it has dots", joined(part[:equals]))
	}
	return attributeName(part[0]), part[2:], nil
}

// attributeName returns the name of an attribute: as it was written, since large and small letters differ there.
func attributeName(t token) string {
	if t.kind == tokenName {
		return t.value
	}
	return t.text
}

// insert takes (name, ...) VALUES (expression, ...), ... or a SELECT.
func (w *writing) insert(rest []token) error {
	if w.table == "self" {
		return &Error{Code: codeUnique, Message: "the row of the member is there already", Hint: "UPDATE self sets attributes, also new ones; INSERT is for own_rows."}
	}
	if len(rest) == 0 || !rest[0].is("(") {
		return errorf(codeSyntax, "INSERT without the names of columns in parentheses")
	}
	end := slices.IndexFunc(rest, func(t token) bool { return t.is(")") })
	if end < 0 || end == len(rest)-1 {
		return errorf(codeSyntax, "INSERT without values")
	}
	named := -1
	for i, part := range parts(rest[1:end]) {
		if len(part) != 1 || !part[0].named() {
			return errorf(codeSyntax, "INSERT: %q is no name of a column", joined(part))
		}
		column := attributeName(part[0])
		if strings.EqualFold(column, "name") {
			named = i
		}
		w.columns, w.always = append(w.columns, column), append(w.always, nil)
	}
	if named < 0 {
		return errorf(codeNotNull, "INSERT INTO own_rows needs a name for the row")
	}
	if topLevel(rest, "conflict") >= 0 {
		return errorf(codeUnsupported, "ON CONFLICT is not supported")
	}
	// The values have no names of their own, so that the query gives them some.
	w.query = []token{word("with"), word("given_"), operator("(")}
	for i := range w.columns {
		if i > 0 {
			w.query = append(w.query, operator(","))
		}
		w.query = append(w.query, word(fmt.Sprintf("c%d_", i)))
	}
	w.query = append(append(append(w.query, operator(")"), word("as"), operator("(")), rest[end+1:]...), operator(")"), word("select"), word(fmt.Sprintf("c%d_", named)))
	for i := range w.columns {
		w.query = append(w.query, operator(","), word(fmt.Sprintf("c%d_", i)))
	}
	w.query = append(w.query, word("from"), word("given_"))
	return nil
}

// delete takes [alias] [WHERE condition].
func (w *writing) delete(rest []token) error {
	if w.table == "self" {
		return &Error{Code: codePrivilege, Message: "the row of the member goes when the member goes", Hint: "UPDATE self SET name = NULL removes an attribute."}
	}
	alias, condition := rest, []token(nil)
	if at := topLevel(rest, "where"); at >= 0 {
		alias, condition = rest[:at], rest[at:]
	}
	if topLevel(alias, "using") >= 0 {
		return errorf(codeUnsupported, "DELETE with USING is not supported")
	}
	w.query = append([]token{word("select"), word("name")}, w.source(alias, condition)...)
	return nil
}

// execute computes the values and makes the changes.
func (s *session) execute(ctx context.Context, w *writing, p *plan, arguments []driver.Value) (*result, error) {
	writes, err := s.changes(ctx, w, p, arguments)
	if err != nil {
		return nil, err
	}
	for _, change := range writes {
		if err := s.write(ctx, change); err != nil {
			return nil, err
		}
	}
	tag := fmt.Sprintf("%s %d", strings.ToUpper(w.verb), len(writes))
	if w.verb == "insert" {
		tag = fmt.Sprintf("INSERT 0 %d", len(writes))
	}
	return &result{tag: tag}, nil
}

// changes returns what a statement changes.
func (s *session) changes(ctx context.Context, w *writing, p *plan, arguments []driver.Value) ([]write, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, _, err := s.compute(p.query, arguments)
	if err != nil {
		return nil, err
	}
	if len(rows) > writesMax {
		return nil, errorf(codeLimit, "a statement changes %d rows at most", writesMax)
	}
	known, err := s.ownAttributes(w.table)
	if err != nil {
		return nil, nodeError(err)
	}
	var writes []write
	for _, row := range rows {
		full, ok := row[0].(string)
		if !ok || full == "" {
			return nil, errorf(codeNotNull, "the name of a row is NULL, or no text")
		}
		change, err := s.change1(w, full, row[1:], known)
		if err != nil {
			return nil, err
		}
		writes = append(writes, change)
	}
	return writes, nil
}

// ownAttributes returns the attributes of the own rows by their names, by which values get their types and DELETE knows what to remove.
func (s *session) ownAttributes(table string) (map[string]spinglass.Attrs, error) {
	ctx, cancel := context.WithTimeout(s.context(), loadTimeout)
	defer cancel()
	if table == "self" {
		row, err := s.gateway.node.Get(ctx, "")
		return map[string]spinglass.Attrs{row.Name: row.Attributes}, err
	}
	rows, err := ownRows(ctx, s.gateway.node)
	known := map[string]spinglass.Attrs{}
	for i := range rows {
		known[rows[i].Name] = rows[i].Attributes
	}
	return known, err
}

// change1 returns the change of one row.
func (s *session) change1(w *writing, full string, values []driver.Value, known map[string]spinglass.Attrs) (write, error) {
	change := write{attributes: spinglass.Attrs{}}
	if w.table == "own_rows" {
		if change.row = strings.TrimPrefix(full, s.gateway.node.Name()+"/"); change.row == "" {
			return write{}, errorf(codeParameter, "the name of a row is missing behind %s", full) // without one it would be the member's own
		}
		full = s.gateway.node.Name() + "/" + change.row
	}
	before, exists := known[full]
	if w.verb == "insert" && exists {
		return write{}, errorf(codeUnique, "own_rows has a row %s already", full)
	}
	if w.verb == "delete" {
		for name := range before {
			if !spinglass.SystemAttribute(name) {
				change.attributes[name] = nil
			}
		}
		return change, nil
	}
	for i, name := range w.columns {
		if w.verb == "insert" && strings.EqualFold(name, "name") {
			continue
		}
		if slices.ContainsFunc(rowColumns, func(c column) bool { return strings.EqualFold(c.name, name) }) || strings.EqualFold(name, attributesColumn.name) {
			return write{}, errorf(codePrivilege, "the column %s is not for setting: the member itself sets it", name)
		}
		attribute := spelled(name, before)
		value := attributeOf(values[i], before[attribute])
		if always := w.always[i]; always != nil {
			value = *always
		}
		change.attributes[attribute] = value
	}
	if len(change.attributes) == 0 {
		return write{}, errorf(codeNotNull, "a row without attributes is none")
	}
	return change, nil
}

// spelled returns the name of an attribute as the row has it, when only the size of letters differs.
func spelled(name string, before spinglass.Attrs) string {
	if _, ok := before[name]; ok {
		return name
	}
	for known := range before {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

// attributeOf returns the value of an attribute for one of SQLite: of the type that it had before where that holds it.
func attributeOf(value driver.Value, before any) any {
	switch v := value.(type) {
	case int64:
		switch before.(type) {
		case float64:
			return float64(v)
		case bool:
			if v == 0 || v == 1 {
				return v == 1
			}
		}
	case string:
		if _, ok := before.(time.Time); ok {
			if at, err := parseTime(v); err == nil {
				return at
			}
		}
	case []byte:
		if _, ok := before.(spinglass.Bitmap); ok {
			return spinglass.Bitmap(v)
		}
		return slices.Clone(v)
	}
	return value
}

// timeLayouts are the forms in which clients write times.
var timeLayouts = []string{timeLayout, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07", time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02"}

// parseTime reads a time; without a zone it is UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errorf(codeText, "%q is no time", firstOf(text))
}
