package afc

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is wrong with a program. Every *Error wraps one of the first three, a *CostError the last.
var (
	ErrSyntax = errors.New("afc: not a program")
	ErrScope  = errors.New("afc: attribute or aggregate where none may stand")
	ErrLimit  = errors.New("afc: program exceeds a limit of the language")
	ErrCost   = errors.New("afc: program is too expensive")
)

// What is wrong with the rows of an evaluation.
var (
	ErrRows  = errors.New("afc: more rows than the steps of the program allow")
	ErrOrder = errors.New("afc: rows not in ascending order of their identifiers")
)

// Error says where a program is wrong, and what was expected there.
type Error struct {
	Offset  int // bytes of the text before the place
	Line    int // of the place, from 1
	Column  int // characters, from 1
	Message string
	reason  error
}

// Error returns one line.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Unwrap returns ErrSyntax, ErrScope or ErrLimit.
func (e *Error) Unwrap() error { return e.reason }

func newError(text string, offset int, reason error, message string) *Error {
	before := text[:offset]
	line := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Offset: offset, Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(before[line:]) + 1,
		Message: oneLine(message), reason: reason,
	}
}

// oneLine replaces control characters, which names and strings of a program may hold, so that a message is one line and harmless in a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// CostError says that a program takes more steps than it may.
type CostError struct {
	Steps int // for Rows rows
	Rows  int
	Limit int // steps
}

// Error returns one line.
func (e *CostError) Error() string {
	return fmt.Sprintf("the program takes %d steps for %d rows, %d are allowed: shorten it, above all its patterns, or split it", e.Steps, e.Rows, e.Limit)
}

// Unwrap returns ErrCost.
func (e *CostError) Unwrap() error { return ErrCost }
