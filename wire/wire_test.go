package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"spinglass/protocol"
	"spinglass/wire"
)

// text is a message of a driver's test.
type text string

func (m text) Kind() protocol.Kind    { return wire.KindTest }
func (m text) Size() int              { return len(m) }
func (m text) Append(b []byte) []byte { return append(b, m...) }
func (m text) Lent() bool             { return false }

func TestUvarintRoundTrip(t *testing.T) {
	for _, v := range []uint64{0, 1, 127, 128, 16383, 16384, math.MaxUint32, math.MaxUint64} {
		b := wire.AppendUvarint(nil, v)
		if len(b) != wire.UvarintSize(v) {
			t.Errorf("UvarintSize(%d) = %d, the encoding has %d bytes", v, wire.UvarintSize(v), len(b))
		}
		r := wire.NewReader(b)
		if got := r.Uvarint(); got != v || r.Done() != nil {
			t.Errorf("%d came back as %d, %v", v, got, r.Err())
		}
	}
}

func TestReaderAcceptsOneEncoding(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":       {},
		"cut":         {0x80},
		"longer":      {0x80, 0x00},
		"longer one":  {0x81, 0x80, 0x00},
		"over 64 bit": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02},
		"11 bytes":    {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
	} {
		r := wire.NewReader(b)
		if v := r.Uvarint(); r.Err() == nil || v != 0 {
			t.Errorf("%s: accepted as %d", name, v)
		}
	}
}

func TestReaderKeepsFirstError(t *testing.T) {
	r := wire.NewReader([]byte{5, 1, 2})
	r.UvarintMax(4)
	r.Fixed64()
	r.Byte()
	if !errors.Is(r.Done(), wire.ErrRange) {
		t.Fatalf("Done = %v, want the first error, ErrRange", r.Done())
	}
}

func TestReaderRanges(t *testing.T) {
	for _, c := range []struct {
		name string
		read func(r *wire.Reader) any
		in   []byte
		want any
		err  error
	}{
		{"the greatest of 32 bits", func(r *wire.Reader) any { return r.Uint32() }, wire.AppendUvarint(nil, 1<<32-1), uint32(1<<32 - 1), nil},
		{"one beyond", func(r *wire.Reader) any { return r.Uint32() }, wire.AppendUvarint(nil, 1<<32), uint32(0), wire.ErrRange},
		{"false", func(r *wire.Reader) any { return r.Bool() }, []byte{0}, false, nil},
		{"true", func(r *wire.Reader) any { return r.Bool() }, []byte{1}, true, nil},
		{"neither", func(r *wire.Reader) any { return r.Bool() }, []byte{2}, false, wire.ErrRange},
		{"nothing", func(r *wire.Reader) any { return r.Bool() }, nil, false, wire.ErrShort},
		{"an identifier", func(r *wire.Reader) any { return r.Nonzero64() }, wire.AppendFixed64(nil, 5), uint64(5), nil},
		{"none", func(r *wire.Reader) any { return r.Nonzero64() }, wire.AppendFixed64(nil, 0), uint64(0), wire.ErrRange},
		{"half of one", func(r *wire.Reader) any { return r.Nonzero64() }, []byte{1, 2, 3}, uint64(0), wire.ErrShort},
	} {
		r := wire.NewReader(c.in)
		if got := c.read(&r); got != c.want || r.Done() != c.err {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, r.Done(), c.want, c.err)
		}
	}
}

func TestReaderCountIsBoundedByInput(t *testing.T) {
	b := wire.AppendUvarint(nil, 1000)
	r := wire.NewReader(append(b, make([]byte, 99)...))
	if n := r.Count(1<<20, 1); n != 0 || !errors.Is(r.Err(), wire.ErrShort) {
		t.Fatalf("Count = %d, %v: a declared length beyond the input was believed", n, r.Err())
	}
}

func TestDatagramRoundTrip(t *testing.T) {
	b := wire.BeginDatagram(nil, 42)
	for _, m := range []text{"one", "", "three"} {
		before := len(b)
		b = wire.AppendFrame(b, m)
		if len(b)-before != wire.FrameSize(len(m)) {
			t.Errorf("FrameSize(%d) = %d, the frame has %d bytes", len(m), wire.FrameSize(len(m)), len(b)-before)
		}
	}
	b = append(b, 0, 0, 0) // padding
	wire.FinishDatagram(b)
	sender, frames, err := wire.OpenDatagram(b)
	if err != nil || sender != 42 {
		t.Fatalf("OpenDatagram = %v, %v", sender, err)
	}
	var got []string
	for frames != nil {
		kind, body, rest, err := wire.NextFrame(frames)
		if err != nil {
			t.Fatal(err)
		}
		if kind != wire.KindPadding {
			got = append(got, string(body))
		}
		frames = rest
	}
	if len(got) != 3 || got[0] != "one" || got[1] != "" || got[2] != "three" {
		t.Fatalf("frames came back as %q", got)
	}
}

