package live

import (
	"testing"

	"spinglass/protocol"
)

// A node has no radio: what is for whoever is within one hop is counted, and not sent.
func TestNoRadio(t *testing.T) {
	n := run(t, 1, &toy{}, nil)
	if err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) { out.Broadcast(&text{}) }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is counted", func() bool { return n.Stats().Drops[ReasonRadioNone] == 1 })
	if sent := n.Stats().MessagesSent; sent != 0 {
		t.Errorf("%d messages were sent", sent)
	}
}
