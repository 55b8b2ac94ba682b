package afc

import (
	"math"
	"math/bits"
)

// sum adds numbers: integers exactly, in 128 bits, and floats with the rounding errors kept beside (Neumaier), so that the order of
// the rows makes little difference.
type sum struct {
	high, low    uint64 // of the integers, in two's complement
	float, error float64
	count        int
	floats       bool
}

func sumOf(values []value, kept []int32) (s sum) {
	for _, row := range kept {
		switch v := &values[row]; {
		case v.isInt():
			s.addInteger(v.int())
		case v.isFloat():
			s.floats = true
			s.addFloat(v.float())
		default:
			continue
		}
		s.count++
	}
	return s
}

func (s *sum) addInteger(v int64) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, uint64(v), 0)
	s.high += uint64(v>>63) + carry
}

func (s *sum) addFloat(v float64) {
	total := s.float + v
	if math.Abs(s.float) >= math.Abs(v) {
		s.error += (s.float - total) + v
	} else {
		s.error += (v - total) + s.float
	}
	s.float = total
}

// total is the sum as a float.
func (s *sum) total() float64 {
	total := s.integers() + s.float
	if math.IsInf(s.float, 0) || math.IsNaN(s.float) {
		return total // the error means nothing
	}
	return total + s.error
}

// integers is the sum of the integers as a float, rounded once.
func (s *sum) integers() float64 {
	high, low := s.high, s.low
	negative := int64(high) < 0
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	total := float64(low)
	if high > 0 {
		// The upper 64 bits, with whether anything is below them in the last one, round like the whole.
		zeros := bits.LeadingZeros64(high)
		top := high<<zeros | low>>(64-zeros)
		if low<<zeros != 0 {
			top |= 1
		}
		total = math.Ldexp(float64(top), 64-zeros)
	}
	if negative {
		return -total
	}
	return total
}

// value is the sum: an integer if all were and it is in range, else a float; NULL if there was none.
func (s *sum) value() value {
	switch {
	case s.count == 0:
		return value{}
	case s.floats:
		return float(s.total())
	case s.high == uint64(int64(s.low)>>63):
		return integer(int64(s.low))
	}
	return float(s.integers())
}

func (s *sum) average() value {
	if s.count == 0 {
		return value{}
	}
	return float(s.total() / float64(s.count))
}

// weightedAverage is the sum of the products by the sum of the weights. Rows count where the value is a number, and the weight one that is
// not negative.
func weightedAverage(values, weights []value, kept []int32) value {
	var products, total sum
	for _, row := range kept {
		v, w := &values[row], &weights[row]
		if !v.number() || !w.number() || w.float() < 0 {
			continue
		}
		// The conversion forbids that multiplication and addition be fused, which would round differently on some processors.
		products.addFloat(float64(v.float() * w.float()))
		total.addFloat(w.float())
	}
	if total.total() == 0 {
		return value{}
	}
	return float(products.total() / total.total())
}
