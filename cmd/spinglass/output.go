package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"

	"golang.org/x/term"
)

const outputBuffer = 64 << 10 // bytes

// output is the buffered standard output of a command. Its errors are outputErrors.
type output struct {
	writer *bufio.Writer
	json   *json.Encoder
}

func newOutput(w io.Writer) *output {
	o := &output{writer: bufio.NewWriterSize(w, outputBuffer)}
	o.json = json.NewEncoder(o.writer)
	o.json.SetEscapeHTML(false)
	return o
}

// object writes v as JSON on a line of its own.
func (o *output) object(v any) error { return wrote(o.json.Encode(v)) }

// line writes text and ends the line.
func (o *output) line(text []byte) error {
	if _, err := o.writer.Write(text); err != nil {
		return wrote(err)
	}
	return wrote(o.writer.WriteByte('\n'))
}

func (o *output) flush() error { return wrote(o.writer.Flush()) }

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.writer.Write(p)
	return n, wrote(err)
}

func wrote(err error) error {
	if err != nil {
		return &outputError{err}
	}
	return nil
}

// terminal reports whether w is a terminal.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
