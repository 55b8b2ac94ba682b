package sim

import "testing"

// "The same configuration, seed and inputs give byte-identical outputs." (contract, 5)
func TestHashIsDeterministic(t *testing.T) {
	run := func(seed uint64, wire bool) (uint64, Stats) {
		cost := CommodityCost()
		w := gossipWorld(Config{Seed: seed, Wire: wire, Decoder: newToyDecoder, Content: true, Network: restless(), Cost: cost}, 20)
		for _, id := range w.Hosts()[:5] {
			w.Sleep(id, 0.5, 100_000_000)
		}
		w.At(seconds(1), func() { w.Crash(7) })
		w.At(seconds(2), func() { w.Restart(7, true) })
		w.At(seconds(1.5), func() { w.Isolate(1, 2, 3) })
		w.Run(seconds(5))
		return w.Hash(), w.Stats()
	}
	for seed := range uint64(10) {
		a, statsA := run(seed, false)
		b, statsB := run(seed, false)
		if a != b || statsA != statsB {
			t.Fatalf("seed %d: two runs differ: %x and %x\n%+v\n%+v", seed, a, b, statsA, statsB)
		}
		c, statsC := run(seed, true)
		if a != c || statsA != statsC {
			t.Fatalf("seed %d: wire on and off differ: %x and %x\n%+v\n%+v", seed, a, c, statsA, statsC)
		}
		other, _ := run(seed+1000, false)
		if a == other {
			t.Fatalf("seeds %d and %d have equal hashes", seed, seed+1000)
		}
		if statsA.Lost == 0 || statsA.Duplicated == 0 || statsA.Reordered == 0 || statsA.Corrupted == 0 || statsA.Cut == 0 {
			t.Fatalf("a fault did not occur: %+v", statsA)
		}
	}
}
