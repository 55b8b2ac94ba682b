package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary a member where a fleet starts it as one.
func TestMain(m *testing.M) {
	if os.Getenv(memberVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// What JSON would change on its way is refused.
func TestRequestsAreUTF8(t *testing.T) {
	for _, request := range []*http.Request{
		httptest.NewRequest(http.MethodPut, "/keys/a", strings.NewReader("\xff")),
		httptest.NewRequest(http.MethodGet, "/keys/%ff", nil),
		httptest.NewRequest(http.MethodPost, "/keys/a?expected=%ff", strings.NewReader("x")),
	} {
		answer := httptest.NewRecorder()
		if handler(nil).ServeHTTP(answer, request); answer.Code != http.StatusBadRequest {
			t.Errorf("%s %s: %d", request.Method, request.URL, answer.Code)
		}
	}
}

// A member that does not answer, or does not come to an end, is an error and holds up nobody.
func TestViewsAreLimited(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Host, "localhost") {
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte(`{"View":"`))
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	silent := &process{http: strings.Replace(address, "127.0.0.1", "localhost", 1)}
	if _, err := silent.view(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a member that does not answer: %v", err)
	}
	endless := &process{http: address}
	if _, err := endless.view(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a member that says too much: %v", err)
	}
}

// Members are killed and come back while clients ask; what those are told is linearizable, and in the end all have the same.
func TestFleet(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, &out, []string{"--members", "3", "--clients", "8", "--duration", "7s"}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, line := range []string{`(?m)^[0-9]{3,} requests in 7s `, `(?m); [1-3] members killed$`, `(?m)^linearizable: checked in `, `(?m)^member 3: view [0-9]+\.[0-9]+ of 3 members, [0-9]+ commands`} {
		if !regexp.MustCompile(line).MatchString(out.String()) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
}
