package topics

import "math"

// Result is what a run found. Bytes are those of datagrams that a member receives, UDP payload, a second.
type Result struct {
	Bytes     float64 // in the mean over members
	Wanted    float64 // messages a second of others that a member wants, in the mean: ratings times rates
	Delivered float64 // part of what members are to be sent that they were delivered
	Even      float64 // residual of the member that is farthest from the line by what members were delivered: what is left of Residual when the draw of heights is left out
	line
}

// line is the one that fits the members best, by their interests.
type line struct {
	Constant float64
	Slope    float64 // bytes for each message that a member wants
	Residual float64 // of the member that is farthest from the line, as a part of its bytes
	Typical  float64 // the root of the mean of the squares of all such
}

// fit finds the line with the least squares through the members, and how far they are from it.
func fit(x, y []float64) (l line) {
	n, sx, sy, sxx, sxy := float64(len(x)), 0.0, 0.0, 0.0, 0.0
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	if d := n*sxx - sx*sx; d > 0 {
		l.Slope = (n*sxy - sx*sy) / d
	}
	l.Constant = (sy - l.Slope*sx) / n
	for i := range x {
		if y[i] > 0 {
			part := math.Abs(y[i]-l.Constant-l.Slope*x[i]) / y[i]
			l.Residual = max(l.Residual, part)
			l.Typical += part * part / n
		}
	}
	l.Typical = math.Sqrt(l.Typical)
	return l
}
