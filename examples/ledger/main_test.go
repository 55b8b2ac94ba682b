package main

import (
	"bytes"
	"context"
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
