package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"spinglass/gateway/local"
)

// assignmentsMax is how many attributes one command sets.
const assignmentsMax = 256

// Numbers as people write them: what looks otherwise, such as 007, +49 or 1_000, is likely to be a name of some kind, and stays a string.
var (
	integerForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	floatForm   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// parseAssignments reads arguments of the form NAME=VALUE; see parseValue.
func parseAssignments(args []string, asString bool) (local.Attributes, error) {
	if len(args) > assignmentsMax {
		return nil, usagef("%d attributes exceed the limit of %d", len(args), assignmentsMax)
	}
	attributes := make(local.Attributes, len(args))
	for _, arg := range args {
		name, text, ok := strings.Cut(arg, "=")
		switch {
		case !ok:
			return nil, usagef("%q is not of the form NAME=VALUE (NAME= removes)", shortened(arg))
		case name == "":
			return nil, usagef("%q has no name before the =", shortened(arg))
		case !utf8.ValidString(arg):
			return nil, usagef("%q is not UTF-8", shortened(arg))
		}
		if _, twice := attributes[name]; twice {
			return nil, usagef("%s is set twice", shortened(name))
		}
		if asString {
			attributes[name] = text
			continue
		}
		value, err := parseValue(text)
		if err != nil {
			return nil, usagef("%s: %w", shortened(name), err)
		}
		attributes[name] = value
	}
	return attributes, nil
}

// parseValue returns the value that a text stands for: nil for none, true and false, integers, floats, times in RFC 3339, and otherwise the text itself.
func parseValue(text string) (any, error) {
	switch {
	case text == "":
		return nil, nil
	case text == "true" || text == "false":
		return text == "true", nil
	case integerForm.MatchString(text):
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s does not fit into 64 bits; --string makes it a string", shortened(text))
		}
		return value, nil
	case floatForm.MatchString(text):
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is beyond the largest float; --string makes it a string", shortened(text))
		}
		return value, nil
	}
	// A zone can move a time out of the years that RFC 3339 has, 0 to 9999.
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil && at.UTC().Year() >= 0 && at.UTC().Year() <= 9999 {
		return at.UTC(), nil
	}
	return text, nil
}

// shortenedMax is how many bytes of an argument an error repeats.
const shortenedMax = 40

func shortened(text string) string {
	if len(text) <= shortenedMax {
		return text
	}
	return strings.ToValidUTF8(text[:shortenedMax], "") + "..."
}
