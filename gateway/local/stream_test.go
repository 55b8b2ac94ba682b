package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"spinglass"
)

// framesOf returns the body that publishes payloads.
func framesOf(payloads ...string) io.Reader {
	var body []byte
	for _, payload := range payloads {
		body = AppendFrame(body, []byte(payload))
	}
	return bytes.NewReader(body)
}

func TestRoundTripCarriesAnyBytesAndTopic(t *testing.T) {
	payloads := []string{"", "a", "line\nline\n", "\x00\xff\xfe", strings.Repeat("x", MessageMax)}
	for _, topic := range []string{"orders", "a/b", "/", ".", "..", "a b", "%2F", "ä?#&=", strings.Repeat("t", 255)} {
		s := start(t)
		ctx := testContext(t)
		stream, err := s.client.Subscribe(ctx, topic, 1<<20)
		if err != nil {
			t.Fatalf("topic %q: %v", topic, err)
		}
		defer stream.Close()
		done, err := s.client.Publish(ctx, topic, framesOf(payloads...))
		if err != nil {
			t.Fatalf("topic %q: %v", topic, err)
		}
		if want := (Published{Messages: 5, Bytes: 1 + 10 + 3 + MessageMax}); done != want {
			t.Errorf("topic %q: published %+v, want %+v", topic, done, want)
		}
		for i, want := range payloads {
			m, err := stream.Next()
			if err != nil {
				t.Fatalf("topic %q: message %d: %v", topic, i, err)
			}
			if string(m.Payload) != want || m.Topic != topic || m.From != fakeName || m.FromID != fakeID || m.Sequence != uint64(i+1) {
				t.Errorf("topic %q: message %d came as %q of %q from %q %v number %d, %d bytes",
					topic, i, m.Payload[:min(20, len(m.Payload))], m.Topic, m.From, m.FromID, m.Sequence, len(m.Payload))
			}
		}
		if s.node.options.QueueBytes != 1<<20 || s.node.flushed != 1 {
			t.Errorf("topic %q: queue of %d bytes, flushed %d times; want 1 MiB and 1", topic, s.node.options.QueueBytes, s.node.flushed)
		}
	}
}

func TestGapIsToldAndTheStreamGoesOn(t *testing.T) {
	s := start(t)
	stream, err := s.client.Subscribe(testContext(t), "orders", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	want := spinglass.Gap{Topic: "orders", From: "/lab/a2", FromID: 7, First: 3, Last: 5, Count: 3, Reason: "lost"}
	s.node.mutex.Lock()
	queue := s.node.subscriptions[0].queue
	s.node.mutex.Unlock()
	queue <- delivery{err: &want}
	queue <- delivery{message: spinglass.Message{From: "/lab/a2", FromID: 7, Sequence: 6, Payload: []byte("six")}}
	_, err = stream.Next()
	var gap *spinglass.Gap
	if !errors.As(err, &gap) || *gap != want {
		t.Fatalf("got %v %+v, want %+v", err, gap, want)
	}
	if m, err := stream.Next(); err != nil || m.Sequence != 6 {
		t.Errorf("after the gap: %+v, %v", m, err)
	}
}

func TestStreamsEndWithTheReason(t *testing.T) {
	ends := map[string]func(*started){
		ErrClosing.Error():    func(s *started) { s.server.Close() },
		errFakeClosed.Error(): func(s *started) { close(s.node.closed) },
	}
	for want, end := range ends {
		s := start(t)
		ctx := testContext(t)
		stream, err := s.client.Subscribe(ctx, "orders", 0)
		if err != nil {
			t.Fatal(err)
		}
		events, err := s.client.Events(ctx)
		if err != nil {
			t.Fatal(err)
		}
		end(s)
		if _, err := stream.Next(); !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), want) {
			t.Errorf("subscription ended with %v, want %v: %s", err, ErrEnded, want)
		}
		if _, err := events.Next(); !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), want) {
			t.Errorf("events ended with %v, want %v: %s", err, ErrEnded, want)
		}
		stream.Close()
		events.Close()
	}
}

