package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func example() *Figure {
	f := &Figure{Name: "throughput", Title: "Throughput", X: Axis{Label: "part of the time asleep"}, Y: Axis{Label: "messages per second", Zero: true}}
	f.Add("bimodal", Point{X: 0, Y: 200})
	f.Add("traditional", Point{X: 0, Y: 200, Low: 190, High: 205})
	f.Add("bimodal", Point{X: 0.9, Y: 199})
	f.Add("traditional", Point{X: 0.9, Y: 20, Low: 10, High: 30})
	return f
}

func TestWrite(t *testing.T) {
	f, directory, again := example(), t.TempDir(), t.TempDir()
	for _, to := range []string{directory, again} {
		if err := f.Write(to); err != nil {
			t.Fatal(err)
		}
	}
	svg := read(t, directory, "throughput.svg")
	for _, text := range []string{"Throughput", "part of the time asleep", "messages per second", "traditional", "bimodal"} {
		if !strings.Contains(string(svg), text) {
			t.Errorf("%q is not in the picture", text)
		}
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	drawn, err := png.Decode(bytes.NewReader(read(t, directory, "throughput.png")))
	if err != nil || drawn.Bounds().Dx() < 400 || drawn.Bounds().Dy() < 300 {
		t.Fatalf("%v", err)
	}
	for _, format := range Formats {
		if !bytes.Equal(read(t, directory, "throughput."+format), read(t, again, "throughput."+format)) {
			t.Errorf("%s differs between two runs", format)
		}
	}
}

func read(t *testing.T, directory, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(directory, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOnePoint draws figures in which an axis has no extent of its own, and one with many series and points.
func TestOnePoint(t *testing.T) {
	many := &Figure{Name: "many"}
	for s := range SeriesMax {
		for i := range 2 * glyphsMost {
			many.Add(fmt.Sprint(s), Point{X: float64(i), Y: float64(s * i)})
		}
	}
	for _, f := range []*Figure{
		{Name: "linear", Series: []Series{{Name: "a", Points: []Point{{X: 1, Y: 1}}}}},
		{Name: "log", X: Axis{Log: true}, Y: Axis{Log: true}, Series: []Series{{Name: "a", Points: []Point{{X: 10, Y: 3}}}}},
		many,
	} {
		if err := f.Write(t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

func TestRefused(t *testing.T) {
	one := func(p Point) []Series { return []Series{{Name: "a", Points: []Point{p}}} }
	for want, f := range map[string]*Figure{
		"no series":                               {},
		"33 series":                               {Series: make([]Series, SeriesMax+1)},
		"0 points":                                {Series: []Series{{Name: "a"}}},
		"100001 points":                           {Series: []Series{{Name: "a", Points: make([]Point, PointsMax+1)}}},
		"a number that is none":                   {Series: one(Point{X: math.NaN()})},
		"point 1 of series \"a\": a number":       {Series: one(Point{Y: math.Inf(1)})},
		"outside of its range":                    {Series: one(Point{Y: 3, Low: 1, High: 2})},
		"not above zero on a logarithmic axis":    {X: Axis{Log: true}, Series: one(Point{Y: 1})},
		"a\": not above zero on a logarithmic ax": {Y: Axis{Log: true}, Series: one(Point{X: 1})},
	} {
		directory := t.TempDir()
		if err := f.Write(directory); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v instead of %q", err, want)
		}
		if left, _ := os.ReadDir(directory); len(left) > 0 {
			t.Errorf("%q leaves a file", want)
		}
	}
}

func TestPage(t *testing.T) {
	var b strings.Builder
	entries := []Entry{{Name: "throughput", Title: "Throughput", Source: "figure 1", Claim: "it falls <fast>", Command: "spinglass lab throughput", Pictures: []string{"one", "two"}, Moving: []string{"three"}, Rows: "a & b"}}
	if err := Page(&b, "Results", entries); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<img src="one.svg"`, `<a href="two.png">`, `<a href="three.svg"><img src="three.svg"`, "it falls &lt;fast&gt;", "<pre>a &amp; b</pre>", `href="#throughput"`, "spinglass lab throughput", "<h1>Results</h1>"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in %s", want, b.String())
		}
	}
}

func TestObserve(t *testing.T) {
	f := &Figure{}
	for _, y := range []float64{3, 1, 2} {
		f.Observe("a", 5, y)
	}
	f.Observe("a", 6, 9)
	f.Observe("b", 5, 7)
	if got := f.Series[0].Points; len(f.Series) != 2 || len(got) != 2 || got[0].Y != 2 || got[0].Low != 1 || got[0].High != 3 || got[1].ranged() {
		t.Errorf("%+v", f.Series)
	}
}
