package buffers

import (
	"testing"

	"spinglass/internal/labtest"
)

// measure returns the results of a grid, those of the seeds of a kind as one with their means and the most of all.
func measure(t *testing.T, change func(*Grid)) (found []Result) {
	t.Helper()
	g := DefaultGrid()
	change(&g)
	runs, err := g.Runs()
	for i, r := range labtest.Rows(t, runs, err, Run) {
		if r.Missing > 0 {
			t.Errorf("%s, %d members: %d packets are missing", r.Protocol, r.Members, r.Missing)
		}
		t.Logf("%-12s %3d members, loss %v, perturbed %v, seed %d: sender %.0f bytes, at most %d; members %.0f, at most %d; sleepers %.0f", r.Protocol, r.Members, r.Loss, r.Perturb, r.Seed,
			r.SenderBytes, r.SenderBytesMost, r.MemberBytes, r.MemberBytesMost, r.PerturbedBytes)
		if i%g.Seeds == 0 {
			found = append(found, Result{Protocol: r.Protocol, Members: r.Members})
		}
		mean := &found[len(found)-1]
		mean.SenderBytes, mean.MemberBytes = mean.SenderBytes+r.SenderBytes/float64(g.Seeds), mean.MemberBytes+r.MemberBytes/float64(g.Seeds)
		mean.SenderBytesMost, mean.MemberBytesMost = max(mean.SenderBytesMost, r.SenderBytesMost), max(mean.MemberBytesMost, r.MemberBytesMost)
		mean.MemberPackets = r.MemberPackets
	}
	return found
}

// "Sender buffer needed for a steady rate against n": with eight times the members the traditional sender and members hold at least a fifth more. Of the shipping protocol a member holds less in a
// larger group, since as few keep a packet beyond its short phase, and the sender the same within 3 %.
func TestBuffersAgainstTheGroup(t *testing.T) {
	found := measure(t, func(g *Grid) {
		g.Protocols, g.Members, g.Perturb = []string{"traditional", "bimodal"}, []int{16, 128}, []float64{0}
	})
	few, many := found[0], found[1]
	if many.SenderBytes < 1.2*few.SenderBytes || many.MemberBytes < 1.2*few.MemberBytes {
		t.Errorf("traditional: from %.0f bytes at the sender and %.0f at members to %.0f and %.0f", few.SenderBytes, few.MemberBytes, many.SenderBytes, many.MemberBytes)
	}
	few, many = found[2], found[3]
	if many.MemberBytes > 0.7*few.MemberBytes || many.SenderBytes > 1.03*few.SenderBytes || many.MemberBytesMost > few.MemberBytesMost {
		t.Errorf("bimodal: from %.0f bytes at the sender and %.0f at members to %.0f and %.0f", few.SenderBytes, few.MemberBytes, many.SenderBytes, many.MemberBytes)
	}
}

// One member that sleeps has all of a traditional group hold at least a quarter more, and twice as much at some time; of the shipping protocol others hold what they held, within 5 %.
func TestBuffersWithASleeper(t *testing.T) {
	found := measure(t, func(g *Grid) {
		g.Protocols, g.Members, g.Perturb = []string{"traditional", "bimodal"}, []int{48}, []float64{0, 0.9}
	})
	awake, asleep := found[0], found[1]
	if asleep.SenderBytes < 1.25*awake.SenderBytes || asleep.MemberBytes < 1.25*awake.MemberBytes || asleep.SenderBytesMost < 2*awake.SenderBytesMost {
		t.Errorf("traditional: from %.0f bytes at the sender and %.0f at members to %.0f and %.0f", awake.SenderBytes, awake.MemberBytes, asleep.SenderBytes, asleep.MemberBytes)
	}
	awake, asleep = found[2], found[3]
	if asleep.MemberBytes > 1.05*awake.MemberBytes || asleep.SenderBytes > 1.05*awake.SenderBytes || float64(asleep.MemberBytesMost) > 1.15*float64(awake.MemberBytesMost) {
		t.Errorf("bimodal: from %.0f bytes at the sender and %.0f at members to %.0f and %.0f", awake.SenderBytes, awake.MemberBytes, asleep.SenderBytes, asleep.MemberBytes)
	}
}

// What is held is known where it is a constant: SRM keeps 1024 packets.
func TestConstantBuffers(t *testing.T) {
	r := measure(t, func(g *Grid) {
		g.Protocols, g.Members, g.Perturb, g.Seconds, g.Seeds = []string{"srm"}, []int{8}, []float64{0}, 5, 1
	})[0]
	if r.MemberPackets < 1000 || r.MemberBytesMost != 1024*1000 || r.SenderBytesMost != 1024*1000 {
		t.Errorf("%+v", r)
	}
}

func TestEqualSeedsEqualRows(t *testing.T) {
	run := func(seed uint64) []Result {
		g := DefaultGrid()
		g.Members, g.Perturb, g.Seconds, g.Seeds, g.Seed = []int{8}, []float64{0.6}, 2, 1, seed
		runs, err := g.Runs()
		return labtest.Rows(t, runs, err, Run)
	}
	first, second, other := run(1), run(1), run(2)
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("equal seeds: %+v and %+v", first[i], second[i])
		}
		if first[i].MemberBytes == other[i].MemberBytes {
			t.Errorf("another seed gives the same: %+v", first[i])
		}
	}
}

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	if runs, err := g.Runs(); err != nil || len(runs) != 3*4*3*3 || runs[1].Seed != 2 {
		t.Errorf("%d runs: %v", len(runs), err)
	}
	for _, wrong := range []func(*Grid){
		func(g *Grid) { g.Protocols = []string{"tcp"} }, func(g *Grid) { g.Members = []int{3} }, func(g *Grid) { g.Loss = []float64{-1} }, func(g *Grid) { g.Perturb = []float64{1} },
		func(g *Grid) { g.Perturbed = 15 }, func(g *Grid) { g.Rate = 0 }, func(g *Grid) { g.Size = 15 }, func(g *Grid) { g.Seconds = 0 }, func(g *Grid) { g.Seeds = 0 },
	} {
		g := DefaultGrid()
		wrong(&g)
		if _, err := g.Runs(); err == nil {
			t.Errorf("%+v is a grid", g)
		}
	}
}
