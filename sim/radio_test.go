package sim

import (
	"testing"

	"spinglass/protocol"
)

// A host without a radio broadcasts nothing, and that is counted.
func TestBroadcastWithoutRadio(t *testing.T) {
	w := gossipWorld(Config{Seed: 1}, 2)
	w.Check(NewAccount(w))
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) { out.Broadcast(&toyMessage{number: 1}) })
	w.Run(ms(1))
	if s := w.Stats(); s.RadioNone != 1 || s.Sent != 0 || s.Received != 0 {
		t.Errorf("%+v", s)
	}
	if err := w.Finish(); err != nil {
		t.Error(err)
	}
}
