package afc

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"

	"spinglass/table"
)

// function is a scalar function. What it gives is never longer than its arguments.
type function struct {
	name        string
	least, most int // arguments
	// apply computes it; the second argument is NULL where it is left out. nil: the compiler knows the function.
	apply func(a, b value) value
}

// CoalesceMax is how many arguments COALESCE takes at most.
const CoalesceMax = 16

// functions are in the order of their names.
var functions = []*function{
	{"ABS", 1, 1, absolute},
	{"BIT", 2, 2, bit},
	{"BIT_COUNT", 1, 1, bitCount},
	{"CEIL", 1, 1, func(a, _ value) value { return whole(a, math.Ceil) }},
	coalesce,
	{"CONTAINS", 2, 2, contains},
	{"FLOOR", 1, 1, func(a, _ value) value { return whole(a, math.Floor) }},
	{"LENGTH", 1, 1, length},
	lower,
	{"NULLIF", 2, 2, nullIf},
	round,
	upper,
}

// The functions that the compiler knows.
var (
	coalesce    = &function{"COALESCE", 2, CoalesceMax, nil}
	lower       = &function{"LOWER", 1, 1, nil}
	round       = &function{"ROUND", 1, 2, nil}
	upper       = &function{"UPPER", 1, 1, nil}
	castInteger = &function{"INT", 1, 1, toInteger} // CAST(e AS INT)
	castFloat   = &function{"FLOAT", 1, 1, toFloat}
)

func functionNamed(name string) *function {
	for _, f := range functions {
		if f.name == name {
			return f
		}
	}
	return nil
}

// knownCalls names the functions and aggregates, for errors.
func knownCalls() string {
	names := append([]string(nil), aggregateTexts[:]...)
	for _, f := range functions {
		names = append(names, f.name)
	}
	return strings.Join(append(names, "CAST"), ", ")
}

func (f *function) arity() string {
	switch {
	case f.least != f.most:
		return fmt.Sprintf("%d to %d arguments", f.least, f.most)
	case f.least == 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", f.least)
}

func absolute(a, _ value) value {
	switch {
	case a.isInt() && a.int() < 0:
		return negateInteger(a.int())
	case a.isInt():
		return a
	case a.isFloat():
		return float(math.Abs(a.float()))
	}
	return value{}
}

// whole rounds a float, and leaves an integer as it is.
func whole(a value, to func(float64) float64) value {
	switch {
	case a.isInt():
		return a
	case a.isFloat():
		return float(to(a.float()))
	}
	return value{}
}

// roundDigitsMax is how many digits behind the point ROUND keeps at most; a float has no more than 15 that mean something.
const roundDigitsMax = 15

// roundTo rounds half away from zero to a number of digits behind the point.
func roundTo(a, digits value) value {
	if !digits.isInt() || digits.int() < 0 || digits.int() > roundDigitsMax || !a.number() {
		return value{}
	}
	scale := 1.0
	for range digits.int() {
		scale *= 10
	}
	return whole(a, func(f float64) float64 {
		if scaled := f * scale; math.Abs(scaled) < 1<<52 {
			return math.Round(scaled) / scale
		}
		return f
	})
}

func toInteger(a, _ value) value {
	switch a.kind {
	case table.KindInt:
		return a
	case table.KindBool, table.KindTime:
		return integer(a.int())
	case table.KindFloat:
		if f := a.float(); f >= -1<<63 && f < 1<<63 {
			return integer(int64(f))
		}
	}
	return value{}
}

func toFloat(a, _ value) value {
	switch a.kind {
	case table.KindInt, table.KindFloat:
		return float(a.float())
	case table.KindBool, table.KindTime:
		return float(float64(a.int()))
	}
	return value{}
}

// bit tells whether bit n of a bitmap is set. Bits beyond the end are not.
func bit(a, n value) value {
	if a.kind != table.KindBitmap || !n.isInt() || n.int() < 0 {
		return value{}
	}
	at := n.int() / 8
	return boolean(at < int64(len(a.text)) && a.text[at]>>(n.int()%8)&1 == 1)
}

func bitCount(a, _ value) value {
	if a.kind != table.KindBitmap {
		return value{}
	}
	count := 0
	for i := range len(a.text) {
		count += bits.OnesCount8(a.text[i])
	}
	return integer(int64(count))
}

func contains(a, element value) value {
	if a.kind != table.KindList || element.null() {
		return value{}
	}
	for i := range a.list.elements {
		if order, ok := compare(&a.list.elements[i], &element); ok && order == 0 {
			return boolean(true)
		}
	}
	return boolean(false)
}

// length counts the characters of a string, the bytes of bytes and the elements of a list.
func length(a, _ value) value {
	switch a.kind {
	case table.KindString:
		return integer(int64(utf8.RuneCountInString(a.text)))
	case table.KindBytes:
		return integer(int64(len(a.text)))
	case table.KindList:
		return integer(int64(len(a.list.elements)))
	}
	return value{}
}

func nullIf(a, b value) value {
	if order, ok := compare(&a, &b); ok && order == 0 {
		return value{}
	}
	return a
}
