package hosts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// listener is a sub command that runs until it is ended.
type listener struct {
	t       *testing.T
	command *exec.Cmd
	out     *os.File
}

// listen starts sub on a host and waits until it is subscribed.
func (h *host) listen(topic string) *listener {
	t := h.net.t
	t.Helper()
	out, err := os.Create(filepath.Join(h.outputDir, fmt.Sprintf("sub%d.out", readings.Add(1))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	l := &listener{t, h.command("sub", topic, "--json"), out}
	l.command.Stdout, l.command.Stderr = out, out
	h.net.background(l.command)
	h.awaitSubscription()
	return l
}

// heard returns how often each message was printed, and how many were lost.
func (l *listener) heard() (messages map[string]int, lost int) {
	l.t.Helper()
	text, err := os.ReadFile(l.out.Name())
	if err != nil {
		l.t.Fatal(err)
	}
	messages = map[string]int{}
	whole := text[:bytes.LastIndexByte(text, '\n')+1] // the command may be writing
	for line := range bytes.Lines(whole) {
		var said struct {
			Type, Payload string
			Count         int
		}
		switch err := json.Unmarshal(line, &said); {
		case err != nil:
			l.t.Fatalf("%v in %s", err, line)
		case said.Type == "gap":
			lost += said.Count
		default:
			messages[said.Payload]++
		}
	}
	return messages, lost
}

// once checks that each of so many messages was printed once.
func (l *listener) once(count int) {
	l.t.Helper()
	messages, lost := l.heard()
	for message, times := range messages {
		if times != 1 {
			l.t.Fatalf("%.20q was delivered %d times", message, times)
		}
	}
	if len(messages) != count || lost > 0 {
		l.t.Errorf("%d messages and %d lost, want %d", len(messages), lost, count)
	}
}

// total returns how many lines were printed.
func (l *listener) total() int {
	l.t.Helper()
	text, err := os.ReadFile(l.out.Name())
	if err != nil {
		l.t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}
