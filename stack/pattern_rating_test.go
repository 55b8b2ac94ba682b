package stack_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/directory"
	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/stack"
)

func rated(fraction float64) gravity.Rating {
	r, err := gravity.NewRating(fraction)
	if err != nil {
		panic(err)
	}
	return r
}

// A topic is rated by the highest of the ratings of the patterns and the name that want it, and that part of its messages comes.
func TestRatingsOfPatterns(t *testing.T) {
	f := newPatternFleet(t, lan(1, 0), 4, "/lab")
	f.pass(5 * time.Second)
	do := func(what func(now protocol.Time, n *stack.Node, out *protocol.Output) error) {
		t.Helper()
		f.do(1, what)
		f.pass(2 * time.Second)
	}
	wants := func(r float64) {
		t.Helper()
		if got := f.node(1).Bimodal.Rating("x/a"); got != rated(r) {
			t.Errorf("rating %v, want %v", got.Fraction(), r)
		}
	}
	subscribe := func(text string, r float64) {
		t.Helper()
		f.subscribeRated(1, text, rated(r))
		f.pass(2 * time.Second)
	}
	unsubscribe := func(text string) {
		t.Helper()
		f.unsubscribe(1, text)
		f.pass(2 * time.Second)
	}
	subscribe("x/#", 0.2)
	f.publish(2, "x/a")
	f.pass(2 * time.Second)
	wants(0.2)
	const messages = 1000
	before := len(f.got[1])
	for range messages {
		f.publish(2, "x/a")
		f.pass(10 * time.Millisecond)
	}
	f.pass(5 * time.Second)
	if got := len(f.got[1]) - before; got < messages/7 || got > messages/4 {
		t.Errorf("%d of %d messages at a rating of 0.2", got, messages)
	}
	subscribe("x/+", 0.5)
	wants(0.5)
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.SubscribeWith(now, "x/a", bimodal.SubscribeOptions{Rating: rated(0.3)}, out)
	})
	wants(0.5)
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.SetRating(now, "x/a", gravity.All, false, out)
	})
	wants(1)
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.SetRating(now, "x/a", rated(0.3), false, out)
	})
	wants(0.5)
	unsubscribe("x/+")
	wants(0.3)
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.Unsubscribe(now, "x/a", out)
	})
	wants(0.2)
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.SetPatterns(now, f.wanted[1]["x/#"][0], []stack.RatedPattern{{Pattern: pattern("x/#"), Rating: rated(0.7)}}, out)
	})
	wants(0.7)
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.SubscribeWith(now, "x/a", bimodal.SubscribeOptions{Rating: rated(0.3)}, out)
	})
	unsubscribe("x/#")
	wants(0.3) // of the name alone
}

