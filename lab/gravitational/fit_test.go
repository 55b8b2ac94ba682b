package gravitational

import (
	"math"
	"testing"
)

// published are the ratings of the derived check, 20 members each, with what these get, and the contacts that one of them makes for a message.
var published = []struct{ rating, delivered, contacts float64 }{
	{0.99, 0.984, 6.2}, {0.9, 0.895, 2.1}, {0.7, 0.694, 0.72}, {0.5, 0.501, 0.26}, {0.3, 0.303, 0.08}, {0.1, 0.101, 0.01},
}

const (
	classMembers = 20
	// contactsTolerance is that of contacts, relative, and contactsRounding what the last digit of the published ones hides.
	contactsTolerance = 0.05
	contactsRounding  = 0.005
)

func publishedClasses() (classes []Class) {
	for _, p := range published {
		classes = append(classes, Class{Susceptibility(p.rating), classMembers})
	}
	return classes
}

// "S_j = -ln(1 - r_j) (cap r at 0.995)."
func TestSusceptibility(t *testing.T) {
	for _, r := range []float64{0, 0.1, 0.5, 0.99, RatingMax} {
		if got := -math.Expm1(-Susceptibility(r)); math.Abs(got-r) > 1e-12 {
			t.Errorf("with L = 1 a rating of %v gets %v", r, got)
		}
	}
	if s := Susceptibility(1); s != Susceptibility(RatingMax) || math.IsInf(s, 0) {
		t.Errorf("a rating of 1 has S = %v", s)
	}
}

// "One scalar per group, fitted by bisection, sets L(T) = 1. ... six classes of 20 members asking .99/.9/.7/.5/.3/.1, T = 10 rounds, get ..., contacts per message and member 6.2/2.1/.72/.26/.08/.01."
func TestFitOfThePublishedGroup(t *testing.T) {
	classes := publishedClasses()
	scalar := Fit(classes, 10)
	course := Predict(classes, scalar, 10)
	if math.Abs(course.Force-1) > 1e-9 {
		t.Errorf("L(T) is %v", course.Force)
	}
	for i, p := range published {
		if got := -math.Expm1(-classes[i].Susceptibility * course.Force); math.Abs(got-p.rating) > 1e-9 {
			t.Errorf("a rating of %v gets %v", p.rating, got)
		}
		t.Logf("rating %v: %.3f contacts a message and member", p.rating, course.Contacts[i])
		if math.Abs(course.Contacts[i]-p.contacts) > contactsTolerance*p.contacts+contactsRounding {
			t.Errorf("a rating of %v makes %v contacts, published are %v", p.rating, course.Contacts[i], p.contacts)
		}
	}
	// Another scalar would be found out.
	if other := Predict(classes, 0.9*scalar, 10); math.Abs(other.Force-1) < 0.15 || math.Abs(other.Contacts[0]-6.2) < contactsTolerance*6.2 {
		t.Errorf("with a scalar a tenth smaller L is %v, and the first class makes %v contacts", other.Force, other.Contacts[0])
	}
}

// Every group has a scalar, from two members to a thousand, whatever they want.
func TestFitsOfOtherGroups(t *testing.T) {
	for _, rounds := range []int{1, 2, 10, 100, LifeMax} {
		for _, members := range []int{1, 2, 30, 1000} {
			for _, ratings := range [][]float64{{1}, {0.01}, {1, 0.01}, {0.5, 0.5, 0.1}, {1, 0, 0}} {
				var all []float64
				for i := range members {
					all = append(all, Susceptibility(ratings[i%len(ratings)]))
				}
				classes := Classes(all)
				scalar := Fit(classes, rounds)
				if force := Predict(classes, scalar, rounds).Force; math.Abs(force-1) > 1e-9 {
					t.Errorf("%d members asking %v, %d rounds: scalar %v, L(T) = %v", members, ratings, rounds, scalar, force)
				}
			}
		}
	}
	for _, nobody := range [][]Class{nil, Classes([]float64{0, 0})} {
		if scalar := Fit(nobody, 10); scalar != 0 {
			t.Errorf("nobody wants anything, and the scalar is %v", scalar)
		}
		if force := Predict(nobody, 1, 10).Force; force != 0 {
			t.Errorf("nobody wants anything, and L(T) is %v", force)
		}
	}
}

func TestClasses(t *testing.T) {
	got := Classes([]float64{1, 3, 0, 1, 3, 3})
	want := []Class{{3, 3}, {1, 2}, {0, 1}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v", got)
	}
}
