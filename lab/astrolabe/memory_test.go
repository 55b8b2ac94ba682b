package astrolabe

import (
	"runtime"
	"testing"

	"spinglass/astrolabe"
	"spinglass/protocol"
	"spinglass/sim"
)

// memoryPer returns how many bytes of live memory an agent takes after twenty rounds, all that belongs to the world included.
func memoryPer(branching, levels int) uint64 {
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := live()
	f := Settled(sim.Config{Seed: 1, Network: LAN(0)}, Tree(branching, levels), 1, Options{})
	f.World.Run(protocol.Time(20 * astrolabe.RoundDefault))
	after := live()
	n := uint64(len(f.IDs))
	runtime.KeepAlive(f)
	return (after - before) / n
}

// Memory is branching times depth rows: what an agent takes grows with the number of levels, not with the number of agents, so that a fleet of 390 625 fits into one machine.
// The bounds are a tenth above what was measured.
func TestMemoryOfAnAgent(t *testing.T) {
	for _, c := range []struct {
		branching, levels int
		bytes             uint64
		long              bool
	}{
		{5, 3, 10_300, false}, {5, 4, 10_900, false}, {10, 3, 11_700, false}, {25, 2, 14_900, false},
		{5, 5, 11_700, true}, {5, 6, 12_700, true}, {10, 4, 13_000, true}, {25, 3, 17_500, true},
	} {
		if c.long && !full() {
			continue
		}
		bytes := memoryPer(c.branching, c.levels)
		t.Logf("%d levels of %d: %d bytes an agent", c.levels, c.branching, bytes)
		if bytes > c.bytes {
			t.Errorf("%d levels of %d: %d bytes an agent", c.levels, c.branching, bytes)
		}
	}
}
