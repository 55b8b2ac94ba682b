package colluders

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/sim"
)

// ways are the two in which packets of 64 members come by way of others: trees, and gossip, where half of the copies that authors send come nowhere.
var ways = []struct {
	name   string
	spread bimodal.Spread
	missed float64
}{{"trees", bimodal.SpreadTree, 0}, {"gossip", bimodal.SpreadDirect, 0.5}}

func seeds() int {
	if testing.Short() {
		return 1
	}
	return 3
}

// run runs 64 members with 19 colluders in a way.
func run(seed uint64, way int, loss float64, behaviours ...Behaviour) (Result, error) {
	c := DefaultConfig()
	c.Seed, c.Behaviours, c.Spread, c.Missed, c.Loss = seed, behaviours, ways[way].spread, ways[way].missed, loss
	return Run(c)
}

// judge returns what is wrong with a run: what must hold whatever colluders do. Every honest member is delivered every message once, and nothing else; none of them is
// named; and every colluder is named from which one of them got something that was changed.
func judge(r Result) error {
	var wrong []error
	if r.Delivered != r.Expected || r.Lost > 0 {
		wrong = append(wrong, fmt.Errorf("%d messages delivered of %d, %d told as lost", r.Delivered, r.Expected, r.Lost))
	}
	if r.Corrupt > 0 {
		wrong = append(wrong, fmt.Errorf("%d corrupt messages delivered", r.Corrupt))
	}
	if r.Accused > 0 {
		wrong = append(wrong, fmt.Errorf("%d honest members named", r.Accused))
	}
	if r.Named != r.Corrupters {
		wrong = append(wrong, fmt.Errorf("of %d colluders that sent changed packets %v are not named", r.Corrupters, r.Unnamed))
	}
	return errors.Join(wrong...)
}

// swarm runs both ways with several seeds, judges each run, and then by what is asked for of it besides.
func swarm(t *testing.T, loss float64, behaviours []Behaviour, required func(Result) bool) {
	sim.Swarm(t, seeds(), func(seed uint64) error {
		for way := range ways {
			r, err := run(seed, way, loss, behaviours...)
			if err != nil {
				return err
			}
			t.Logf("seed %d, %s: copies: %d dropped, %d late, %d changed, %d replayed, %d lies; %d colluders named; %d polls to authors; delivered after %v (p99 %v)", seed,
				ways[way].name, r.Withheld, r.Delayed, r.Changed, r.Replayed, r.Lies, r.Named, r.Asked, r.Mean.Round(time.Millisecond), r.P99.Round(time.Millisecond))
			if err := judge(r); err != nil {
				return fmt.Errorf("%s: %w", ways[way].name, err)
			}
			if !required(r) {
				return fmt.Errorf("%s: %+v", ways[way].name, r)
			}
		}
		return nil
	})
}

// What the others are held against.
func TestWithoutColluders(t *testing.T) {
	swarm(t, 0.02, nil, func(r Result) bool { return r.Corrupters == 0 && r.P99 < 500*time.Millisecond })
}

// security.md: "30 % colluders that drop (100 % of honest delivery)". They hand on nothing, neither packets nor orders, and repair nothing, but tell of it: all else get
// everything, 99 of 100 messages within a second.
func TestDroppersHoldUpNothing(t *testing.T) {
	swarm(t, 0.02, []Behaviour{Drop}, func(r Result) bool { return r.Withheld > 1000 && r.P99 < time.Second })
}

// The same where all that they hand on comes too late.
func TestSlowColludersHoldUpNothing(t *testing.T) {
	swarm(t, 0.02, []Behaviour{Slow}, func(r Result) bool { return r.Delayed > 1000 && r.P99 < time.Second })
}

// "or corrupt (none delivered, each attributed)". They change every packet that they hand on, in its contents, counts, age, number, or manifest, send others again along
// with it, and lie of the ends of streams: nothing that was changed is delivered, everything else is, and who changed it is named, and nobody else.
func TestCorruptersAreNamed(t *testing.T) {
	swarm(t, 0.02, []Behaviour{Corrupt | Replay | Lie}, func(r Result) bool {
		return r.Changed > 1000 && r.Replayed > 1000 && r.Lies > 1000 && r.Corrupters == DefaultConfig().Colluders && r.P99 < 2*time.Second
	})
}

// All of it at once, each by some, where links lose 5 %.
func TestAllKindsOfColluders(t *testing.T) {
	swarm(t, 0.05, []Behaviour{Drop, Corrupt, Lie, Slow, Corrupt | Replay, Drop | Lie}, func(r Result) bool {
		return r.Withheld > 200 && r.Delayed > 200 && r.Changed > 200 && r.Replayed > 200 && r.Lies > 200 && r.Corrupters == 6 && r.P99 < 2*time.Second
	})
}

// The judge bites: without signatures changed packets are delivered, honest messages are not, and nobody is named; and lies alone have messages told as lost that never
// were.
func TestCorruptersWithoutSignatures(t *testing.T) {
	for _, way := range ways {
		c := DefaultConfig()
		c.Behaviours, c.Spread, c.Missed, c.Signed = []Behaviour{Corrupt}, way.spread, way.missed, false
		r, err := Run(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d of %d messages delivered, %d corrupt, %d told as lost", way.name, r.Delivered, r.Expected, r.Corrupt, r.Lost)
		if r.Corrupt < 1000 || r.Delivered > r.Expected/2 || r.Named > 0 || r.Corrupters != c.Colluders || judge(r) == nil {
			t.Errorf("%s: %+v", way.name, r)
		}
		c.Behaviours = []Behaviour{Lie}
		if r, err = Run(c); err != nil || r.Lost == 0 || judge(r) == nil {
			t.Errorf("%s: lies: %+v, %v", way.name, r, err)
		}
	}
}