// Of several patterns of one subscription the most specific one that matches says which part of a topic's messages comes, also if others want more; 0 leaves topics out. What another pattern brings is not asked for twice, a name is
// joined whether anybody publishes to it or not, and patterns change with the topics that stay joined.
func TestMostSpecificPatternWins(t *testing.T) {
	f := newPatternFleet(t, lan(1, 0), 4, "/lab")
	f.pass(5 * time.Second)
	set := func(ratings map[string]float64) (all []stack.RatedPattern) {
		for text, r := range ratings {
			p := stack.RatedPattern{Pattern: pattern(text)}
			if r > 0 {
				p.Rating = rated(r)
			}
			all = append(all, p)
		}
		return all
	}
	ratings := func(want map[string]float64) {
		t.Helper()
		f.pass(2 * time.Second)
		for name, r := range want {
			if got := f.node(1).Bimodal.Rating(name).Fraction(); math.Abs(got-r) > 0.001 {
				t.Errorf("%s has the rating %v, want %v", name, got, r)
			}
		}
	}
	var s *stack.PatternSubscription
	f.do(1, func(now protocol.Time, n *stack.Node, out *protocol.Output) (err error) {
		s, err = n.SubscribePatterns(now, set(map[string]float64{"grid/#": 0.2, "grid/+/alarm": 1, "grid/test/#": 0, "grid/test/frequency": 0.5, "market": 0.3}), out)
		return err
	})
	names := []string{"grid/north/frequency", "grid/north/alarm", "grid/test/alarm", "grid/test/frequency", "grid", "markets"}
	for _, name := range names {
		f.publish(2, name)
	}
	ratings(map[string]float64{"grid/north/frequency": 0.2, "grid/north/alarm": 1, "grid/test/alarm": 0, "grid/test/frequency": 0.5, "grid": 0.2, "market": 0.3, "markets": 0})
	if got := f.node(1).DirectoryStats().Wants; got != 1 {
		t.Errorf("%d patterns are asked for, want grid/# alone", got)
	}
	if got := f.node(1).PatternStats(); got.Patterns != 5 || got.Topics != 5 {
		t.Errorf("%+v", got)
	}
	const messages = 1000
	before := len(f.got[1])
	for range messages {
		for _, name := range names {
			f.publish(2, name)
		}
		f.pass(10 * time.Millisecond)
	}
	f.pass(5 * time.Second)
	got := map[string]int{}
	for _, line := range f.got[1][before:] {
		got[strings.Fields(line)[0]]++
	}
	for name, want := range map[string]float64{"grid/north/frequency": 0.2, "grid/north/alarm": 1, "grid/test/alarm": 0, "grid/test/frequency": 0.5, "grid": 0.2, "markets": 0} {
		if part := float64(got[name]) / messages; math.Abs(part-want) > 4*math.Sqrt(want*(1-want)/messages) {
			t.Errorf("%s: a part of %v came, want %v", name, part, want)
		}
	}
	// Another subscription wants more of what the first one leaves out: they add up.
	f.subscribeRated(1, "grid/test/+", rated(0.4))
	ratings(map[string]float64{"grid/test/alarm": 0.4, "grid/test/frequency": 0.5})
	joins := f.node(1).PatternStats().Joined
	f.do(1, func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.SetPatterns(now, s, set(map[string]float64{"grid/#": 0.1, "grid/+/frequency": 0.6}), out)
	})
	ratings(map[string]float64{"grid/north/frequency": 0.6, "grid/north/alarm": 0.1, "grid/test/alarm": 0.4, "grid/test/frequency": 0.6, "grid": 0.1, "market": 0})
	if got := f.node(1).PatternStats(); got.Joined != joins || got.Patterns != 3 || got.Topics != 5 {
		t.Errorf("%+v after %d joins", got, joins)
	}
	if r := s.Rating("grid/x/frequency"); r != rated(0.6) || len(s.Patterns()) != 2 || s.Patterns()[0].Pattern != pattern("grid/+/frequency") {
		t.Errorf("%v, %v", r, s.Patterns())
	}
	f.do(1, func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		n.UnsubscribePatterns(now, s, out)
		return nil
	})
	ratings(map[string]float64{"grid/north/frequency": 0, "grid/test/alarm": 0.4, "grid/test/frequency": 0.4})
	if got := f.node(1).DirectoryStats().Wants; got != 1 {
		t.Errorf("%d patterns are asked for, want grid/test/+ alone", got)
	}
}

// What is no subscription changes nothing.
func TestPatternsThatAreRefused(t *testing.T) {
	f := newPatternFleet(t, lan(1, 0), 1, "/lab")
	f.pass(time.Second)
	n, out := f.node(1), new(protocol.Output)
	many := func(count int, r gravity.Rating) (all []stack.RatedPattern) {
		for i := range count {
			all = append(all, stack.RatedPattern{Pattern: pattern(fmt.Sprintf("p/%d/#", i)), Rating: r})
		}
		return all
	}
	good, err := n.SubscribePatterns(f.world.Now(), many(40, gravity.All), out)
	if err != nil {
		t.Fatal(err)
	}
	for want, all := range map[error][]stack.RatedPattern{
		stack.ErrPatterns: many(stack.PatternsMax+1, gravity.All), stack.ErrNoPattern: many(3, 0), directory.ErrSystem: {{Pattern: pattern("$topics/#"), Rating: 1}},
		directory.ErrWants: append(many(60, gravity.All)[30:], stack.RatedPattern{Pattern: pattern("q/#"), Rating: 1}, stack.RatedPattern{Pattern: pattern("r/#"), Rating: 1}),
	} {
		if want == directory.ErrWants { // 40 and the 20 that are new of these make 60 and 2
			for i := range 3 {
				all = append(all, stack.RatedPattern{Pattern: pattern(fmt.Sprintf("s/%d/#", i)), Rating: 1})
			}
		}
		if _, err := n.SubscribePatterns(f.world.Now(), all, out); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if err := n.SetPatterns(f.world.Now(), good, all, out); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if got := n.DirectoryStats().Wants; got != 40 || n.PatternStats().Patterns != 40 || len(good.Patterns()) != 40 {
			t.Errorf("after %v: %d patterns are asked for, %d are subscribed to", want, got, n.PatternStats().Patterns)
		}
	}
	n.UnsubscribePatterns(f.world.Now(), good, out)
	n.UnsubscribePatterns(f.world.Now(), good, out)
	if got := n.DirectoryStats().Wants; got != 0 || n.PatternStats().Patterns != 0 {
		t.Errorf("%d patterns are asked for", got)
	}
}
