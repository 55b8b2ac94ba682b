package spinglass_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass"
	"spinglass/internal/memoryfleet"
)

// regions starts members of two regions, with identities if signed says so, and waits until all know of all.
func regions(t *testing.T, signed bool, names ...string) []*spinglass.Node {
	t.Helper()
	return regionsOf(t, spinglass.Config{}, signed, names...)
}

// regionsOf is regions of members with a configuration.
func regionsOf(t *testing.T, config spinglass.Config, signed bool, names ...string) []*spinglass.Node {
	t.Helper()
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*spinglass.Node
	for i, name := range names {
		c := config
		c.Name, c.First = name, i == 0
		if i > 0 {
			c.Join = []string{nodes[0].Addr()}
		}
		if signed {
			if c.Identity, err = authority.Identity(name); err != nil {
				t.Fatal(err)
			}
		}
		nodes = append(nodes, start(t, c))
	}
	ctx := within(t)
	for _, n := range nodes {
		for {
			row, err := n.Get(ctx, "/")
			if err != nil {
				t.Fatalf("%s: %v", n.Name(), err)
			}
			if row.Attributes["nmembers"] == int64(len(nodes)) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nodes
}

func namesOf(rows []spinglass.Row) (names []string) {
	for i := range rows {
		names = append(names, rows[i].Name)
	}
	return names
}

// "Drill-down to a zone that the own member does not hold": the tables and rows of other zones are asked for level by level, and come with who told them. So with identities, where
// the rows are checked, and without.
func TestTablesOfOtherZones(t *testing.T) {
	for _, signed := range []bool{false, true} {
		t.Run(fmt.Sprintf("signed=%v", signed), func(t *testing.T) {
			t.Parallel()
			nodes := regions(t, signed, "/eu/fra/a", "/us/ny/h1", "/us/ny/h2", "/us/la/h3", "/eu/ber/b", "/asia/jp/tyo/h6")
			ctx := within(t)
			if err := nodes[2].Set(ctx, spinglass.Attrs{"role": "db"}); err != nil {
				t.Fatal(err)
			}
			awaitRow(t, nodes[1], "/us/ny", "/us/ny/h2", func(c spinglass.Change) bool { return c.Row.Attributes["role"] == "db" })
			var table *spinglass.Table
			var err error
			for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) { // rows of zones are made a moment after they are known
				if table, err = nodes[0].Table(ctx, "/us"); err != nil || len(table.Rows) == 2 || time.Now().After(deadline) {
					break
				}
			}
			if err != nil || !slices.Equal(namesOf(table.Rows), []string{"/us/la", "/us/ny"}) || table.RowsExpected != 2 || table.From == nodes[0].ID() || table.Unverified != 0 {
				t.Fatalf("%+v, %v", table, err)
			}
			rows, err := nodes[0].Rows(ctx, "/us/ny")
			if err != nil || !slices.Equal(namesOf(rows), []string{"/us/ny/h1", "/us/ny/h2"}) || rows[1].Attributes["role"] != "db" || !rows[1].Host || rows[1].ID != nodes[2].ID() ||
				fmt.Sprint(rows[1].Addresses) != fmt.Sprintf("[%s]", nodes[2].Addr()) || rows[1].Age > time.Minute {
				t.Errorf("%+v, %v", rows, err)
			}
			row, err := nodes[4].Get(ctx, "/us/ny/h2")
			if err != nil || row.Attributes["role"] != "db" {
				t.Errorf("%+v, %v", row, err)
			}
			if own, err := nodes[0].Table(ctx, ""); err != nil || own.From != nodes[0].ID() || own.Zone != "/eu/fra" || own.RowsExpected != 1 {
				t.Errorf("%+v, %v", own, err)
			}
			if err := nodes[2].SetRow(ctx, "db", spinglass.Attrs{"queue": 7}); err != nil {
				t.Fatal(err)
			}
			for i, n := range nodes {
				rows, err := n.Rows(ctx, "/us/ny/h2")
				if err != nil || len(rows) != 1 || rows[0].Name != "/us/ny/h2/db" || rows[0].Attributes["queue"] != int64(7) || rows[0].ID != nodes[2].ID() || !rows[0].Complete() {
					t.Errorf("rows of a host, at %d: %+v, %v", i, rows, err)
				}
			}
			if row, err := nodes[0].Get(ctx, "/us/ny/h2/db"); err != nil || row.Attributes["queue"] != int64(7) {
				t.Errorf("%+v, %v", row, err)
			}
			for path, want := range map[string]error{"/afrika": spinglass.ErrZone, "/asia/kr": spinglass.ErrZone, "/us/sf": spinglass.ErrZone, "us": spinglass.ErrZone, "/us//": spinglass.ErrZone} {
				if _, err := nodes[0].Rows(ctx, path); !errors.Is(err, want) {
					t.Errorf("table of %s: %v", path, err)
				}
			}
			for _, name := range []string{"/us/ny/h9", "/us/sf/h1", "/asia/x", "/afrika/x", "/eu/fra/x"} {
				if _, err := nodes[0].Get(ctx, name); !errors.Is(err, spinglass.ErrRow) {
					t.Errorf("row %s: %v", name, err)
				}
			}
		})
	}
}

// A zone that is the only one of its table is represented to nobody there; who asks from outside gets its row all the same, signed where members sign, down to the host.
func TestOnlyChildZones(t *testing.T) {
	for _, signed := range []bool{false, true} {
		t.Run(fmt.Sprintf("signed=%v", signed), func(t *testing.T) {
			t.Parallel()
			nodes := regions(t, signed, "/eu/fra/a", "/asia/jp/tyo/h1", "/asia/jp/tyo/h2")
			ctx := within(t)
			for zone, want := range map[string]string{"/asia": "/asia/jp", "/asia/jp": "/asia/jp/tyo"} {
				table, err := nodes[0].Table(ctx, zone)
				if err != nil || table.Unverified != 0 || table.RowsExpected != 1 || !slices.Equal(namesOf(table.Rows), []string{want}) || table.Rows[0].Attributes["nmembers"] != int64(2) {
					t.Errorf("table of %s: %+v, %v", zone, table, err)
				}
				first, err := nodes[0].Get(ctx, want)
				if err != nil || first.Attributes["nmembers"] != int64(2) || first.Host {
					t.Errorf("row of %s: %+v, %v", want, first, err)
				}
			}
			if rows, err := nodes[0].Rows(ctx, "/asia/jp/tyo"); err != nil || len(rows) != 2 {
				t.Errorf("%+v, %v", rows, err)
			}
		})
	}
}

// Who asks those that are gone is told whom it asked, and for how long, and who does not want to wait does not have to.
func TestNobodyAnswersForAZone(t *testing.T) {
	t.Parallel()
	nodes := regions(t, false, "/eu/a", "/us/b")
	if err := nodes[1].Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := nodes[0].Rows(ctx, "/us"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no time to wait: %v", err)
	}
	began := time.Now()
	_, err := nodes[0].Rows(t.Context(), "/us")
	took := time.Since(began)
	if !errors.Is(err, spinglass.ErrUnanswered) || !strings.Contains(fmt.Sprint(err), nodes[1].ID().String()+"@"+nodes[1].Addr()) {
		t.Errorf("%v after %v", err, took)
	}
	_, told, _ := strings.Cut(fmt.Sprint(err), "nobody answers for /us: asked 1 of /us, for ")
	told, _, _ = strings.Cut(told, " ")
	if asked, wrong := time.ParseDuration(told); wrong != nil || asked < 4*time.Second || asked > took+100*time.Millisecond { // it is rounded
		t.Errorf("%v after %v", err, took)
	}
}

// A value that is too large for a row comes by its hash from who has set it, in the own zone and in others, and is given up when the attribute becomes something else.
func TestBlobsComeFromWhoHasSetThem(t *testing.T) {
	t.Parallel()
	nodes := regions(t, true, "/eu/a", "/us/b", "/us/c", "/eu/d")
	ctx := within(t)
	data := []byte(strings.Repeat("subscription ", 5000))
	if err := nodes[1].SetBlob(ctx, "doc", data); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(data)
	awaitRow(t, nodes[2], "/us", "/us/b", func(c spinglass.Change) bool {
		got, _ := c.Row.Attributes["doc"].([]byte)
		return slices.Equal(got, hash[:])
	})
	for i, n := range nodes {
		if got, err := n.Blob(ctx, "/us/b", "doc"); err != nil || string(got) != string(data) {
			t.Errorf("at %d: %d bytes, %v", i, len(got), err)
		}
	}
	// Who got it has it for others.
	if err := nodes[1].Set(ctx, spinglass.Attrs{"doc": nil}); err != nil {
		t.Fatal(err)
	}
	if got, err := nodes[3].BlobOf(ctx, hash[:], "/eu/a"); err != nil || string(got) != string(data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := nodes[1].BlobOf(ctx, hash[:], ""); !errors.Is(err, spinglass.ErrUnanswered) {
		t.Errorf("what was removed is still kept: %v", err)
	}
	for {
		if _, err := nodes[0].Blob(ctx, "/us/b", "doc"); errors.Is(err, spinglass.ErrBlob) {
			break // the others have heard that it was removed
		} else if ctx.Err() != nil {
			t.Fatalf("what was removed: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	for what, err := range map[string]error{
		"empty":   nodes[0].SetBlob(ctx, "x", nil),
		"large":   nodes[0].SetBlob(ctx, "x", make([]byte, spinglass.BlobMax+1)),
		"no hash": func() error { _, err := nodes[0].BlobOf(ctx, []byte{1}, ""); return err }(),
	} {
		if !errors.Is(err, spinglass.ErrBlob) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := nodes[0].SetBlob(ctx, "nmembers", data); !errors.Is(err, spinglass.ErrAttribute) {
		t.Error(err)
	}
}

// What functions make of the rows of a host stands in the host's own row as this node reads it, unless the application has set it itself.
func TestFunctionsOfTheRowsOfAHost(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	ctx := within(t)
	if err := n.Install(ctx, &spinglass.Function{Name: "queues", Zone: "/", Program: "SELECT SUM(queue) AS queue"}); err != nil {
		t.Fatal(err)
	}
	await := func(want any) {
		t.Helper()
		for {
			row, err := n.Get(ctx, "")
			if err != nil {
				t.Fatalf("%v, last %+v", err, row)
			}
			if row.Attributes["queue"] == want {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	for row, queue := range map[string]int{"db": 3, "cache": 4} {
		if err := n.SetRow(ctx, row, spinglass.Attrs{"queue": queue}); err != nil {
			t.Fatal(err)
		}
	}
	await(int64(7))
	if err := n.Set(ctx, spinglass.Attrs{"queue": "long"}); err != nil {
		t.Fatal(err)
	}
	await("long")
	if err := n.Set(ctx, spinglass.Attrs{"queue": nil}); err != nil {
		t.Fatal(err)
	}
	await(int64(7))
	if err := n.SetRow(ctx, "db", spinglass.Attrs{"queue": nil}); err != nil {
		t.Fatal(err)
	}
	await(int64(4))
	for what, test := range map[string]struct {
		row        string
		attributes spinglass.Attrs
		err        error
	}{
		"name": {"a/b", spinglass.Attrs{"a": 1}, spinglass.ErrRowName}, "system": {"db", spinglass.Attrs{"nmembers": 1}, spinglass.ErrAttribute},
		"large": {"db", spinglass.Attrs{"a": strings.Repeat("x", 1000)}, spinglass.ErrRowTooLarge},
	} {
		if err := n.SetRow(ctx, test.row, test.attributes); !errors.Is(err, test.err) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
