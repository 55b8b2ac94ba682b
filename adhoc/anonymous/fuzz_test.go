package anonymous

import (
	"bytes"
	"testing"

	"spinglass/adhoc/maodv"
	"spinglass/protocol"
	"spinglass/wire"
)

func sampleRequest() *Request {
	return &Request{TTL: 35, Hops: 2, Group: 9, Initiator: 3, Sequence: 7, All: true, Entries: []Entry{{Source{4, 1}, 100, []uint64{1, 50, 99}}, {Source{4, 2}, 1, nil}, {Source{5, 1}, 1 << 40, []uint64{1<<40 - 1}}}}
}

// FuzzRequest: whatever is decoded is encoded the same again, and nothing panics.
func FuzzRequest(f *testing.F) {
	f.Add(sampleRequest().Append(nil))
	f.Add((&Request{TTL: 1, Group: 9, Initiator: 3}).Append(nil))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := Decoder{Under: new(maodv.Decoder)}
		m, err := d.Decode(wire.KindGossipRequest, body)
		if err != nil {
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, body) || m.Size() != len(body) || !m.Lent() {
			t.Errorf("%x became %x, size %d", body, again, m.Size())
		}
		next := m.(*Request).onward()
		if next.Lent() || len(next.Entries) != len(m.(*Request).Entries) {
			t.Error("a copy is lent, or has lost entries")
		}
		for i := range body {
			body[i] = 0xff
		}
		next.Append(nil)
	})
}

// FuzzPayload: the same for what the routing carries.
func FuzzPayload(f *testing.F) {
	m := Message{Source: Source{4, 1}, Number: 3, Payload: []byte("payload"), Signature: bytes.Repeat([]byte{1}, signatureSize)}
	f.Add(appendMulticast(nil, &m))
	f.Add((&reply{group: 9, messages: []Message{m, {Source: Source{5, 0}, Number: 1}}}).append(nil))
	f.Add(appendRequest(nil, sampleRequest()))
	f.Fuzz(func(t *testing.T, body []byte) {
		if m, err := decodeMulticast(body); err == nil {
			if again := appendMulticast(nil, &m); !bytes.Equal(again, body) || m.size() != len(body)-1 {
				t.Errorf("%x became %x", body, again)
			}
		}
		if p, err := decodeReply(body); err == nil {
			if again := p.append(nil); !bytes.Equal(again, body) {
				t.Errorf("%x became %x", body, again)
			}
		}
		if q, err := decodeRequest(body); err == nil {
			if again := appendRequest(nil, q); !bytes.Equal(again, body) {
				t.Errorf("%x became %x", body, again)
			}
		}
	})
}

// FuzzMachine: a node takes whatever comes from the air, and whatever the routing brings.
func FuzzMachine(f *testing.F) {
	f.Add(byte(wire.KindGossipRequest), sampleRequest().Append(nil))
	f.Add(byte(wire.KindTreePacket), (&maodv.Packet{TTL: 3, Group: theGroup, Origin: 5, Number: 1, Payload: appendMulticast(nil, &Message{Source: Source{5, 1}, Number: 9})}).Append(nil))
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		m := newMachine(1, 1, nil)
		var out protocol.Output
		m.Start(0, &out)
		if err := m.Join(0, theGroup, &out); err != nil {
			t.Fatal(err)
		}
		d := Decoder{Under: new(maodv.Decoder)}
		for i := range 3 {
			message, err := d.Decode(protocol.Kind(kind), bytes.Clone(body))
			if err != nil {
				return
			}
			m.Receive(protocol.Time(i), 5, message, &out)
			m.Timeout(m.Deadline(), &out)
		}
		var s Source
		s.Node = 7
		m.hearUnicast(1, unicast(body), &out)
		m.hearMulticast(1, multicast(body), &out)
	})
}
