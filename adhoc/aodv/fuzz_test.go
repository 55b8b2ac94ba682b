package aodv

import (
	"bytes"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// FuzzDecoder: whatever is decoded is encoded the same again, and nothing panics.
func FuzzDecoder(f *testing.F) {
	for _, m := range []protocol.Message{
		&Request{TTL: 35, Hops: 2, ID: 7, Destination: 9, DestinationSequence: 1 << 31, Origin: 3, OriginSequence: 4, DestinationOnly: true},
		&Request{TTL: 1, ID: 7, Destination: 9, Unknown: true, Origin: 3},
		&Reply{Hops: 3, Destination: 9, DestinationSequence: 5, Origin: 3, Lifetime: 6 * time.Second},
		&Error{Unreachable: []Unreachable{{9, 4}, {8, 1<<32 - 1}}},
		&Hello{Sequence: 300},
		&Packet{TTL: 35, Hops: 1, Origin: 3, Destination: 9, Payload: []byte("payload")},
	} {
		f.Add(byte(m.Kind()), m.Append(nil))
	}
	f.Add(byte(wire.KindRouteError), []byte{0xff, 0xff, 0x03})
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
