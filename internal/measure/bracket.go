package measure

import "math"

const (
	closeEnough = 1.05 // the quotient of the rates that are and are not sustained, to end
	raise       = 1.3  // from one rate to the next while all are sustained
	lower       = 0.6  // while none is; the power of it grows, since a closed loop cannot tell much of what loses a lot
)

// bracket is what is known of the highest rate that is sustained: that it lies between two.
type bracket struct {
	sustained, exceeded float64 // 0 while there is none
	failures            int     // before any rate was sustained
}

// next notes whether a rate was sustained and returns the one to try next, or that there is no need.
func (b *bracket) next(rate float64, sustained bool) (following float64, more bool) {
	if sustained {
		b.sustained = rate
	} else {
		b.exceeded = rate
	}
	switch {
	case b.exceeded == 0:
		following = b.sustained * raise
	case b.sustained == 0:
		b.failures++
		following = b.exceeded * math.Pow(lower, float64(b.failures))
		if b.exceeded > RateMin {
			following = max(following, RateMin)
		}
	case b.exceeded/b.sustained < closeEnough:
		return 0, false
	default:
		following = math.Sqrt(b.sustained * b.exceeded)
	}
	return following, following >= RateMin && following <= RateMax
}
