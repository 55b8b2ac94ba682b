package srm

import (
	"bytes"
	"testing"

	"spinglass/protocol"
)

// Whatever decodes has one encoding, and harms no member.
func FuzzDecode(f *testing.F) {
	for _, m := range []*Message{
		data(1), request(2), repair(3),
		{kind: KindSession, Clock: 5, Extents: []Extent{{2, 1}, {1, 7}, {9, 1 << 40}}, Echoes: []Echo{{1, 2, 3}}},
	} {
		f.Add(uint8(m.kind), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		m, err := new(Decoder).Decode(protocol.Kind(kind), body)
		if err != nil {
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, body) || m.Size() != len(body) {
			t.Fatalf("%x decodes and encodes to %x, of %d bytes", body, again, m.Size())
		}
		machine := member1(t, 4, 2, func(c *Config) { c.Scope, c.Adaptive = 1, kind%2 == 0 })
		var out protocol.Output
		machine.Publish(0, []byte("own"), &out)
		for from := range protocol.NodeID(6) {
			machine.Receive(protocol.Time(from), from, m, &out)
		}
		for range 50 {
			machine.Timeout(machine.Deadline(), &out)
			out.Reset()
		}
	})
}
