package enrolment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"spinglass/identity"
)

func TestMessagesAreBounded(t *testing.T) {
	for _, test := range []struct {
		sent string
		want error
	}{
		{"", io.EOF}, {"\x01\x00", io.ErrUnexpectedEOF}, {"\x01\x00\x05abc", io.ErrUnexpectedEOF}, {"\x01\xff\xff", ErrMessage},
	} {
		if _, _, err := readMessage(strings.NewReader(test.sent)); !errors.Is(err, test.want) {
			t.Errorf("%q: %v", test.sent, err)
		}
	}
	// A declared length takes no memory.
	header := []byte{kindJoin, byte(MessageSizeMax >> 8), byte(MessageSizeMax & 0xff)}
	if allocated := testing.AllocsPerRun(100, func() { _, _, _ = readMessage(bytes.NewReader(header)) }); allocated > 10 {
		t.Errorf("%v allocations", allocated)
	}
	if n := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _, _ = readMessage(bytes.NewReader(header))
		}
	}).AllocedBytesPerOp(); n > 2048 {
		t.Errorf("%d bytes are allocated for a message of which only the length came", n)
	}
}

func TestEveryCodeStandsForItsError(t *testing.T) {
	for _, c := range codes {
		if got := refusalOf(fmt.Errorf("context: %w", c.err)); got.Code != c.code {
			t.Errorf("%v: code %d, want %d", c.err, got.Code, c.code)
		}
		if err := (&RefusalError{Code: c.code}); c.code != CodeMalformed && !errors.Is(err, c.err) {
			t.Errorf("code %d: %v", c.code, err.Unwrap())
		}
	}
	if r := refusalOf(errors.New("a\nb\x1b[1m\xff" + strings.Repeat("é", RefusalTextMax))); r.Code != CodeOther || len(r.Text) > RefusalTextMax || r.Text != printable(r.Text) {
		t.Errorf("%+v", r)
	}
	if r := refusalOf(&FileError{"key", "/secret/place", errors.New("gone")}); r.Code != CodeInternal || strings.Contains(r.Text, "secret") {
		t.Errorf("%+v", r)
	}
	if (&RefusalError{Code: 200}).Unwrap() != nil {
		t.Error("an unknown code stands for something")
	}
	if _, err := decodeRefusal((&refusal{Code: 1, Text: "two\nlines"}).append(nil)); !errors.Is(err, ErrMessage) {
		t.Error(err)
	}
}

func chainForFuzzing(f *testing.F) identity.Chain {
	a := newAuthority(f, newClock())
	return enrol(f, a, a.store, "/lab/a1", 7).Bundle.Chain
}

// fuzz checks that what a decoder accepts is encoded the same again.
func fuzz[T any](f *testing.F, decode func([]byte) (T, error), encode func(T) []byte, seeds ...T) {
	for _, seed := range seeds {
		f.Add(encode(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decode(b)
		if err != nil {
			return
		}
		if again := encode(v); !bytes.Equal(again, b) {
			t.Errorf("%x is encoded as %x", b, again)
		}
	})
}

func FuzzHello(f *testing.F) {
	fuzz(f, decodeHello, func(h *hello) []byte { return h.append(nil) }, &hello{Now: 1_700_000_000, Chain: chainForFuzzing(f)})
}

func FuzzTokenRequest(f *testing.F) {
	fuzz(f, decodeTokenRequest, func(r *tokenRequest) []byte { return r.append(nil) }, &tokenRequest{Chain: chainForFuzzing(f), Uses: 10, Life: 3600})
}

func FuzzGrant(f *testing.F) {
	fuzz(f, decodeGrant, func(b *identity.Bundle) []byte { return appendGrant(nil, b) }, &identity.Bundle{Anchor: identity.Fingerprint{1}, Chain: chainForFuzzing(f)})
}

func FuzzRefusal(f *testing.F) {
	fuzz(f, decodeRefusal, func(r *refusal) []byte { return r.append(nil) }, &refusal{Code: CodeTokenSpent, Text: "used up"}, &refusal{})
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte{kindJoin, 0, 2, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, body, err := readMessage(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeMessage(&again, kind, body); err != nil || !bytes.HasPrefix(b, again.Bytes()) {
			t.Errorf("%x is written as %x", b, again.Bytes())
		}
	})
}

func FuzzAddressLines(f *testing.F) {
	f.Add([]byte("10.0.0.1:7400\nhost:1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		addresses, err := parseAddresses(b)
		if err != nil {
			return
		}
		if again, err := parseAddresses(addressLines(addresses)); err != nil || !slices.Equal(again, addresses) {
			t.Errorf("%q: %v", b, err)
		}
	})
}
