package overhead

import (
	"context"
	"testing"

	"spinglass/lab/compare"
)

func measure(t *testing.T, name string, members int) Result {
	t.Helper()
	p, err := compare.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), Config{Protocol: p, Members: members, Loss: 0.001, Rate: 100, Size: 210, Seconds: 20, Seed: 1}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if r.Missing > 0 {
		t.Errorf("%s, %d members: %d packets never arrived", name, members, r.Missing)
	}
	t.Logf("%s, %d members: %.1f packets/s, overhead %.3f; busiest %.1f packets/s; sender %.1f, of which feedback %.1f and repairs %.2f",
		name, members, r.Packets, r.Overhead, r.BusiestPackets, r.SenderPackets, r.SenderFeedback, r.SenderRepairs)
	return r
}

// "FEC's and RMTP's overheads grow with n": at the members that repair, and at the sender. So does all of SRM. Bimodal's member does not notice.
func TestOverheadsGrow(t *testing.T) {
	few, many := make(map[string]Result), make(map[string]Result)
	for _, p := range []string{"bimodal", "srm", "rmtp", "fec"} {
		few[p], many[p] = measure(t, p, 20), measure(t, p, 160)
	}
	for what, growth := range map[string]float64{
		"srm: packets of a member":         many["srm"].Packets / few["srm"].Packets,
		"srm: overhead of a member":        many["srm"].Overhead / few["srm"].Overhead,
		"rmtp: feedback to the sender":     many["rmtp"].SenderFeedback / few["rmtp"].SenderFeedback,
		"rmtp: repairs by the sender":      many["rmtp"].SenderRepairs / few["rmtp"].SenderRepairs,
		"fec: feedback to the sender":      many["fec"].SenderFeedback / few["fec"].SenderFeedback,
		"fec: symbols that were asked for": many["fec"].SenderRepairs / few["fec"].SenderRepairs,
	} {
		if growth < 2 {
			t.Errorf("%s: %.2f times as much with eight times the members", what, growth)
		}
	}
	if busiest := many["rmtp"].BusiestPackets / few["rmtp"].BusiestPackets; busiest < 1.2 {
		t.Errorf("rmtp: the busiest member has %.2f times the load", busiest)
	}
	for what, growth := range map[string]float64{
		"packets of a member":       many["bimodal"].Packets / few["bimodal"].Packets,
		"bytes of a member":         many["bimodal"].Bytes / few["bimodal"].Bytes,
		"packets of the busiest":    many["bimodal"].BusiestPackets / few["bimodal"].BusiestPackets,
		"packets of the sender":     many["bimodal"].SenderPackets / few["bimodal"].SenderPackets,
		"repairs by the sender + 1": (1 + many["bimodal"].SenderRepairs) / (1 + few["bimodal"].SenderRepairs),
	} {
		if growth > 1.1 {
			t.Errorf("bimodal: %s: %.2f times as many with eight times the members", what, growth)
		}
	}
}

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	g.Seeds = 2
	runs, err := g.Runs()
	if err != nil || len(runs) != 4*5*2 || runs[1].Seed != 2 {
		t.Errorf("%d runs: %v", len(runs), err)
	}
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Protocols = nil }, func(g *Grid) { g.Members = []int{100_000} }, func(g *Grid) { g.Loss = []float64{0.5} }, func(g *Grid) { g.Rate = 0 },
		func(g *Grid) { g.Size = 15 }, func(g *Grid) { g.Seconds = 1 }, func(g *Grid) { g.Seeds = 0 },
	} {
		g := DefaultGrid()
		wrong(&g)
		if _, err := g.Runs(); err == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}
