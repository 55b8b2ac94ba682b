package figure

import (
	"errors"
	"fmt"
	"math"
)

// Limits of a Figure.
const (
	SeriesMax = 32
	PointsMax = 100_000 // of a series
)

// Axis is one of the two axes.
type Axis struct {
	Label string // with the unit
	Log   bool   // logarithmic; all values are above zero
	Zero  bool   // begins at zero, where it is not logarithmic, so that lengths compare
}

// Point is a point of a series. Low and High, where they differ, are the range that Y stands for.
type Point struct {
	X, Y, Low, High float64
	values          int // that Observe has put into it
}

// Series is what one line shows.
type Series struct {
	Name   string
	Points []Point
}

// Figure is a picture of some series.
type Figure struct {
	Name   string // of the files, without their extension
	Title  string
	X, Y   Axis
	Series []Series
}

// Add appends a point to the series with a name, which is made when it is not there.
func (f *Figure) Add(series string, p Point) {
	s := f.series(series)
	s.Points = append(s.Points, p)
}

// Observe adds a value to a series: those with the same x, such as of several seeds, become one point with their mean and their range.
func (f *Figure) Observe(series string, x, y float64) {
	s := f.series(series)
	for i := range s.Points {
		if p := &s.Points[i]; p.X == x && p.values > 0 {
			p.values++
			p.Y += (y - p.Y) / float64(p.values)
			p.Low, p.High = min(p.Low, y), max(p.High, y)
			p.Y = min(max(p.Y, p.Low), p.High) // also after rounding
			return
		}
	}
	s.Points = append(s.Points, Point{X: x, Y: y, Low: y, High: y, values: 1})
}

// series returns the series with a name, which is made when it is not there.
func (f *Figure) series(name string) *Series {
	for i := range f.Series {
		if f.Series[i].Name == name {
			return &f.Series[i]
		}
	}
	f.Series = append(f.Series, Series{Name: name})
	return &f.Series[len(f.Series)-1]
}

// check reports what is wrong with a figure.
func (f *Figure) check() error {
	if len(f.Series) == 0 {
		return errors.New("it has no series")
	}
	if len(f.Series) > SeriesMax {
		return fmt.Errorf("it has %d series, the limit is %d", len(f.Series), SeriesMax)
	}
	for _, s := range f.Series {
		if len(s.Points) == 0 || len(s.Points) > PointsMax {
			return fmt.Errorf("series %q has %d points, not 1 to %d", s.Name, len(s.Points), PointsMax)
		}
		for i, p := range s.Points {
			if err := p.check(&f.X, &f.Y); err != nil {
				return fmt.Errorf("point %d of series %q: %w", i+1, s.Name, err)
			}
		}
	}
	return nil
}

func (p *Point) check(x, y *Axis) error {
	for _, v := range []float64{p.X, p.Y, p.Low, p.High} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("a number that is none")
		}
	}
	switch {
	case x.Log && p.X <= 0 || y.Log && (p.Y <= 0 || p.ranged() && p.Low <= 0):
		return errors.New("not above zero on a logarithmic axis")
	case p.ranged() && (p.Low > p.Y || p.Y > p.High):
		return errors.New("outside of its range")
	}
	return nil
}

// ranged reports whether the point has a range.
func (p *Point) ranged() bool { return p.Low != p.High }
