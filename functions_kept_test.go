package spinglass_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spinglass"
)

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %v", what, patience)
		}
	}
}

// The last member of a fleet that ends has its functions when it starts again. A file that is damaged is set aside, with a line in the log, and the node starts without.
func TestFunctionsInTheDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	file, aside := filepath.Join(dir, "functions.value"), filepath.Join(dir, "functions.damaged")
	var log bytes.Buffer
	run := func() *spinglass.Node {
		return start(t, spinglass.Config{Name: "/lab/a", DataDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	}
	n := run()
	if err := n.Install(within(t), &spinglass.Function{Name: "count", Zone: "/lab", Program: countProgram}); err != nil {
		t.Fatal(err)
	}
	await(t, "functions are kept", func() bool { _, err := os.Stat(file); return err == nil })
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = run()
	functions, err := n.Functions(within(t))
	if err != nil || len(functions) != 1 || functions[0].Name != "count" || functions[0].Program != countProgram {
		t.Errorf("%+v, %v", functions, err)
	}
	awaitRow(t, n, "/", "/lab", func(c spinglass.Change) bool { return c.Row.Attributes["hosts"] == int64(1) })
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(aside); !errors.Is(err, fs.ErrNotExist) || strings.Contains(log.String(), "WARN") {
		t.Errorf("a file that is good is set aside: %v, %s", err, log.String())
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, damaged := range map[string][]byte{"half": kept[:len(kept)/2], "long": make([]byte, 2<<20), "nothing": nil} {
		log.Reset()
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		n = run()
		if functions, err := n.Functions(within(t)); err != nil || len(functions) != 0 {
			t.Errorf("%s: %+v, %v", what, functions, err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(aside); err != nil || !bytes.Equal(got, damaged) {
			t.Errorf("%s: %d bytes are set aside of %d, %v", what, len(got), len(damaged), err)
		}
		if !strings.Contains(log.String(), "the functions that this node has kept cannot be read; they are set aside, and come from others") {
			t.Errorf("%s: the log says %s", what, log.String())
		}
	}
}