func TestCutStreamIsNotTakenForItsEnd(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	stream, err := s.client.Subscribe(ctx, "orders", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	events, err := s.client.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	s.server.http.Close() // as the death of the process would
	if _, err := stream.Next(); !errors.Is(err, ErrAgentLost) {
		t.Errorf("subscription: %v, want %v", err, ErrAgentLost)
	}
	if _, err := events.Next(); !errors.Is(err, ErrAgentLost) {
		t.Errorf("events: %v, want %v", err, ErrAgentLost)
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(testContext(t))
	stream, err := s.client.Subscribe(ctx, "orders", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	cancel()
	if _, err := stream.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestPublishErrors(t *testing.T) {
	long := AppendFrame(nil, []byte("first"))
	long = append(AppendFrame(long, make([]byte, MessageMax+1)), "never read"...)
	for _, test := range []struct {
		name   string
		body   io.Reader
		fail   error
		status int
		want   string
	}{
		{"too long", bytes.NewReader(long), nil, http.StatusRequestEntityTooLarge, "message 2: message of 1048577 bytes exceeds the limit of 1048576"},
		{"cut", io.MultiReader(framesOf("first"), strings.NewReader("\x05abc")), nil, http.StatusBadRequest, "message 2: the stream ends inside a frame"},
		{"malformed", io.MultiReader(framesOf("first"), strings.NewReader("\x80\x00")), nil, http.StatusBadRequest, "message 2: malformed length of a frame"},
		{"node", framesOf("first", "second", "third"), errors.New("no room"), http.StatusInternalServerError, "message 2: no room"},
	} {
		s := start(t)
		s.node.publishErr = test.fail
		done, err := s.client.Publish(testContext(t), "orders", test.body)
		var refused *Error
		if !errors.As(err, &refused) || refused.Status != test.status || refused.Message != test.want {
			t.Errorf("%s: got %v, want status %d and %q", test.name, err, test.status, test.want)
		}
		if want := (Published{Messages: 1, Bytes: 5}); done != want {
			t.Errorf("%s: published %+v, want %+v", test.name, done, want)
		}
	}
}

func TestPublishingEndsWithTheServer(t *testing.T) {
	s := start(t)
	reader, writer := io.Pipe()
	defer writer.Close()
	type result struct {
		done Published
		err  error
	}
	results := make(chan result, 1)
	go func() {
		done, err := s.client.Publish(t.Context(), "orders", reader)
		results <- result{done, err}
	}()
	if _, err := writer.Write(AppendFrame(nil, []byte("first"))); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { s.node.mutex.Lock(); defer s.node.mutex.Unlock(); return len(s.node.published) == 1 })
	s.server.Close()
	got := <-results
	var refused *Error
	if !errors.As(got.err, &refused) || refused.Status != http.StatusServiceUnavailable || got.done.Messages != 1 {
		t.Errorf("published %+v, %v; want 1 and status %d", got.done, got.err, http.StatusServiceUnavailable)
	}
}

// waitFor polls for what another goroutine brings about.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(deadline) {
			t.Fatal("the condition did not come about")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestRefusals(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	check := func(what string, err error, status int, want string) {
		t.Helper()
		var refused *Error
		if !errors.As(err, &refused) || refused.Status != status || !strings.Contains(refused.Message, want) {
			t.Errorf("%s: got %v, want status %d and %q", what, err, status, want)
		}
	}
	_, err := s.client.Subscribe(ctx, strings.Repeat("t", 256), 0)
	check("long topic", err, http.StatusBadRequest, "topic of 256 bytes exceeds the limit of 255")
	_, err = s.client.Publish(ctx, strings.Repeat("t", 256), framesOf())
	check("long topic", err, http.StatusBadRequest, "topic of 256 bytes exceeds the limit of 255")
	_, err = s.client.Subscribe(ctx, "orders", spinglass.QueueMin-1)
	check("queue", err, http.StatusBadRequest, "is not a number of bytes")
	_, err = s.client.Subscribe(ctx, "forbidden", 0)
	check("node", err, http.StatusInternalServerError, "topic is forbidden")
	check("path", s.client.get(ctx, "/v2/status", nil), http.StatusNotFound, "no such endpoint")

	s.server.stats.streams.Add(streamsMax)
	_, err = s.client.Events(ctx)
	s.server.stats.streams.Add(-streamsMax)
	check("streams", err, http.StatusServiceUnavailable, "too many commands")
	if got := s.server.stats.refused.Load(); got != 1 {
		t.Errorf("%d streams counted as refused, want 1", got)
	}
}

func TestManyMessagesKeepTheirOrder(t *testing.T) {
	s := start(t)
	stream, err := s.client.Subscribe(testContext(t), "orders", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var body []byte
	for i := range 1000 {
		body = AppendFrame(body, fmt.Appendf(nil, "message %d", i))
	}
	if _, err := s.client.Publish(testContext(t), "orders", bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if m, err := stream.Next(); err != nil || string(m.Payload) != fmt.Sprintf("message %d", i) {
			t.Fatalf("message %d: %q, %v", i, m.Payload, err)
		}
	}
	if !stream.Idle() {
		t.Error("the stream is not idle after its last message")
	}
}

// An error must not wait for a publisher that has nothing to say at the moment.
func TestPublishErrorIsToldWhileTheInputIsIdle(t *testing.T) {
	s := start(t)
	s.node.publishErr = spinglass.ErrLimit
	input, feed := io.Pipe()
	defer feed.Close()
	go func() { _, _ = io.Copy(feed, framesOf("one", "two")) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done, err := s.client.Publish(ctx, "orders", input)
	if done.Messages != 1 || err == nil || !strings.Contains(err.Error(), "limit reached") {
		t.Errorf("%d messages published, %v", done.Messages, err)
	}
}
