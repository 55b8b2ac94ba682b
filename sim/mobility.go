package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// Point is a position, in metres.
type Point struct{ X, Y float64 }

// square returns the square of the distance between two points.
func (p Point) square(q Point) float64 {
	x, y := p.X-q.X, p.Y-q.Y
	return x*x + y*y
}

// Mobility says how hosts with a radio move.
type Mobility interface {
	// Path returns the way of a host from time 0 on. It may keep r, whose draws depend on the seed and the host only.
	Path(place *Place, r *rand.Rand) Path
}

// Path is the way of one host.
type Path interface {
	// At returns where the host is. It is asked for times that never decrease.
	At(t protocol.Time) Point
}

// Fixed are hosts that do not move, at a position each, in the order of Add.
type Fixed []Point

// Path implements Mobility.
func (f Fixed) Path(place *Place, _ *rand.Rand) Path { return still(f[place.Index]) }

// still is the path of a host that stays where it is.
type still Point

func (s still) At(protocol.Time) Point { return Point(s) }

// RandomWaypoint is the model of Johnson and Maltz ("Dynamic Source Routing in Ad Hoc Wireless Networks", 1996): a host begins at a point that is drawn evenly from a rectangle; it
// draws another such point and a speed, goes there in a straight line, pauses, and so on.
//
// The mean speed of all hosts falls for a while, since slow legs take longer, to a value that is above zero only if SpeedMin is (Yoon, Liu, Noble, "Random Waypoint Considered
// Harmful", INFOCOM 2003). Without pauses that is (SpeedMax-SpeedMin) / ln(SpeedMax/SpeedMin).
type RandomWaypoint struct {
	Width, Height      float64 // metres
	SpeedMin, SpeedMax float64 // metres per second, drawn evenly; SpeedMin is above 0
	PauseMin, PauseMax time.Duration
}

// Path implements Mobility.
func (m RandomWaypoint) Path(_ *Place, r *rand.Rand) Path {
	if m.SpeedMin <= 0 || m.SpeedMax < m.SpeedMin || m.PauseMin < 0 || m.PauseMax < m.PauseMin {
		panic("sim: a RandomWaypoint needs speeds above 0 and pauses, each with the least first")
	}
	w := &walk{model: m, random: r}
	w.from, w.to = w.point(), w.point()
	w.leg(0)
	return w
}

// walk is the path of a host that moves by RandomWaypoint: a leg, and the pause after it.
type walk struct {
	model    RandomWaypoint
	random   *rand.Rand
	from, to Point
	set      protocol.Time // when it sets out,
	there    protocol.Time // is there,
	next     protocol.Time // and sets out again
}

func (w *walk) point() Point {
	return Point{X: w.model.Width * w.random.Float64(), Y: w.model.Height * w.random.Float64()}
}

// leg draws speed and pause of the leg that begins at a time.
func (w *walk) leg(set protocol.Time) {
	speed := w.model.SpeedMin + (w.model.SpeedMax-w.model.SpeedMin)*w.random.Float64()
	pause := Uniform{Min: w.model.PauseMin, Max: w.model.PauseMax}.Draw(w.random)
	w.set = set
	w.there = set.Add(1 + bounded(math.Sqrt(w.from.square(w.to))/speed*float64(time.Second)))
	w.next = w.there.Add(pause)
}

// At implements Path.
func (w *walk) At(t protocol.Time) Point {
	for t >= w.next {
		w.from, w.to = w.to, w.point()
		w.leg(w.next)
	}
	if t >= w.there {
		return w.to
	}
	part := float64(t-w.set) / float64(w.there-w.set)
	return Point{X: w.from.X + part*(w.to.X-w.from.X), Y: w.from.Y + part*(w.to.Y-w.from.Y)}
}
