package bimodal

import (
	"bytes"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// "Who keeps a part of them keeps all of them alive, and accounts for that." (protocol.Keeper) The first packet that is kept of an arrival counts
// for the whole of it, the others for nothing but themselves.
func TestPacketsAccountForTheMemoryTheyKeep(t *testing.T) {
	m := benchMachine(t, 1, nil)
	var out protocol.Output
	if err := m.Subscribe(0, "t", &out); err != nil {
		t.Fatal(err)
	}
	const arrival = 60_000
	memory := make([]byte, 0, arrival)
	var bodies [][]byte
	for seq := range uint64(3) {
		p := &Packet{Stream: StreamID{Author: 2, Epoch: 1, Topic: TopicOf("t")}, Seq: seq + 1, Messages: seq, Count: 1, Body: fullBody()}
		memory = p.Append(memory)
		bodies = append(bodies, memory[len(memory)-p.Size():])
	}
	var d Decoder
	receive := func(body []byte) {
		message, err := d.Decode(wire.KindData, body)
		if err != nil {
			t.Fatal(err)
		}
		m.Receive(0, 2, message, &out)
	}
	before := m.Stats().BufferedBytes
	d.Keep(arrival)
	receive(bodies[0])
	slots := m.Stats().BufferedBytes - before - packetCost - arrival
	if slots < 0 || slots != slotCost*windowMin {
		t.Errorf("the first packet counts for %d bytes more than itself and the arrival, want the slots", slots)
	}
	receive(bodies[1])
	receive(bodies[1]) // a duplicate
	if got := m.Stats().BufferedBytes - before - slots; got != 2*packetCost+arrival {
		t.Errorf("two packets of one arrival count for %d bytes, want %d", got, 2*packetCost+arrival)
	}
	d.Keep(0)
	receive(bodies[2])
	if got := m.Stats().BufferedBytes - before - slots; got != 3*packetCost+arrival+len(fullBody()) {
		t.Errorf("with a lent one besides they count for %d bytes", got)
	}
	s := m.byID[StreamID{Author: 2, Epoch: 1, Topic: TopicOf("t")}]
	if p, _ := s.packet(2); &p.Body[len(p.Body)-1] != &bodies[1][len(bodies[1])-1] {
		t.Error("a packet in memory that may be kept was copied")
	}
	clear(bodies[2])
	if p, _ := s.packet(3); !bytes.Equal(p.Body, fullBody()) {
		t.Error("a lent packet was not copied")
	}
	m.forget(func(*stream) bool { return true })
	if got := m.Stats().BufferedBytes; got != before {
		t.Errorf("%d bytes are accounted for when nothing is left, want %d", got, before)
	}
}

// An author keeps all of its own packets, in memory that holds nothing else: there is nothing to gain by copying them when their short phase ends.
func TestOwnPacketsAreNotCopied(t *testing.T) {
	m := benchMachine(t, 1, nil)
	var out protocol.Output
	for id := protocol.NodeID(2); id < 40; id++ {
		m.Notify(0, wanting(id), &out)
	}
	if err := m.Publish(0, "t", make([]byte, 1000), &out); err != nil {
		t.Fatal(err)
	}
	now := protocol.Time(0)
	turn := func() {
		now = max(now, m.Deadline())
		m.Timeout(now, &out)
		out.Reset()
	}
	turn() // seals the packet
	s := m.byID[StreamID{Author: 1, Epoch: 1, Topic: TopicOf("t")}]
	sealed, _ := s.packet(1)
	for range 10 {
		turn()
	}
	if kept, _ := s.archive.packet(1); kept == nil || kept != sealed {
		t.Errorf("after the short phase the archive holds %p, want the packet that was sealed, %p", kept, sealed)
	}
	if got, want := m.Stats().LongBytes, blockCost+packetCost+len(sealed.Body)+sealed.pinned; got != want || sealed.pinned == 0 {
		t.Errorf("it counts for %d bytes, want %d with the %d that the packet keeps alive besides", got, want, sealed.pinned)
	}
}
