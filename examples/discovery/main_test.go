package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// The example finds the only host that has enough, in another region, and that does the job.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, line := range []string{"table /: /us has gpus=4\n", "table /us: /us/ny has gpus=4\n", "table /us/ny: /us/ny/train-1 has gpus=4\n", "found: /us/ny/train-1 at [127.0.0.1:", "job 1 done by /us/ny/train-1\n"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no line %q in\n%s", line, out.String())
		}
	}
}

// What no host has is not found, although there is a summary to look at.
func TestNothingIsFoundThatIsNotThere(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	t.Parallel()
	nodes, err := start(ctx)
	defer func() {
		for _, n := range nodes {
			_ = n.Close()
		}
	}()
	if err := errors.Join(err, await(ctx, nodes[0], attribute, 5)); err != nil {
		t.Fatal(err)
	}
	if _, err := discover(ctx, io.Discard, nodes[0], "/", attribute, 100); !errors.Is(err, errNone) {
		t.Error(err)
	}
}
