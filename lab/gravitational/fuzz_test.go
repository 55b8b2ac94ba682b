package gravitational

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"spinglass/protocol"
)

// Whatever decodes has one encoding, and harms no member.
func FuzzDecode(f *testing.F) {
	f.Add(uint8(KindGossip), gossip(Item{Source: 2, Number: 1, Age: 1, Payload: []byte("x")}, Item{Source: 1 << 60, Number: 1 << 40, Age: LifeMax}).Append(nil))
	f.Add(uint8(KindGossip), []byte(nil))
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		m, err := new(Decoder).Decode(protocol.Kind(kind), body)
		if err != nil {
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, body) || m.Size() != len(body) {
			t.Fatalf("%x decodes and encodes to %x, of %d bytes", body, again, m.Size())
		}
		c := DefaultConfig()
		c.Self, c.Rand, c.Rating = 1, rand.New(rand.NewPCG(1, 2)), 0.9
		machine, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		machine.Notify(0, protocol.PeerUp{Peer: peer(2, 0.5)}, nil)
		var out protocol.Output
		machine.Publish(0, []byte("own"))
		for from := range protocol.NodeID(4) {
			machine.Receive(protocol.Time(from), from, m, &out)
		}
		for machine.Deadline() != protocol.Never {
			machine.Timeout(machine.Deadline(), &out)
			out.Reset()
		}
	})
}
