package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"spinglass/gateway/local"
)

// unframe returns the payloads of frames.
func unframe(t *testing.T, frames []byte) []string {
	t.Helper()
	var payloads []string
	for len(frames) > 0 {
		length, n := binary.Uvarint(frames)
		if n <= 0 || uint64(len(frames)-n) < length {
			t.Fatalf("malformed frames: %x", frames)
		}
		payloads = append(payloads, string(frames[n:n+int(length)]))
		frames = frames[n+int(length):]
	}
	return payloads
}

func TestLinesBecomeFrames(t *testing.T) {
	longest := strings.Repeat("x", local.MessageMax)
	for _, test := range []struct {
		name, input string
		want        []string
		failed      string
	}{
		{"nothing", "", nil, ""},
		{"one", "a\n", []string{"a"}, ""},
		{"no end", "a\nb", []string{"a", "b"}, ""},
		{"empty lines", "\n\na\n\n", []string{"", "", "a", ""}, ""},
		{"carriage returns stay", "a\r\nb\r\n", []string{"a\r", "b\r"}, ""},
		{"longest", longest + "\n" + longest, []string{longest, longest}, ""},
		{"too long", "a\n" + longest + "x\nb\n", []string{"a"}, "line 2 is longer than 1048576 bytes"},
		{"too long without an end", "a\nb\n" + longest + "x", []string{"a", "b"}, "line 3 is longer than 1048576 bytes"},
	} {
		for kind, input := range map[string]io.Reader{
			"whole":   strings.NewReader(test.input),
			"halves":  iotest.HalfReader(strings.NewReader(test.input)),
			"dataErr": iotest.DataErrReader(strings.NewReader(test.input)),
		} {
			r := newLineReader(input, newPacer(t.Context(), 0))
			frames, err := io.ReadAll(r)
			if err != nil {
				t.Fatalf("%s, %s: %v", test.name, kind, err)
			}
			got := unframe(t, frames)
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") || len(got) != len(test.want) {
				t.Errorf("%s, %s: %d lines came through, want %d", test.name, kind, len(got), len(test.want))
			}
			if (r.failed == nil) != (test.failed == "") || r.failed != nil && !strings.Contains(r.failed.Error(), test.failed) {
				t.Errorf("%s, %s: failed with %v, want %q", test.name, kind, r.failed, test.failed)
			}
		}
	}
}

func TestFailingInputIsTold(t *testing.T) {
	broken := errors.New("broken")
	r := newLineReader(io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken)), newPacer(t.Context(), 0))
	frames, err := io.ReadAll(r)
	if err != nil || len(unframe(t, frames)) != 1 || !errors.Is(r.failed, broken) {
		t.Errorf("frames %x, %v, failed with %v; want one frame and %v", frames, err, r.failed, broken)
	}
}

func TestWholeLinesDoNotWaitForTheRestOfOne(t *testing.T) {
	reader, writer := io.Pipe()
	r := newLineReader(reader, newPacer(t.Context(), 0))
	go writer.Write([]byte("a\nb\nincomplete"))
	buffer := make([]byte, 100)
	n, err := r.Read(buffer)
	if err != nil || !bytes.Equal(buffer[:n], []byte("\x01a\x01b")) {
		t.Errorf("read %q, %v", buffer[:n], err)
	}
	writer.Close()
}

func TestPacerKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(t.Context(), 100)
		start := time.Now()
		for range 51 {
			p.wait()
		}
		// The first message goes at once, and the credit of the start covers one more.
		if lasted := time.Since(start); lasted < 480*time.Millisecond || lasted > 500*time.Millisecond {
			t.Errorf("51 messages at 100/s took %v", lasted)
		}
		time.Sleep(10 * time.Second)
		start = time.Now()
		for range 51 {
			p.wait()
		}
		if lasted := time.Since(start); lasted < 480*time.Millisecond {
			t.Errorf("after a pause, 51 messages at 100/s took only %v", lasted)
		}
	})
}

func TestPacerEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p := newPacer(ctx, 0.001)
		p.wait()
		if p.wait() {
			t.Error("the second message of 1000 s was due within one")
		}
	})
}

func TestInterruptEndsIdleInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle, writer := io.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := io.ReadAll(interruptible(ctx, idle)); !errors.Is(err, context.Canceled) || len(got) > 0 {
			t.Errorf("read %q, %v", got, err)
		}
		writer.Close()
	})
}

func TestLingeringContextOutlivesAnInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		longer, release := lingering(ctx, time.Second)
		defer release()
		start := time.Now()
		cancel()
		<-longer.Done()
		if lasted := time.Since(start); lasted != time.Second || !errors.Is(context.Cause(longer), errInterrupted) {
			t.Errorf("ended after %v with %v", lasted, context.Cause(longer))
		}
	})
}

func TestAnInterruptInsideALinePublishesNoPartOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		input, writer := io.Pipe()
		defer writer.Close()
		go func() {
			_, _ = writer.Write([]byte("whole\npart of a li"))
			synctest.Wait()
			cancel()
		}()
		lines := newLineReader(interruptible(ctx, input), newPacer(ctx, 0))
		got, err := io.ReadAll(lines)
		if want := local.AppendFrame(nil, []byte("whole")); err != nil || lines.failed != nil || !bytes.Equal(got, want) {
			t.Errorf("read %q, %v, %v, want %q", got, err, lines.failed, want)
		}
		writer.Close()
	})
}
