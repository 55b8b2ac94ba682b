package bimodal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

func samplePacket() *Packet {
	return &Packet{
		Stream: StreamID{Author: 0x0102030405060708, Epoch: 3, Topic: TopicOf("orders")}, Seq: 4711, Age: 61_000, Messages: 90_000, Count: 1,
		Body: wire.AppendRecord(nil, wire.Record{Data: bytes.Repeat([]byte{1}, 1100)}),
	}
}

// sampleDigest is the digest that the project measures by: 32 streams of 2 ranges each.
func sampleDigest() *Digest {
	d := &Digest{Round: 100_000, Topics: []TopicID{TopicOf("orders"), TopicOf("prices")}}
	for i := range uint64(32) {
		high := 100_000 + 37*i
		d.Entries = append(d.Entries, DigestEntry{
			Author: protocol.NodeID(i+1) << 40, Epoch: 1 + i%3, Topic: int(i % 2), Age: 600_000 + i,
			High: high, Messages: 2 * high, Manifest: high - 3*i, Floor: high - 90, Ranges: []Range{{high - 20, high}, {high - 90, high - 23}},
		})
	}
	return d
}

func sampleRequest() *Request {
	return &Request{Round: 77, Entries: []RequestEntry{
		{Stream: samplePacket().Stream, Ranges: []Range{{100, 120}, {90, 98}, {1, 1}}},
		{Stream: StreamID{Author: 9, Topic: 1}, Ranges: []Range{{1, 1}}},
	}}
}

func sampleOrder() *Order {
	o := &Order{Owner: 1 << 60, Topic: TopicOf("orders"), Number: 1 << 30, Arity: 8, Fast: 700, Zones: 20, Total: 1000, First: 143}
	for i := range protocol.NodeID(143) {
		o.IDs = append(o.IDs, (i+1)<<50)
	}
	return o
}

// coveringPacket is one with a manifest.
func coveringPacket(hashes int) *Packet {
	p := samplePacket()
	p.Manifest = &Manifest{Hashes: bytes.Repeat([]byte{7}, hashes*sha256.Size)}
	p.Manifest.Signature[5] = 1
	return p
}

func samples() []protocol.Message {
	alone := coveringPacket(manifestMax)
	alone.Count, alone.Body = 0, nil
	return []protocol.Message{
		coveringPacket(0), coveringPacket(3), alone, alone.again(), alone.toGroup(), &Relay{Number: 1, Owner: 77, Packet: coveringPacket(2)},
		samplePacket(), samplePacket().again(), sampleDigest(), &Digest{Round: 1, Answer: true}, reportingDigest(), sampleRequest(), &Request{},
		&Poll{Entries: []PollEntry{
			{Stream: StreamID{Author: 1, Epoch: 1 << 63, Topic: 2}}, {Stream: samplePacket().Stream, Ranges: []Range{{100, 120}, {1, 98}}},
		}}, &Poll{},
		&MulticastProbe{Topic: 7, Round: 1 << 31, Bits: probeBitsMax}, &MulticastHeard{Topic: TopicOf("orders"), Round: 300},
		&MulticastHeard{Lost: true},
		&Relay{Number: 1 << 33, Owner: samplePacket().Stream.Author, Packet: samplePacket()}, &Relay{Number: 1, Owner: 77, Packet: samplePacket()},
		&Relay{Depth: depthMax, Packet: samplePacket()}, sampleOrder(), &TopicName{Topic: TopicOf("orders"), Name: "orders"}, &TopicName{Topic: 5}, &Receipt{},
		&OrderRequest{Owner: 1, Topic: 2, Number: orderNumberMax},
	}
}

func TestRoundTrip(t *testing.T) {
	var d Decoder
	for _, m := range samples() {
		body := m.Append(nil)
		if len(body) != m.Size() {
			t.Errorf("%T: Size is %d, encoded are %d bytes", m, m.Size(), len(body))
		}
		got, err := d.Decode(m.Kind(), body)
		if err != nil {
			t.Errorf("%T: %v", m, err)
			continue
		}
		if got.Kind() != m.Kind() || !got.Lent() || m.Lent() {
			t.Errorf("%T: decoded as kind %d, lent %v", m, got.Kind(), got.Lent())
		}
		if again := got.Append(nil); !bytes.Equal(again, body) {
			t.Errorf("%T: encoded again\n%x\nwas\n%x", m, again, body)
		}
	}
}

