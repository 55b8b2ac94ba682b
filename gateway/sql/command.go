package sql

import (
	"context"
	"database/sql/driver"
	"maps"
	"slices"
	"strings"
)

// settingsKnown are what SHOW tells, besides what the client has set.
var settingsKnown = map[string]string{
	"server_version": serverVersion, "server_version_num": "150000", "server_encoding": "UTF8", "client_encoding": "UTF8", "standard_conforming_strings": "on", "datestyle": "ISO, MDY", "timezone": "UTC",
	"intervalstyle": "postgres", "integer_datetimes": "on", "transaction_isolation": "read committed", "default_transaction_isolation": "read committed", "transaction_read_only": "off",
	"default_transaction_read_only": "off", "search_path": schemaMain, "max_identifier_length": "63", "max_index_keys": "32", "lc_collate": "C", "lc_ctype": "C", "is_superuser": "off", "application_name": "", "extra_float_digits": "1",
	"bytea_output": "hex", "statement_timeout": "300ms", "max_connections": "128", "ssl": "off", "in_hot_standby": "off", "escape_string_warning": "on",
}

// serverVersion is the version of PostgreSQL whose catalog this one is like.
const serverVersion = "15.0"

// tagged returns a plan that gives no rows.
func tagged(tag string, run func(ctx context.Context) error) *plan {
	return &plan{run: func(ctx context.Context, _ []driver.Value) (*result, error) {
		if run != nil {
			if err := run(ctx); err != nil {
				return nil, err
			}
		}
		return &result{tag: tag}, nil
	}}
}

// prepareCommand prepares what is neither a query nor a change of rows. What is not known here is refused.
func (s *session) prepareCommand(statement []token) (*plan, error) {
	verb := statement[0].value
	rest := statement[1:]
	switch verb {
	case "begin", "start":
		return tagged("BEGIN", func(context.Context) error { return s.beginTransaction(rest) }), nil
	case "commit", "end":
		p := tagged("COMMIT", s.commit)
		p.always = true
		if s.transaction.broken {
			return s.rollback(), nil
		}
		return p, nil
	case "rollback", "abort":
		if at := topLevel(rest, "to"); at >= 0 {
			return s.rollbackTo(rest[at+1:]), nil
		}
		return s.rollback(), nil
	case "savepoint":
		return tagged("SAVEPOINT", func(context.Context) error { return s.savepoint(rest) }), nil
	case "release":
		return tagged("RELEASE", func(context.Context) error { return s.releaseSavepoint(rest) }), nil
	case "set":
		return s.prepareSet(rest)
	case "reset":
		return tagged("RESET", func(context.Context) error { clear(s.settings); return nil }), nil
	case "show":
		return s.prepareShow(rest)
	case "discard":
		return tagged("DISCARD ALL", func(context.Context) error { clear(s.settings); return nil }), nil
	case "deallocate", "close":
		return tagged(strings.ToUpper(verb), nil), nil // statements have their names in the protocol
	case "listen", "unlisten":
		return tagged(strings.ToUpper(verb), nil), nil // nobody notifies
	}
	s.gateway.stats.statementsRefused.Add(1)
	return nil, refusal(verb)
}

// refusal returns the error of a statement that is not for this database.
func refusal(verb string) error {
	shown := strings.ToUpper(firstOf(verb))
	switch verb {
	case "create", "alter", "drop", "truncate", "comment", "grant", "revoke", "reindex", "vacuum", "analyze", "refresh", "import", "security", "reassign", "merge", "replace", "cluster", "lock", "do", "call":
		return &Error{Code: codeReadOnly, Message: "cannot execute " + shown + ": the tables are those of the fleet", Hint: "UPDATE self sets attributes of the member's row."}
	case "attach", "detach", "pragma", "copy", "load", "explain", "prepare", "execute", "declare", "fetch", "move", "notify", "checkpoint":
		return errorf(codeUnsupported, "%s is not supported", shown)
	}
	return errorf(codeSyntax, "syntax error at or near %q", firstOf(verb))
}

func (s *session) beginTransaction(rest []token) error {
	repeatable := topLevel(rest, "repeatable") >= 0 || topLevel(rest, "serializable") >= 0
	s.transaction.begin(repeatable)
	return nil
}

// rollback ends the transaction, and forgets its changes.
func (s *session) rollback() *plan {
	p := tagged("ROLLBACK", func(context.Context) error { s.transaction = transaction{}; return nil })
	p.always = true
	return p
}

