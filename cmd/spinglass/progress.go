package main

import (
	"fmt"
	"io"
)

const clearLine = "\r\x1b[K"

// progress is a line that is written over and over, on a terminal only.
type progress struct {
	w     io.Writer // nil: no terminal
	shown bool
}

func newProgress(w io.Writer) *progress {
	if !terminal(w) {
		return &progress{}
	}
	return &progress{w: w}
}

func (p *progress) show(format string, args ...any) {
	if p.w != nil {
		p.shown = true
		fmt.Fprintf(p.w, clearLine+format, args...)
	}
}

func (p *progress) clear() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.w, clearLine)
	}
}
