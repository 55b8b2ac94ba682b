package directory

import "math/bits"

// Rate is a number a second: 0 for less than a thousandth, and else a power of two, 2^(Rate-11).
type Rate uint8

// RateMax is the highest Rate, which stands for all above as well.
const RateMax Rate = 51

// fraction is how many parts a second has in the numbers that become rates.
const fraction = 1 << 10

// PerSecond returns the number a second that the rate stands for.
func (r Rate) PerSecond() float64 {
	if r == 0 {
		return 0
	}
	return float64(uint64(1)<<(r-1)) / fraction
}

// rateOf returns the power of two that is nearest to parts/fraction a second.
func rateOf(parts uint64) Rate {
	return min(RateMax, Rate(bits.Len64(min(parts, 1<<50)*181/128)))
}

// follow returns the rate for parts/fraction a second after it was r: r itself as long as parts is not a quarter beyond what is nearest to another one.
func (r Rate) follow(parts uint64) Rate {
	switch {
	case rateOf(parts/5*4) > r, rateOf(parts/4*5) < r:
		return rateOf(parts)
	}
	return r
}

// meter measures a rate over windows.
type meter struct {
	count   uint64 // in the present window
	windows int64  // of which the mean is made, at most meterWindows
	mean    int64  // a second, in parts, times meterScale
}

const (
	meterWindows = 8
	meterScale   = 1 << 10
)

// end ends a window of so many seconds.
func (m *meter) end(seconds int64) {
	present := int64(min(m.count, 1<<32)) * fraction * meterScale / seconds
	m.windows, m.count = min(m.windows+1, meterWindows), 0
	m.mean += (present - m.mean) / m.windows
}

// parts returns the mean in parts a second.
func (m *meter) parts() uint64 { return uint64(m.mean / meterScale) }
