package load

import (
	"math"
	"os"
	"runtime/debug"
	"testing"
	"time"
)

// "Per-member overhead (requests, repairs, bytes) flat from n = 16 to n = 100 000 at 0.1 % loss per link." The mean over the members is the same
// within 10 % for all sizes, and 99 of 100 members have at most twice the mean. In full (a quarter of an hour, 15 GB):
//
//	SPINGLASS_FULL=1 go test ./lab/load -run TestLoadIsFlat -v -timeout 3h
func TestLoadIsFlat(t *testing.T) {
	sizes := []int{100, 1000, 10_000}
	switch {
	case os.Getenv("SPINGLASS_FULL") == "1":
		sizes = append(sizes, 100_000)
		debug.SetGCPercent(25)
		debug.SetMemoryLimit(15e9) // so that the largest group fits into 16 GB
	case testing.Short():
		sizes = sizes[:2]
	}
	var packets, bytes []float64
	for _, members := range sizes {
		begin := time.Now()
		r, err := Run(DefaultConfig(members))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%6d members: packets/s mean %.1f median %.1f p99 %.1f most %.1f; kB/s mean %.1f p99 %.1f most %.1f; repaired %.2f %%; lost %d of %d; %v",
			members, r.Packets.Mean, r.Packets.Median, r.Packets.P99, r.Packets.Most, r.Bytes.Mean/1e3, r.Bytes.P99/1e3, r.Bytes.Most/1e3,
			100*r.Repaired, r.Lost, r.Expected, time.Since(begin).Round(time.Second))
		if r.Rounds.Mean <= 0 || r.Rounds.Most > 20 || r.Rounds.Median > 10 {
			t.Errorf("%d members: rounds until all had a message: %+v", members, r.Rounds)
		}
		for _, load := range []struct {
			what string
			Load
		}{{"packets", r.Packets}, {"bytes", r.Bytes}} {
			if load.P99 > 2*load.Mean {
				t.Errorf("%d members: %s: p99 %.1f, mean %.1f", members, load.what, load.P99, load.Mean)
			}
		}
		if r.Delivered+r.Lost != r.Expected || r.Lost > 0 {
			t.Errorf("%d members: %d messages delivered, %d lost, of %d", members, r.Delivered, r.Lost, r.Expected)
		}
		packets, bytes = append(packets, r.Packets.Mean), append(bytes, r.Bytes.Mean)
	}
	for i := range sizes {
		for j := range i {
			if a, b := packets[i]/packets[j], bytes[i]/bytes[j]; math.Abs(math.Log(a)) > math.Log(1.1) || math.Abs(math.Log(b)) > math.Log(1.1) {
				t.Errorf("means of %d members are %.3f (packets) and %.3f (bytes) times those of %d", sizes[i], a, b, sizes[j])
			}
		}
	}
}
