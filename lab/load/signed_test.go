package load

import "testing"

// A large zone with signed packets, whose cost is modelled: everything arrives, relays hand on what is proven, and members send and receive at most a tenth more than
// without, where every packet carries its own manifest.
func TestSignedLoad(t *testing.T) {
	members := 1000
	if testing.Short() {
		members = 200
	}
	var loads [2]Result
	for i := range loads {
		c := DefaultConfig(members)
		c.Leaf, c.Signed = members, i == 1
		r, err := Run(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("signed %v: packets/s mean %.1f p99 %.1f; kB/s mean %.1f p99 %.1f; repaired %.2f %%; verified %.1f/s; lost %d of %d",
			c.Signed, r.Packets.Mean, r.Packets.P99, r.Bytes.Mean/1e3, r.Bytes.P99/1e3, 100*r.Repaired, r.Verified, r.Lost, r.Expected)
		if r.Delivered+r.Lost != r.Expected || r.Lost > 0 {
			t.Errorf("signed %v: %d messages delivered, %d lost, of %d", c.Signed, r.Delivered, r.Lost, r.Expected)
		}
		loads[i] = r
	}
	if ratio := loads[1].Packets.Mean / loads[0].Packets.Mean; ratio > 1.1 {
		t.Errorf("signed packets cost %.3f times the packets", ratio)
	}
	if loads[1].Verified == 0 || loads[0].Verified != 0 {
		t.Errorf("%.1f signatures verified a second with signatures, %.1f without", loads[1].Verified, loads[0].Verified)
	}
}
