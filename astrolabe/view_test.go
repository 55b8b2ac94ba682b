package astrolabe_test

import (
	"testing"

	"spinglass/protocol"
)

// Siblings hear of a representative again when what they go by has changed: what its zone wants. That there is a host less there is for the tables only.
func TestViewsChangeWithInterest(t *testing.T) {
	f := formed(t, 9, 0)
	changes := 0
	f.world.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		if c, ok := e.(protocol.PeerChanged); ok && id == f.ids[3] && c.Peer.Distance > 0 {
			changes++
		}
	})
	f.world.Crash(f.ids[59]) // of /us
	f.until(t, 2*spreadTime, func() error { return f.all(59, 60, hosts(59)) })
	if changes > 0 {
		t.Errorf("%d changes are told because a zone has lost a host", changes)
	}
	f.world.Command(f.ids[58], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := m.(*node).members.SetAttribute(now, protocol.Attribute{Name: "topics", Value: []byte("a topic!")}, out); err != nil {
			t.Error(err)
		}
	})
	f.world.Run(f.world.Now().Add(spreadTime))
	if changes == 0 {
		t.Error("no change is told because a zone wants a topic")
	}
}
