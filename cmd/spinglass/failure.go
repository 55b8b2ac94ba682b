package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// Statuses that the process exits with.
const (
	exitSuccess = 0
	exitFailure = 1
	exitUsage   = 2
)

// usageError says that a command was called wrongly.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// outputError says that standard output could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string { return "standard output: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

// report prints an error as one line and returns the exit status. A reader of standard output that has seen enough is no error.
func report(stderr io.Writer, err error) int {
	var output *outputError
	if err == nil || errors.As(err, &output) && errors.Is(err, syscall.EPIPE) {
		return exitSuccess
	}
	fmt.Fprintf(stderr, "spinglass: %s\n", oneLine(err))
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

// oneLine returns the text of an error without line ends, and without the name of the package that the line begins with anyway.
func oneLine(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	return strings.ReplaceAll(text, "spinglass: ", "")
}
