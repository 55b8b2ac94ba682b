package membership

import (
	"testing"

	"spinglass/protocol"
	"spinglass/table"
)

// "A valid signature is not a quota: bounds hold for authenticated members too." One member whose digests use up the answers of a round leaves something for
// others; the flooder itself, the control, gets no more. The same for requests for rows.
func TestOneMemberLeavesAnswersForOthers(t *testing.T) {
	for name, question := range map[string]func(from protocol.NodeID) protocol.Message{
		"digests": func(from protocol.NodeID) protocol.Message {
			return &Digest{Evidence: versionOf(peerRow(from, 1), 1), Held: table.Digest{Last: 1<<64 - 1}}
		},
		"requests": func(from protocol.NodeID) protocol.Message {
			return &Delta{Evidence: versionOf(peerRow(from, 1), 1), WantRows: []protocol.NodeID{2, 3, 4, 5, 6, 7, 8}}
		},
	} {
		m := lone(t)
		ids := []protocol.NodeID{2, 3, 4, 5, 6, 7, 8}
		meet(m, 0, ids...)
		answered := func(from protocol.NodeID) bool {
			var out protocol.Output
			m.Receive(1, from, question(from), &out)
			return len(sent[*Delta](&out)) > 0
		}
		for answers := 0; answered(2); answers++ {
			if answers > 10_000 {
				t.Fatalf("%s: no limit", name)
			}
		}
		for _, id := range ids[1:] {
			if !answered(id) {
				t.Errorf("%s: member %d gets no answer", name, id)
			}
		}
		if answered(2) || m.Stats().AnswersOverBudget < 2 {
			t.Errorf("%s: the control: the flooder gets more", name)
		}
		for before := m.stats.Rounds; m.stats.Rounds == before; {
			m.Timeout(m.Deadline(), new(protocol.Output))
		}
		if !answered(2) {
			t.Errorf("%s: no answer in the next round either", name)
		}
	}
}
