package relay

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"spinglass/protocol"
)

func decode(b []byte) (Frame, error) {
	if len(b) < HeaderSize {
		b = append(b[:len(b):len(b)], make([]byte, HeaderSize-len(b))...)
	}
	h, known, err := DecodeHeader(b[:HeaderSize])
	if err != nil || !known {
		return Frame{}, ErrFrame
	}
	return h.Decode(b[HeaderSize:])
}

// anyFrame draws a frame that keeps to the limits.
func anyFrame(t *rapid.T) Frame {
	f := Frame{Kind: Kind(rapid.IntRange(1, 9).Draw(t, "kind")), Peer: protocol.NodeID(rapid.Uint64().Draw(t, "peer"))}
	switch f.Kind {
	case KindDatagrams:
		f.Data = rapid.SliceOfN(rapid.Byte(), 1, 3000).Draw(t, "datagrams")
		if least := (len(f.Data) + DatagramsCountMax - 1) / DatagramsCountMax; least < len(f.Data) && rapid.Bool().Draw(t, "several") {
			f.Segment = rapid.IntRange(least, len(f.Data)-1).Draw(t, "segment")
		}
		return f
	case KindAbsent, KindPing, KindPong:
		return f
	}
	f.Stream = rapid.Uint32().Draw(t, "stream")
	f.Opener = f.Kind == KindOpen || f.Kind != KindAccept && rapid.Bool().Draw(t, "opener")
	switch f.Kind {
	case KindData:
		f.Data = rapid.SliceOfN(rapid.Byte(), 1, 3000).Draw(t, "data")
	case KindCredit:
		f.Credit = rapid.IntRange(1, Window).Draw(t, "credit")
	case KindClose:
		f.Reason = Reason(rapid.IntRange(0, 3).Draw(t, "reason"))
	}
	return f
}

func TestFramesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFrame(t)
		b := f.Append(nil)
		got, err := decode(b)
		if err != nil || !reflect.DeepEqual(got, f) || len(b) != f.Size() {
			t.Fatalf("%+v came back as %+v, %v; %d bytes, Size %d", f, got, err, len(b), f.Size())
		}
		if cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut"); cut != HeaderSize || f.size() > 0 {
			if _, err := decode(b[:cut]); err == nil && cut >= HeaderSize {
				t.Fatalf("%d bytes of %d were decoded", cut, len(b))
			}
		}
	})
}

func TestFramesBeyondALimit(t *testing.T) {
	full := Frame{Kind: KindDatagrams, Peer: 7, Segment: DatagramsSizeMax / DatagramsCountMax, Data: make([]byte, DatagramsSizeMax)}
	if f, err := decode(full.Append(nil)); err != nil || f.Count() != DatagramsCountMax {
		t.Errorf("the largest frame: %v", err)
	}
	for name, f := range map[string]Frame{
		"too many datagrams":    {Kind: KindDatagrams, Segment: 1, Data: make([]byte, DatagramsCountMax+1)},
		"too large":             {Kind: KindDatagrams, Data: make([]byte, DatagramsSizeMax+1)},
		"empty":                 {Kind: KindDatagrams},
		"one datagram, segment": {Kind: KindDatagrams, Segment: 5, Data: make([]byte, 5)},
		"too much of a stream":  {Kind: KindData, Data: make([]byte, DataMax+1)},
		"nothing of a stream":   {Kind: KindData},
		"no credit":             {Kind: KindCredit},
		"too much credit":       {Kind: KindCredit, Credit: Window + 1},
		"unknown reason":        {Kind: KindClose, Reason: ReasonBroken + 1},
		"opened by the other":   {Kind: KindOpen},
		"accepted by the same":  {Kind: KindAccept, Opener: true},
		"unknown kind":          {Kind: 99},
	} {
		if _, err := decode(f.Append(nil)); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

// What is decoded is well-formed, has one encoding, and never exceeds a limit.
func FuzzFrame(f *testing.F) {
	for _, seed := range []Frame{
		{Kind: KindDatagrams, Peer: 1, Segment: 2, Data: []byte("abc")}, {Kind: KindAbsent, Peer: 2}, {Kind: KindPing}, {Kind: KindOpen, Stream: 3, Opener: true},
		{Kind: KindData, Stream: 3, Data: []byte("x")}, {Kind: KindCredit, Stream: 3, Credit: 9}, {Kind: KindClose, Stream: 3, Reason: ReasonBroken},
	} {
		f.Add(seed.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < HeaderSize {
			return
		}
		frame, err := decode(b)
		if err != nil {
			return
		}
		if again := frame.Append(nil); !bytes.Equal(again, b) {
			t.Errorf("%x decodes and encodes to %x", b, again)
		}
		if len(frame.Data) > DatagramsSizeMax || frame.Kind == KindDatagrams && frame.Count() > DatagramsCountMax || frame.Credit > Window {
			t.Errorf("beyond a limit: %+v", frame)
		}
	})
}
