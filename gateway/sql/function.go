package sql

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"modernc.org/sqlite"
)

// scalar is a function that statements call, of any number of arguments when count is -1. What a call does is bounded, since the clock of the statement is not looked at meanwhile.
type scalar struct {
	count    int
	fixed    bool // equal arguments have equal results
	evaluate func(arguments []driver.Value) (driver.Value, error)
}

// registerFunctions gives the functions to SQLite that clients expect of PostgreSQL, and those that stand for its operators.
func registerFunctions(d *sqlite.Driver) error {
	for name, f := range scalars {
		evaluate := func(_ *sqlite.FunctionContext, arguments []driver.Value) (driver.Value, error) {
			return f.evaluate(arguments)
		}
		register := d.RegisterScalarFunction
		if f.fixed {
			register = d.RegisterDeterministicScalarFunction
		}
		if err := register(name, int32(f.count), evaluate); err != nil {
			return err
		}
	}
	return nil
}

// always returns a function whose result is always the same.
func always(value driver.Value) scalar {
	return scalar{-1, true, func([]driver.Value) (driver.Value, error) { return value, nil }}
}

var scalars = map[string]scalar{
	"regexp": {2, true, func(a []driver.Value) (driver.Value, error) { return matches(a, regular) }},
	"like":   {-1, true, func(a []driver.Value) (driver.Value, error) { return alike(a, "(?s)") }},
	"match":  {-1, true, func(a []driver.Value) (driver.Value, error) { return alike(a, "(?is)") }},
	"glob": {2, true, func([]driver.Value) (driver.Value, error) {
		return nil, errorf(codeUnsupported, "GLOB is not of PostgreSQL: use LIKE or ~")
	}},

	// SQLite's own look at each character for each of the other text, in one instruction, at whose end it looks at the clock: seconds to an hour for long texts.
	"instr":   {2, true, func(a []driver.Value) (driver.Value, error) { return instr(a), nil }},
	"replace": {3, true, replaced},
	"trim":    {2, true, func(a []driver.Value) (driver.Value, error) { return trimmed(a, strings.TrimFunc), nil }},
	"ltrim":   {2, true, func(a []driver.Value) (driver.Value, error) { return trimmed(a, strings.TrimLeftFunc), nil }},
	"rtrim":   {2, true, func(a []driver.Value) (driver.Value, error) { return trimmed(a, strings.TrimRightFunc), nil }},
	"unhex": {2, true, func([]driver.Value) (driver.Value, error) {
		return nil, errorf(codeUnsupported, "unhex takes one text")
	}},

	"pg_last_name": {1, true, func(a []driver.Value) (driver.Value, error) { return lastName(textOf(a[0])), nil }},
	"pg_bool":      {1, true, func(a []driver.Value) (driver.Value, error) { return boolValue(a[0]) }},
	"pg_time":      {1, true, func(a []driver.Value) (driver.Value, error) { return timeValue(a[0]) }},
	"pg_list":      {1, true, func(a []driver.Value) (driver.Value, error) { return jsonOf(listOf(a[0])), nil }},
	"pg_element":   {2, true, func(a []driver.Value) (driver.Value, error) { return element(a[0], a[1]), nil }},
	"pg_position":  {2, true, func(a []driver.Value) (driver.Value, error) { return position(a[0], textOf(a[1])), nil }},
	"pg_extract":   {2, true, extract},
	"date_trunc":   {2, true, truncate},
	"pg_series":    {-1, true, series},
	"now":          {0, false, func([]driver.Value) (driver.Value, error) { return time.Now().UTC().Format(timeLayout), nil }},

	"array_to_string": {-1, true, arrayToString},
	"array_length":    {-1, true, func(a []driver.Value) (driver.Value, error) { return int64(len(listOf(a[0]))), nil }},
	"array_upper":     {-1, true, func(a []driver.Value) (driver.Value, error) { return int64(len(listOf(a[0]))), nil }},
	"cardinality":     {-1, true, func(a []driver.Value) (driver.Value, error) { return int64(len(listOf(a[0]))), nil }},
	"array_lower":     always(int64(1)),
	"quote_ident":     {1, true, func(a []driver.Value) (driver.Value, error) { return quotedIdent(a[0]), nil }},
	"format_type":     {-1, true, formatType},

	"version":                             always("PostgreSQL " + serverVersion + " (Spinglass, over SQLite)"),
	"current_database":                    always(databaseName),
	"current_schema":                      always(schemaMain),
	"current_schemas":                     always("{pg_catalog,public}"),
	"pg_backend_pid":                      always(int64(0)),
	"pg_encoding_to_char":                 always("UTF8"),
	"pg_char_to_encoding":                 always(int64(6)),
	"pg_is_in_recovery":                   always(int64(0)),
	"pg_get_userbyid":                     always(databaseName),
	"pg_get_expr":                         always(nil),
	"pg_get_viewdef":                      always(nil),
	"pg_get_partkeydef":                   always(nil),
	"pg_get_ruledef":                      always(nil),
	"pg_get_triggerdef":                   always(nil),
	"pg_get_statisticsobjdef_columns":     always(nil),
	"pg_get_serial_sequence":              always(nil),
	"pg_get_function_result":              always("TABLE"),
	"pg_get_function_arguments":           always("path text, levels bigint DEFAULT 1"),
	"pg_get_function_identity_arguments":  always("path text, levels bigint"),
	"pg_relation_is_publishable":          always(int64(0)),
	"pg_relation_size":                    always(int64(0)),
	"pg_table_size":                       always(int64(0)),
	"pg_total_relation_size":              always(int64(0)),
	"pg_database_size":                    always(int64(0)),
	"pg_size_pretty":                      always("0 bytes"),
	"pg_tablespace_location":              always(""),
	"pg_my_temp_schema":                   always(int64(0)),
	"pg_is_other_temp_schema":             always(int64(0)),
	"pg_table_is_visible":                 always(int64(1)),
	"pg_type_is_visible":                  always(int64(1)),
	"pg_function_is_visible":              always(int64(1)),
	"pg_opclass_is_visible":               always(int64(1)),
	"pg_operator_is_visible":              always(int64(1)),
	"pg_collation_is_visible":             always(int64(1)),
	"pg_statistics_obj_is_visible":        always(int64(1)),
	"pg_ts_config_is_visible":             always(int64(1)),
	"has_table_privilege":                 always(int64(1)),
	"has_column_privilege":                always(int64(1)),
	"has_schema_privilege":                always(int64(1)),
	"has_database_privilege":              always(int64(1)),
	"has_any_column_privilege":            always(int64(1)),
	"has_function_privilege":              always(int64(1)),
	"pg_has_role":                         always(int64(1)),
	"shobj_description":                   always(nil),
	"inet_server_addr":                    always(nil),
	"inet_server_port":                    always(nil),
	"inet_client_addr":                    always(nil),
	"pg_indexam_has_property":             always(int64(0)),
	"pg_notification_queue_usage":         always(int64(0)),
	"txid_current":                        always(int64(1)),
	"pg_stat_get_numscans":                always(int64(0)),
	"row_security_active":                 always(int64(0)),
	"pg_relation_filenode":                always(nil),
	"pg_identify_object":                  always(nil),
	"pg_get_replica_identity_index":       always(nil),
	"pg_partition_ancestors":              always(nil),
	"pg_get_function_sqlbody":             always(nil),
	"pg_get_functiondef":                  always(nil),
	"pg_get_statisticsobjdef":             always(nil),
	"pg_get_statisticsobjdef_expressions": always(nil),
}

