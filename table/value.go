package table

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"spinglass/wire"
)

// ValueKind is the type of a value. The numbers are those of the encoding.
type ValueKind uint8

// The kinds of values.
const (
	KindNone   ValueKind = 0 // the zero Value; it cannot be encoded
	KindBool   ValueKind = 1
	KindInt    ValueKind = 2
	KindFloat  ValueKind = 3
	KindString ValueKind = 4
	KindBytes  ValueKind = 5
	KindTime   ValueKind = 6
	KindBitmap ValueKind = 7
	KindList   ValueKind = 8
)

// ListMax is how many elements a list holds at most.
const ListMax = 1024

// Value is a typed value of an attribute. It is immutable. The zero Value holds nothing.
type Value struct {
	kind ValueKind
	bits uint64 // KindBool: 0 or 1; KindInt and KindTime (nanoseconds since 1970): an int64; KindFloat: IEEE 754
	text string // KindString, KindBytes, KindBitmap
	list []Value
}

// Bool returns a value of KindBool.
func Bool(v bool) Value {
	if v {
		return Value{kind: KindBool, bits: 1}
	}
	return Value{kind: KindBool}
}

// Int returns a value of KindInt.
func Int(v int64) Value { return Value{kind: KindInt, bits: uint64(v)} }

// Float returns a value of KindFloat. All NaN become one.
func Float(v float64) Value {
	if math.IsNaN(v) {
		v = math.NaN()
	}
	return Value{kind: KindFloat, bits: math.Float64bits(v)}
}

// String returns a value of KindString. Bytes of s that are not UTF-8 are replaced by U+FFFD.
func String(s string) Value { return Value{kind: KindString, text: strings.ToValidUTF8(s, "\ufffd")} }

// Bytes returns a value of KindBytes.
func Bytes(b []byte) Value { return Value{kind: KindBytes, text: string(b)} }

// Time returns a value of KindTime, to the nanosecond, for the years 1678 to 2262.
func Time(t time.Time) Value { return Value{kind: KindTime, bits: uint64(t.UnixNano())} }

// Bitmap returns a value of KindBitmap: bit i is bit i%8 of byte i/8. Zero bytes at the end count for nothing.
func Bitmap(b []byte) Value {
	return Value{kind: KindBitmap, text: strings.TrimRight(string(b), "\x00")}
}

// List returns a value of KindList. The elements are not lists themselves, and are at most ListMax; Encode tells.
func List(elements ...Value) Value {
	return Value{kind: KindList, list: append([]Value(nil), elements...)}
}

// Kind returns the kind of the value.
func (v Value) Kind() ValueKind { return v.kind }

// Bool returns the value and whether it is of KindBool.
func (v Value) Bool() (value, ok bool) { return v.kind == KindBool && v.bits == 1, v.kind == KindBool }

// Int returns the value and whether it is of KindInt.
func (v Value) Int() (int64, bool) {
	if v.kind != KindInt {
		return 0, false
	}
	return int64(v.bits), true
}

// Float returns the value and whether it is of KindFloat.
func (v Value) Float() (float64, bool) {
	if v.kind != KindFloat {
		return 0, false
	}
	return math.Float64frombits(v.bits), true
}

// Text returns the value and whether it is of KindString.
func (v Value) Text() (string, bool) {
	if v.kind != KindString {
		return "", false
	}
	return v.text, true
}

// Bytes returns a copy of the value and whether it is of KindBytes or KindBitmap.
func (v Value) Bytes() ([]byte, bool) {
	if v.kind != KindBytes && v.kind != KindBitmap {
		return nil, false
	}
	return []byte(v.text), true
}

// Time returns the value and whether it is of KindTime.
func (v Value) Time() (time.Time, bool) {
	if v.kind != KindTime {
		return time.Time{}, false
	}
	return time.Unix(0, int64(v.bits)).UTC(), true
}

// List returns a copy of the elements and whether the value is of KindList.
func (v Value) List() ([]Value, bool) {
	return append([]Value(nil), v.list...), v.kind == KindList
}

