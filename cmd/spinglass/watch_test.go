package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/gateway/local"
)

// With --watch a list is printed again every second, with a blank line behind each where people read it from no terminal, until it is interrupted, which is no error, or until the agent is gone.
func TestListsAreWatched(t *testing.T) {
	gone := fmt.Errorf("%w at unix:a/api.sock", local.ErrNoAgent)
	for name, c := range map[string]struct {
		watch, json bool
		failed      error  // at the third time; nil interrupts it then
		text, err   string // printed, and of the error
		took        time.Duration
	}{
		"once":        {text: "list 1\n"},
		"watched":     {watch: true, text: "list 1\n\nlist 2\n\nlist 3\n\n", took: 2 * time.Second},
		"as JSON":     {watch: true, json: true, text: "list 1\nlist 2\nlist 3\n", took: 2 * time.Second},
		"interrupted": {watch: true, failed: context.Canceled, text: "list 1\n\nlist 2\n\n", took: 2 * time.Second},
		"agent gone":  {watch: true, failed: gone, text: "list 1\n\nlist 2\n\n", err: gone.Error() + "; start one with: spinglass agent", took: 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var text bytes.Buffer
			count, begin := 0, time.Now()
			err := repeat(ctx, newOutput(&text), c.watch, c.json, false, func(_ context.Context, out *output, _ bool) error {
				if count++; count == 3 {
					if errors.Is(c.failed, context.Canceled) || c.failed == nil {
						cancel()
					}
					if c.failed != nil {
						return c.failed
					}
				}
				fmt.Fprintf(out, "list %d\n", count)
				return out.flush()
			})
			if took := time.Since(begin); text.String() != c.text || took != c.took || fmt.Sprint(err) != errorText(c.err) {
				t.Errorf("%s: %q after %v, %v", name, text.String(), took, err)
			}
		})
	}
}

// errorText is how an error of a text prints, or none.
func errorText(text string) string {
	if text == "" {
		return "<nil>"
	}
	return text
}
