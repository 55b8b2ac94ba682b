package afc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"spinglass/protocol"
	"spinglass/table"
)

func mustCompile(t testing.TB, text string) *Program {
	t.Helper()
	p, err := Compile(text, Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// A system attribute hides an ordinary one of its name; malformed values are NULL.
func TestNewRow(t *testing.T) {
	encoded := func(v table.Value) []byte {
		b, err := v.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	r := NewRow("a", []Attribute{{"nmembers", table.Int(7)}, {"nothing", table.Value{}}, {"nmembers", table.Int(8)}}, []protocol.Attribute{
		{Name: "bad", Value: []byte{99}}, {Name: "empty", Value: nil}, {Name: "nmembers", Value: encoded(table.Int(1000))}, {Name: "x", Value: encoded(table.List(table.Int(1), table.Float(2)))},
	})
	for _, s := range []semantics{
		{"SUM(nmembers)", 7}, {"COUNT(bad)", 0}, {"COUNT(empty)", 0}, {"COUNT(nothing)", 0}, {"FIRST(9, x)", []any{1, 2.0}}, {"COUNT(id)", 0},
	} {
		s.check(t, r)
	}
	if r.ID() != "a" {
		t.Errorf("identifier %q", r.ID())
	}
}

func TestEvaluateRefusesRows(t *testing.T) {
	p, err := Compile("SELECT COUNT(*) AS n", Limits{Rows: 1, Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	e, a, b, c := NewEvaluator(p), row("a"), row("b"), row("c")
	for _, refused := range []struct {
		rows []*Row
		want error
	}{
		{[]*Row{a, b, c}, ErrRows}, {[]*Row{b, a}, ErrOrder}, {[]*Row{a, row("a")}, ErrOrder}, {[]*Row{nil}, ErrOrder}, {[]*Row{a, nil}, ErrOrder},
	} {
		out, err := e.Evaluate(refused.rows, 1, []table.Value{table.Int(5)})
		if !errors.Is(err, refused.want) || len(out) != 1 {
			t.Errorf("%d rows: %v, %v; want %v", len(refused.rows), out, err, refused.want)
		}
	}
	if out, err := e.Evaluate([]*Row{a, c}, 1, nil); err != nil || !out[0].Equal(table.Int(2)) {
		t.Errorf("after refusals: %v, %v", out, err)
	}
}

// An evaluator that has seen other rows before gives what a new one gives.
func TestEvaluatorKeepsNothing(t *testing.T) {
	p := mustCompile(t, `SELECT COUNT(*) AS n, SUM(x) AS x, FIRST(3, LOWER(s) ORDER BY x DESC) AS s, OR(m) AS m, UPPER(MIN(s)) AS u, RANDOM(2, l) AS l, MAX(b) AS b WHERE x <> 3`)
	r := rand.New(rand.NewPCG(1, 2))
	e := NewEvaluator(p)
	var rows []*Row
	for step := range 3000 {
		id := fmt.Sprintf("%03d", r.IntN(40))
		at, found := slices.BinarySearchFunc(rows, id, func(r *Row, id string) int { return strings.Compare(r.id, id) })
		rows = slices.Clone(rows)
		switch {
		case found && r.IntN(3) == 0:
			rows = slices.Delete(rows, at, at+1)
		case found:
			rows[at] = randomRow(r, id)
		default:
			rows = slices.Insert(rows, at, randomRow(r, id))
		}
		if r.IntN(50) == 0 {
			rows = nil
		}
		seed := r.Uint64() % 2
		got, err := e.Evaluate(rows, seed, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := NewEvaluator(p).Evaluate(rows, seed, nil)
		if !slices.EqualFunc(got, want, table.Value.Equal) {
			t.Fatalf("step %d: %v, a new evaluator gives %v", step, got, want)
		}
	}
}

func randomRow(r *rand.Rand, id string) *Row {
	words := []string{"Alpha", "beta", "GAMMA", "delta"}
	return row(id, "x", r.IntN(6), "s", words[r.IntN(4)], "m", bitmap{byte(r.IntN(4)), byte(r.IntN(2))}, "b", blob{byte(r.IntN(3))}, "l", []any{r.IntN(9), words[r.IntN(4)]})
}

// "RANDOM is seeded by (zone, version) so that representatives agree."
func TestRandom(t *testing.T) {
	p := mustCompile(t, "SELECT RANDOM(3, x) AS x, RANDOM(3, y) AS y, RANDOM(32, x) AS all")
	var rows []*Row
	for i := range 20 {
		rows = append(rows, row(fmt.Sprintf("%02d", i), "x", i, "y", -i))
	}
	drawn := map[int64]int{}
	const draws = 2000
	for version := range uint64(draws) {
		seed := Seed("/eu", version)
		out, _ := NewEvaluator(p).Evaluate(rows, seed, nil)
		again, _ := NewEvaluator(p).Evaluate(rows, seed, nil)
		if !slices.EqualFunc(out, again, table.Value.Equal) {
			t.Fatalf("one seed draws %v and %v", out, again)
		}
		xs, _ := out[0].List()
		ys, _ := out[1].List()
		all, _ := out[2].List()
		if len(xs) != 3 || len(all) != 20 {
			t.Fatalf("drew %d and %d values", len(xs), len(all))
		}
		for i := range xs {
			x, _ := xs[i].Int()
			if y, _ := ys[i].Int(); y != -x {
				t.Fatalf("drew different rows for x and y: %v, %v", out[0], out[1])
			}
			drawn[x]++
		}
	}
	// Each row is drawn 300 times in the mean, with a standard deviation of 16.
	for i := range int64(20) {
		if n := drawn[i]; n < 220 || n > 380 {
			t.Errorf("row %d was drawn %d times of %d", i, n, draws)
		}
	}
	if Seed("/eu", 1) == Seed("/us", 1) || Seed("/eu", 1) == Seed("/eu", 2) {
		t.Error("seeds of different zones or versions are equal")
	}
}

// A row that goes leaves the other draws as they are.
func TestRandomIsStable(t *testing.T) {
	p := mustCompile(t, "SELECT RANDOM(3, x) AS x")
	rows := []*Row{}
	for i := range 20 {
		rows = append(rows, row(fmt.Sprintf("%02d", i), "x", i))
	}
	full, _ := NewEvaluator(p).Evaluate(rows, 7, nil)
	before, _ := full[0].List()
	gone, _ := before[1].Int()
	fewer, _ := NewEvaluator(p).Evaluate(slices.Delete(slices.Clone(rows), int(gone), int(gone)+1), 7, nil)
	after, _ := fewer[0].List()
	if !after[0].Equal(before[0]) || !after[1].Equal(before[2]) {
		t.Errorf("drew %v, and %v without row %d", before, after, gone)
	}
}

// An evaluation over rows that have not changed allocates nothing.
func TestNoAllocation(t *testing.T) {
	rows := benchRows(64)
	all := `SELECT OR(topics) AS a, AND(topics) AS b, RANDOM(5, contacts) AS c, FIRST(32, contacts ORDER BY load DESC) AS d, FIRST(3, LOWER(state)) AS e, UPPER(MIN(state)) AS f,
		AVG(load) AS g, AVG(load, nmembers) AS h, MAX(CASE WHEN load > 0.5 THEN ROUND(load, 1) ELSE ABS(load) END) AS i, COALESCE(SUM(load), 0) / COUNT(*) AS j, MIN(raw) AS k,
		COUNT(NULLIF(load, 0.1)) AS l, MAX(LENGTH(contacts)) AS m, OR(CONTAINS(contacts, 'x')) AS n, MAX(BIT_COUNT(topics)) AS o, FIRST(9, raw) AS p
		WHERE NOT (state LIKE '%x_%' OR load IN (7, 8)) AND load BETWEEN 0 AND 2 AND id IS NULL`
	for i, r := range rows {
		raw := Attribute{"raw", table.Bytes([]byte{byte(i), 7})}
		rows[i] = NewRow(r.id, []Attribute{raw, {"load", table.Float(float64(i) / 64)}, {"nmembers", table.Int(3)}, {"state", table.String("Up")}, {"topics", table.Bitmap([]byte{byte(i), 1})},
			{"contacts", table.List(table.String("c"), table.String("d"))}, {"depth", table.Int(1)}, {"free", table.Int(9)}}, nil)
	}
	for _, text := range []string{sevenOutputs, threeOutputs, all} {
		e := NewEvaluator(mustCompile(t, text))
		out, err := e.Evaluate(rows, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { out, _ = e.Evaluate(rows, 1, out[:0]) }); n != 0 {
			t.Errorf("%v allocations: %s", n, text)
		}
	}
}

// TestAllocationIsSeen shows that the check above finds an output that is made anew.
func TestAllocationIsSeen(t *testing.T) {
	a := []*Row{row("a", "m", bitmap{1, 1}, "l", []any{1})}
	b := []*Row{row("a", "m", bitmap{2, 2}, "l", []any{2})}
	for _, text := range []string{"SELECT OR(m) AS x", "SELECT FIRST(1, l) AS x"} {
		e := NewEvaluator(mustCompile(t, text))
		var out []table.Value
		if n := testing.AllocsPerRun(100, func() {
			out, _ = e.Evaluate(a, 1, out[:0])
			out, _ = e.Evaluate(b, 1, out[:0])
		}); n == 0 {
			t.Errorf("%s: no allocation though the output changes", text)
		}
	}
}

// A program is shared by evaluators in several goroutines; the race detector watches.
func TestProgramIsShared(t *testing.T) {
	p, rows := mustCompile(t, sevenOutputs), benchRows(16)
	want, err := NewEvaluator(p).Evaluate(rows, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			e := NewEvaluator(p)
			for range 50 {
				if got, err := e.Evaluate(rows, 1, nil); err != nil || !slices.EqualFunc(got, want, table.Value.Equal) {
					t.Errorf("%v, %v; want %v", got, err, want)
				}
			}
		})
	}
	group.Wait()
}
