package manet

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"spinglass/sim"
)

// Sizes and colours of an animation, in pixels of its view.
const (
	picture   = 600.0
	border    = 20.0
	caption   = 40.0
	shownFor  = 400 * time.Millisecond // a step of a walk
	ofSource  = "#c00000"
	ofMember  = "#1f5fbf"
	ofForward = "#b0b0b0"
	ofTree    = "#2f7f2f"
	ofWalk    = "#e08000"
)

func compareEdges(a, b edge) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) }

// Write writes the animation as SVG, once its run is over. It plays as fast as the run was, and begins anew at its end.
func (a *Animation) Write(to io.Writer) error {
	if len(a.samples) < 2 {
		return fmt.Errorf("animation: %d positions of each node, and not 2 or more", len(a.samples))
	}
	w := &svg{Writer: bufio.NewWriter(to), animation: a, length: float64(len(a.samples)-1) * SampleInterval.Seconds()}
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="12">`+"\n", picture+2*border, picture+2*border+caption)
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" fill="white"/><rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" fill="none" stroke="#888"/>`+"\n", border, border, picture, picture)
	w.legend()
	w.sourceRange()
	for _, e := range a.allEdges() {
		w.edge(e)
	}
	for _, s := range a.steps {
		w.step(s)
	}
	for i := range a.config.Nodes {
		w.node(i)
	}
	fmt.Fprintln(w, "</svg>")
	return w.Flush()
}

// svg writes an animation.
type svg struct {
	*bufio.Writer
	animation *Animation
	length    float64 // seconds
}

// legend says what is shown, and the time.
func (w *svg) legend() {
	c := &w.animation.config
	text := func(x float64, colour, s string) {
		fmt.Fprintf(w, `<text x="%.0f" y="%.0f" fill="%s">%s</text>`+"\n", x, picture+2*border+15, colour, s)
	}
	fmt.Fprintf(w, `<text x="%.0f" y="%.0f">%s, %d nodes, range %g m, up to %g m/s, square of %g m, seed %d</text>`+"\n", border, picture+2*border, c.Protocol.Name, c.Nodes, c.Range, c.SpeedMax, c.Side, c.Seed)
	text(border, ofSource, "source and its range")
	text(border+130, ofMember, "members")
	text(border+195, "#707070", "other nodes")
	text(border+275, ofTree, "tree")
	walks := "gossip walks"
	if w.animation.omitted > 0 {
		walks += fmt.Sprintf(", without %d steps beyond the first %d", w.animation.omitted, StepsMax)
	}
	text(border+310, ofWalk, walks)
	for i := range int(w.length) {
		at := time.Duration(i) * time.Second
		fmt.Fprintf(w, `<text x="%.0f" y="%.0f" opacity="0">%v`, picture-border, picture+2*border+15, (w.animation.begin.Sub(0) + at).Round(time.Second))
		w.show(at, time.Second)
		fmt.Fprintln(w, "</text>")
	}
}

// show shows an element for a while.
func (w *svg) show(from, length time.Duration) {
	part := func(d time.Duration) float64 { return min(1, d.Seconds()/w.length) }
	fmt.Fprintf(w, `<animate attributeName="opacity" calcMode="discrete" dur="%.1fs" repeatCount="indefinite" keyTimes="0;%.5f;%.5f" values="0;1;0"/>`, w.length, part(from), part(from+length))
}

// at returns a position on the picture.
func (w *svg) at(p sim.Point) (x, y float64) {
	scale := picture / w.animation.config.Side
	return border + p.X*scale, border + p.Y*scale
}

// animate animates two attributes with a position of a node.
func (w *svg) animate(node int, x, y string) {
	var xs, ys strings.Builder
	for i, s := range w.animation.samples {
		if i > 0 {
			xs.WriteByte(';')
			ys.WriteByte(';')
		}
		px, py := w.at(s.positions[node])
		fmt.Fprintf(&xs, "%.1f", px)
		fmt.Fprintf(&ys, "%.1f", py)
	}
	for _, v := range []struct{ name, values string }{{x, xs.String()}, {y, ys.String()}} {
		fmt.Fprintf(w, `<animate attributeName="%s" dur="%.1fs" repeatCount="indefinite" values="%s"/>`, v.name, w.length, v.values)
	}
}

func (w *svg) sourceRange() {
	x, y := w.at(w.animation.samples[0].positions[0])
	fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="none" stroke="%s" stroke-opacity="0.4" stroke-dasharray="4 4">`, x, y, w.animation.config.Range*picture/w.animation.config.Side, ofSource)
	w.animate(0, "cx", "cy")
	fmt.Fprintln(w, "</circle>")
}

func (w *svg) node(i int) {
	colour, radius := ofForward, 4
	if i == 0 {
		colour, radius = ofSource, 7
	} else if i < w.animation.config.Members() {
		colour, radius = ofMember, 6
	}
	x, y := w.at(w.animation.samples[0].positions[i])
	fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="%d" fill="%s"><title>%d</title>`, x, y, radius, colour, i+1)
	w.animate(i, "cx", "cy")
	fmt.Fprintln(w, "</circle>")
}

// allEdges returns every edge that there is at some time.
func (a *Animation) allEdges() (all []edge) {
	for _, s := range a.samples {
		all = append(all, s.edges...)
	}
	slices.SortFunc(all, compareEdges)
	return slices.Compact(all)
}

// edge draws an edge for as long as it is there.
func (w *svg) edge(e edge) {
	from, to := int(e.from)-1, int(e.to)-1
	var shown strings.Builder
	for i, s := range w.animation.samples {
		if i > 0 {
			shown.WriteByte(';')
		}
		_, there := slices.BinarySearchFunc(s.edges, e, compareEdges)
		if there {
			shown.WriteByte('1')
		} else {
			shown.WriteByte('0')
		}
	}
	first := w.animation.samples[0].positions
	x1, y1 := w.at(first[from])
	x2, y2 := w.at(first[to])
	fmt.Fprintf(w, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="2">`, x1, y1, x2, y2, ofTree)
	fmt.Fprintf(w, `<animate attributeName="opacity" calcMode="discrete" dur="%.1fs" repeatCount="indefinite" values="%s"/>`, w.length, shown.String())
	w.animate(from, "x1", "y1")
	w.animate(to, "x2", "y2")
	fmt.Fprintln(w, "</line>")
}

// step shows a step of a walk for a short while.
func (w *svg) step(s step) {
	begin := s.at.Sub(w.animation.begin)
	sample := w.animation.samples[min(int(begin/SampleInterval), len(w.animation.samples)-1)]
	x1, y1 := w.at(sample.positions[int(s.from)-1])
	x2, y2 := w.at(sample.positions[int(s.to)-1])
	fmt.Fprintf(w, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="3" opacity="0">`, x1, y1, x2, y2, ofWalk)
	w.show(begin, shownFor)
	fmt.Fprintln(w, "</line>")
}
