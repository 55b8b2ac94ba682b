package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"spinglass/gateway/local"
)

// A version is later than what is there, also when that was made by a clock that is ahead.
func TestNextVersion(t *testing.T) {
	now := time.UnixMilli(1_000)
	known := []local.Function{{Name: "a", Zone: "/", Version: 5_000}, {Name: "a", Zone: "/lab", Version: 7}}
	for _, test := range []struct {
		name, zone string
		at         time.Time
		want       uint64
	}{
		{"a", "/", now, 5_001}, {"a", "/lab", now, 1_000}, {"b", "/", now, 1_000}, {"b", "/", time.UnixMilli(-1), 1},
	} {
		if got := nextVersion(known, test.name, test.zone, test.at); got != test.want {
			t.Errorf("%s for %s: %d, want %d", test.name, test.zone, got, test.want)
		}
	}
}

func TestOutputsThatAreMadeTwice(t *testing.T) {
	known := []local.Function{
		{Name: "b", Zone: "/", Outputs: []string{"load", "n"}}, {Name: "c", Zone: "/lab", Outputs: []string{"load"}}, {Name: "d", Zone: "/lab", Outputs: []string{"other"}},
	}
	warnings := twice(known, "c", "/", []string{"load", "most"}) // its own earlier version does not count
	if len(warnings) != 1 || !strings.Contains(warnings[0].Message, "output load is also made by function b for /: in zones of both it is that of b") {
		t.Errorf("%+v", warnings)
	}
}

// Programs come from others, and a string in one may hold anything.
func TestFunctionsTable(t *testing.T) {
	var buffer bytes.Buffer
	out := newOutput(&buffer)
	expires := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	writeFunctions(out, []local.Function{
		{Name: "a", Zone: "/", Expires: expires, Program: "SELECT\n  COUNT(*) AS n WHERE a = '\x1b[2J'", Outputs: []string{"n"}}, {Name: "bb", Zone: "/lab", Expires: expires},
	}, palette{})
	if err := out.flush(); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"NAME  ZONE  EXPIRES               OUTPUTS  PROGRAM\n" +
		"a     /     2026-01-02T03:04:05Z  n        \"SELECT COUNT(*) AS n WHERE a = '\\x1b[2J'\"\n" +
		"bb    /lab  2026-01-02T03:04:05Z  -        removed\n"
	if got := buffer.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
