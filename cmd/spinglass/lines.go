package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"spinglass/gateway/local"
)

const (
	linesBuffer = 64 << 10 // bytes of input read at a time
	linesBatch  = 32 << 10 // bytes of frames handed over at a time, about
)

// lineReader reads lines and gives them out as the frames of a publishing request: what is there at once, never waiting for more
// while a whole line is at hand.
type lineReader struct {
	input  *bufio.Reader
	pacer  *pacer
	line   []byte
	number uint64 // of the line, from 1
	frames []byte // pending from next on
	next   int
	failed error // why the input ended early; the reader itself ends with io.EOF, so that what came before counts
	ended  bool
}

func newLineReader(r io.Reader, pacer *pacer) *lineReader {
	return &lineReader{input: bufio.NewReaderSize(r, linesBuffer), pacer: pacer}
}

// Read implements io.Reader.
func (r *lineReader) Read(p []byte) (int, error) {
	if r.next == len(r.frames) {
		r.fill()
	}
	if r.next == len(r.frames) {
		return 0, io.EOF
	}
	n := copy(p, r.frames[r.next:])
	r.next += n
	return n, nil
}

// fill waits for one line and takes those that can be had without waiting along.
func (r *lineReader) fill() {
	r.frames, r.next = r.frames[:0], 0
	for !r.ended && len(r.frames) < linesBatch {
		first := len(r.frames) == 0
		if !first && (!r.lineAtHand() || r.pacer.early()) {
			return
		}
		if !r.pacer.wait() || !r.readLine() {
			r.ended = true
			return
		}
		r.frames = local.AppendFrame(r.frames, r.line)
	}
}

// lineAtHand reports whether the next line can be read without waiting.
func (r *lineReader) lineAtHand() bool {
	buffered, _ := r.input.Peek(r.input.Buffered())
	return bytes.IndexByte(buffered, '\n') >= 0
}

// readLine reads the next line, without its end. A last line without an end counts.
func (r *lineReader) readLine() bool {
	r.line = r.line[:0]
	r.number++
	for {
		part, err := r.input.ReadSlice('\n')
		r.line = append(r.line, bytes.TrimSuffix(part, []byte("\n"))...)
		switch {
		case len(r.line) > local.MessageMax:
			r.failed = fmt.Errorf("line %d is longer than %d bytes, the limit of a message", r.number, local.MessageMax)
			return false
		case err == nil:
			return true
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return len(r.line) > 0
		case errors.Is(err, context.Canceled):
			return false // an interrupt, perhaps inside a line: a part of a message is none
		default:
			r.failed = fmt.Errorf("standard input: %w", err)
			return false
		}
	}
}
