package identity

import (
	"errors"
	"strings"
	"testing"
)

// Errors say what is wrong in one line, and what they are to errors.Is.
func TestErrorsOfEncodings(t *testing.T) {
	for _, c := range []struct {
		err  error
		want error
		text string
	}{
		{&VersionError{2}, ErrVersion, "version 2 is not known here (this program knows 1)"},
		{&AlgorithmError{7}, ErrAlgorithm, "algorithm 7 is not known here"},
		{&CriticalError{6}, ErrCritical, "field 6 must be understood"},
		{&ChainError{Position: 1, Kind: 9, Name: "/eu", Err: &VersionError{2}}, ErrVersion, `kind 9 certificate "/eu" (number 2 of its chain): version 2`},
	} {
		if !errors.Is(c.err, c.want) || !strings.Contains(c.err.Error(), c.text) || strings.Contains(c.err.Error(), "\n") {
			t.Errorf("%q, want %q", c.err, c.text)
		}
	}
	if got := Context(0).String(); got != "unknown context" {
		t.Error(got)
	}
}
