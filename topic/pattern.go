package topic

import (
	"cmp"
	"fmt"
	"strings"
)

// Pattern stands for the names that it matches. The zero value matches none.
type Pattern struct{ text string }

// Parse returns the pattern of a text: a name, of which levels may be wildcards. Its error is an ErrPattern.
func Parse(text string) (Pattern, error) {
	if err := checkLength(text); err != "" {
		return Pattern{}, fmt.Errorf("%w: %s", ErrPattern, err)
	}
	for rest, more := text, true; more; {
		var level string
		if level, rest, more = strings.Cut(rest, separator); level == Rest && more {
			return Pattern{}, fmt.Errorf("%w: %q: %s stands for all further levels, so that it can only be the last one", ErrPattern, text, Rest)
		}
	}
	return Pattern{text}, nil
}

// String returns the text that was parsed.
func (p Pattern) String() string { return p.text }

// Literal reports whether the pattern has no wildcard, so that it matches one name.
func (p Pattern) Literal() bool { return p.text != "" && !HasWildcard(p.text) }

// Prefix returns the levels before the first wildcard, which all names have that the pattern matches: of grid/north/+ it is grid/north, of # it is empty. A pattern without
// wildcards is its own prefix.
func (p Pattern) Prefix() string {
	end := 0 // of the levels seen
	for at := 0; at <= len(p.text); {
		level, _, _ := strings.Cut(p.text[at:], separator)
		if level == One || level == Rest {
			return p.text[:end]
		}
		end = at + len(level)
		at = end + len(separator)
	}
	return p.text
}

// Match reports whether the pattern matches a name. A wildcard that is the first level does not match a name that begins with $.
func (p Pattern) Match(name string) bool {
	pattern := p.text
	if name == "" || pattern == "" || name[0] == '$' && wild(pattern) {
		return false
	}
	for {
		want, rest, more := strings.Cut(pattern, separator)
		if want == Rest {
			return true
		}
		level, below, deeper := strings.Cut(name, separator)
		switch {
		case want != One && want != level:
			return false
		case !deeper:
			return !more || rest == Rest
		case !more:
			return false
		}
		pattern, name = rest, below
	}
}

// Covers reports whether p matches every name that q matches, as far as their levels show it one by one: +/# covers # as well, which is not seen.
func (p Pattern) Covers(q Pattern) bool {
	if p.text == "" || q.text == "" || wild(p.text) && q.text[0] == '$' {
		return false
	}
	for a, b := p.text, q.text; ; {
		levelA, restA, moreA := strings.Cut(a, separator)
		levelB, restB, moreB := strings.Cut(b, separator)
		switch {
		case levelA == Rest:
			return true
		case levelA != levelB && (levelA != One || levelB == Rest):
			return false
		case !moreB:
			return !moreA || restA == Rest
		case !moreA:
			return false
		}
		a, b = restA, restB
	}
}

// wild reports whether a pattern begins with a wildcard.
func wild(pattern string) bool {
	return (pattern[0] == One[0] || pattern[0] == Rest[0]) && (len(pattern) == 1 || pattern[1] == separator[0])
}

// Compare orders patterns: negative if p comes before q. They are compared level by level. At the first level in which they differ the end of a pattern comes first, then literals in the order
// of their bytes, then +, then #. So of all patterns that match a name the most specific one comes first, where what stands further to the left counts for more.
func (p Pattern) Compare(q Pattern) int {
	a, b := p.text, q.text
	for a != b {
		levelA, restA, moreA := strings.Cut(a, separator)
		levelB, restB, moreB := strings.Cut(b, separator)
		if levelA != levelB {
			return cmp.Or(cmp.Compare(rank(levelA), rank(levelB)), cmp.Compare(levelA, levelB))
		}
		switch {
		case !moreA:
			return -1
		case !moreB:
			return 1
		}
		a, b = restA, restB
	}
	return 0
}

func rank(level string) int {
	switch level {
	case One:
		return 1
	case Rest:
		return 2
	}
	return 0
}
