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