// Equal reports whether both values are of one kind and the same.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind || v.bits != w.bits || v.text != w.text || len(v.list) != len(w.list) {
		return false
	}
	for i := range v.list {
		if !v.list[i].Equal(w.list[i]) {
			return false
		}
	}
	return true
}

// String returns the value as people write it: true, 7, 0.5, text as it is, bytes and bitmaps as 0x and hexadecimal digits, times
// in RFC 3339, lists as [a, b].
func (v Value) String() string {
	switch v.kind {
	case KindBool:
		return strconv.FormatBool(v.bits == 1)
	case KindInt:
		return strconv.FormatInt(int64(v.bits), 10)
	case KindFloat:
		return strconv.FormatFloat(math.Float64frombits(v.bits), 'g', -1, 64)
	case KindString:
		return v.text
	case KindBytes, KindBitmap:
		return "0x" + hex.EncodeToString([]byte(v.text))
	case KindTime:
		t, _ := v.Time()
		return t.Format(time.RFC3339Nano)
	case KindList:
		parts := make([]string, len(v.list))
		for i := range v.list {
			parts[i] = v.list[i].String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return ""
}

// Encode returns the encoding of the value, as an attribute carries it. The error says that the value holds nothing, or a list in
// a list or a list of more than ListMax elements.
func (v Value) Encode() ([]byte, error) {
	if v.kind == KindNone || len(v.list) > ListMax {
		return nil, fmt.Errorf("%w: nothing, or a list of more than %d elements", ErrValue, ListMax)
	}
	for i := range v.list {
		if kind := v.list[i].kind; kind == KindNone || kind == KindList {
			return nil, fmt.Errorf("%w: a list holds nothing, or a list", ErrValue)
		}
	}
	return v.append(nil), nil
}

func (v Value) append(b []byte) []byte {
	b = append(b, byte(v.kind))
	switch v.kind {
	case KindBool:
		return append(b, byte(v.bits))
	case KindInt, KindTime:
		return wire.AppendUvarint(b, zigzag(int64(v.bits)))
	case KindFloat:
		return wire.AppendFixed64(b, v.bits)
	case KindList:
		for i := range v.list {
			b = wire.AppendBytes(b, v.list[i].append(nil))
		}
		return b
	}
	return append(b, v.text...)
}

// zigzag puts the sign into the lowest bit, so that small negative numbers are short.
func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func unzigzag(v uint64) uint64 { return v>>1 ^ -(v & 1) }

// DecodeValue reads the encoding of a value, which fills b. The value does not alias b.
func DecodeValue(b []byte) (Value, error) {
	r := wire.NewReader(b)
	v := Value{kind: ValueKind(r.Byte())}
	switch v.kind {
	case KindBool:
		if v.bits = uint64(r.Byte()); v.bits > 1 {
			return Value{}, ErrValue
		}
	case KindInt, KindTime:
		v.bits = unzigzag(r.Uvarint())
	case KindFloat:
		v.bits = r.Fixed64()
		if f := math.Float64frombits(v.bits); math.IsNaN(f) && v.bits != math.Float64bits(math.NaN()) {
			return Value{}, ErrValue
		}
	case KindString, KindBytes, KindBitmap:
		v.text = string(r.Rest())
		if v.kind == KindString && !utf8.ValidString(v.text) || v.kind == KindBitmap && strings.HasSuffix(v.text, "\x00") {
			return Value{}, ErrValue
		}
	case KindList:
		return decodeList(&r)
	default:
		return Value{}, ErrValue
	}
	if err := r.Done(); err != nil {
		return Value{}, err
	}
	return v, nil
}

func decodeList(r *wire.Reader) (Value, error) {
	list := Value{kind: KindList}
	for r.Len() > 0 {
		element := r.Bytes(RowSizeMax)
		if r.Err() != nil {
			return Value{}, r.Err()
		}
		if len(element) == 0 || ValueKind(element[0]) == KindList || len(list.list) == ListMax {
			return Value{}, ErrValue
		}
		v, err := DecodeValue(element)
		if err != nil {
			return Value{}, err
		}
		list.list = append(list.list, v)
	}
	return list, nil
}