// security.md, checks: "every single-bit flip and truncation of every message type (all rejected, no panic)".
func TestDatagramRejectsEveryFlipAndTruncation(t *testing.T) {
	b := wire.AppendFrame(wire.BeginDatagram(nil, 7), text("some payload of a message"))
	wire.FinishDatagram(b)
	for i := range len(b) * 8 {
		damaged := bytes.Clone(b)
		damaged[i/8] ^= 1 << (i % 8)
		if _, _, err := wire.OpenDatagram(damaged); err == nil {
			t.Errorf("bit %d flipped: accepted", i)
		}
	}
	for n := range b {
		if _, _, err := wire.OpenDatagram(b[:n]); err == nil {
			t.Errorf("cut to %d bytes: accepted", n)
		}
	}
}

func TestOpenDatagramAllocatesNothing(t *testing.T) {
	b := wire.AppendFrame(wire.BeginDatagram(nil, 7), text("payload"))
	wire.FinishDatagram(b)
	if n := testing.AllocsPerRun(100, func() {
		_, frames, _ := wire.OpenDatagram(b)
		_, _, _, _ = wire.NextFrame(frames)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// pack puts messages into bodies as a publisher does.
func pack(p wire.Packer, messages [][]byte) (bodies [][]byte) {
	var body []byte
	seal := func() {
		if len(body) > 0 {
			bodies = append(bodies, body)
			body = nil
		}
	}
	for _, m := range messages {
		if !p.Cuts(len(m)) {
			if !p.Fits(len(body), len(m)) {
				seal()
			}
			body = wire.AppendRecord(body, wire.Record{Kind: wire.RecordWhole, Data: m})
			continue
		}
		for done := 0; done < len(m); {
			room := p.Room(len(body), len(m), done)
			if room == 0 {
				seal()
				continue
			}
			body = wire.AppendPiece(body, m, done, room)
			done += room
		}
	}
	seal()
	return bodies
}

func TestPackAndCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := wire.NewPacker(rapid.IntRange(256, 1400).Draw(t, "limit"))
		var messages [][]byte
		for range rapid.IntRange(1, 30).Draw(t, "messages") {
			n := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 6000)).Draw(t, "size")
			m := bytes.Repeat([]byte{byte(len(messages))}, n)
			messages = append(messages, m)
		}
		var got [][]byte
		var open []byte
		total := 0
		for _, body := range pack(p, messages) {
			if len(body) > p.Limit() {
				t.Fatalf("body of %d bytes, limit %d", len(body), p.Limit())
			}
			completed, continues, whole, err := wire.CheckBody(body, wire.MessageMax)
			if err != nil || continues != (open != nil) {
				t.Fatalf("CheckBody: continues %v, %v; a message is open: %v", continues, err, open != nil)
			}
			pieces := false
			for len(body) > 0 {
				var r wire.Record
				r, body, err = wire.NextRecord(body, wire.MessageMax)
				if err != nil {
					t.Fatal(err)
				}
				pieces = pieces || r.Kind != wire.RecordWhole
				if r.Kind == wire.RecordFirst {
					open, total = []byte{}, r.Total
				}
				if r.Kind == wire.RecordWhole {
					got = append(got, r.Data)
				} else {
					open = append(open, r.Data...)
				}
				if r.Kind == wire.RecordLast {
					if len(open) != total {
						t.Fatalf("pieces add up to %d bytes, declared %d", len(open), total)
					}
					got, open = append(got, open), nil
				}
				if r.Completes() {
					completed--
				}
			}
			if completed != 0 || whole == pieces {
				t.Fatalf("CheckBody miscounts by %d, whole %v", completed, whole)
			}
		}
		if len(got) != len(messages) {
			t.Fatalf("%d messages came back, %d went in", len(got), len(messages))
		}
		for i := range got {
			if !bytes.Equal(got[i], messages[i]) {
				t.Fatalf("message %d came back as %d bytes, was %d", i, len(got[i]), len(messages[i]))
			}
		}
	})
}

