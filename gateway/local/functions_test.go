package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spinglass"
	"spinglass/astrolabe"
	"spinglass/identity"
)

// functionChain returns the chain of a function's certificate.
func functionChain(t *testing.T) identity.Chain {
	t.Helper()
	now := identity.InstantOf(time.Now())
	a, err := identity.NewAuthority(rand.Reader, "/", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := a.IssueFunction(identity.Terms{Entropy: rand.Reader, Now: now, Lifetime: time.Hour}, "count", "/lab", identity.Function{Version: 7})
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func TestFunctionsAreInstalled(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	chain := functionChain(t)
	expires := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := errors.Join(s.client.Install(ctx, chain, "SELECT 1"), s.client.post(ctx, "/v1/functions", installRequest{Name: "count", Zone: "/lab", Version: 8, Expires: expires}, nil),
		s.client.post(ctx, "/v1/functions", installRequest{Name: "count", Zone: "/lab"}, nil)); err != nil {
		t.Fatal(err)
	}
	want := []spinglass.Function{{Program: "SELECT 1", Chain: chain}, {Name: "count", Zone: "/lab", Version: 8, Expires: expires}, {Name: "count", Zone: "/lab"}}
	if diff := cmp.Diff(want, s.node.functions); diff != "" {
		t.Error(diff)
	}
	s.node.functions = []spinglass.Function{
		{Name: "count", Zone: "/lab", Version: 7, Expires: expires, Program: "SELECT COUNT(*) AS n", Outputs: []string{"n"}, Chain: chain}, {Name: "gone", Zone: "/", Version: 9, Expires: expires},
	}
	functions, err := s.client.Functions(ctx)
	if diff := cmp.Diff([]Function{
		{Name: "count", Zone: "/lab", Version: 7, Expires: expires, Program: "SELECT COUNT(*) AS n", Outputs: []string{"n"}, Issuer: chain.Leaf().Issuer.String()},
		{Name: "gone", Zone: "/", Version: 9, Expires: expires},
	}, functions); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, test := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("%w: %w", spinglass.ErrFunction, astrolabe.ErrVersion), http.StatusConflict}, {spinglass.ErrFunction, http.StatusBadRequest}, {spinglass.ErrProgram, http.StatusBadRequest},
		{spinglass.ErrForbidden, http.StatusForbidden}, {spinglass.ErrZone, http.StatusNotFound}, {spinglass.ErrLimit, http.StatusServiceUnavailable},
	} {
		s.node.installErr = test.err
		if e, ok := errors.AsType[*Error](s.client.Install(ctx, chain, "")); !ok || e.Status != test.status || e.Message != test.err.Error() {
			t.Errorf("%v: %+v", test.err, e)
		}
	}
}

func TestProgramsAreTried(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	s.node.trial = spinglass.Trial{Outputs: every(), Null: []string{"a"}, Rows: 3, Steps: 400, Warnings: []spinglass.ProgramWarning{{Line: 1, Column: 8, Message: "odd"}}}
	trial, err := s.client.TryFunction(ctx, "/lab", "SELECT COUNT(*) AS n")
	if diff := cmp.Diff(Trial{Outputs: Attributes(every()), Null: []string{"a"}, Rows: 3, Steps: 400, Warnings: []Warning{{1, 8, "odd"}}}, trial); err != nil || diff != "" {
		t.Error(err, diff)
	}
	s.node.trial = spinglass.Trial{}
	if trial, err = s.client.TryFunction(ctx, "/lab", "SELECT COUNT(*) AS n"); err != nil || trial.Null == nil || trial.Warnings == nil || trial.Outputs == nil {
		t.Errorf("%+v, %v", trial, err)
	}
	for _, test := range []struct {
		zone, program string
		status        int
	}{{"/us", "", http.StatusNotFound}, {"/lab", "SELECT", http.StatusBadRequest}} {
		_, err := s.client.TryFunction(ctx, test.zone, test.program)
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != test.status {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestWhatIsNoFunctionIsRefused(t *testing.T) {
	node := newFakeNode()
	s := newServer(node, Options{})
	post := func(path string, body io.Reader) (int, string) {
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, path, body))
		return answer.Code, answer.Body.String()
	}
	for _, test := range []struct{ path, body, want string }{
		{"/v1/functions", "", "function: EOF"}, {"/v1/functions", `{"steps": 1}`, `unknown field \"steps\"`}, {"/v1/functions", `{"version": -1}`, "cannot unmarshal"},
		{"/v1/functions", `{"expires": "soon"}`, "parsing time"}, {"/v1/functions", `{"chain": "%"}`, "illegal base64"}, {"/v1/functions", `{"chain": "AA=="}`, "chain of the function: "},
		{"/v1/functions/trial", `[]`, "program: json: cannot unmarshal"},
	} {
		if status, text := post(test.path, strings.NewReader(test.body)); status != http.StatusBadRequest || !strings.Contains(text, test.want) {
			t.Errorf("%s: %d %s, want %s", test.body, status, text, test.want)
		}
	}
	long := `{"program": "` + strings.Repeat("x", functionBodyMax) + `"}`
	for i, path := range []string{"/v1/functions", "/v1/functions/trial"} {
		if status, text := post(path, strings.NewReader(long)); status != http.StatusRequestEntityTooLarge || !strings.Contains(text, "exceeds the limit of 65536 bytes") ||
			s.stats.functionsRefused.Load() != uint64(i+1) {
			t.Errorf("%d %s", status, text)
		}
	}
	if len(node.functions) > 0 {
		t.Errorf("%v was installed", node.functions)
	}
}
