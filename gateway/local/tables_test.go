package local

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spinglass"
	"spinglass/protocol"
	"spinglass/table"
)

// every has a value of each kind.
func every() spinglass.Attrs {
	return spinglass.Attrs{
		"bool": true, "int": int64(math.MaxInt64), "float": 1.0, "small": -2.5e-300, "infinite": math.Inf(-1), "text": "<blue>", "bytes": []byte{0, 255}, "bits": spinglass.Bitmap{5},
		"at": time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), "list": []any{int64(1), 2.0, "a", []byte{1}}, "empty": []any{}, "none": nil,
	}
}

func TestRowsComeAsTheNodeHasThem(t *testing.T) {
	s := start(t)
	s.node.rows = []spinglass.Row{
		{Zone: "/lab", Name: fakeName, Host: true, ID: fakeID, Attributes: every(), RowsIn: 1, RowsExpected: 1},
		{Zone: "/lab", Name: "/lab/b", ID: 2, Attributes: spinglass.Attrs{}, Age: 1500 * time.Millisecond, RowsIn: 3, RowsExpected: 5, Suspect: true},
	}
	want := []Row{
		{Zone: "/lab", Name: fakeName, Host: true, Self: true, ID: "0123456789abcdef", Attributes: Attributes(every()), RowsIn: 1, RowsExpected: 1},
		{Zone: "/lab", Name: "/lab/b", ID: "0000000000000002", Attributes: Attributes{}, AgeSeconds: 1.5, RowsIn: 3, RowsExpected: 5, Suspect: true},
	}
	ctx := testContext(t)
	rows, err := s.client.Rows(ctx, "/lab")
	if diff := cmp.Diff(want, rows); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if !rows[0].Complete() || rows[1].Complete() {
		t.Error("which rows are complete")
	}
	for name, want := range map[string]Row{"": want[0], "/lab/b": want[1]} {
		row, err := s.client.Row(ctx, name)
		if diff := cmp.Diff(want, row); err != nil || diff != "" {
			t.Error(name, err, diff)
		}
	}
	if zones, err := s.client.Zones(ctx); err != nil || !cmp.Equal(zones, []string{"/", "/lab"}) {
		t.Errorf("%v, %v", zones, err)
	}
	refused := func(_ any, err error) *Error {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatalf("%v", err)
		}
		return e
	}
	table, err := s.client.Table(ctx, "/eu")
	if diff := cmp.Diff(Table{Zone: "/eu", Rows: want, RowsExpected: 9, From: "0000000000000002", Unverified: 1}, table); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if table, err = s.client.Table(ctx, "/lab"); err != nil || !table.Held || table.From != "0123456789abcdef" {
		t.Errorf("%+v, %v", table, err)
	}
	long := "/" + strings.Repeat("x", protocol.NameMax)
	for _, test := range []struct {
		err    *Error
		status int
		text   string
	}{
		{refused(s.client.Rows(ctx, "/us")), http.StatusNotFound, "no table of the zone /us: this node holds those of /, /lab"},
		{refused(s.client.Rows(ctx, "/asia")), http.StatusGatewayTimeout, "nobody answers for /asia: asked 3"},
		{refused(s.client.Row(ctx, "/lab/c")), http.StatusNotFound, "no row named /lab/c"},
		{refused(s.client.Rows(ctx, long)), http.StatusBadRequest, "zone of 256 bytes exceeds the limit of 255"},
		{refused(s.client.Row(ctx, long)), http.StatusBadRequest, "name of 256 bytes exceeds the limit of 255"},
	} {
		if test.err.Status != test.status || !strings.Contains(test.err.Message, test.text) {
			t.Errorf("%d %s, want %d %s", test.err.Status, test.err.Message, test.status, test.text)
		}
	}
}

