package afc

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"spinglass/table"
)

// checkAgainstInterpreter evaluates a program as compiled and as interpreted; both give the same, bit by bit, within the cost.
func checkAgainstInterpreter(t *testing.T, p *Program, rows []*Row, oracle []oracleRow, seed uint64) []table.Value {
	t.Helper()
	got, err := NewEvaluator(p).Evaluate(rows, seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := interpreter{statement: p.statement, seed: seed}
	want := in.run(oracle)
	if !slices.EqualFunc(got, want, table.Value.Equal) {
		for i := range got {
			t.Logf("%s = %s, interpreted %s", p.Outputs()[i], describe(got[i]), describe(want[i]))
		}
		for _, r := range oracle {
			t.Log(r.id, r.attributes)
		}
		t.Fatalf("compiled and interpreted differ: %s", p)
	}
	if cost := p.Cost(len(rows)); in.steps > cost || p.statement.where == nil && in.steps != cost {
		t.Fatalf("%d steps, cost %d: %s", in.steps, cost, p)
	}
	return got
}

// checkCanonical checks that the canonical form is a program with the same tree.
func checkCanonical(t *testing.T, p *Program) {
	t.Helper()
	canonical := p.String()
	again, err := Compile(canonical, Limits{})
	if err != nil {
		t.Fatalf("%s: %v", canonical, err)
	}
	if again.String() != canonical || !sameStatement(p.statement, again.statement) {
		t.Fatalf("%s: gives another program, %s", canonical, again)
	}
}

func sameStatement(a, b *statement) bool {
	same := func(a, b output) bool { return a.name == b.name && sameNode(a.expression, b.expression) }
	if (a.where == nil) != (b.where == nil) || a.where != nil && !sameNode(a.where, b.where) {
		return false
	}
	return slices.EqualFunc(a.outputs, b.outputs, same)
}

// sameNode compares trees without offsets.
func sameNode(a, b *node) bool {
	x, y := *a, *b
	x.at, y.at, x.children, y.children = 0, 0, nil, nil
	return x.kind == y.kind && x.operator == y.operator && x.aggregate == y.aggregate && x.not == y.not && x.descending == y.descending && x.count == y.count &&
		x.name == y.name && x.function == y.function && x.literal.same(&y.literal) && slices.EqualFunc(a.children, b.children, sameNode)
}

// TestAgainstInterpreter evaluates random programs over random rows.
func TestAgainstInterpreter(t *testing.T) {
	programs, known := 0, 0
	for seed := range uint64(6000) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := &generator{entropy: &entropy{randomBytes(r, 2000)}, wild: seed%4 != 0, extremes: seed%3 == 0}
		p, err := Compile(g.program(), Limits{})
		if errors.Is(err, ErrLimit) || errors.Is(err, ErrSyntax) {
			continue // generated expressions may chain comparisons, or nest too deeply
		}
		if err != nil {
			t.Fatal(err)
		}
		checkCanonical(t, p)
		rows, oracle := g.rows(12)
		programs++
		for _, v := range checkAgainstInterpreter(t, p, rows, oracle, seed) {
			if v.Kind() != table.KindNone {
				known++
			}
		}
	}
	if programs < 3000 || known < programs {
		t.Errorf("only %d programs, with %d outputs that are not NULL", programs, known)
	}
	t.Logf("%d programs, %d outputs that are not NULL", programs, known)
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
