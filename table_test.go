package spinglass_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"spinglass"
	"spinglass/identity"
	"spinglass/internal/memoryfleet"
	"spinglass/table"
)

// own returns what the application has set of a node's own row.
func own(t *testing.T, n *spinglass.Node) spinglass.Attrs {
	t.Helper()
	row, err := n.Get(within(t), "")
	if err != nil {
		t.Fatal(err)
	}
	for name := range row.Attributes {
		if spinglass.SystemAttribute(name) {
			delete(row.Attributes, name)
		}
	}
	return row.Attributes
}

// awaitRow follows the table of a zone until a row is as it should be.
func awaitRow(t *testing.T, n *spinglass.Node, zone, name string, good func(spinglass.Change) bool) spinglass.Change {
	t.Helper()
	var last spinglass.Change
	for c, err := range n.Watch(within(t), zone) {
		if err != nil {
			t.Fatalf("%s at %s was last %+v: %v", name, n.Name(), last, err)
		}
		if c.Row.Name == name {
			if last = c; good(c) {
				return c
			}
		}
	}
	return last
}

func TestValuesAreReadAsTheyWereSet(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	type level int8
	set := spinglass.Attrs{
		"bool": true, "int": 7, "int8": level(-8), "uint": uint(9), "most": math.MaxInt64, "float": 0.5, "single": float32(0.25), "text": "blue", "bytes": []byte{0, 1}, "at": at,
		"bits": spinglass.Bitmap{5, 0}, "list": []any{1, "a", true}, "words": []string{"a", "b"}, "empty": []int{}, "none": "", "a.b_c2": 1.0,
	}
	if err := n.Set(within(t), set); err != nil {
		t.Fatal(err)
	}
	want := spinglass.Attrs{
		"bool": true, "int": int64(7), "int8": int64(-8), "uint": int64(9), "most": int64(math.MaxInt64), "float": 0.5, "single": 0.25, "text": "blue", "bytes": []byte{0, 1}, "at": at.UTC(),
		"bits": spinglass.Bitmap{5}, "list": []any{int64(1), "a", true}, "words": []any{"a", "b"}, "empty": []any{}, "none": "", "a.b_c2": 1.0,
	}
	if diff := cmp.Diff(want, own(t, n)); diff != "" {
		t.Error(diff)
	}
	remove := spinglass.Attrs{"bool": nil, "missing": nil, "int": "seven"}
	if err := n.Set(within(t), remove); err != nil {
		t.Fatal(err)
	}
	delete(want, "bool")
	want["int"] = "seven"
	if diff := cmp.Diff(want, own(t, n)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeSetLeavesTheRow(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	ctx := within(t)
	if err := n.Set(ctx, spinglass.Attrs{"color": "blue", "load": 0.5}); err != nil {
		t.Fatal(err)
	}
	want := own(t, n)
	many := spinglass.Attrs{}
	for i := range table.AttributesMax + 1 {
		many[fmt.Sprint("a", i)] = true
	}
	for text, test := range map[string]struct {
		attributes spinglass.Attrs
		err        error
	}{
		"the name is empty":          {spinglass.Attrs{"": 1}, spinglass.ErrAttribute},
		"exceeds the limit of 64":    {spinglass.Attrs{strings.Repeat("x", 65): 1}, spinglass.ErrAttribute},
		`the name "1st" is not of`:   {spinglass.Attrs{"1st": 1}, spinglass.ErrAttribute},
		`the name "a..b" is not of`:  {spinglass.Attrs{"a..b": 1}, spinglass.ErrAttribute},
		`the name "a." is not of`:    {spinglass.Attrs{"a.": 1}, spinglass.ErrAttribute},
		`the name "&sum" is not of`:  {spinglass.Attrs{"&sum": 1}, spinglass.ErrAttribute},
		"nmembers is set by the":     {spinglass.Attrs{"nmembers": 1}, spinglass.ErrAttribute},
		"topics is set by the":       {spinglass.Attrs{"topics": nil}, spinglass.ErrAttribute},
		"carries is set by the":      {spinglass.Attrs{"carries": "x"}, spinglass.ErrAttribute},
		"a value of type struct {}":  {spinglass.Attrs{"x": struct{}{}}, spinglass.ErrAttribute},
		"a value of type *int":       {spinglass.Attrs{"x": new(int)}, spinglass.ErrAttribute},
		"element 1: a value of type": {spinglass.Attrs{"x": []any{1, nil}}, spinglass.ErrAttribute},
		"element 0 is a list":        {spinglass.Attrs{"x": []any{[]any{}}}, spinglass.ErrAttribute},
		"a list of 1025 elements":    {spinglass.Attrs{"x": make([]bool, 1025)}, spinglass.ErrAttribute},
		"does not fit into 64":       {spinglass.Attrs{"x": uint64(math.MaxUint64)}, spinglass.ErrAttribute},
		"the year 1600 is not":       {spinglass.Attrs{"x": time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC)}, spinglass.ErrAttribute},
		"the string is not UTF-8":    {spinglass.Attrs{"x": "\xff"}, spinglass.ErrAttribute},
		"a duration has no unit":     {spinglass.Attrs{"x": time.Second}, spinglass.ErrAttribute},
		"exceeds the limit of 1024":  {spinglass.Attrs{"color": nil, "load": 0.7, "x": strings.Repeat("x", 1000)}, spinglass.ErrRowTooLarge},
		"257 attributes at once":     {many, spinglass.ErrRowTooLarge},
	} {
		err := n.Set(ctx, test.attributes)
		if err == nil || !errors.Is(err, test.err) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
	}
	if diff := cmp.Diff(want, own(t, n)); diff != "" {
		t.Error(diff)
	}
	if err := n.Set(ctx, spinglass.Attrs{"x": strings.Repeat("x", 700)}); err != nil {
		t.Fatal(err)
	}
	// What is taken away makes room for what is added, whatever their names.
	if err := n.Set(ctx, spinglass.Attrs{"a": strings.Repeat("x", 700), "x": nil}); err != nil {
		t.Error(err)
	}
	_ = n.Close()
	if err := n.Set(ctx, spinglass.Attrs{"x": 1}); !errors.Is(err, spinglass.ErrClosed) {
		t.Error(err)
	}
}

func TestOthersSeeWhatAMemberSets(t *testing.T) {
	nodes := fleet(t, 3)
	ctx := within(t)
	if err := nodes[1].Set(ctx, spinglass.Attrs{"color": "blue", "load": 0.5}); err != nil {
		t.Fatal(err)
	}
	seen := awaitRow(t, nodes[2], "", "/lab/a1", func(c spinglass.Change) bool { return c.Row.Attributes["load"] == 0.5 })
	if r := seen.Row; r.Zone != "/lab" || !r.Host || r.ID != nodes[1].ID() || r.Attributes["color"] != "blue" || !r.Complete() || r.Suspect {
		t.Errorf("%+v", r)
	}
	for _, name := range []string{"/lab/a1", "a1"} {
		if row, err := nodes[2].Get(ctx, name); err != nil || row.Attributes["load"] != 0.5 {
			t.Errorf("%s: %+v, %v", name, row, err)
		}
	}
	rows, err := nodes[2].Rows(ctx, "/lab")
	if err != nil || len(rows) != 3 || rows[0].Name != "/lab/a0" || rows[1].Name != "/lab/a1" || rows[2].Name != "/lab/a2" {
		t.Errorf("%v, %v", rows, err)
	}
	if err := nodes[1].Set(ctx, spinglass.Attrs{"load": nil}); err != nil {
		t.Fatal(err)
	}
	awaitRow(t, nodes[2], "", "/lab/a1", func(c spinglass.Change) bool { return len(c.Row.Attributes) == 1 })
	left := false
	awaitRow(t, nodes[2], "", "/lab/a1", func(c spinglass.Change) bool {
		if !left { // it was there
			left = true
			if err := nodes[1].Leave(ctx); err != nil {
				t.Fatal(err)
			}
		}
		return c.Removed
	})
}

func TestZonesAndSummaries(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/eu/fra/web-1"})
	ctx := within(t)
	zones, err := n.Zones(ctx)
	if err != nil || !cmp.Equal(zones, []string{"/", "/eu", "/eu/fra"}) {
		t.Errorf("%v, %v", zones, err)
	}
	for zone, want := range map[string]string{"/": "/eu", "/eu": "/eu/fra", "/eu/fra": "/eu/fra/web-1", "": "/eu/fra/web-1"} {
		rows, err := n.Rows(ctx, zone)
		if err != nil || len(rows) != 1 || rows[0].Name != want || rows[0].Host != (want == "/eu/fra/web-1") {
			t.Errorf("%s: %+v, %v", zone, rows, err)
		}
	}
	summed := func(c spinglass.Change) bool { return c.Row.Attributes["nmembers"] == int64(1) } // from the first round on
	awaitRow(t, n, "/eu", "/eu/fra", summed)
	awaitRow(t, n, "/", "/eu", summed)
	for _, name := range []string{"/", "/eu", "/eu/fra"} {
		row, err := n.Get(ctx, name)
		if err != nil || row.Name != name || row.Host || !row.Complete() || row.Attributes["nmembers"] != int64(1) {
			t.Errorf("%+v, %v", row, err)
		}
	}
	if _, err := n.Rows(ctx, "/us"); !errors.Is(err, spinglass.ErrZone) || !strings.Contains(err.Error(), "no table of the zone /us: this node holds those of /, /eu, /eu/fra") {
		t.Error(err)
	}
	for name, text := range map[string]string{"/us": "neither in the tables of this node nor in those of a zone that it knows", "web-2": "neither a host of /eu/fra nor a zone in the tables of"} {
		if _, err := n.Get(ctx, name); !errors.Is(err, spinglass.ErrRow) || !strings.Contains(err.Error(), text) {
			t.Error(err)
		}
	}
}

func TestALoopOverATableEnds(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	for c, err := range n.Watch(within(t), "/us") {
		if !errors.Is(err, spinglass.ErrZone) {
			t.Errorf("%+v, %v", c, err)
		}
	}
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	seen := 0
	for c, err := range n.Watch(ctx, "/lab") {
		if seen++; seen == 1 && (err != nil || c.Row.Name != "/lab/a" || c.Removed || c.Missed > 0) || seen == 2 && !errors.Is(err, context.Canceled) || seen > 2 {
			t.Errorf("%+v, %v", c, err)
		}
		cancel()
	}
	seen = 0
	for c, err := range n.Watch(within(t), "") {
		if seen++; seen == 2 && !errors.Is(err, spinglass.ErrClosed) || seen > 2 {
			t.Errorf("%+v, %v", c, err)
		}
		_ = n.Close()
	}
	if seen != 2 {
		t.Errorf("%d turns", seen)
	}
}

func TestLoopsOverTablesAreBounded(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	ctx := within(t)
	var nested func(depth int) error
	nested = func(depth int) error {
		for _, err := range n.Watch(ctx, "") {
			if err != nil {
				return err
			}
			return nested(depth + 1)
		}
		return nil
	}
	if err := nested(0); !errors.Is(err, spinglass.ErrLimit) {
		t.Error(err)
	}
	metric := strings.NewReader("# HELP spinglass_table_watches_refused_total Such loops that were refused because there were too many.\n" +
		"# TYPE spinglass_table_watches_refused_total counter\nspinglass_table_watches_refused_total 1\n")
	if err := testutil.CollectAndCompare(n.Metrics(), metric, "spinglass_table_watches_refused_total"); err != nil {
		t.Error(err)
	}
}

// With identities rows are signed, which takes a moment; the own row is as it was set at once. A certificate may not let a member set what it likes.
func TestGrantsOfAttributes(t *testing.T) {
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	grants, err := identity.NewGrants(identity.Grant{Verb: identity.VerbSet, Pattern: "load*"})
	if err != nil {
		t.Fatal(err)
	}
	some, err := authority.Granted("/lab/some", grants)
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, spinglass.Config{Name: "/lab/some", Identity: some})
	ctx := within(t)
	if err := n.Set(ctx, spinglass.Attrs{"load_1m": 0.5}); err != nil {
		t.Fatal(err)
	}
	if err := n.Set(ctx, spinglass.Attrs{"color": "blue", "load_1m": nil, "load": 1}); !errors.Is(err, spinglass.ErrForbidden) || !strings.Contains(err.Error(), `no grant to set attribute "color"`) {
		t.Error(err)
	}
	if diff := cmp.Diff(spinglass.Attrs{"load_1m": 0.5}, own(t, n)); diff != "" {
		t.Error(diff)
	}
	if err := n.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.Set(ctx, spinglass.Attrs{"load": strings.Repeat("x", 1000)}); !errors.Is(err, spinglass.ErrRowTooLarge) {
		t.Error(err)
	}
	for i := range 100 {
		if err := n.Set(ctx, spinglass.Attrs{"load": i}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(spinglass.Attrs{"load_1m": 0.5, "load": int64(99)}, own(t, n)); diff != "" {
		t.Error(diff)
	}
}
