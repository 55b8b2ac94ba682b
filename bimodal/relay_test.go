package bimodal

import (
	"testing"

	"spinglass/wire"
)

// In steady state a relay takes a packet out of lent memory, keeps it and hands it on without an allocation of its own for it.
func TestRelayingAllocatesBySlabsOnly(t *testing.T) {
	s := orderedMachine(t)
	s.receive(orderOf(5, 90)[0])
	var bodies [][]byte
	for seq := range uint64(4000) {
		bodies = append(bodies, relayed(5, seq+2).Append(nil))
	}
	var d Decoder
	next := 0
	take := func() {
		m, err := d.Decode(wire.KindRelay, bodies[next])
		if err != nil {
			t.Fatal(err)
		}
		next++
		s.receive(m)
	}
	for range 1900 {
		take()
	}
	before := s.Stats().PacketsRelayed
	// One run of many packets, since the slabs come at intervals.
	const packets = 1000
	perPacket := testing.AllocsPerRun(1, func() {
		for range packets {
			take()
		}
	}) / packets
	if copies := s.Stats().PacketsRelayed - before; copies == 0 || perPacket > 0.1 {
		t.Errorf("%.3f allocations a packet, %d copies sent", perPacket, copies)
	}
}
