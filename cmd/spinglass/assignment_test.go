package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spinglass/gateway/local"
)

func TestAssignments(t *testing.T) {
	args := []string{
		"a=true", "b=false", "c=True", "d=7", "e=-7", "f=007", "g=+7", "h=0.5", "i=-1e3", "j=1.", "k=.5", "l=NaN", "m=0x10", "n=1_000", "o=", "p= ", "q=a=b", "r=2026-01-02T03:04:05+01:00",
		"s=2026-01-02", "t=-0", "u=9223372036854775807", "v=1.10",
		"w=9999-12-31T23:59:59-23:59",
	}
	want := local.Attributes{
		"a": true, "b": false, "c": "True", "d": int64(7), "e": int64(-7), "f": "007", "g": "+7", "h": 0.5, "i": -1000.0, "j": "1.", "k": ".5", "l": "NaN", "m": "0x10", "n": "1_000",
		"o": nil, "p": " ", "q": "a=b", "r": time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC), "s": "2026-01-02", "t": int64(0), "u": int64(9223372036854775807), "v": 1.1,
		"w": "9999-12-31T23:59:59-23:59",
	}
	got, err := parseAssignments(args, false)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	got, err = parseAssignments([]string{"a=true", "b=7", "c="}, true)
	if diff := cmp.Diff(local.Attributes{"a": "true", "b": "7", "c": ""}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	many := make([]string, assignmentsMax+1)
	for i := range many {
		many[i] = fmt.Sprintf("a%d=1", i)
	}
	for text, args := range map[string][]string{
		`"load" is not of the form NAME=VALUE`: {"a=1", "load"},
		`"=1" has no name before the =`:        {"=1"},
		"is not UTF-8":                         {"a=\xff"},
		"a is set twice":                       {"a=1", "a=2"},
		"a: 9223372036854775808 does not fit into 64 bits; --string makes it a string": {"a=9223372036854775808"},
		"a: 1e400 is beyond the largest float":                                         {"a=1e400"},
		"257 attributes exceed the limit of 256":                                       many,
		`"` + strings.Repeat("x", 40) + `..." is not`:                                  {strings.Repeat("x", 50)},
	} {
		if got, err := parseAssignments(args, false); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%.80q: %v, %v, want %q", args, got, err, text)
		}
	}
}

// FuzzParseAssignments parses arbitrary arguments: what is taken reaches the agent as it is, and what is shown of it is read as what is shown the same.
func FuzzParseAssignments(f *testing.F) {
	for _, arg := range []string{"a=1", "a=-0", "a=1e-400", "a=-1e-400", "a=9999-12-31T23:59:59-23:59", "a=2026-01-02T03:04:05.000000001-23:59", "a=9e18", "a=\x00\u2028", "=", "a"} {
		f.Add(arg, false)
	}
	f.Add("a=", true)
	f.Fuzz(func(t *testing.T, arg string, asString bool) {
		attributes, err := parseAssignments([]string{arg}, asString)
		if err != nil {
			return
		}
		text, err := json.Marshal(attributes)
		if err != nil {
			t.Fatalf("%q: %v", arg, err)
		}
		var arrived local.Attributes
		if err := json.Unmarshal(text, &arrived); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(attributes, arrived); diff != "" {
			t.Fatalf("%q: %s", arg, diff)
		}
		name, _, _ := strings.Cut(arg, "=")
		value := attributes[name]
		if _, ok := value.(string); ok || value == nil {
			return
		}
		again, err := parseValue(valueText(value))
		if err != nil || valueText(again) != valueText(value) {
			t.Fatalf("%q is shown as %s and read as %v, %v", arg, valueText(value), again, err)
		}
	})
}
