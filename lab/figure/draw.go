package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of pictures.
const (
	width      = 18 * vg.Centimeter
	height     = 12 * vg.Centimeter
	lineWidth  = vg.Length(1.5)
	glyphSize  = vg.Length(3)
	margin     = vg.Length(8)
	glyphsMost = 64 // points of a series that are marked; with more there is just the line
)

// Formats are the extensions of the files that Write makes.
var Formats = []string{"svg", "png"}

// Write draws a figure into files of the directory, which is there, in place of earlier ones.
func (f *Figure) Write(directory string) error {
	p, err := f.plot()
	if err != nil {
		return err
	}
	for _, format := range Formats {
		var drawn bytes.Buffer
		if err := encode(&drawn, p, format); err != nil {
			return fmt.Errorf("figure %s: %w", f.Name, err)
		}
		if err := os.WriteFile(filepath.Join(directory, f.Name+"."+format), drawn.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func encode(w io.Writer, p *plot.Plot, format string) error {
	drawn, err := p.WriterTo(width, height, format)
	if err != nil {
		return err
	}
	_, err = drawn.WriteTo(w)
	return err
}

// plot makes the plot of a figure.
func (f *Figure) plot() (*plot.Plot, error) {
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	p := plot.New()
	p.Title.Text, p.Title.Padding, p.BackgroundColor = f.Title, margin, color.White
	f.X.prepare(&p.X)
	f.Y.prepare(&p.Y)
	p.Legend.Top, p.Legend.Padding = true, vg.Length(2)
	p.Add(plotter.NewGrid())
	for i, s := range f.Series {
		if err := s.draw(p, i); err != nil {
			return nil, fmt.Errorf("figure %s: %w", f.Name, err)
		}
	}
	f.X.limit(&p.X)
	f.Y.limit(&p.Y)
	f.makeRoom(p)
	return p, nil
}

func (a *Axis) prepare(to *plot.Axis) {
	to.Label.Text, to.Label.Padding = a.Label, margin/2
	if a.Log {
		to.Scale, to.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
}

// limit sets where an axis begins and ends, once it is known what is drawn. Drawing needs some width: around a single value there is a little on both sides.
func (a *Axis) limit(to *plot.Axis) {
	if a.Zero && !a.Log {
		to.Min = min(to.Min, 0)
	}
	if to.Min != to.Max {
		return
	}
	if a.Log {
		to.Min, to.Max = to.Min/2, to.Max*2
	} else {
		to.Min, to.Max = to.Min-0.5, to.Max+0.5
	}
}

// legendShare is the part of the height, for each series, that the legend takes above the lines.
const legendShare = 0.06

// makeRoom leaves room for the legend above what is drawn, so that it hides nothing.
func (f *Figure) makeRoom(p *plot.Plot) {
	if f.Y.Log {
		return // the scale leaves some
	}
	p.Y.Max += (p.Y.Max - p.Y.Min) * legendShare * float64(len(f.Series))
}

// draw adds a series: its line, marks at its points, bars for ranges, and what the legend says.
func (s *Series) draw(p *plot.Plot, index int) error {
	points, bars := make(plotter.XYs, len(s.Points)), ranges{}
	for i, point := range s.Points {
		points[i] = plotter.XY{X: point.X, Y: point.Y}
		if point.ranged() {
			bars.add(point)
		}
	}
	line, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Width, line.Color, line.Dashes = lineWidth, plotutil.DarkColors[index%len(plotutil.DarkColors)], plotutil.Dashes(index/len(plotutil.DarkColors))
	marks.GlyphStyle = draw.GlyphStyle{Color: line.Color, Radius: glyphSize, Shape: plotutil.Shape(index)}
	p.Add(line)
	if len(points) <= glyphsMost {
		p.Add(marks)
		p.Legend.Add(s.Name, line, marks)
	} else {
		p.Legend.Add(s.Name, line)
	}
	if len(bars.XYs) == 0 {
		return nil
	}
	drawn, err := plotter.NewYErrorBars(&bars)
	if err != nil {
		return err
	}
	drawn.Color, drawn.CapWidth = line.Color, 2*glyphSize
	p.Add(drawn)
	return nil
}

// ranges are points with how far they may be off.
type ranges struct {
	plotter.XYs
	plotter.YErrors
}

func (r *ranges) add(p Point) {
	r.XYs = append(r.XYs, plotter.XY{X: p.X, Y: p.Y})
	r.YErrors = append(r.YErrors, struct{ Low, High float64 }{p.Y - p.Low, p.High - p.Y})
}
