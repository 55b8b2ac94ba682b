package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"spinglass/gateway/local"
)

func TestReport(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		want   string
	}{
		{nil, exitSuccess, ""},
		{errors.New("broken"), exitFailure, "spinglass: broken\n"},
		{errors.Join(errors.New("one"), errors.New("two")), exitFailure, "spinglass: one; two\n"},
		{fmt.Errorf("demo: %w", errors.New("spinglass: closed")), exitFailure, "spinglass: demo: closed\n"},
		{usagef("wrong"), exitUsage, "spinglass: wrong\n"},
		{&outputError{syscall.EPIPE}, exitSuccess, ""},
		{&outputError{syscall.ENOSPC}, exitFailure, "spinglass: standard output: no space left on device\n"},
	} {
		var stderr bytes.Buffer
		if status := report(&stderr, test.err); status != test.status || stderr.String() != test.want {
			t.Errorf("%v: status %d and %q, want %d and %q", test.err, status, stderr.String(), test.status, test.want)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m1s",
		3*time.Hour + 59*time.Minute: "3h59m", 50 * time.Hour: "2d2h",
	} {
		if got := age(d); got != want {
			t.Errorf("%v is told as %q, want %q", d, got, want)
		}
	}
}

func TestPeersTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ms := 1.236
	var buffer bytes.Buffer
	out := newOutput(&buffer)
	writePeers(out, []local.Peer{
		{Name: "/l/a", ID: "1", Address: "h:1", State: "up", Since: now.Add(-time.Minute), Self: true, Format: 2},
		{Name: "/l/bb", ID: "2", Address: "h:2", State: "suspect", Since: now, RoundTrip: &ms, Unreachable: true, Format: 1},
		{Name: "/l/c", ID: "3", Address: "h:3", State: "up", Since: now, Format: 1},
		{Name: "/l/d", ID: "4", Address: "h:4", State: "up", Since: now, Format: 2},
	}, now)
	if err := out.flush(); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"NAME   ID  ADDRESS  STATE    SINCE  RTT      NOTE\n" +
		"/l/a   1   h:1      up       1m0s   -        this agent\n" +
		"/l/bb  2   h:2      suspect  0s     1.24 ms  unreachable\n" +
		"/l/c   3   h:3      up       0s     -        format 1\n" +
		"/l/d   4   h:4      up       0s     -        \n"
	if got := buffer.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTooFewFiles(t *testing.T) {
	if err := enoughFiles(filesMin); err != nil {
		t.Error(err)
	}
	if err := enoughFiles(filesMin - 1); err == nil || !strings.Contains(err.Error(), "only 31 files may be open") {
		t.Error(err)
	}
}
