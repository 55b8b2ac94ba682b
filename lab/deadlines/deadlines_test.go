package deadlines

import (
	"context"
	"reflect"
	"testing"
	"time"

	"spinglass/lab/compare"
)

func measure(t *testing.T, name string, seed uint64) []Result {
	t.Helper()
	p, err := compare.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	results, err := Run(context.Background(), Config{Protocol: p, First: 8, Members: 96, Duration: 12 * time.Second, Stages: 6, Seed: seed}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if last := results[len(results)-1]; last.Members != 96 || !last.Detour || results[0].Detour {
		t.Errorf("%+v", last)
	}
	return results
}

// "Bimodal keeps 99.9 % within the second throughout", while the group grows twelvefold and the route changes.
func TestBimodalKeepsTheDeadline(t *testing.T) {
	for seed := range uint64(3) {
		for _, r := range measure(t, "bimodal", seed) {
			if r.InTime < 0.999 || r.Missing > 0 {
				t.Errorf("%d members, at second %v: %.5f in time, %d missing, p99.9 %v ms", r.Members, r.Second, r.InTime, r.Missing, r.P999)
			}
		}
	}
}

// The deadline can be missed: FEC, which waits for blocks and back-offs, is late when the route changes. SRM is not, and pays with a load that grows.
func TestOthers(t *testing.T) {
	worst := 1.0
	for _, r := range measure(t, "fec", 1) {
		worst = min(worst, r.InTime)
	}
	if worst > 0.999 {
		t.Errorf("fec: the worst stage has %.5f in time", worst)
	}
	srm, bimodal := measure(t, "srm", 1), measure(t, "bimodal", 1)
	if growth := srm[2].Packets / srm[0].Packets; growth < 2 {
		t.Errorf("srm: the load grows by %.2f from %d to %d members", growth, srm[0].Members, srm[2].Members)
	}
	if growth := bimodal[2].Packets / bimodal[0].Packets; growth > 1.2 {
		t.Errorf("bimodal: the load grows by %.2f", growth)
	}
	if !reflect.DeepEqual(bimodal, measure(t, "bimodal", 1)) {
		t.Error("equal seeds give other results")
	}
}

// A traditional group keeps the deadline as long as nobody joins, whatever its size, detour included. While members join its views change, and for each change all wait for the slowest member.
func TestTraditionalMissesItWhileItGrows(t *testing.T) {
	p, err := compare.Find("traditional")
	if err != nil {
		t.Fatal(err)
	}
	steady, err := Run(context.Background(), Config{Protocol: p, First: 60, Members: 60, Duration: 12 * time.Second, Stages: 2, Seed: 1}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range steady {
		if r.InTime < 0.999 || r.Missing > 0 {
			t.Errorf("nobody joins: %+v", r)
		}
	}
	growing, err := Run(context.Background(), Config{Protocol: p, First: 8, Members: 60, Duration: 36 * time.Second, Stages: 6, Seed: 1}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if first, last := growing[0], growing[len(growing)-1]; first.InTime < 0.99 || last.InTime > 0.9 {
		t.Errorf("%+v, and with the detour %+v", first, last)
	}
}

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	g.Seeds = 2
	if runs, err := g.Runs(); err != nil || len(runs) != 6*2 || runs[1].Seed != 2 {
		t.Errorf("%d runs: %v", len(runs), err)
	}
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Protocols = []string{"udp"} }, func(g *Grid) { g.First = 2 }, func(g *Grid) { g.Members = 7 }, func(g *Grid) { g.Stages = 0 },
		func(g *Grid) { g.Seconds = 11 }, func(g *Grid) { g.Seeds = 0 },
	} {
		g := DefaultGrid()
		wrong(&g)
		if _, err := g.Runs(); err == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}
