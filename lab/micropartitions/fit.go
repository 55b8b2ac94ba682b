package micropartitions

import (
	"math"
	"slices"
)

// Slope is the exponent of a power law: the slope of the line through the logarithms of points by least squares, and the bounds of its 95 % confidence interval.
type Slope struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// student95 is the 97.5th percentile of Student's distribution with 1, 2, ... degrees of freedom; beyond them it is taken for 2.04 or less.
var student95 = []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
	2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042}

// Fit fits a power law y = a x^slope. ok is false where that cannot be done: fewer than three points above zero, or all at one x.
func Fit(x, y []float64) (s Slope, ok bool) {
	var n, sx, sy, sxx, sxy float64
	for i := range x {
		if x[i] > 0 && y[i] > 0 {
			u, v := math.Log(x[i]), math.Log(y[i])
			n, sx, sy, sxx, sxy = n+1, sx+u, sy+v, sxx+u*u, sxy+u*v
		}
	}
	spread := sxx - sx*sx/n
	if n < 3 || !(spread > 1e-9) {
		return Slope{}, false
	}
	s.Value = (sxy - sx*sy/n) / spread
	intercept := (sy - s.Value*sx) / n
	residuals := 0.0
	for i := range x {
		if x[i] > 0 && y[i] > 0 {
			d := math.Log(y[i]) - intercept - s.Value*math.Log(x[i])
			residuals += d * d
		}
	}
	freedom := int(n) - 2
	half := student95[min(freedom, len(student95))-1] * math.Sqrt(residuals/float64(freedom)/spread)
	s.Low, s.High = s.Value-half, s.Value+half
	return s, true
}

// Law says how what view changes cost grows with the size of the group.
type Law struct {
	Experiment string `json:"experiment"`
	Type       string `json:"type"`
	Protocol   string `json:"protocol"`
	Missed     int    `json:"missed"`
	Ejections  Slope  `json:"ejections_exponent"`
	Lost       Slope  `json:"lost_exponent"`
}

// Laws fits the rows of the traditional protocol, for each number of missed pings; without enough of them there is none.
func Laws(rows []Result) (laws []Law) {
	var seen []int
	for _, r := range rows {
		if r.Protocol != Traditional || slices.Contains(seen, r.Missed) {
			continue
		}
		seen = append(seen, r.Missed)
		var members, ejections, lost []float64
		for _, other := range rows {
			if other.Protocol == Traditional && other.Missed == r.Missed {
				members, ejections, lost = append(members, float64(other.Members)), append(ejections, other.Ejections), append(lost, other.Lost)
			}
		}
		e, ok := Fit(members, ejections)
		l, also := Fit(members, lost)
		if ok && also {
			laws = append(laws, Law{"micropartitions", "summary", Traditional, r.Missed, e, l})
		}
	}
	return laws
}
