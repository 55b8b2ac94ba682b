package maodv

import (
	"bytes"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// FuzzDecoder: whatever is decoded is encoded the same again, and nothing panics.
func FuzzDecoder(f *testing.F) {
	for _, m := range []protocol.Message{
		&JoinRequest{TTL: 35, Hops: 2, ID: 7, Group: 9, Origin: 3, OriginSequence: 4, Known: true, Sequence: 5, Leader: 6, Repair: true, LeaderHops: 3},
		&JoinRequest{TTL: 1, Group: 9, Origin: 3},
		&JoinReply{Hops: 3, ID: 1 << 30, Group: 9, Origin: 3, Node: 4, Member: true, Leader: 5, Sequence: 6, LeaderHops: 7},
		&Activation{Action: ActionJoin, Group: 9, Origin: 3, ID: 4}, &Activation{Action: ActionPrune, Group: 9}, &Activation{Action: ActionLead, Group: 9},
		&GroupHello{TTL: 35, Hops: 1, Group: 9, Leader: 3, Sequence: 300},
		&TreeHello{Group: 9, Member: true, Attached: true, Leader: 3, Sequence: 4, Hops: 2, Edges: []EdgeInfo{{3, true, 1}, {7, false, 0}}},
		&Distance{Group: 9, Distance: 4},
		&Packet{TTL: 35, Hops: 1, Group: 9, Origin: 3, Number: 4, Payload: []byte("payload")},
	} {
		f.Add(byte(m.Kind()), m.Append(nil))
	}
	f.Add(byte(wire.KindTreeHello), append(make([]byte, 26), 0xff, 0x01))
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		var d Decoder
		m, err := d.Decode(protocol.Kind(kind), body)
		if err != nil {
			return
		}
		again := m.Append(nil)
		if !bytes.Equal(again, body) || m.Size() != len(body) || !m.Lent() || m.Kind() != protocol.Kind(kind) {
			t.Errorf("kind %d: %x became %x, size %d", kind, body, again, m.Size())
		}
	})
}
