package table

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"
)

func values() []Value {
	return []Value{
		Bool(true), Bool(false), Int(0), Int(-1), Int(math.MinInt64), Int(math.MaxInt64), Float(0.7), Float(math.Inf(-1)), Float(math.NaN()),
		String(""), String("grüße"), Bytes([]byte{0, 1, 0}), Time(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)), Bitmap([]byte{5, 0, 0}), Bitmap(nil),
		List(), List(Int(1), String("two"), Bitmap([]byte{3})),
	}
}

func TestValueRoundTrip(t *testing.T) {
	for _, v := range values() {
		encoded, err := v.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeValue(encoded)
		if err != nil || !got.Equal(v) || got.Kind() != v.Kind() || got.String() != v.String() {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
}

func TestValueAccess(t *testing.T) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	if v, ok := Bool(true).Bool(); !v || !ok {
		t.Error("bool")
	}
	if v, ok := Int(-7).Int(); v != -7 || !ok {
		t.Error("int")
	}
	if v, ok := Float(0.5).Float(); v != 0.5 || !ok {
		t.Error("float")
	}
	if v, ok := String("a\xff").Text(); v != "a\ufffd" || !ok {
		t.Error("string")
	}
	if v, ok := Bytes([]byte{1}).Bytes(); !bytes.Equal(v, []byte{1}) || !ok {
		t.Error("bytes")
	}
	if v, ok := Time(when).Time(); !v.Equal(when) || !ok {
		t.Error("time")
	}
	if v, ok := List(Int(1)).List(); len(v) != 1 || !ok {
		t.Error("list")
	}
	if _, ok := Int(1).Text(); ok {
		t.Error("an int is no text")
	}
	if _, ok := String("1").Int(); ok {
		t.Error("a string is no int")
	}
}

func TestValueString(t *testing.T) {
	for want, v := range map[string]Value{
		"true": Bool(true), "-5": Int(-5), "0.25": Float(0.25), "text": String("text"), "0x00ff": Bytes([]byte{0, 255}), "[1, two]": List(Int(1), String("two")),
		"2026-01-02T03:04:05Z": Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), "": {},
	} {
		if got := v.String(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestValueRefuses(t *testing.T) {
	for _, v := range []Value{{}, List(List()), List(Value{}), List(make([]Value, ListMax+1)...)} {
		if _, err := v.Encode(); !errors.Is(err, ErrValue) {
			t.Errorf("%v: %v", v, err)
		}
	}
	for name, b := range map[string][]byte{
		"empty": {}, "kind 0": {0}, "kind 9": {9, 1}, "bool 2": {1, 2}, "long int": {2, 0x80, 0}, "short float": {3, 1}, "other NaN": {3, 0x7f, 0xf8, 0, 0, 0, 0, 0, 9},
		"not UTF-8": {4, 0xff}, "bitmap with zeros": {7, 1, 0}, "list in list": {8, 1, 8}, "empty element": {8, 0}, "trailing": {1, 1, 1},
	} {
		if v, err := DecodeValue(b); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
}

func FuzzDecodeValue(f *testing.F) {
	for _, v := range values() {
		encoded, _ := v.Encode()
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeValue(b)
		if err != nil {
			return
		}
		if again, err := v.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to %v and encodes as %x, %v", b, v, again, err)
		}
	})
}