func (s *session) rollbackTo(rest []token) *plan {
	p := tagged("ROLLBACK", func(context.Context) error {
		at := s.transaction.find(savepointName(rest))
		if at < 0 {
			return errorf("3B001", "there is no savepoint %s", savepointName(rest))
		}
		s.transaction.back(at)
		return nil
	})
	p.always = true
	return p
}

// savepointsMax bounds savepoints of one transaction.
const savepointsMax = 64

func (s *session) savepoint(rest []token) error {
	if !s.transaction.open {
		return errorf("25P01", "SAVEPOINT is for transactions")
	}
	if len(s.transaction.savepoints) >= savepointsMax {
		return errorf(codeLimit, "a transaction has %d savepoints at most", savepointsMax)
	}
	s.transaction.mark(savepointName(rest))
	return nil
}

func (s *session) releaseSavepoint(rest []token) error {
	at := s.transaction.find(savepointName(rest))
	if at < 0 {
		return errorf("3B001", "there is no savepoint %s", savepointName(rest))
	}
	s.transaction.savepoints = s.transaction.savepoints[:at]
	return nil
}

// savepointName returns the name behind TO or RELEASE, with or without SAVEPOINT.
func savepointName(rest []token) string {
	if len(rest) > 1 && rest[0].isAny("savepoint") {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return ""
	}
	return rest[0].value
}

// prepareSet prepares SET name = value, which is remembered and shown, and changes nothing else.
func (s *session) prepareSet(rest []token) (*plan, error) {
	for len(rest) > 0 && rest[0].isAny("session", "local") {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return nil, errorf(codeSyntax, "SET without a name")
	}
	name, value := rest[0].value, rest[1:]
	switch {
	case rest[0].isAny("transaction", "characteristics"):
		repeatable := topLevel(rest, "repeatable") >= 0 || topLevel(rest, "serializable") >= 0
		return tagged("SET", func(context.Context) error {
			s.transaction.repeatable = s.transaction.open && (s.transaction.repeatable || repeatable)
			return nil
		}), nil
	case len(rest) > 2 && rest[0].isAny("time") && rest[1].isAny("zone"):
		name, value = "timezone", rest[2:]
	case len(rest) > 1 && rest[0].isAny("names"):
		name, value = "client_encoding", rest[1:]
	}
	for len(value) > 1 && (value[0].is("=") || value[0].isAny("to")) {
		value = value[1:]
	}
	words := make([]string, len(value))
	for i, t := range value {
		words[i] = t.value
	}
	return tagged("SET", func(context.Context) error { return s.set(strings.ToLower(name), strings.Join(words, " ")) }), nil
}

// set keeps a setting.
func (s *session) set(name, value string) error {
	if len(name)+len(value) > settingMax || len(s.settings) >= settingsMax && s.settings[name] == "" {
		return errorf(codeLimit, "a client has %d settings at most, of %d bytes each", settingsMax, settingMax)
	}
	s.settings[name] = value
	return nil
}

// setting returns a setting.
func (s *session) setting(name string) (string, bool) {
	name = strings.ToLower(name)
	if name == "transaction_isolation" && s.transaction.repeatable {
		return "repeatable read", true
	}
	if value, ok := s.settings[name]; ok {
		return value, true
	}
	value, ok := settingsKnown[name]
	return value, ok
}

// prepareShow prepares SHOW.
func (s *session) prepareShow(rest []token) (*plan, error) {
	if len(rest) == 0 {
		return nil, errorf(codeSyntax, "SHOW without a name")
	}
	name := rest[0].value
	switch {
	case rest[0].isAny("transaction"):
		name = "transaction_isolation"
	case rest[0].isAny("time"):
		name = "timezone"
	case rest[0].isAny("all"):
		return s.showAll(), nil
	}
	if _, ok := s.setting(name); !ok {
		return nil, errorf(codeSetting, "unrecognized configuration parameter %q", firstOf(name))
	}
	columns := []resultColumn{{name: name, kind: kindText}}
	return &plan{columns: columns, run: func(context.Context, []driver.Value) (*result, error) {
		value, _ := s.setting(name)
		return &result{columns: columns, rows: [][]driver.Value{{value}}, tag: "SHOW"}, nil
	}}, nil
}

func (s *session) showAll() *plan {
	columns := []resultColumn{{name: "name", kind: kindText}, {name: "setting", kind: kindText}}
	return &plan{columns: columns, run: func(context.Context, []driver.Value) (*result, error) {
		r := &result{columns: columns, tag: "SHOW"}
		for _, name := range slices.Sorted(maps.Keys(settingsKnown)) {
			value, _ := s.setting(name)
			r.rows = append(r.rows, []driver.Value{name, value})
		}
		return r, nil
	}}
}
