package afc

import (
	"strings"
	"unicode/utf8"
)

// pattern is a compiled pattern of LIKE: runs of characters between percent signs.
type pattern struct {
	runs []string // an underscore in a run stands for any character
}

func newPattern(s string) pattern { return pattern{runs: strings.Split(s, "%")} }

// steps says how long a match takes, in passes over the text: one, and one for each character of runs with underscores, which may be tried
// at every place.
func (p pattern) steps() int {
	steps := 1
	for _, run := range p.runs {
		if strings.Contains(run, "_") {
			steps += utf8.RuneCountInString(run)
		}
	}
	return steps
}

// matches finds each run at the first place where it fits, which is the best one, so that nothing is tried twice.
func (p pattern) matches(s string) bool {
	size, ok := runPrefix(s, p.runs[0])
	if !ok {
		return false
	}
	if len(p.runs) == 1 {
		return size == len(s)
	}
	s = s[size:]
	last := len(p.runs) - 1
	for _, run := range p.runs[1:last] {
		if s, ok = afterRun(s, run); !ok {
			return false
		}
	}
	return runSuffix(s, p.runs[last])
}

// runPrefix reports whether s begins with the run, and in how many bytes.
func runPrefix(s, run string) (size int, ok bool) {
	for _, want := range run {
		c, width := utf8.DecodeRuneInString(s[size:])
		if width == 0 || want != '_' && c != want {
			return 0, false
		}
		size += width
	}
	return size, true
}

// afterRun returns what follows the first place where the run fits.
func afterRun(s, run string) (string, bool) {
	if !strings.Contains(run, "_") {
		_, after, ok := strings.Cut(s, run)
		return after, ok
	}
	for at := range s {
		if size, ok := runPrefix(s[at:], run); ok {
			return s[at+size:], true
		}
	}
	return "", false
}

// runSuffix reports whether s ends with the run.
func runSuffix(s, run string) bool {
	if !strings.Contains(run, "_") {
		return strings.HasSuffix(s, run)
	}
	start := len(s)
	for range utf8.RuneCountInString(run) {
		_, width := utf8.DecodeLastRuneInString(s[:start])
		if width == 0 {
			return false
		}
		start -= width
	}
	_, ok := runPrefix(s[start:], run)
	return ok
}
