package live

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"spinglass/protocol"
)

// listening returns a machine that passes on the events of its driver.
func listening() (*toy, chan protocol.Event) {
	events := make(chan protocol.Event, 4096)
	return &toy{notify: func(_ protocol.Time, e protocol.Event, _ *protocol.Output) {
		if read, ok := e.(protocol.StreamRead); ok {
			e = protocol.StreamRead{Number: read.Number, Data: bytes.Clone(read.Data)} // it is lent
		}
		events <- e
	}}, events
}

func next(t *testing.T, events chan protocol.Event) protocol.Event {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case e := <-events:
		return e
	case <-timer.C:
		t.Fatalf("no event within %v", patience)
		return nil
	}
}

func ask(t *testing.T, n *Node, work ...protocol.Work) {
	t.Helper()
	err := n.Do(func(_ protocol.Time, out *protocol.Output) {
		for _, w := range work {
			out.Do(w)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPersist(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "if need be")
	m, events := listening()
	n := run(t, 1, m, func(c *Config) { c.DataDir = dir })
	for i, value := range []string{"old", "new and longer", ""} {
		ask(t, n, &protocol.Persist{Number: uint64(i), Key: "boot-1", Value: []byte(value)})
		if e := next(t, events).(protocol.Persisted); e.Err != nil || e.Number != uint64(i) || e.Key != "boot-1" {
			t.Fatalf("%+v", e)
		}
		if got, err := ReadPersisted(dir, "boot-1"); err != nil || string(got) != value {
			t.Errorf("read %q, %v; want %q", got, err, value)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v; want the one of the key", len(files), err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if _, err := ReadPersisted(dir, "other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing key: %v", err)
	}
	for _, key := range []string{"", "../escape", "a/b", "a.b", string(make([]byte, 65))} {
		ask(t, n, &protocol.Persist{Key: key})
		if e := next(t, events).(protocol.Persisted); e.Err == nil {
			t.Errorf("key %q was accepted", key)
		}
		if _, err := ReadPersisted(dir, key); err == nil {
			t.Errorf("key %q was read", key)
		}
	}
}

// A crash in the middle of a write leaves the old value.
func TestPersistSurvivesAHalfWrittenFile(t *testing.T) {
	dir := t.TempDir()
	if err := persist(dir, "k", []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(persistPath(dir, "k")+temporaryMark, []byte("ne"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadPersisted(dir, "k"); err != nil || string(got) != "old" {
		t.Errorf("read %q, %v; want the old value", got, err)
	}
	if err := persist(dir, "k", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadPersisted(dir, "k"); err != nil || string(got) != "new" {
		t.Errorf("read %q, %v; want the new value", got, err)
	}
}

// What was accepted before Close is durable after it.
func TestCloseFinishesStoring(t *testing.T) {
	dir := t.TempDir()
	n := run(t, 1, &toy{}, func(c *Config) { c.DataDir = dir })
	for i := range 20 {
		ask(t, n, &protocol.Persist{Key: fmt.Sprint("k", i), Value: []byte("v")})
	}
	_ = n.Close()
	for i := range 20 {
		if _, err := ReadPersisted(dir, fmt.Sprint("k", i)); err != nil {
			t.Error(err)
		}
	}
}

func TestWorkBeyondItsBoundIsRefused(t *testing.T) {
	m, events := listening()
	n := run(t, 1, m, func(c *Config) { c.DataDir, c.PersistQueue, c.WorkQueue = t.TempDir(), 1, 1 })
	var work []protocol.Work
	for range 3 {
		work = append(work, &protocol.Persist{Key: "k"}, &protocol.Sign{}, &protocol.Verify{})
	}
	work = append(work, &protocol.Persist{Number: 99, Key: "large", Value: make([]byte, PersistSizeMax+1)})
	ask(t, n, work...)
	refused := 0
	for range work {
		if e, ok := next(t, events).(protocol.Persisted); ok && errors.Is(e.Err, ErrWorkRefused) {
			refused++
		}
	}
	// One value is stored, and one signature made; the rest was asked for in the same input.
	if refused != 3 || n.Stats().WorkRefused != 8 {
		t.Errorf("%d values and %d in all refused, want 3 and 8", refused, n.Stats().WorkRefused)
	}
}

func TestSignatures(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	m, events := listening()
	n := run(t, 1, m, func(c *Config) { c.Key = private })
	message := []byte("row")
	ask(t, n, &protocol.Sign{Number: 5, Context: "table", Message: message})
	signed := next(t, events).(protocol.Signed)
	if err := ed25519.VerifyWithOptions(public, message, signed.Signature, &ed25519.Options{Context: "table"}); err != nil || signed.Number != 5 {
		t.Fatalf("%+v: %v", signed, err)
	}
	for _, key := range [][]byte{public, make([]byte, ed25519.PublicKeySize)} {
		ask(t, n, &protocol.Sign{Number: 6, PublicKey: key, Context: "table", Message: message})
		if signed := next(t, events).(protocol.Signed); (len(signed.Signature) > 0) != (string(key) == string(public)) {
			t.Errorf("asked for the key %x: %d bytes of signature", key, len(signed.Signature))
		}
	}
	good := protocol.Check{PublicKey: public, Context: "table", Message: message, Signature: signed.Signature}
	for _, c := range []struct {
		work  protocol.Verify
		valid bool
	}{
		{protocol.Verify{Number: 1, Checks: []protocol.Check{{PublicKey: public, Context: "table", Message: message, Signature: signed.Signature}}}, true},
		{protocol.Verify{Number: 2, Checks: []protocol.Check{{PublicKey: public, Context: "other", Message: message, Signature: signed.Signature}}}, false},
		{protocol.Verify{Number: 3, Checks: []protocol.Check{{PublicKey: public, Context: "table", Message: message, Signature: signed.Signature[1:]}}}, false},
		{protocol.Verify{Number: 4, Checks: []protocol.Check{{PublicKey: public[1:], Context: "table", Message: message, Signature: signed.Signature}}}, false},
		{protocol.Verify{Number: 5}, false},
		{protocol.Verify{Number: 6, Checks: []protocol.Check{good, good}}, true},
		{protocol.Verify{Number: 7, Checks: []protocol.Check{good, {}}}, false},
	} {
		ask(t, n, &c.work)
		if e := next(t, events).(protocol.Verified); e.Valid != c.valid || e.Number != c.work.Number {
			t.Errorf("%+v, want %t", e, c.valid)
		}
	}
	without, events := listening()
	ask(t, run(t, 2, without, nil), &protocol.Sign{Number: 6})
	if e := next(t, events).(protocol.Signed); e.Signature != nil || e.Number != 6 {
		t.Errorf("signed without a key: %+v", e)
	}
}
