package topics

import (
	"math"
	"testing"
	"time"
)

func small(topics int) Config {
	c := DefaultConfig(40, topics)
	c.Duration = 6 * time.Second
	return c
}

// "Bytes received per member proportional to the sum of its ratings plus a constant: flat as the number of topics in the mesh goes up with fixed interests": within a tenth from 10 to 1000 topics, and members lie on a line as well as
// samples of a few hundred messages do. Without ratings members receive nearly twice as much.
func TestBytesFollowInterestAndNotTopics(t *testing.T) {
	few, err := Run(small(10))
	if err != nil {
		t.Fatal(err)
	}
	many, err := Run(small(1000))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(many.Bytes/few.Bytes-1) > 0.1 {
		t.Errorf("%.0f bytes a second with 10 topics, %.0f with 1000", few.Bytes, many.Bytes)
	}
	for _, r := range []Result{few, many} {
		if r.Typical > 0.08 || math.Abs(r.Constant) > r.Bytes/8 || math.Abs(r.Delivered-1) > 0.05 {
			t.Errorf("%+v", r)
		}
	}
	c := small(1000)
	c.Plain = true
	plain, err := Run(c)
	if err != nil {
		t.Fatal(err)
	}
	if plain.Bytes < many.Bytes*1.6 {
		t.Errorf("%.0f bytes a second with ratings, %.0f without", many.Bytes, plain.Bytes)
	}
}

func TestEqualRunsAreEqual(t *testing.T) {
	c := small(20)
	c.Members, c.Duration = 10, time.Second
	first, err := Run(c)
	second, again := Run(c)
	if err != nil || again != nil || first != second {
		t.Errorf("%+v and %+v, %v, %v", first, second, err, again)
	}
	c.Seed++
	if other, err := Run(c); err != nil || other == first {
		t.Errorf("another seed gives %+v, %v", other, err)
	}
}

func TestConfigsOutOfRange(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"members": func(c *Config) { c.Members = 1 }, "topics": func(c *Config) { c.Topics = c.Wanted - 1 }, "wanted": func(c *Config) { c.Wanted = 0 },
		"rate": func(c *Config) { c.Rate = 0 }, "size": func(c *Config) { c.Size = 1001 }, "loss": func(c *Config) { c.Loss = 0.6 }, "duration": func(c *Config) { c.Duration = 0 },
	} {
		c := small(10)
		if change(&c); c.check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
