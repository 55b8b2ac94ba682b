package ratings

import (
	"math"
	"testing"

	"spinglass/internal/labtest"
)

// measure runs a protocol on the published group and returns a row for each class.
func measure(t *testing.T, name string, change func(*Grid)) []Result {
	t.Helper()
	g := DefaultGrid()
	g.Protocols, g.Loss = []string{name}, []float64{0}
	if change != nil {
		change(&g)
	}
	runs, err := g.Runs()
	if len(runs) > 1 {
		t.Fatalf("%d runs", len(runs))
	}
	rows := labtest.Rows(t, runs, err, Run)[0]
	for i, r := range rows {
		if r.Rating != g.Ratings[i] || r.Protocol != name {
			t.Fatalf("%+v is not of the class that asks %v", r, g.Ratings[i])
		}
		t.Logf("%s, loss %v, rating %v: gets %.4f, %.0f bytes/s, %.1f packets/s, %.3f copies, %.0f ms", name, r.Loss, r.Rating, r.Delivered, r.Bytes, r.Packets, r.Copies, r.Mean)
	}
	return rows
}

// "It receives that fraction, fresh, and pays load in proportion to it": of 4000 messages, of which about 400 are independent, each class gets its rating within 0.03; and a class
// pays less than one that wants more.
func TestPublishedForm(t *testing.T) {
	rows := measure(t, "gravitational", func(g *Grid) { g.Seconds = 400 })
	for i, r := range rows {
		if math.Abs(r.Delivered-r.Rating) > 0.03 {
			t.Errorf("a rating of %v gets %v", r.Rating, r.Delivered)
		}
		if i > 0 && (r.Bytes > 0.75*rows[i-1].Bytes || r.Packets > 0.75*rows[i-1].Packets || r.Copies > 0.5*rows[i-1].Copies) {
			t.Errorf("ratings of %v and %v pay %v and %v", rows[i-1].Rating, r.Rating, rows[i-1], r)
		}
		// What a member is sent is in proportion to -ln(1 - r), 300 bytes and some for each.
		if perContact := r.Received / 10 / -math.Log1p(-r.Rating); perContact < 250 || perContact > 450 {
			t.Errorf("a rating of %v receives %v bytes a contact", r.Rating, perContact)
		}
		if r.Mean < 100 || r.Mean > 1000 {
			t.Errorf("a rating of %v waits %v ms", r.Rating, r.Mean)
		}
	}
}

// "Delivered fraction = rating": members of a class all see the same packets, so that the standard error is that of one member's; what is held is 4.9 of them (one run in a million). Load is in
// proportion to the rating plus a constant, with loss as without.
func TestShippingForm(t *testing.T) {
	for _, loss := range []float64{0, 0.1} {
		rows := measure(t, "gravity", func(g *Grid) { g.Loss, g.Seconds = []float64{loss}, 200 })
		for _, r := range rows {
			if deviation := math.Sqrt(r.Rating * (1 - r.Rating) / 2000); math.Abs(r.Delivered-r.Rating) > 4.9*deviation {
				t.Errorf("a rating of %v gets %v, the standard error is %v", r.Rating, r.Delivered, deviation)
			}
			share := r.Rating / rows[0].Rating
			if part := r.Bytes / rows[0].Bytes; part < 0.8*share || part > 1.25*share+0.05 {
				t.Errorf("a rating of %v pays %v of what one of %v does", r.Rating, part, rows[0].Rating)
			}
		}
	}
}

// Without weights the load is that of everything, whatever a member wants: the control of what is held above.
func TestUniformGossip(t *testing.T) {
	rows := measure(t, "uniform", nil)
	for _, r := range rows {
		if r.Delivered < 0.985 || math.Abs(r.Bytes/rows[0].Bytes-1) > 0.1 || math.Abs(r.Copies/rows[0].Copies-1) > 0.1 {
			t.Errorf("%+v", r)
		}
	}
}

// The published form repairs nothing, so that loss is felt. The shipping multicast brings everything, to everybody.
func TestLoss(t *testing.T) {
	lossy := func(g *Grid) { g.Loss = []float64{0.1} }
	for _, r := range measure(t, "gravitational", lossy) {
		if r.Rating < 0.95 && (r.Delivered > 0.97*r.Rating || r.Delivered < 0.75*r.Rating) { // higher ones have some to spare
			t.Errorf("with a tenth of the datagrams lost, a rating of %v gets %v", r.Rating, r.Delivered)
		}
	}
	for _, r := range measure(t, "bimodal", lossy) {
		if r.Delivered != 1 || r.Bytes < 5000 {
			t.Errorf("bimodal delivers %v to a rating of %v, at %v bytes/s", r.Delivered, r.Rating, r.Bytes)
		}
	}
}

// Equal seeds give equal rows, others do not.
func TestReproducible(t *testing.T) {
	for _, p := range protocols {
		var rows [][]Result
		for _, seed := range []uint64{5, 5, 6} {
			rows = append(rows, measure(t, p.Name, func(g *Grid) { g.Members, g.Seconds, g.Seed, g.Loss = 24, 10, seed, []float64{0.05} }))
		}
		if rows[0][3] != rows[1][3] || rows[0][3] == rows[2][3] {
			t.Errorf("%s: %v", p.Name, rows)
		}
	}
}

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	g.Seeds = 3
	runs, err := g.Runs()
	if err != nil || len(runs) != len(g.Protocols)*2*3 || runs[1].Seed != 2 {
		t.Errorf("%d runs: %v", len(runs), err)
	}
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Protocols = []string{"tcp"} }, func(g *Grid) { g.Protocols = nil }, func(g *Grid) { g.Members = 121 }, func(g *Grid) { g.Members = 6 },
		func(g *Grid) { g.Ratings = nil }, func(g *Grid) { g.Ratings = []float64{0.5, 0.9} }, func(g *Grid) { g.Ratings = []float64{1, 0} }, func(g *Grid) { g.Ratings = make([]float64, 33) },
		func(g *Grid) { g.Loss = []float64{math.NaN()} }, func(g *Grid) { g.Rate = 0 }, func(g *Grid) { g.Size = SizeMax + 1 }, func(g *Grid) { g.Seconds = 1 }, func(g *Grid) { g.Seeds = 0 },
	} {
		g := DefaultGrid()
		wrong(&g)
		if _, err := g.Runs(); err == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}
