package bimodal

import (
	"bytes"
	"testing"

	"spinglass/protocol"
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

// What a decoder says of the memory of one datagram does not hold for the next: a packet that is handed on is copied out of memory that is only lent,
// also after packets that lay in memory that may be kept, and left where it is in such memory.
func TestRelayedPacketsOutliveLentMemory(t *testing.T) {
	s := orderedMachine(t)
	var d Decoder
	decode := func(kind protocol.Kind, body []byte) protocol.Message {
		m, err := d.Decode(kind, body)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	stay := func(kind protocol.Kind, m protocol.Message) {
		body := m.Append(nil)
		d.Keep(len(body))
		s.receive(decode(kind, body))
		d.Keep(0)
	}
	stay(wire.KindData, packet(2))
	lent := relayed(5, 3).Append(nil)
	s.receive(decode(wire.KindRelay, lent))
	clear(lent)
	stored, _ := s.byID[packet(1).Stream].packet(3)
	if want := packet(3); stored == nil || !bytes.Equal(stored.Body, want.Body) || stored.cost() != want.cost() {
		t.Errorf("what was kept of lent memory is not packet %d as it came", want.Seq)
	}
	stay(wire.KindRelay, relayed(5, 4))
	stored, _ = s.byID[packet(1).Stream].packet(4)
	if overhead := relayed(5, 4).Size() - len(packet(4).Body); stored == nil || stored.pinned != overhead {
		t.Errorf("a packet was not left in memory that may be kept, which has %d bytes more", overhead)
	}
}
