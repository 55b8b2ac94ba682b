package sim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
)

// Hosts stay in their rectangle and move no faster than they may; they stand still as long as pauses say, and seeds tell them apart.
func TestRandomWaypointBounds(t *testing.T) {
	m := RandomWaypoint{Width: 200, Height: 100, SpeedMin: 0.5, SpeedMax: 10, PauseMin: time.Second, PauseMax: 20 * time.Second}
	moved, stood := 0, 0
	for seed := range uint64(20) {
		path := m.Path(nil, rand.New(rand.NewPCG(seed, 1)))
		last := path.At(0)
		for at := protocol.Time(0); at < seconds(1000); at += ms(100) {
			p := path.At(at)
			if p.X < 0 || p.X > 200 || p.Y < 0 || p.Y > 100 {
				t.Fatalf("%v is outside", p)
			}
			step := math.Sqrt(p.square(last))
			if step > 1+1e-9 {
				t.Fatalf("%.2f m in 100 ms", step)
			}
			if step == 0 {
				stood++
			} else {
				moved++
			}
			last = p
		}
	}
	if moved == 0 || stood == 0 {
		t.Errorf("moved %d times, stood %d times", moved, stood)
	}
}

// The mean speed is what the model tends to, and hosts are more often in the middle than at the edge: the density of a random waypoint in a square is about 2.25 times the even one at
// the centre, that is (3/2)^2, by Bettstetter, Resta and Santi ("The Node Distribution of the Random Waypoint Mobility Model", 2003), whose approximation for one side is
// 6x(1-x).
func TestRandomWaypointDistribution(t *testing.T) {
	m := RandomWaypoint{Width: 100, Height: 100, SpeedMin: 1, SpeedMax: 10}
	var distance, time float64
	inner, all := 0, 0
	for seed := range uint64(200) {
		path := m.Path(nil, rand.New(rand.NewPCG(seed, 7)))
		path.At(seconds(500))
		last := path.At(seconds(500))
		for at := seconds(500); at < seconds(1500); at += seconds(0.5) {
			p := path.At(at)
			distance, time = distance+math.Sqrt(p.square(last)), time+0.5
			last = p
			all++
			if math.Abs(p.X-50) < 10 && math.Abs(p.Y-50) < 10 {
				inner++
			}
		}
	}
	// A turn within half a second is seen as less than it is, which is little.
	if mean, want := distance/time, 9/math.Log(10); math.Abs(mean/want-1) > 0.03 {
		t.Errorf("mean speed %.3f m/s, want %.3f", mean, want)
	}
	if density := float64(inner) / float64(all) / 0.04; density < 1.9 || density > 2.5 {
		t.Errorf("the middle is %.2f times as dense as it would be evenly", density)
	}
}

// A path does not depend on when it is asked.
func TestPathIsAskedAtAnyTime(t *testing.T) {
	m := RandomWaypoint{Width: 100, Height: 100, SpeedMin: 1, SpeedMax: 10, PauseMax: time.Second}
	often, once := m.Path(nil, rand.New(rand.NewPCG(1, 7))), m.Path(nil, rand.New(rand.NewPCG(1, 7)))
	for at := protocol.Time(0); at < seconds(300); at += ms(7) {
		often.At(at)
	}
	if a, b := often.At(seconds(300)), once.At(seconds(300)); a != b {
		t.Errorf("%v and %v", a, b)
	}
}

func TestRandomWaypointIsChecked(t *testing.T) {
	for _, m := range []RandomWaypoint{{SpeedMax: 1}, {SpeedMin: 2, SpeedMax: 1}, {SpeedMin: 1, SpeedMax: 1, PauseMin: 1}, {SpeedMin: 1, SpeedMax: 1, PauseMin: -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is taken", m)
				}
			}()
			m.Path(nil, rand.New(rand.NewPCG(1, 2)))
		}()
	}
}
