package stack_test

import (
	"strings"
	"testing"
	"time"

	"spinglass/bimodal"
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
		do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
			return n.SubscribePattern(now, pattern(text), rated(r), out)
		})
	}
	unsubscribe := func(text string) {
		t.Helper()
		do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
			n.UnsubscribePattern(now, pattern(text), out)
			return nil
		})
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
		n.SetPatternRating(now, pattern("x/#"), rated(0.7), out)
		return nil
	})
	wants(0.7)
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.SubscribeWith(now, "x/a", bimodal.SubscribeOptions{Rating: rated(0.3)}, out)
	})
	unsubscribe("x/#")
	wants(0.3) // of the name alone
	if err := f.node(1).SubscribePattern(f.world.Now(), pattern("y/#"), 0, new(protocol.Output)); err == nil || !strings.Contains(err.Error(), "rating") {
		t.Error(err)
	}
}
