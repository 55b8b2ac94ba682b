package drum

import (
	"fmt"
	"testing"
)

// "Simulated, n = 64, fanout 4: baseline 4.9 rounds to all (p99 6); with 30 % droppers 5.7 (8); under a focused flood of 512 fakes a round push-only needs 75
// rounds, pull-only 39, split quotas 5.9 (7)." A tenth of the members are victims.
func TestPublishedFigures(t *testing.T) {
	runs := 1000
	if testing.Short() {
		runs = 400
	}
	split := Config{Members: 64, Push: 2, Pull: 2}
	flooded := Config{Members: 64, Victims: 6, Fakes: 512}
	with := func(c Config, change func(*Config)) Config {
		change(&c)
		return c
	}
	for _, c := range []struct {
		what   string
		config Config
		mean   float64
		p99    int
	}{
		{"split quotas", split, 4.9, 6},
		{"split quotas, droppers", with(split, func(c *Config) { c.Droppers = 19 }), 5.7, 8},
		{"push only, flood", with(flooded, func(c *Config) { c.Push = 4 }), 75, 0},
		{"pull only, flood", with(flooded, func(c *Config) { c.Pull = 4 }), 39, 0},
		{"split quotas, flood", with(flooded, func(c *Config) { c.Push, c.Pull = 2, 2 }), 5.9, 7},
	} {
		r := Run(c.config, runs, 1)
		t.Logf("%-24s %5.2f rounds (p99 %d), published %.1f (%d)", c.what, r.Mean, r.P99, c.mean, c.p99)
		if r.Mean < 0.9*c.mean || r.Mean > 1.1*c.mean || c.p99 > 0 && (r.P99 < c.p99-1 || r.P99 > c.p99+1) {
			t.Errorf("%s: %.2f rounds (p99 %d), published %.1f (%d)", c.what, r.Mean, r.P99, c.mean, c.p99)
		}
	}
}

func ExampleRun() {
	quiet := Run(Config{Members: 64, Push: 4}, 100, 1)
	flooded := Run(Config{Members: 64, Push: 4, Victims: 6, Fakes: 512}, 100, 1)
	fmt.Println(flooded.Mean > 10*quiet.Mean)
	// Output: true
}
