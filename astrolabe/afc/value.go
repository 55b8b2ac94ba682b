package afc

import (
	"cmp"
	"math"
	"strings"
	"time"

	"spinglass/table"
)

// value is what expressions work on: 40 bytes, passed in registers. The zero value is NULL.
type value struct {
	kind table.ValueKind // KindNone: NULL
	bits uint64          // as in table.Value: 0 or 1, an int64 (KindTime: nanoseconds since 1970), or an IEEE 754 number, which is never NaN
	text string          // KindString, KindBytes, KindBitmap
	list *list           // KindList
}

// list holds the elements of a list: never NULL, and never lists.
type list struct{ elements []value }

func boolean(v bool) value {
	if v {
		return value{kind: table.KindBool, bits: 1}
	}
	return value{kind: table.KindBool}
}

func integer(v int64) value { return value{kind: table.KindInt, bits: uint64(v)} }

// float returns NULL for what is not a number.
func float(v float64) value {
	if math.IsNaN(v) {
		return value{}
	}
	return value{kind: table.KindFloat, bits: math.Float64bits(v)}
}

func text(v string) value { return value{kind: table.KindString, text: v} }

func (v *value) null() bool     { return v.kind == table.KindNone }
func (v *value) number() bool   { return v.kind == table.KindInt || v.kind == table.KindFloat }
func (v *value) int() int64     { return int64(v.bits) }
func (v *value) isTrue() bool   { return v.kind == table.KindBool && v.bits == 1 }
func (v *value) isFloat() bool  { return v.kind == table.KindFloat }
func (v *value) isInt() bool    { return v.kind == table.KindInt }
func (v *value) isString() bool { return v.kind == table.KindString }

// float returns the number that v is, rounded if it is an integer beyond 2^53.
func (v *value) float() float64 {
	if v.kind == table.KindInt {
		return float64(int64(v.bits))
	}
	return math.Float64frombits(v.bits)
}

// same reports whether both are one value of one kind, bit by bit.
func (v *value) same(w *value) bool {
	if v.kind != w.kind || v.bits != w.bits || v.text != w.text {
		return false
	}
	return v.list == w.list || v.list != nil && w.list != nil && sameElements(v.list.elements, w.list.elements)
}

func sameElements(a, b []value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].same(&b[i]) {
			return false
		}
	}
	return true
}

// classes are what can be compared: integers and floats with each other, all else with its own kind, and lists with nothing. Values of
// different classes are in this order where an order is needed.
var classes = [...]uint8{
	table.KindNone: 0, table.KindBool: 1, table.KindInt: 2, table.KindFloat: 2, table.KindTime: 3, table.KindString: 4,
	table.KindBytes: 5, table.KindBitmap: 6, table.KindList: 7,
}

func (v *value) class() uint8 { return classes[v.kind] }

// ordered reports whether the value has a place in the order of all values.
func (v *value) ordered() bool { return v.kind != table.KindNone && v.kind != table.KindList }

// compare orders two values; ok is false where that is unknown: one is NULL or a list, or they are of different classes.
func compare(a, b *value) (order int, ok bool) {
	if a.kind == table.KindInt && b.kind == table.KindInt {
		return cmp.Compare(a.int(), b.int()), true
	}
	if a.class() != b.class() || !a.ordered() {
		return 0, false
	}
	switch a.kind {
	case table.KindInt, table.KindFloat:
		return compareNumbers(a, b), true
	case table.KindTime:
		return cmp.Compare(a.int(), b.int()), true
	case table.KindBool:
		return cmp.Compare(a.bits, b.bits), true
	}
	return strings.Compare(a.text, b.text), true
}

// compareNumbers is exact, also where an integer is no float.
func compareNumbers(a, b *value) int {
	switch {
	case a.isFloat() && b.isFloat():
		return cmp.Compare(a.float(), b.float())
	case a.isInt() && b.isInt():
		return cmp.Compare(a.int(), b.int())
	case a.isFloat():
		return -compareIntFloat(b.int(), a.float())
	}
	return compareIntFloat(a.int(), b.float())
}

func compareIntFloat(i int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := int64(f)
	if i != whole {
		return cmp.Compare(i, whole)
	}
	return cmp.Compare(0, f-float64(whole))
}

// rank orders values of all classes; neither is NULL or a list.
func rank(a, b *value) int {
	if a.class() != b.class() {
		return cmp.Compare(a.class(), b.class())
	}
	order, _ := compare(a, b)
	return order
}

// valueOf converts what a row carries. A float that is not a number is NULL.
func valueOf(v *table.Value) value {
	switch v.Kind() {
	case table.KindBool:
		b, _ := v.Bool()
		return boolean(b)
	case table.KindInt:
		i, _ := v.Int()
		return integer(i)
	case table.KindFloat:
		f, _ := v.Float()
		return float(f)
	case table.KindString:
		s, _ := v.Text()
		return text(s)
	case table.KindBytes, table.KindBitmap:
		b, _ := v.Bytes()
		return value{kind: v.Kind(), text: string(b)}
	case table.KindTime:
		t, _ := v.Time()
		return value{kind: table.KindTime, bits: uint64(t.UnixNano())}
	case table.KindList:
		return listOf(v)
	}
	return value{}
}

// listOf leaves out elements that are NULL, and lists, which no encoded list holds.
func listOf(v *table.Value) value {
	from, _ := v.List()
	elements := make([]value, 0, len(from))
	for i := range from {
		if element := valueOf(&from[i]); element.ordered() {
			elements = append(elements, element)
		}
	}
	return value{kind: table.KindList, list: &list{elements: elements}}
}

// table converts v to what rows carry; NULL becomes the zero Value.
func (v *value) table() table.Value {
	switch v.kind {
	case table.KindBool:
		return table.Bool(v.bits == 1)
	case table.KindInt:
		return table.Int(v.int())
	case table.KindFloat:
		return table.Float(v.float())
	case table.KindString:
		return table.String(v.text)
	case table.KindBytes:
		return table.Bytes([]byte(v.text))
	case table.KindBitmap:
		return table.Bitmap([]byte(v.text))
	case table.KindTime:
		return table.Time(time.Unix(0, v.int()))
	case table.KindList:
		elements := make([]table.Value, len(v.list.elements))
		for i := range elements {
			elements[i] = v.list.elements[i].table()
		}
		return table.List(elements...)
	}
	return table.Value{}
}
