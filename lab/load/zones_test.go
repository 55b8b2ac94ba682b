package load

import (
	"math"
	"testing"
	"time"
)

// Where half of the leaf zones want a topic, a third of their members each, and those that represent the zones carry it without wanting it, all that is published arrives; what a member that
// takes part sends and receives is the same within a tenth whatever the size of the group; and members of zones that want nothing have next to nothing of it.
func TestCarriedLoadIsFlat(t *testing.T) {
	sizes := []int{100, 1000, 10_000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, signed := range []bool{false, true} {
		var means []float64
		for _, members := range sizes {
			begin := time.Now()
			c := DefaultConfig(members)
			c.Representatives, c.Interested, c.Wanting, c.Signed, c.Leaf = 3, 1.0/3, 0.5, signed, 32
			r, err := Run(c)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%6d members, signed %v: packets/s mean %.1f p99 %.1f most %.1f, of carriers %.1f; of others %.2f p99 %.1f; kB/s mean %.1f; repaired %.2f %%; lost %d of %d; %v",
				members, signed, r.Packets.Mean, r.Packets.P99, r.Packets.Most, r.Carriers.Mean, r.Idle.Mean, r.Idle.P99, r.Bytes.Mean/1e3, 100*r.Repaired, r.Lost, r.Expected,
				time.Since(begin).Round(time.Second))
			if r.Delivered+r.Lost != r.Expected || r.Lost > 0 {
				t.Errorf("%d members: %d messages delivered, %d lost, of %d", members, r.Delivered, r.Lost, r.Expected)
			}
			if r.Idle.Mean > r.Packets.Mean/50 {
				t.Errorf("%d members: those that want nothing have %.2f packets/s, others %.2f", members, r.Idle.Mean, r.Packets.Mean)
			}
			means = append(means, r.Packets.Mean)
		}
		for i := 1; i < len(means); i++ {
			if math.Abs(math.Log(means[i]/means[0])) > math.Log(1.1) {
				t.Errorf("signed %v: means of %d and %d members are %.1f and %.1f", signed, sizes[0], sizes[i], means[0], means[i])
			}
		}
	}
}

// With 5 % of all datagrams lost, all arrives as well.
func TestCarriedLoss(t *testing.T) {
	for _, signed := range []bool{false, true} {
		for seed := range uint64(3) {
			c := DefaultConfig(500)
			c.Representatives, c.Interested, c.Wanting, c.Signed, c.Leaf, c.Branch, c.Loss, c.Seed = 3, 0.2, 0.4, signed, 20, 8, 0.05, seed
			r, err := Run(c)
			if err != nil {
				t.Fatal(err)
			}
			if r.Delivered != r.Expected || r.Expected == 0 || r.Repaired < 0.02 {
				t.Errorf("signed %v, seed %d: %d messages delivered, %d lost, of %d; %.2f %% repaired", signed, seed, r.Delivered, r.Lost, r.Expected, 100*r.Repaired)
			}
		}
	}
}
