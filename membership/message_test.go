package membership

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

var ownEvidence = Evidence{Version: table.Version{Epoch: 3, Sequence: 2, Heartbeat: 500}, Proof: bytes.Repeat([]byte{7}, table.LinkSize)}

func claim(owner protocol.NodeID, heartbeat uint64) table.Claim {
	return table.Claim{Owner: owner, Version: table.Version{Epoch: 1, Sequence: 1, Heartbeat: heartbeat}}
}

// messages are one of each kind, with all fields in use, and an empty one.
func messages() []protocol.Message {
	row := &table.Row{
		Owner: 9, Epoch: 4, Sequence: 8, Name: "/eu/fra/web-1", Addresses: []protocol.Address{"10.0.0.1:7400", "[::1]:7400"},
		Attributes: []protocol.Attribute{{Name: "load", Value: []byte{3, 1}}, {Name: "topics", Value: []byte{}}},
	}
	beacon, err := identity.NewBeacon(soloKey(1), nil, noon)
	if err != nil {
		panic(err)
	}
	return []protocol.Message{
		&Digest{Stamp: 1 << 40, Evidence: ownEvidence, Held: table.Digest{First: 5, Last: 1 << 60, Claims: []table.Claim{claim(2, 1), claim(77, 300)}}},
		&Digest{Evidence: Evidence{Version: table.Version{Epoch: 1, Sequence: 1}}},
		&Digest{
			Stamp: 5, Evidence: ownEvidence, Held: table.Digest{Last: 9, Claims: []table.Claim{claim(2, 1), claim(7, 3)}},
			Notices: 1 << 31, Checks: []byte{7, 255}, Salt: 31,
		},
		&Summary{Answer: true, Claims: []NoticeClaim{{ID: 5, Number: 300, Digest: 1 << 30}, {ID: 1 << 60}}},
		&Summary{},
		&NoticePart{Sum: [32]byte{1, 2}, Total: 3000, Offset: 2 * partSize, Data: bytes.Repeat([]byte{5}, partSize)},
		&NoticePart{Total: 3, Data: []byte{1, 2, 3}},
		&Delta{
			Answer: true, More: true, Rumour: true, Echo: 99, Evidence: ownEvidence,
			Rows:     []RowUpdate{{Row: row, Heartbeat: 12, Proof: []byte{1}}},
			Beats:    []Beat{{Claim: claim(5, 6)}, {Claim: claim(3, 1<<30), Proof: []byte{1, 2}}},
			WantRows: []protocol.NodeID{1, 2}, WantBeats: []protocol.NodeID{1 << 63},
		},
		&Delta{Evidence: Evidence{Version: table.Version{Epoch: 1, Sequence: 1}}},
		&Probe{Stamp: 12345, Evidence: ownEvidence},
		&ProbeReply{Echo: 12345, Evidence: ownEvidence},
		&Beacon{Signed: beacon},
		&CredentialRequest{Member: 1 << 63},
		&Certificates{Member: 9, Epoch: 300, Chain: bytes.Repeat([]byte{7}, 300)},
	}
}

var sameMessage = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Digest{}, Delta{}, Probe{}, ProbeReply{}, Summary{}, NoticePart{}, Beacon{}, CredentialRequest{}, Certificates{}),
}

func TestMessagesRoundTrip(t *testing.T) {
	var d Decoder
	for _, m := range messages() {
		body := m.Append(nil)
		if len(body) != m.Size() {
			t.Errorf("%T: size %d, encoded %d", m, m.Size(), len(body))
		}
		got, err := d.Decode(m.Kind(), body)
		if err != nil {
			t.Errorf("%T: %v", m, err)
			continue
		}
		if !got.Lent() || m.Lent() {
			t.Errorf("%T: decoded lent %v, made lent %v", m, got.Lent(), m.Lent())
		}
		if diff := cmp.Diff(m, got, sameMessage); diff != "" {
			t.Errorf("%T: %s", m, diff)
		}
	}
}

// Every truncation is refused; every flip of a bit is refused or is another message.
func TestMessagesRefuseDamage(t *testing.T) {
	var d Decoder
	for _, m := range messages() {
		body := m.Append(nil)
		for n := range body {
			if _, err := d.Decode(m.Kind(), body[:n]); err == nil {
				t.Errorf("%T cut to %d of %d bytes is accepted", m, n, len(body))
			}
		}
		for bit := range 8 * len(body) {
			flipped := bytes.Clone(body)
			flipped[bit/8] ^= 1 << (bit % 8)
			if got, err := d.Decode(m.Kind(), flipped); err == nil && !bytes.Equal(got.Append(nil), flipped) {
				t.Errorf("%T with bit %d flipped has two encodings", m, bit)
			}
		}
		if _, err := d.Decode(m.Kind(), append(body, 0)); !errors.Is(err, wire.ErrTrailing) {
			t.Errorf("%T with a byte too many: %v", m, err)
		}
	}
	if _, err := d.Decode(wire.KindData, nil); !errors.Is(err, wire.ErrKind) {
		t.Errorf("foreign kind: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range messages() {
		f.Add(byte(m.Kind()), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		var d Decoder
		m, err := d.Decode(protocol.Kind(kind), body)
		if err != nil {
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, body) || m.Size() != len(body) {
			t.Fatalf("%x decodes and encodes as %x, size %d", body, again, m.Size())
		}
		newSolo(t, nil).fuzz(m)
		machine := lone(t)
		var out protocol.Output
		machine.Receive(1, 42, m, &out)
		for i := 1; i < machine.table.Len(); i++ {
			if machine.table.At(i-1).Owner() >= machine.table.At(i).Owner() {
				t.Fatal("rows out of order")
			}
		}
	})
}

// In a steady fleet, which sends no rows, decoding allocates nothing.
func TestDecodeAllocatesNothing(t *testing.T) {
	var d Decoder
	digest := messages()[0]
	delta := messages()[7].(*Delta)
	delta.Rows = nil
	bodies := [][]byte{digest.Append(nil), delta.Append(nil)}
	allocations := testing.AllocsPerRun(100, func() {
		for i, kind := range []protocol.Kind{wire.KindTableDigest, wire.KindTableDelta} {
			if _, err := d.Decode(kind, bodies[i]); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