// pattern is a regular expression, of so many steps. Matching takes time that is linear in the text and in these.
type pattern struct {
	*regexp.Regexp
	steps int
}

// patterns are regular expressions at hand.
var patterns = struct {
	sync.Mutex
	compiled map[string]*pattern
}{compiled: map[string]*pattern{}}

// compiled returns the regular expression of a pattern, as translate makes one of it.
func compiled(form, written string, translate func(string) (string, error)) (*pattern, error) {
	if len(written) > patternMax {
		return nil, errorf(codeLimit, "a pattern of %d bytes exceeds the limit of %d", len(written), patternMax)
	}
	key := form + written
	patterns.Lock()
	known := patterns.compiled[key]
	patterns.Unlock()
	if known != nil {
		return known, nil
	}
	expression, err := translate(written)
	if err != nil {
		return nil, err
	}
	made := &pattern{}
	if made.steps, err = stepsOf(expression); err != nil {
		return nil, err
	}
	if made.Regexp, err = regexp.Compile(expression); err != nil {
		return nil, errorf("2201B", "invalid regular expression: %v", err)
	}
	patterns.Lock()
	defer patterns.Unlock()
	if len(patterns.compiled) >= patternsMax {
		clear(patterns.compiled)
	}
	patterns.compiled[key] = made
	return made, nil
}

// stepsOf returns of how many steps a regular expression is made, and refuses one of too many: repetitions are written in few bytes.
func stepsOf(expression string) (int, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, errorf("2201B", "invalid regular expression: %v", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, errorf("2201B", "invalid regular expression: %v", err)
	}
	if len(program.Inst) > patternStepsMax {
		return 0, errorf(codeLimit, "a pattern of %d steps exceeds the limit of %d", len(program.Inst), patternStepsMax)
	}
	return len(program.Inst), nil
}

func regular(written string) (*pattern, error) {
	return compiled("r", written, func(p string) (string, error) { return p, nil })
}

// escapeNone is a character that no text has.
const escapeNone = -1

