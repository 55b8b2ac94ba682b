package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"spinglass"
	"spinglass/gateway/local"
)

// Bounds of a table for people; --json has neither.
const (
	cellMax    = 40 // characters of a cell
	columnsMax = 24 // attributes
)

// palette colours text, where that is wanted.
type palette struct{ on bool }

// Codes of ANSI terminals.
const (
	styleHeader  = "\x1b[1m"
	styleWarning = "\x1b[33m"
	styleReset   = "\x1b[0m"
)

func (p palette) paint(style, text string) string {
	if !p.on || strings.TrimSpace(text) == "" {
		return text
	}
	return style + text + styleReset
}

// colourful reports whether w is a terminal whose user has not asked for no colours (no-color.org).
func colourful(w io.Writer) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// writeTable writes rows for people: what applications have set, then what the system has if all is wanted, the age, and what is to be known of a row. Errors of writing show when
// the output is flushed.
func writeTable(out *output, rows []local.Row, all bool, colours palette) {
	attributes, hidden := attributesOf(rows, all)
	zones := slices.ContainsFunc(rows, func(r local.Row) bool { _, counted := r.Attributes["nmembers"]; return !r.Host && counted })
	header := []string{"NAME"}
	if zones {
		header = append(header, "HOSTS")
	}
	for _, name := range attributes {
		header = append(header, cell(valueText(name)))
	}
	cells := [][]string{append(header, "AGE", "NOTE")}
	for i := range rows {
		r := &rows[i]
		line := []string{cell(r.Name)}
		if zones {
			line = append(line, hostsOf(r))
		}
		for _, name := range attributes {
			text := "-"
			if value, ok := r.Attributes[name]; ok {
				text = cell(columnText(name, value))
			}
			line = append(line, text)
		}
		cells = append(cells, append(line, age(time.Duration(r.AgeSeconds*float64(time.Second))), noteOf(r)))
	}
	writeCells(out, cells, func(row int) bool { return !rows[row].Complete() || rows[row].Suspect }, colours)
	if hidden > 0 {
		fmt.Fprintf(out, "%d more attributes are shown by --json.\n", hidden)
	}
}

// attributesOf returns which attributes have columns: those of the system behind the others, if they are wanted; and how many there are beyond the limit.
func attributesOf(rows []local.Row, all bool) (names []string, hidden int) {
	found := map[string]bool{}
	for i := range rows {
		for name := range rows[i].Attributes {
			found[name] = true
		}
	}
	var system []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if spinglass.SystemAttribute(name) {
			system = append(system, name)
		} else {
			names = append(names, name)
		}
	}
	if all {
		names = append(names, system...)
	}
	shown := min(len(names), columnsMax)
	return names[:shown], len(names) - shown
}

// columnText returns a value for people, in a unit that suits it where the attribute's name tells one: _bytes and _s.
func columnText(name string, value any) string {
	count, ok := value.(int64)
	switch {
	case ok && count >= 0 && strings.HasSuffix(name, "_bytes"):
		return bytesText(count)
	case ok && count >= 0 && count < math.MaxInt64/int64(time.Second) && strings.HasSuffix(name, "_s"):
		return age(time.Duration(count) * time.Second)
	}
	return valueText(value)
}

// bytesText returns a number of bytes in its largest unit.
func bytesText(count int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	value, unit := float64(count), 0
	for ; value >= 1024; value /= 1024 {
		unit++
	}
	return strconv.FormatFloat(math.Round(value*10)/10, 'f', -1, 64) + " " + units[unit]
}

// hostsOf returns how many hosts a row stands for.
func hostsOf(r *local.Row) string {
	if r.Host {
		return "1"
	}
	if hosts, ok := r.Attributes["nmembers"]; ok {
		return cell(valueText(hosts))
	}
	return "-"
}

// noteOf says what is to be known of a row.
func noteOf(r *local.Row) string {
	var notes []string
	if r.Self {
		notes = append(notes, "this agent")
	}
	if r.Suspect {
		notes = append(notes, "suspect")
	}
	if !r.Complete() {
		notes = append(notes, fmt.Sprintf("incomplete: %d of %d rows", r.RowsIn, r.RowsExpected))
	}
	return strings.Join(notes, ", ")
}

// cell shortens a text that is too long for a table.
func cell(text string) string {
	if utf8.RuneCountInString(text) <= cellMax {
		return text
	}
	return string([]rune(text)[:cellMax-1]) + "…"
}

// writeCells writes lines with aligned columns, the first as their header. The last column is not padded.
func writeCells(out io.Writer, lines [][]string, warn func(row int) bool, colours palette) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for i, line := range lines {
		var text strings.Builder
		for column, cell := range line {
			text.WriteString(cell)
			if column < len(line)-1 {
				text.WriteString(strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell)+2))
			}
		}
		whole := strings.TrimRight(text.String(), " ")
		switch {
		case i == 0:
			whole = colours.paint(styleHeader, whole)
		case warn(i - 1):
			whole = colours.paint(styleWarning, whole)
		}
		fmt.Fprintln(out, whole)
	}
}
