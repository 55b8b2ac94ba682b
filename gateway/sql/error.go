package sql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"spinglass"
)

// Error is why a statement failed, with its SQLSTATE.
type Error struct {
	Code    string // five characters of the standard, or of PostgreSQL
	Message string
	Hint    string // what to do, "" where there is nothing to say
	cause   error
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the error of the node that it is made of, if any.
func (e *Error) Unwrap() error { return e.cause }

// SQLSTATE of errors.
const (
	codeUnsupported   = "0A000" // feature_not_supported
	codeProtocol      = "08P01" // protocol_violation
	codeNoConnection  = "08006" // connection_failure: the node does not answer
	codeEncoding      = "22021" // character_not_in_repertoire
	codeData          = "22000" // data_exception
	codeParameter     = "22023" // invalid_parameter_value
	codeText          = "22P02" // invalid_text_representation
	codeUnique        = "23505" // unique_violation
	codeNotNull       = "23502" // not_null_violation
	codeReadOnly      = "25006" // read_only_sql_transaction
	codeInFailed      = "25P02" // in_failed_sql_transaction
	codePassword      = "28P01" // invalid_password
	codeAuthorization = "28000" // invalid_authorization_specification
	codeSyntax        = "42601" // syntax_error
	codePrivilege     = "42501" // insufficient_privilege
	codeTable         = "42P01" // undefined_table
	codeColumn        = "42703" // undefined_column
	codeAmbiguous     = "42702" // ambiguous_column
	codeFunction      = "42883" // undefined_function
	codeSetting       = "42704" // undefined_object
	codeMemory        = "53200" // out_of_memory
	codeConnections   = "53300" // too_many_connections
	codeQueue         = "53400" // configuration_limit_exceeded
	codeLimit         = "54000" // program_limit_exceeded
	codeComplex       = "54001" // statement_too_complex
	codeCanceled      = "57014" // query_canceled
	codeShutdown      = "57P01" // admin_shutdown
	codeIdle          = "57P05" // idle_session_timeout
	codeSystem        = "58000" // system_error
	codeInternal      = "XX000" // internal_error
)

func errorf(code, format string, a ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, a...)}
}

// nodeError returns the error of a statement for one of the node.
func nodeError(err error) error {
	code := codeSystem
	switch {
	case errors.Is(err, spinglass.ErrForbidden):
		code = codePrivilege
	case errors.Is(err, spinglass.ErrAttribute), errors.Is(err, spinglass.ErrRowName):
		code = codeParameter
	case errors.Is(err, spinglass.ErrRowTooLarge), errors.Is(err, spinglass.ErrLimit):
		code = codeLimit
	case errors.Is(err, spinglass.ErrZone), errors.Is(err, spinglass.ErrRow):
		code = codeTable
	case errors.Is(err, spinglass.ErrUnanswered), errors.Is(err, context.DeadlineExceeded):
		code = codeNoConnection
	case errors.Is(err, context.Canceled):
		code = codeCanceled
	case errors.Is(err, spinglass.ErrClosed):
		code = codeShutdown
	}
	return &Error{Code: code, Message: strings.TrimPrefix(err.Error(), "spinglass: "), cause: err}
}

// engineErrors are the messages of SQLite that have a SQLSTATE of their own, by what they contain.
var engineErrors = []struct{ contains, code, say string }{
	{"no such table", codeTable, ""},
	{"no such column", codeColumn, ""},
	{"ambiguous column name", codeAmbiguous, ""},
	{"no such function", codeFunction, ""},
	{"unknown function", codeFunction, ""},
	{"wrong number of arguments to function", codeFunction, ""},
	{"misuse of aggregate", "42803", ""},
	{"misuse of window function", "42P20", ""},
	{"not authorized", codePrivilege, ""},
	{"access to", codePrivilege, ""},
	{"is prohibited", codePrivilege, ""},
	{"readonly database", codeReadOnly, ""},
	{"string or blob too big", codeLimit, fmt.Sprintf("a value is longer than %d bytes", ValueMax)},
	{"too many terms in compound SELECT", codeComplex, ""},
	{"Expression tree is too large", codeComplex, ""},
	{"parser stack overflow", codeComplex, ""},
	{"too many", codeComplex, ""},
	{"out of memory", codeMemory, ""},
	{"invalid regular expression", "2201B", ""},
	{"exceeds the limit", codeLimit, ""},
	{"is no boolean", codeText, ""},
	{"is no time", codeText, ""},
	{"is no part of a time", codeParameter, ""},
	{"is no unit", codeParameter, ""},
	{"must not end with escape", "22025", ""},
	{"the escape of LIKE is", "22019", ""},
	{"is not of PostgreSQL", codeUnsupported, ""},
	{"syntax error", codeSyntax, ""},
	{"incomplete input", codeSyntax, ""},
	{"unrecognized token", codeSyntax, ""},
}

// engineError returns the error of a statement for one of SQLite.
func engineError(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	message := err.Error()
	for _, prefix := range []string{"SQL logic error: ", "not authorized: ", "out of memory: "} {
		message = strings.TrimPrefix(message, prefix)
	}
	if at := strings.LastIndex(message, " ("); at > 0 && strings.HasSuffix(message, ")") {
		message = message[:at] // the number of the result code
	}
	for _, e := range engineErrors {
		if strings.Contains(message, e.contains) {
			if e.say != "" {
				message = e.say
			}
			return &Error{Code: e.code, Message: message}
		}
	}
	return &Error{Code: codeInternal, Message: message}
}