func TestAttributesAreSet(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	if err := s.client.Set(ctx, Attributes(every())); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]spinglass.Attrs{every()}, s.node.set); diff != "" {
		t.Error(diff)
	}
	if err := s.client.SetRow(ctx, "db", Attributes{"a": int64(7)}); err != nil || !cmp.Equal(s.node.set[1], spinglass.Attrs{"db": int64(7)}) {
		t.Errorf("%v, %v", s.node.set, err)
	}
	if e, ok := errors.AsType[*Error](s.client.SetRow(ctx, ".", Attributes{})); !ok || e.Status != http.StatusBadRequest {
		t.Errorf("%+v", e)
	}
	for _, test := range []struct {
		err    error
		status int
	}{
		{spinglass.ErrAttribute, http.StatusBadRequest}, {&table.RowTooLargeError{Size: 2, Limit: 1}, http.StatusRequestEntityTooLarge}, {spinglass.ErrForbidden, http.StatusForbidden},
		{spinglass.ErrClosed, http.StatusServiceUnavailable},
	} {
		s.node.setErr = test.err
		if e, ok := errors.AsType[*Error](s.client.Set(ctx, Attributes{"a": true})); !ok || e.Status != test.status || e.Message != test.err.Error() {
			t.Errorf("%v: %+v", test.err, e)
		}
	}
}

func TestWhatCannotBeSetIsRefused(t *testing.T) {
	node := newFakeNode()
	s := newServer(node, Options{})
	patch := func(body io.Reader) (int, string) {
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, httptest.NewRequest(http.MethodPatch, "/v1/row", body))
		return answer.Code, answer.Body.String()
	}
	for body, want := range map[string]string{
		"":                             "attributes to set: EOF",
		"[]":                           "cannot unmarshal",
		`{"load": 1}`:                  `unknown field \"load\"`,
		`{"attributes": [1]}`:          "cannot unmarshal",
		`{"attributes": {"a": 1e400}}`: "a: 1e400 is beyond the largest float",
		`{"attributes": {"a": 9223372036854775808}}`:                           "a: 9223372036854775808 does not fit into 64 bits",
		`{"attributes": {"a": [[1]]}}`:                                         "a: element 0: a list in a list",
		`{"attributes": {"a": {}}}`:                                            "a: an object is",
		`{"attributes": {"a": {"float": "1"}}}`:                                "a: an object is",
		`{"attributes": {"a": {"bytes": "%"}}}`:                                "a: illegal base64",
		`{"attributes": {"a": {"time": "yesterday"}}}`:                         "a: parsing time",
		`{"attributes": {"a": {"time": "2026-01-02T03:04:05Z", "bytes": ""}}}`: "a: an object is",
	} {
		if status, text := patch(strings.NewReader(body)); status != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %s", body, status, text, want)
		}
	}
	long := `{"attributes": {"a": "` + strings.Repeat("x", setBodyMax) + `"}}`
	if status, text := patch(strings.NewReader(long)); status != http.StatusRequestEntityTooLarge || !strings.Contains(text, "attributes to set: the request exceeds the limit of 262144 bytes") || s.stats.setsRefused.Load() != 1 {
		t.Errorf("%d %s", status, text)
	}
	if len(node.set) > 0 {
		t.Errorf("%v was set", node.set)
	}
}

// FuzzAttributes decodes arbitrary text: what is taken has one meaning, whose form is read as the same.
func FuzzAttributes(f *testing.F) {
	text, err := json.Marshal(Attributes(every()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"a": {"time": "2026-01-02T03:04:05+01:00"}, "b": [null], "c": -0.0, "d": 1E3}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second Attributes
		if json.Unmarshal(text, &first) != nil {
			return
		}
		again, err := json.Marshal(first)
		if err != nil {
			t.Fatalf("%v: %v", first, err)
		}
		if err := json.Unmarshal(again, &second); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		third, err := json.Marshal(second)
		if err != nil || string(third) != string(again) {
			t.Fatalf("%s, then %s: %v", again, third, err)
		}
	})
}

func TestBlobsPass(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	data := []byte(strings.Repeat("\x00\xff", spinglass.BlobMax/2))
	if err := s.client.SetBlob(ctx, "doc", data); err != nil {
		t.Fatal(err)
	}
	if got, err := s.client.Blob(ctx, "", "doc"); err != nil || string(got) != string(data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, test := range []struct {
		err    error
		status int
		text   string
	}{
		{s.client.SetBlob(ctx, "doc", append(data, 0)), http.StatusRequestEntityTooLarge, "blob: more than the limit of 65536 bytes"},
		{func() error { _, err := s.client.Blob(ctx, "/lab/b", "doc"); return err }(), http.StatusBadRequest, "is no hash of one"},
	} {
		if e, ok := errors.AsType[*Error](test.err); !ok || e.Status != test.status || !strings.Contains(e.Message, test.text) {
			t.Errorf("%v, want %d %s", test.err, test.status, test.text)
		}
	}
}
