package gravitational

import (
	"math"
	"slices"
)

// RatingMax is as what higher ratings count.
const RatingMax = 0.995

// Susceptibility returns S of a rating from 0 to 1.
func Susceptibility(rating float64) float64 { return -math.Log1p(-min(rating, RatingMax)) }

// Class is some members with the same susceptibility.
type Class struct {
	Susceptibility float64
	Members        int
}

// Classes returns the classes of members with these susceptibilities, the highest first.
func Classes(susceptibilities []float64) (classes []Class) {
	sorted := slices.Sorted(slices.Values(susceptibilities))
	for _, s := range slices.Backward(sorted) {
		if n := len(classes); n == 0 || classes[n-1].Susceptibility != s {
			classes = append(classes, Class{Susceptibility: s})
		}
		classes[len(classes)-1].Members++
	}
	return classes
}

// Course is what becomes of a message that a member of the first class publishes, in expectation.
type Course struct {
	Force    float64   // L at the end: a member is not reached with probability exp(-S L)
	Contacts []float64 // by class: contacts that one of its members makes
}

// Predict follows a message for so many rounds.
func Predict(classes []Class, scalar float64, rounds int) Course {
	c, total := Course{Contacts: make([]float64, len(classes))}, sum(classes)
	for range rounds {
		infectivity := 0.0 // of all holders
		for i, class := range classes {
			holders := float64(class.Members) * -math.Expm1(-class.Susceptibility*c.Force)
			if i == 0 {
				holders += math.Exp(-class.Susceptibility * c.Force) // the first holder is one of these, whatever reaches it
			}
			infectivity += holders * class.Susceptibility
			c.Contacts[i] += scalar * class.Susceptibility * holders / float64(class.Members)
		}
		if total > 0 {
			c.Force += scalar * infectivity / total
		}
	}
	return c
}

// sum returns the sum of S over all members.
func sum(classes []Class) (total float64) {
	for _, c := range classes {
		total += float64(c.Members) * c.Susceptibility
	}
	return total
}

// fitSteps halves the range of the scalar until nothing is left of it.
const fitSteps = 60

// Fit returns the scalar with which L is 1 after so many rounds; 0 where nobody wants anything.
func Fit(classes []Class, rounds int) float64 {
	if len(classes) == 0 || classes[0].Susceptibility == 0 {
		return 0
	}
	// With the first holder alone L would be 1 at the upper end.
	low, high := 0.0, sum(classes)/(classes[0].Susceptibility*float64(rounds))
	for range fitSteps {
		if middle := (low + high) / 2; Predict(classes, middle, rounds).Force < 1 {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}
