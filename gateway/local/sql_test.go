package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A statement reaches the one who answers it, and its result and errors come back.
func TestSQL(t *testing.T) {
	asked := ""
	s := start(t)
	s.server.options.SQL = func(_ context.Context, query string) (*SQLResult, error) {
		asked = query
		if strings.Contains(query, "nowhere") {
			return nil, errors.New("no such table: nowhere (SQLSTATE 42P01)")
		}
		return &SQLResult{Columns: []SQLColumn{{"a", "bigint"}, {"b", "text"}}, Rows: [][]any{{int64(1) << 60, "x"}, {nil, "y"}}, Tag: "SELECT 2"}, nil
	}
	client := s.client
	result, err := client.SQL(t.Context(), "SELECT a, b FROM t")
	if err != nil || asked != "SELECT a, b FROM t" || result.Tag != "SELECT 2" || result.Rows[0][0] != json.Number("1152921504606846976") || fmt.Sprint(result.Rows[1]) != "[<nil> y]" {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := client.SQL(t.Context(), "SELECT 1 FROM nowhere"); err == nil || err.Error() != "no such table: nowhere (SQLSTATE 42P01)" {
		t.Errorf("%v", err)
	}
	if _, err := client.SQL(t.Context(), strings.Repeat("x", sqlBodyMax)); err == nil {
		t.Error("a statement that is too long was taken")
	}
	if _, err := start(t).client.SQL(t.Context(), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "does not answer SQL") {
		t.Errorf("without SQL: %v", err)
	}
}
