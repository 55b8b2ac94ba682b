package vsync

import (
	"bytes"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// samples are messages of each kind.
func samples() []protocol.Message {
	var some ranks
	some.add(1)
	some.add(70)
	h := header{Group: 7, View: ViewID{3, 4}}
	view := &View{ID: ViewID{3, 5}, Members: []Member{
		{ID: 1, Incarnation: 9, Weight: 1, Since: 2, Addresses: []protocol.Address{"a:1", "b:2"}, Key: bytes.Repeat([]byte{5}, keySize)}, {ID: 2, Incarnation: 300, Weight: 0, Since: 5},
	}}
	d := &Decision{Next: view, Cut: []uint64{1, 2, 1 << 40}}
	return []protocol.Message{
		seal(&Check{Answer: true, Entries: []CheckEntry{{header: h, Incarnation: 5, Primary: true}, {header: header{Group: 9}}}}),
		seal(&Stability{header: h, Round: 3, Failed: some, Represented: some, Slowest: 2, Least: 77, Stable: []uint64{1, 2, 3}, Min: []uint64{1, 300, 3}, Max: []uint64{2, 400, 3}}),
		seal(&Flush{header: h, Ballot: Ballot{4, 2}, Failed: some}),
		seal(&FlushAnswer{header: h, Ballot: Ballot{4, 2}, Have: []uint64{1, 2, 3}}),
		seal(&FlushAnswer{header: h, Ballot: Ballot{4, 2}, Have: []uint64{1, 2, 3}, Accepted: Ballot{3, 1}, Decision: d}),
		seal(&Proposal{header: h, Ballot: Ballot{4, 2}, Failed: some, Decision: d, Holders: []uint64{0, 1, 2}}),
		seal(&Agreed{header: h, Ballot: Ballot{4, 2}}),
		seal(&Decided{header: h, Decision: d, Order: OrderTotal, State: true}),
		seal(&Failed{header: h, Failed: some, Promised: 8}),
		seal(&Leave{header: h, Incarnation: 300}),
		seal(&Pull{header: h, Rank: 2, Seq: 5, Last: 9, Offset: 100}),
		seal(&Pieces{header: h, Rank: 2, Seq: 5, Last: true, Bodies: [][]byte{{1, 2}, {3}}}),
		seal(&Pieces{header: h, Rank: 2, Seq: 5, Offset: 1000, Whole: 5000, Bodies: [][]byte{{1, 2}}}),
		seal(&Seal{header: h, Term: 3}),
		seal(&Sealed{header: h, Term: 3, Current: 1, Limit: 99}),
		seal(&Recover{header: h, Ballot: Ballot{4, 2}, Refused: true}),
		seal(&Part{Number: 5, Inner: wire.KindGroupView, Index: 1, Count: 3, Bytes: []byte("xyz")}),
	}
}

// What is decoded is encoded to the same bytes.
func TestMessagesAreEncodedInOneWay(t *testing.T) {
	seen := map[protocol.Kind]bool{}
	for _, m := range samples() {
		seen[m.Kind()] = true
		got, err := new(Decoder).Decode(m.Kind(), m.Append(nil))
		if err != nil {
			t.Errorf("kind %d: %v", m.Kind(), err)
			continue
		}
		if again := got.(message).append(nil); !bytes.Equal(again, m.Append(nil)) || !got.Lent() || got.Size() != len(again) {
			t.Errorf("kind %d: %x became %x", m.Kind(), m.Append(nil), again)
		}
		if _, err := new(Decoder).Decode(m.Kind(), append(m.Append(nil), 0)); err == nil && m.Kind() != wire.KindGroupPart {
			t.Errorf("kind %d is taken with a byte more", m.Kind())
		}
	}
	for _, kind := range Kinds() {
		if !seen[kind] {
			t.Errorf("no sample of kind %d", kind)
		}
	}
	if _, err := new(Decoder).Decode(wire.KindGroupLast+1, nil); err == nil {
		t.Error("an unknown kind was decoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		f.Add(byte(m.Kind()), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		m, err := new(Decoder).Decode(protocol.Kind(kind), body)
		if err != nil {
			return
		}
		if again := m.(message).append(nil); !bytes.Equal(again, body) {
			t.Errorf("kind %d: %x became %x", kind, body, again)
		}
	})
}

func FuzzPayload(f *testing.F) {
	f.Add(appendNumbered(nil, ViewID{3, 4}, 7, []byte{bodyCast, 1}))
	s := seek{member: Member{ID: 1, Incarnation: 5}, order: OrderCausal, state: true}
	f.Add(s.append(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 {
			return
		}
		if n, ok := readNumbered(payload[1:]); ok && payload[0] == payloadNumbered && !bytes.Equal(appendNumbered(nil, n.view, n.seq, n.body), payload) {
			t.Errorf("%x is not the encoding of %v", payload, n)
		}
		if s, ok := readSeek(payload[1:]); ok && payload[0] == payloadSeek && !bytes.Equal(s.append(nil), payload) {
			t.Errorf("%x is not the encoding of %v", payload, s)
		}
	})
}

func FuzzBody(f *testing.F) {
	o := order{term: 3, runs: []place{{1, 2}, {3, 4}}}
	f.Add(o.append(nil))
	b := beginning{term: 5, prev: 3, cutoff: 7}
	f.Add(b.append(nil))
	f.Add(append(appendDepends([]byte{bodyCast}, []uint64{5, 6, 7}, []uint64{1, 6, 2}, 1), "hello"...))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 {
			return
		}
		if o, ok := readOrderBody(body); ok && body[0] == bodyOrder && !bytes.Equal(o.append(nil), body) {
			t.Errorf("%x is not the encoding of %v", body, o)
		}
		if b, ok := readBeginning(body); ok && body[0] == bodyTerm && !bytes.Equal(b.append(nil), body) {
			t.Errorf("%x is not the encoding of %v", body, b)
		}
		before := []uint64{1, 6, 2}
		if depends, _, _ := readCast(body, true, before); len(depends) != 3 || depends[0] < 1 {
			t.Errorf("%x depends on %v after %v", body, depends, before)
		}
	})
}
