package vsync

import (
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// What is told of stability comes in parts where a datagram does not take it: in large views of which much is told.
func TestStabilityFitsIntoDatagrams(t *testing.T) {
	g, out := second(t, OrderFIFO)
	g.m.config.DatagramSize = wire.DatagramMin
	g.view, g.streams = &View{ID: g.view.ID}, make([]stream, MembersMax)
	for i := range g.streams {
		g.view.Members = append(g.view.Members, Member{ID: protocol.NodeID(i + 1), Incarnation: 1, Weight: 1, Since: 1})
		g.streams[i].stable, g.streams[i].have = 1<<28, 1<<29
	}
	g.beginRound(1)
	g.tellStability(2, false, out)
	if len(out.Effects) < 2 {
		t.Errorf("%d messages", len(out.Effects))
	}
	for _, e := range out.Effects {
		if size := e.Message.Size() + wire.HeaderSize; size > wire.DatagramMin {
			t.Errorf("a message takes %d bytes, of %d", size, wire.DatagramMin)
		}
	}
}

// Messages of which parts are missing for good do not keep others out: the oldest make room.
func TestOldPartsMakeRoom(t *testing.T) {
	m, out := lone(t, nil), &protocol.Output{}
	body := make([]byte, 65_000)
	for from := range protocol.NodeID(5) {
		for i := range uint64(partsMax - 1) { // the last one is lost
			m.receivePart(0, from+2, &Part{Number: 1, Inner: wire.KindGroupView, Index: i, Count: partsMax, Bytes: body}, out)
		}
		if bytes := m.partBytes(); bytes > assemblyBytesMax {
			t.Fatalf("%d bytes are held, of %d", bytes, assemblyBytesMax)
		}
		if last := m.parts[len(m.parts)-1]; last.from != from+2 || last.left != 1 {
			t.Errorf("of the message of %d %d parts are missing in the end; the latest is of %d", from+2, last.left, last.from)
		}
	}
	if m.stats.PartsEvicted == 0 {
		t.Error("nobody had to make room: nothing was tested")
	}
}
