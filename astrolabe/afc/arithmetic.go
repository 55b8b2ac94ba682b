package afc

import (
	"math"
	"math/bits"
)

// arithmetic computes a op b: NULL where one of them is no number, or for a division by zero. Integers give an integer, or a float where
// that is out of range; integers and floats give a float.
func arithmetic(op operator, a, b *value) value {
	if a.isInt() && b.isInt() {
		return integerArithmetic(op, a.int(), b.int())
	}
	if !a.number() || !b.number() {
		return value{}
	}
	x, y := a.float(), b.float()
	switch op {
	case opAdd:
		return float(x + y)
	case opSubtract:
		return float(x - y)
	case opMultiply:
		return float(x * y)
	case opDivide:
		if y != 0 {
			return float(x / y)
		}
	}
	return value{} // also % of floats
}

func integerArithmetic(op operator, x, y int64) value {
	switch op {
	case opAdd:
		if sum := x + y; (sum > x) == (y > 0) {
			return integer(sum)
		}
		return float(float64(x) + float64(y))
	case opSubtract:
		if difference := x - y; (difference < x) == (y > 0) {
			return integer(difference)
		}
		return float(float64(x) - float64(y))
	case opMultiply:
		return multiply(x, y)
	case opDivide:
		switch y {
		case 0:
			return value{}
		case -1:
			return negateInteger(x)
		}
		return integer(x / y)
	}
	if y == 0 {
		return value{}
	}
	return integer(x % y)
}

func multiply(x, y int64) value {
	high, low := bits.Mul64(magnitude(x), magnitude(y))
	switch negative := (x < 0) != (y < 0); {
	case high == 0 && low <= math.MaxInt64 && negative:
		return integer(-int64(low))
	case high == 0 && low <= math.MaxInt64:
		return integer(int64(low))
	case high == 0 && low == 1<<63 && negative:
		return integer(math.MinInt64)
	}
	return float(float64(x) * float64(y))
}

// magnitude is |x|, also of the least integer.
func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func negateInteger(x int64) value {
	if x == math.MinInt64 {
		return float(-float64(x))
	}
	return integer(-x)
}

func negate(v *value) value {
	switch {
	case v.isInt():
		return negateInteger(v.int())
	case v.isFloat():
		return float(-v.float())
	}
	return value{}
}
