package afc

import (
	"fmt"
	"testing"

	"spinglass/table"
)

// The programs of the figures: seven outputs with a WHERE, and the default function's kind of three.
const (
	sevenOutputs = `SELECT SUM(nmembers) AS nmembers, MAX(depth) + 1 AS depth, FIRST(3, contacts ORDER BY load) AS contacts,
		AVG(load, nmembers) AS load, MIN(free) AS free, OR(topics) AS topics, COUNT(*) AS rows
		WHERE load < 0.9 AND state = 'up' AND free IS NOT NULL`
	threeOutputs = `SELECT SUM(nmembers) AS nmembers, MAX(depth) + 1 AS depth, FIRST(3, contacts) AS contacts`
)

// benchRows are rows of child zones with all that the programs read.
func benchRows(n int) []*Row {
	rows := make([]*Row, n)
	for i := range rows {
		contact := func(j int) table.Value { return table.String(fmt.Sprintf("10.0.%d.%d:7946", i, j)) }
		rows[i] = NewRow(fmt.Sprintf("zone-%03d", i), []Attribute{
			{"nmembers", table.Int(int64(40 + i))}, {"depth", table.Int(2)}, {"contacts", table.List(contact(1), contact(2), contact(3))},
			{"load", table.Float(float64(i*37%100) / 100)}, {"free", table.Int(int64(i) << 30)}, {"topics", table.Bitmap([]byte{byte(i), 1, 2, 3, 4, 5, 6, 7})},
			{"state", table.String("up")}, {"version", table.String("1.2.3")}, {"os", table.String("linux")},
		}, nil)
	}
	return rows
}

func benchmarkEvaluate(b *testing.B, text string, rows []*Row) {
	p, err := Compile(text, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	e := NewEvaluator(p)
	var out []table.Value
	b.ReportAllocs()
	for b.Loop() {
		if out, err = e.Evaluate(rows, 1, out[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSevenOutputsWhere64Rows(b *testing.B) {
	benchmarkEvaluate(b, sevenOutputs, benchRows(64))
}
func BenchmarkThreeOutputs64Rows(b *testing.B) { benchmarkEvaluate(b, threeOutputs, benchRows(64)) }

// BenchmarkOneRowChanged64Rows is what a change in the zone costs: a new row, and an evaluation.
func BenchmarkOneRowChanged64Rows(b *testing.B) {
	p, err := Compile(sevenOutputs, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	e, rows := NewEvaluator(p), benchRows(64)
	changed := [2]*Row{rows[10], benchRows(11)[10]}
	var out []table.Value
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rows[10] = changed[i%2]
		if out, err = e.Evaluate(rows, 1, out[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompileSevenOutputs(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(sevenOutputs, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