// TestLengthsOfMessages goes through the forms that the head of a whole message can have.
func TestLengthsOfMessages(t *testing.T) {
	for _, length := range []int{0, 1, 31, 32, 4095, 4096, 1<<19 - 1, 1 << 19, wire.MessageMax} {
		message := bytes.Repeat([]byte{7}, length)
		body := wire.AppendRecord(wire.AppendRecord(nil, wire.Record{Data: message}), wire.Record{Data: []byte("next")})
		completed, continues, whole, err := wire.CheckBody(body, wire.MessageMax)
		if completed != 2 || continues || !whole || err != nil {
			t.Errorf("%d bytes: CheckBody: %d, %v, %v, %v", length, completed, continues, whole, err)
		}
		got, rest := wire.NextMessage(body)
		if next, end := wire.NextMessage(rest); !bytes.Equal(got, message) || string(next) != "next" || len(end) != 0 {
			t.Errorf("%d bytes come back as %d", length, len(got))
		}
		if _, rest := wire.SkipMessages(body, length-1); len(rest) != len(body) {
			t.Errorf("%d bytes pass as at most one less", length)
		}
	}
	for name, body := range map[string][]byte{
		"long head of 0": {0x80, 0}, "long head of 31": {31<<2&0x7f | 0x80, 0}, "long head of three bytes": {0x84, 0x80, 0}, "no data": {4}, "half a head": {0x80},
	} {
		if count, rest := wire.SkipMessages(body, wire.MessageMax); count != 0 || len(rest) != len(body) {
			t.Errorf("%s: skipped", name)
		}
		if _, _, _, err := wire.CheckBody(body, wire.MessageMax); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCheckBodyRejectsImpossibleOrders(t *testing.T) {
	data := []byte("x")
	whole := wire.Record{Kind: wire.RecordWhole, Data: data}
	first := wire.Record{Kind: wire.RecordFirst, Total: 2, Data: data}
	middle := wire.Record{Kind: wire.RecordMiddle, Data: data}
	last := wire.Record{Kind: wire.RecordLast, Data: data}
	for name, records := range map[string][]wire.Record{
		"nothing":             {},
		"first then whole":    {first, whole},
		"first then first":    {first, first},
		"whole then middle":   {whole, middle},
		"last then last":      {last, last},
		"middle then whole":   {middle, whole},
		"first not a piece":   {{Kind: wire.RecordFirst, Total: 1, Data: data}},
		"empty middle":        {{Kind: wire.RecordMiddle}},
		"oversized first":     {{Kind: wire.RecordFirst, Total: 1 << 21, Data: data}},
		"oversized whole":     {{Kind: wire.RecordWhole, Data: make([]byte, wire.MessageMax+1)}},
		"first, last, middle": {first, last, middle},
	} {
		var body []byte
		for _, r := range records {
			body = wire.AppendRecord(body, r)
		}
		if _, _, _, err := wire.CheckBody(body, wire.MessageMax); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzOpenDatagram(f *testing.F) {
	b := wire.AppendFrame(wire.BeginDatagram(nil, 7), text("payload"))
	wire.FinishDatagram(b)
	f.Add(b, false)
	f.Add(b[13:], true)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal { // past the checksum, so that the frames are reached
			b = append(wire.BeginDatagram(nil, 7), b...)
			wire.FinishDatagram(b)
		}
		_, frames, err := wire.OpenDatagram(b)
		if err != nil {
			return
		}
		for frames != nil {
			_, body, rest, err := wire.NextFrame(frames)
			if err != nil {
				return
			}
			if rest != nil && len(rest)+len(body) >= len(frames) {
				t.Fatal("no progress")
			}
			frames = rest
		}
	})
}

func FuzzCheckBody(f *testing.F) {
	for _, body := range pack(wire.NewPacker(256), [][]byte{[]byte("a"), make([]byte, 600), []byte("b")}) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		completed, _, whole, err := wire.CheckBody(body, wire.MessageMax)
		if err != nil {
			return
		}
		var again []byte
		for rest := body; len(rest) > 0; {
			var r wire.Record
			before := rest
			r, rest, err = wire.NextRecord(rest, wire.MessageMax)
			if err != nil {
				t.Fatalf("CheckBody accepted what NextRecord refuses: %v", err)
			}
			if whole {
				if message, behind := wire.NextMessage(before); !bytes.Equal(message, r.Data) || len(behind) != len(rest) {
					t.Fatalf("NextMessage takes %x off %x, NextRecord %x", message, before, r.Data)
				}
			}
			if r.Completes() {
				completed--
			}
			again = wire.AppendRecord(again, r)
		}
		if completed != 0 || !bytes.Equal(again, body) {
			t.Fatalf("count off by %d, or a second encoding accepted: %x, %x", completed, body, again)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0x80, 0x01, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(b)
		var again []byte
		for r.Err() == nil && r.Len() > 0 {
			v := r.Uvarint()
			p := r.Bytes(16)
			if r.Err() == nil {
				again = wire.AppendBytes(wire.AppendUvarint(again, v), p)
			}
		}
		if r.Done() == nil && !bytes.Equal(again, b) {
			t.Fatalf("two encodings of one value: %x and %x", b, again)
		}
	})
}

func BenchmarkOpenDatagram(b *testing.B) {
	d := wire.AppendFrame(wire.BeginDatagram(nil, 7), text(make([]byte, 1200)))
	wire.FinishDatagram(d)
	b.ReportAllocs()
	b.SetBytes(int64(len(d)))
	for b.Loop() {
		if _, _, err := wire.OpenDatagram(d); err != nil {
			b.Fatal(err)
		}
	}
}

func TestFixed64(t *testing.T) {
	b := wire.AppendFixed64(nil, 0x0102030405060708)
	if binary.BigEndian.Uint64(b) != 0x0102030405060708 {
		t.Fatalf("%x", b)
	}
}
