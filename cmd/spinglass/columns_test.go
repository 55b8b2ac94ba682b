package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"spinglass"
	"spinglass/gateway/local"
)

func tableText(t *testing.T, rows []local.Row, all bool, colours palette) string {
	t.Helper()
	var buffer bytes.Buffer
	out := newOutput(&buffer)
	writeTable(out, rows, all, colours)
	if err := out.flush(); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

func TestTableForPeople(t *testing.T) {
	hosts := []local.Row{
		{Name: "/l/a", Host: true, Self: true, RowsIn: 1, RowsExpected: 1, Attributes: local.Attributes{"color": "blå", "load": 0.5, "topics": []byte{1}}},
		{Name: "/l/bb", Host: true, Suspect: true, RowsIn: 1, RowsExpected: 1, AgeSeconds: 75, Attributes: local.Attributes{"color": "two\x1b[2Jlines\n", "up": true}},
	}
	want := "" +
		"NAME   color                load  up    AGE    NOTE\n" +
		"/l/a   blå                  0.5   -     0s     this agent\n" +
		"/l/bb  \"two\\x1b[2Jlines\\n\"  -     true  1m15s  suspect\n"
	if got := tableText(t, hosts, false, palette{}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	zones := []local.Row{
		{Name: "/eu", RowsIn: 2, RowsExpected: 3, Attributes: local.Attributes{"nmembers": int64(7), "text": strings.Repeat("x", 41)}},
		{Name: "/us", RowsIn: 1, RowsExpected: 1, Attributes: local.Attributes{}},
	}
	want = "" +
		styleHeader + "NAME  HOSTS  text                                      nmembers  AGE  NOTE" + styleReset + "\n" +
		styleWarning + "/eu   7      " + strings.Repeat("x", 39) + "…  7         0s   incomplete: 2 of 3 rows" + styleReset + "\n" +
		"/us   -      -                                         -         0s\n"
	if got := tableText(t, zones, true, palette{on: true}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := tableText(t, nil, false, palette{}); got != "NAME  AGE  NOTE\n" {
		t.Errorf("no rows: %q", got)
	}
	wide := local.Row{Name: "/l/a", Host: true, Attributes: local.Attributes{}}
	for i := range columnsMax + 5 {
		wide.Attributes[fmt.Sprintf("a%02d", i)] = true
	}
	if got := tableText(t, []local.Row{wide}, false, palette{}); !strings.HasSuffix(got, "\n5 more attributes are shown by --json.\n") || strings.Contains(got, "a24") {
		t.Errorf("%s", got)
	}
}

func TestUnitsOfColumns(t *testing.T) {
	for _, test := range []struct {
		name  string
		value any
		want  string
	}{
		{"free_bytes", int64(0), "0 B"}, {"free_bytes", int64(1023), "1023 B"}, {"free_bytes", int64(1536), "1.5 KiB"}, {"free_bytes", int64(25276510208), "23.5 GiB"},
		{"free_bytes", int64(math.MaxInt64), "8 EiB"}, {"free_bytes", int64(-1), "-1"}, {"free_bytes", "many", "many"}, {"bytes", int64(2048), "2048"},
		{"uptime_s", int64(3700), "1h1m"}, {"uptime_s", int64(math.MaxInt64), "9223372036854775807"}, {"uptime_s", 0.5, "0.5"},
	} {
		if got := columnText(test.name, test.value); got != test.want {
			t.Errorf("%s=%v is shown as %s, want %s", test.name, test.value, got, test.want)
		}
	}
}

func TestValuesForPeopleAndPrograms(t *testing.T) {
	for _, test := range []struct {
		value any
		text  string
		json  any
	}{
		{true, "true", true}, {int64(-7), "-7", int64(-7)}, {0.1, "0.1", 0.1}, {math.Inf(1), "+Inf", "+Inf"}, {"", `""`, ""}, {"a b", "a b", "a b"}, {"a\u202eb", `"a\u202eb"`, "a\u202eb"},
		{[]byte{1, 255}, "0x01ff", "0x01ff"}, {spinglass.Bitmap{5}, "0x05", "0x05"}, {time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"},
	} {
		if got := valueText(test.value); got != test.text {
			t.Errorf("%v is shown as %s, want %s", test.value, got, test.text)
		}
		if got := valueJSON(test.value); got != test.json {
			t.Errorf("%v is printed as %v, want %v", test.value, got, test.json)
		}
	}
	if got := valueText([]any{int64(1), "a"}); got != "[1, a]" {
		t.Error(got)
	}
	if got := fmt.Sprint(valueJSON([]any{int64(1), []byte{2}})); got != "[1 0x02]" {
		t.Error(got)
	}
}