// Every proper prefix is refused, and so is a byte too many, except where the last field is the rest of the body.
func TestCutShort(t *testing.T) {
	var d Decoder
	for _, m := range samples() {
		body := m.Append(nil)
		for n := range body {
			if _, err := d.Decode(m.Kind(), body[:n]); err == nil {
				t.Errorf("%T: the first %d of %d bytes are accepted", m, n, len(body))
			}
		}
		if _, err := d.Decode(m.Kind(), append(body, 0xff)); err == nil {
			t.Errorf("%T: a byte too many is accepted", m)
		}
	}
}

// ragged is a poll for every other packet, so many in all.
func ragged(count int) *Poll {
	e := PollEntry{Stream: samplePacket().Stream}
	for i := range uint64(count) {
		e.Ranges = append(e.Ranges, Range{1000 - 2*i, 1000 - 2*i})
	}
	return &Poll{Entries: []PollEntry{e}}
}

func TestRefused(t *testing.T) {
	packet := func(change func(*Packet)) protocol.Message { p := samplePacket(); change(p); return p }
	digest := func(change func(*Digest)) protocol.Message { d := sampleDigest(); change(d); return d }
	request := func(change func(*Request)) protocol.Message { q := sampleRequest(); change(q); return q }
	order := func(change func(*Order)) protocol.Message { o := sampleOrder(); change(o); return o }
	for name, test := range map[string]struct {
		message protocol.Message
		want    error
	}{
		"author of zero":           {packet(func(p *Packet) { p.Stream.Author = 0 }), wire.ErrRange},
		"packet of number zero":    {packet(func(p *Packet) { p.Seq = 0 }), wire.ErrRange},
		"number beyond the limit":  {packet(func(p *Packet) { p.Seq = SeqMax + 1 }), wire.ErrRange},
		"age beyond the limit":     {packet(func(p *Packet) { p.Age = AgeMax + 1 }), wire.ErrRange},
		"count that is not there":  {packet(func(p *Packet) { p.Count = 2 }), wire.ErrRecord},
		"body without records":     {packet(func(p *Packet) { p.Body = nil }), wire.ErrRecord},
		"topic out of the table":   {digest(func(d *Digest) { d.Entries[3].Topic = 2 }), wire.ErrRange},
		"stream without packets":   {digest(func(d *Digest) { d.Entries[0] = DigestEntry{Author: 1, Floor: 1} }), wire.ErrRange},
		"range below the floor":    {digest(func(d *Digest) { d.Entries[0].Floor = d.Entries[0].High - 5 }), wire.ErrRange},
		"floor of zero":            {digest(func(d *Digest) { d.Entries[0].Floor = 0 }), wire.ErrRange},
		"entry of author zero":     {digest(func(d *Digest) { d.Entries[0].Author = 0 }), wire.ErrRange},
		"more than may be asked":   {request(func(q *Request) { q.Entries[0].Ranges[0] = Range{100, 2000} }), wire.ErrOversized},
		"order of number zero":     {order(func(o *Order) { o.Number = 0 }), wire.ErrRange},
		"order of nobody":          {order(func(o *Order) { o.Owner = 0 }), wire.ErrRange},
		"order with nobody in it":  {order(func(o *Order) { o.IDs[7] = 0 }), wire.ErrRange},
		"order without arity":      {order(func(o *Order) { o.Arity = 0 }), wire.ErrRange},
		"order beyond its end":     {order(func(o *Order) { o.First = o.Total - 1 }), wire.ErrRange},
		"order of a few ids":       {order(func(o *Order) { o.IDs = o.IDs[:orderPartMin-1] }), wire.ErrRange},
		"more fast than there are": {order(func(o *Order) { o.Fast = o.Total - o.Zones + 1 }), wire.ErrRange},
		"order of too many":        {order(func(o *Order) { o.Total = OrderMembersMax + 1 }), wire.ErrRange},
		"entry above all zones":    {&Relay{Packet: samplePacket()}, wire.ErrRange},
		"entry too deep":           {&Relay{Depth: depthMax + 1, Packet: samplePacket()}, wire.ErrRange},
		"request of number zero":   {&OrderRequest{Owner: 1}, wire.ErrRange},
		"sample beyond the limit":  {&MulticastProbe{Topic: 1, Bits: probeBitsMax + 1}, wire.ErrRange},
		"poll of too many streams": {&Poll{Entries: make([]PollEntry, PollStreamsMax+1)}, wire.ErrRange},
		"poll for too many ranges": {ragged(PollRangesMax + 1), wire.ErrRange},
	} {
		var d Decoder
		if _, err := d.Decode(test.message.Kind(), test.message.Append(nil)); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
	var d Decoder
	without := append(samplePacket().Stream.append([]byte{1}), 7, 0)
	if _, err := d.Decode(wire.KindPoll, without); !errors.Is(err, wire.ErrRange) {
		t.Errorf("a poll for what is below 7, and nothing: %v", err)
	}
	if _, err := d.Decode(wire.KindDigest, []byte{1 << 4, 0, 0, 0}); !errors.Is(err, wire.ErrVersion) {
		t.Errorf("unknown parts of a digest: %v", err)
	}
	if _, err := d.Decode(wire.KindRequest, []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0, 0}); err == nil {
		t.Error("a request without ranges is accepted")
	}
	if _, err := d.Decode(wire.KindProbe, nil); !errors.Is(err, ErrKind) {
		t.Errorf("foreign kind: %v", err)
	}
}

