package local

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"spinglass"
)

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendFrame(nil, []byte("abc")))
	f.Add(AppendFrame(AppendFrame(nil, nil), bytes.Repeat([]byte("x"), 300)))
	f.Add([]byte{0x80, 0x00})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1000
		reader := bufio.NewReaderSize(bytes.NewReader(data), 16)
		var buffer, again []byte
		for {
			frame, err := readFrame(reader, buffer, limit)
			if err == nil {
				if len(frame) > limit {
					t.Fatalf("frame of %d bytes, limit %d", len(frame), limit)
				}
				again = AppendFrame(again, frame)
				buffer = frame
				continue
			}
			var long *tooLongError
			switch {
			case err == io.EOF:
				if !bytes.Equal(again, data) {
					t.Fatalf("%x reads as the frames %x", data, again)
				}
			case errors.As(err, &long), errors.Is(err, errFrameLength), errors.Is(err, errFrameCut):
			default:
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
	})
}

func FuzzParseMessage(f *testing.F) {
	m := spinglass.Message{From: fakeName, FromID: fakeID, Sequence: 300, Payload: []byte("abc")}
	_, n := binary.Uvarint(appendMessage(nil, "", &m))
	f.Add(appendMessage(nil, "", &m)[n+1:])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, body []byte) {
		author, id, sequence, payload, err := parseMessage(body)
		if err != nil {
			return
		}
		parsed := spinglass.Message{From: string(author), FromID: id, Sequence: sequence, Payload: payload}
		encoded := appendMessage(nil, "", &parsed)
		length, n := binary.Uvarint(encoded)
		if int(length) != len(encoded)-n {
			t.Fatalf("frame declares %d bytes and has %d", length, len(encoded)-n)
		}
		author2, id2, sequence2, payload2, err := parseMessage(encoded[n+1:])
		if err != nil || !bytes.Equal(author, author2) || id != id2 || sequence != sequence2 || !bytes.Equal(payload, payload2) {
			t.Fatalf("%x comes back as %q %v %d %q, %v", body, author2, id2, sequence2, payload2, err)
		}
	})
}

func TestReadFrameBelievesALengthOnlyAsItsBytesArrive(t *testing.T) {
	declared := binary.AppendUvarint(nil, MessageMax)
	buffer, err := readFrame(bufio.NewReader(bytes.NewReader(append(declared, "abc"...))), nil, MessageMax)
	if !errors.Is(err, errFrameCut) {
		t.Errorf("got %v, want %v", err, errFrameCut)
	}
	if cap(buffer) > 2*growStep {
		t.Errorf("%d bytes were allocated for 3", cap(buffer))
	}
}

func BenchmarkAppendMessage(b *testing.B) {
	m := spinglass.Message{From: fakeName, FromID: fakeID, Sequence: 300, Payload: make([]byte, 1000)}
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = appendMessage(buffer[:0], "", &m)
	}
}