// alike compares the second argument with the pattern of LIKE that the first is. A third one is the character of ESCAPE, or empty for none; without it that is a backslash.
func alike(a []driver.Value, flags string) (driver.Value, error) {
	escape := '\\'
	switch len(a) {
	case 2:
	case 3:
		if a[2] == nil {
			return nil, nil
		}
		given, size := utf8.DecodeRuneInString(textOf(a[2]))
		if size != len(textOf(a[2])) {
			return nil, errorf("22019", "the escape of LIKE is one character, or none")
		}
		if escape = given; size == 0 {
			escape = escapeNone
		}
	default:
		return nil, errors.New("wrong number of arguments to function like()")
	}
	return matches(a, func(written string) (*pattern, error) {
		return compiled(fmt.Sprintf("%s%d ", flags, escape), written, func(p string) (string, error) { return likeExpression(flags, p, escape) })
	})
}

// likeExpression returns the regular expression of a pattern of LIKE, in which escape takes the meaning of the next character.
func likeExpression(flags, written string, escape rune) (string, error) {
	var b strings.Builder
	b.WriteString(flags + "^")
	escaped := false
	for _, r := range written {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == escape:
			escaped = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if escaped {
		return "", errorf("22025", "LIKE pattern must not end with escape character")
	}
	b.WriteString("$")
	return b.String(), nil
}

// matches compares the second argument with the pattern that the first is.
func matches(a []driver.Value, compile func(written string) (*pattern, error)) (driver.Value, error) {
	if a[0] == nil || a[1] == nil {
		return nil, nil
	}
	expression, err := compile(textOf(a[0]))
	if err != nil {
		return nil, err
	}
	text := textOf(a[1])
	if len(text) > patternWorkMax/expression.steps {
		return nil, errorf(codeLimit, "a text of %d bytes exceeds the limit of %d for a pattern of %d steps", len(text), patternWorkMax/expression.steps, expression.steps)
	}
	return truth(expression.MatchString(text)), nil
}

// instr returns where the second argument stands in the first one, from 1, in characters, or in bytes where both are bytes; 0 says that it does not.
func instr(a []driver.Value) driver.Value {
	if a[0] == nil || a[1] == nil {
		return nil
	}
	in, bytes := a[0].([]byte)
	sought, also := a[1].([]byte)
	if bytes && also {
		return int64(strings.Index(string(in), string(sought)) + 1)
	}
	text := textOf(a[0])
	at := strings.Index(text, textOf(a[1]))
	if at < 0 {
		return int64(0)
	}
	return int64(utf8.RuneCountInString(text[:at]) + 1)
}

// replaced returns the first argument with the third one wherever it has the second one.
func replaced(a []driver.Value) (driver.Value, error) {
	if a[0] == nil || a[1] == nil || a[2] == nil {
		return nil, nil
	}
	text, old, by := textOf(a[0]), textOf(a[1]), textOf(a[2])
	if old == "" {
		return text, nil
	}
	if count := strings.Count(text, old); len(text)+count*(len(by)-len(old)) > ValueMax {
		return nil, errLong
	}
	return strings.ReplaceAll(text, old, by), nil
}

// errLong tells that a value would be too long. It is told before it is made: a list and what stands between its elements can be short, and a text of both longer than all memory.
var errLong = errorf(codeLimit, "a value exceeds the limit of %d bytes", ValueMax)

// trimmed returns the first argument without the characters at its ends that the second one has.
func trimmed(a []driver.Value, trim func(text string, unwanted func(rune) bool) string) driver.Value {
	if a[0] == nil || a[1] == nil {
		return nil
	}
	unwanted := map[rune]bool{}
	for _, r := range textOf(a[1]) {
		unwanted[r] = true
	}
	return trim(textOf(a[0]), func(r rune) bool { return unwanted[r] })
}

func boolValue(value driver.Value) (driver.Value, error) {
	switch v := value.(type) {
	case int64:
		return truth(v != 0), nil
	case string:
		is, ok := boolOf(strings.ToLower(strings.TrimSpace(v)))
		if !ok {
			return nil, errorf(codeText, "%q is no boolean", firstOf(v))
		}
		return truth(is), nil
	}
	return value, nil
}

func timeValue(value driver.Value) (driver.Value, error) {
	v, ok := value.(string)
	if !ok {
		return value, nil
	}
	at, err := parseTime(v)
	if err != nil {
		return nil, err
	}
	return at.Format(timeLayout), nil
}

// listOf returns the elements of a list: in JSON, between braces, or with blanks between them as in an int2vector.
func listOf(value driver.Value) []any {
	text, ok := value.(string)
	switch {
	case !ok:
		return []any{}
	case strings.HasPrefix(text, "["):
		var list []any
		if json.Unmarshal([]byte(text), &list) != nil {
			return []any{}
		}
		return list
	case strings.HasPrefix(text, "{"):
		return anyOf(strings.Split(strings.Trim(text, "{}"), ","))
	}
	return anyOf(strings.Fields(text))
}

func anyOf(words []string) []any {
	list := make([]any, 0, len(words))
	for _, w := range words {
		if w != "" {
			list = append(list, w)
		}
	}
	return list
}

// element returns an element of a list; those of an int2vector are counted from 0, others from 1.
func element(list, number driver.Value) driver.Value {
	at, ok := number.(int64)
	if !ok {
		return nil
	}
	if text, ok := list.(string); ok && (strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{")) {
		at--
	}
	elements := listOf(list)
	if at < 0 || at >= int64(len(elements)) {
		return nil
	}
	return elements[at]
}

// position returns the place of a value in a list, from 1; 0 says that it is not there.
func position(list driver.Value, value string) driver.Value {
	for i, e := range listOf(list) {
		if textOf(e) == value {
			return int64(i + 1)
		}
	}
	return int64(0)
}

func arrayToString(a []driver.Value) (driver.Value, error) {
	if len(a) < 2 || a[0] == nil {
		return nil, nil
	}
	var words []string
	between, size := textOf(a[1]), 0
	for _, e := range listOf(a[0]) {
		if e != nil {
			words = append(words, textOf(e))
			size += len(words[len(words)-1])
		}
	}
	if size+len(between)*max(0, len(words)-1) > ValueMax {
		return nil, errLong
	}
	return strings.Join(words, between), nil
}

func quotedIdent(value driver.Value) driver.Value {
	text, ok := value.(string)
	if !ok {
		return value
	}
	for i := range len(text) {
		if c := text[i]; c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return quoteName(text)
		}
	}
	return text
}

// extract returns a part of a time, which is the second argument, as a number.
func extract(a []driver.Value) (driver.Value, error) {
	field, ok := a[0].(string)
	moment, ok2 := a[1].(string)
	if !ok || !ok2 {
		return nil, nil
	}
	at, err := parseTime(moment)
	if err != nil {
		return nil, err
	}
	_, week := at.ISOWeek()
	parts := map[string]float64{
		"epoch": float64(at.UnixMicro()) / 1e6, "year": float64(at.Year()), "month": float64(at.Month()), "day": float64(at.Day()), "hour": float64(at.Hour()), "minute": float64(at.Minute()),
		"second": float64(at.Second()) + float64(at.Nanosecond())/1e9, "dow": float64(at.Weekday()), "doy": float64(at.YearDay()), "week": float64(week),
	}
	value, ok := parts[field]
	if !ok {
		return nil, errorf(codeParameter, "EXTRACT: %q is no part of a time", firstOf(field))
	}
	return value, nil
}

// truncate returns the beginning of the hour, the day and so on that a time is in.
func truncate(a []driver.Value) (driver.Value, error) {
	field, ok := a[0].(string)
	moment, ok2 := a[1].(string)
	if !ok || !ok2 {
		return nil, nil
	}
	at, err := parseTime(moment)
	if err != nil {
		return nil, err
	}
	year, month, day := at.Date()
	switch strings.ToLower(field) {
	case "second":
		at = at.Truncate(time.Second)
	case "minute":
		at = at.Truncate(time.Minute)
	case "hour":
		at = at.Truncate(time.Hour)
	case "day":
		at = time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	case "month":
		at = time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	case "year":
		at = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	default:
		return nil, errorf(codeParameter, "date_trunc: %q is no unit", firstOf(field))
	}
	return at.Format(timeLayout), nil
}

// seriesMax bounds what generate_series gives.
const seriesMax = 10_000

// series returns the numbers from one to another as a list.
func series(a []driver.Value) (driver.Value, error) {
	step := int64(1)
	if len(a) > 2 {
		step, _ = a[2].(int64)
	}
	if len(a) < 2 || a[0] == nil || a[1] == nil {
		return "[]", nil
	}
	from, ok := a[0].(int64)
	to, ok2 := a[1].(int64)
	if !ok || !ok2 || step == 0 {
		return nil, errors.New("generate_series is for integers, with a step that is not 0")
	}
	list := []any{}
	for n := from; step > 0 && n <= to || step < 0 && n >= to; n += step {
		if len(list) == seriesMax {
			return nil, fmt.Errorf("too many: generate_series gives %d numbers at most", seriesMax)
		}
		list = append(list, n)
	}
	return jsonOf(list), nil
}

// formatType returns the name of a type by its number.
func formatType(a []driver.Value) (driver.Value, error) {
	oid, ok := a[0].(int64)
	if !ok {
		return nil, nil
	}
	for _, k := range kinds {
		if int64(k.oid) == oid {
			return k.name, nil
		}
	}
	return "???", nil
}
