package topic_test

import (
	"fmt"

	"spinglass/topic"
)

// The most specific pattern says what a name is worth.
func ExampleInterests() {
	var ratings topic.Interests[float64]
	for text, rating := range map[string]float64{"grid/#": 0.1, "grid/+/frequency": 0.5, "grid/north/frequency": 1} {
		p, err := topic.Parse(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = ratings.Set(p, rating) // there is room
	}
	for _, name := range []string{"grid/north/frequency", "grid/south/frequency", "grid/south/voltage", "market"} {
		rating, pattern, ok := ratings.Lookup(name)
		fmt.Println(name, rating, pattern, ok)
	}
	// Output:
	// grid/north/frequency 1 grid/north/frequency true
	// grid/south/frequency 0.5 grid/+/frequency true
	// grid/south/voltage 0.1 grid/# true
	// market 0  false
}