// fuzzKind feeds arbitrary bodies to the decoder. What is accepted must encode to the same bytes: there is one encoding of each
// value.
func fuzzKind(f *testing.F, kind protocol.Kind) {
	for _, m := range samples() {
		if m.Kind() == kind {
			f.Add(m.Append(nil))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		m, err := d.Decode(kind, body)
		if err != nil {
			return
		}
		if got := m.Append(nil); !bytes.Equal(got, body) || m.Size() != len(body) {
			t.Fatalf("decoded from\n%x\nencoded as\n%x, size %d", body, got, m.Size())
		}
		if m, ok := m.(*Digest); ok {
			checkRanges(t, m)
		}
	})
}

func checkRanges(t *testing.T, d *Digest) {
	for _, e := range d.Entries {
		above := e.High + 2
		for _, r := range e.Ranges {
			if r.First > r.Last || r.First < e.Floor || r.Last+2 > above {
				t.Fatalf("ranges of %+v", e)
			}
			above = r.First
		}
	}
}

func FuzzDecodePacket(f *testing.F)  { fuzzKind(f, wire.KindData) }
func FuzzDecodeRepair(f *testing.F)  { fuzzKind(f, wire.KindRepair) }
func FuzzDecodeDigest(f *testing.F)  { fuzzKind(f, wire.KindDigest) }
func FuzzDecodeRequest(f *testing.F) { fuzzKind(f, wire.KindRequest) }
func FuzzDecodePoll(f *testing.F)    { fuzzKind(f, wire.KindPoll) }
func FuzzDecodeRelay(f *testing.F)   { fuzzKind(f, wire.KindRelay) }
func FuzzDecodeOrder(f *testing.F)   { fuzzKind(f, wire.KindOrder) }
func FuzzDecodeProbe(f *testing.F)   { fuzzKind(f, wire.KindMulticastProbe) }
func FuzzDecodeHeard(f *testing.F)   { fuzzKind(f, wire.KindMulticastHeard) }

func FuzzDecodeTopicName(f *testing.F)    { fuzzKind(f, wire.KindTopicName) }
func FuzzDecodeReceipt(f *testing.F)      { fuzzKind(f, wire.KindReceipt) }
func FuzzDecodeOrderRequest(f *testing.F) { fuzzKind(f, wire.KindOrderRequest) }

func FuzzParseInterest(f *testing.F) {
	f.Add(AppendInterest(nil, []TopicID{1, 2, 1 << 63}))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, value []byte) {
		topics := ParseInterest(value)
		for i := 1; i < len(topics); i++ {
			if topics[i-1] >= topics[i] {
				t.Fatalf("topics %v are not ascending", topics)
			}
		}
		if again := ParseInterest(AppendInterest(nil, topics)); len(again) != len(topics) {
			t.Fatalf("%d topics became %d", len(topics), len(again))
		}
	})
}

func TestTopicOf(t *testing.T) {
	// The first eight bytes of the output of: printf orders | sha256sum
	if got := TopicOf("orders"); got != 0x1c168adb00d208e4 {
		t.Errorf("topic orders is %x", uint64(got))
	}
}
