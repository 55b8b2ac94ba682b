package spinglass_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass"
	"spinglass/topic"
)

// collect takes so many messages of a subscription, as "topic payload", sorted.
func collect(t *testing.T, s *spinglass.Subscription, count int) (got []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for m, err := range s.Messages(ctx) {
		if err != nil {
			t.Fatalf("%v after %v", err, got)
		}
		if got = append(got, m.Topic+" "+string(m.Payload)); len(got) == count {
			break
		}
	}
	slices.Sort(got)
	return got
}

func say(t *testing.T, n *spinglass.Node, topics ...string) {
	t.Helper()
	for _, name := range topics {
		if err := n.Publish(t.Context(), name, []byte(n.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// seek takes messages of a subscription until all that are wanted have come, as "topic payload". None comes twice, and each is of a topic that the subscription is for.
func seek(t *testing.T, s *spinglass.Subscription, seen map[string]bool, want ...string) {
	t.Helper()
	p, err := topic.Parse(s.Topic())
	if err != nil {
		t.Fatal(err)
	}
	for slices.ContainsFunc(want, func(w string) bool { return !seen[w] }) {
		m := collect(t, s, 1)[0]
		if name, _, _ := strings.Cut(m, " "); seen[m] || !p.Match(name) {
			t.Errorf("%s came, of a subscription to %s, after %v", m, p, seen)
		}
		seen[m] = true
	}
}

// docs/TOPICS.md, on real nodes: topics that are there and those that begin are joined, also with their first messages; a subscription by name beside it gets its own copy.
func TestPatternsOnRealNodes(t *testing.T) {
	nodes := fleet(t, 3)
	say(t, nodes[1], "grid/north/frequency", "grid/north/voltage", "market")
	pattern := subscribe(t, nodes[0], "grid/+/frequency")
	rest := subscribe(t, nodes[0], "grid/#", spinglass.Queue(1<<20))
	literal := subscribe(t, nodes[0], "grid/south/frequency")
	if pattern.Topic() != "grid/+/frequency" {
		t.Error(pattern.Topic())
	}
	say(t, nodes[2], "grid/south/frequency", "grid/south/voltage", "market")
	byPattern, byRest := map[string]bool{}, map[string]bool{} // what was published a moment before may come as well
	seek(t, pattern, byPattern, "grid/south/frequency "+nodes[2].Name())
	seek(t, literal, map[string]bool{}, "grid/south/frequency "+nodes[2].Name())
	seek(t, rest, byRest, "grid/south/frequency "+nodes[2].Name(), "grid/south/voltage "+nodes[2].Name())
	say(t, nodes[0], "grid/own/frequency")
	seek(t, pattern, byPattern, "grid/own/frequency "+nodes[0].Name())
	topics, err := nodes[0].Topics(t.Context(), "grid/#")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, known := range topics {
		names = append(names, known.Name)
		if !known.Subscribed || len(known.Publishers) != 1 {
			t.Errorf("%+v", known)
		}
	}
	if want := []string{"grid/north/frequency", "grid/north/voltage", "grid/own/frequency", "grid/south/frequency", "grid/south/voltage"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	for _, s := range []*spinglass.Subscription{pattern, rest} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, err := range s.Messages(t.Context()) {
			if errors.Is(err, spinglass.ErrClosed) {
				break
			}
		}
	}
	if topics, err = nodes[0].Topics(t.Context(), "grid/south/frequency"); err != nil || len(topics) != 1 || !topics[0].Subscribed || topics[0].Received <= 0 {
		t.Errorf("%+v, %v", topics, err)
	}
}

// Topics tells of names without subscribing.
func TestTopicsWithoutSubscribing(t *testing.T) {
	nodes := fleet(t, 2)
	for i := range 20 {
		say(t, nodes[1], fmt.Sprintf("x/%02d", i))
	}
	say(t, nodes[0], "x/own")
	began := time.Now()
	topics, err := nodes[0].Topics(t.Context(), "#")
	if err != nil || len(topics) != 21 || topics[0].Name != "x/00" || topics[0].Subscribed || topics[0].Publishers[0].Name != nodes[1].Name() {
		t.Fatalf("%+v, %v", topics, err)
	}
	if took := time.Since(began); took < spinglass.TopicsWait {
		t.Errorf("it took %v", took)
	}
	began = time.Now()
	if topics, err = nodes[0].Topics(t.Context(), "#"); err != nil || len(topics) != 21 || time.Since(began) > time.Second {
		t.Errorf("again: %d topics in %v, %v", len(topics), time.Since(began), err)
	}
}

func TestWhatIsNoTopicAndNoPattern(t *testing.T) {
	n := fleet(t, 1)[0]
	ctx := t.Context()
	for _, name := range []string{"", "a/+", "#", "a/#/b", "$topics", "$topics/3", strings.Repeat("x", 256)} {
		if err := n.Publish(ctx, name, nil); !errors.Is(err, spinglass.ErrTopic) {
			t.Errorf("publishing to %q: %v", name, err)
		}
	}
	for _, name := range []string{"", "a/#/b", "$topics", "$topics/#", "$topics/+", strings.Repeat("+/", 128)} {
		if _, err := n.Subscribe(ctx, name); !errors.Is(err, spinglass.ErrTopic) {
			t.Errorf("subscribing to %q: %v", name, err)
		}
		if _, err := n.Topics(ctx, name); !errors.Is(err, spinglass.ErrTopic) {
			t.Errorf("topics of %q: %v", name, err)
		}
	}
	if _, err := n.Subscribe(ctx, "a/#/b"); !errors.Is(err, topic.ErrPattern) {
		t.Error(err)
	}
	subscribe(t, n, "c#") // as ever
	say(t, n, "c#", "$own/topic")
	for i := range 100 {
		if _, err := n.Subscribe(ctx, fmt.Sprintf("p/%d/#", i)); err != nil {
			if !errors.Is(err, spinglass.ErrLimit) || i < 20 {
				t.Errorf("pattern %d: %v", i, err)
			}
			return
		}
	}
	t.Error("there is no limit of patterns")
}

// Latest keeps the newest message of each key, and says how many gave way.
func TestLatestKeepsTheNewest(t *testing.T) {
	n := fleet(t, 1)[0]
	byKey := subscribe(t, n, "price/+", spinglass.Latest(func(m spinglass.Message) string { return m.Topic + string(m.Payload[:1]) }))
	byTopic := subscribe(t, n, "price/+", spinglass.Latest(nil))
	all := subscribe(t, n, "price/+")
	for i := range 50 {
		for _, key := range []string{"a", "b"} {
			if err := n.Publish(t.Context(), fmt.Sprintf("price/%d", i%5), fmt.Appendf(nil, "%s%02d", key, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := collect(t, all, 100); len(got) != 100 { // so that all have arrived
		t.Fatal(got)
	}
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("price/%d a%d", i, 45+i), fmt.Sprintf("price/%d b%d", i, 45+i))
	}
	if got := collect(t, byKey, 10); !slices.Equal(got, want) || byKey.Conflated() != 90 {
		t.Errorf("%v, %d conflated", got, byKey.Conflated())
	}
	if got := collect(t, byTopic, 5); !slices.Equal(got, []string{"price/0 b45", "price/1 b46", "price/2 b47", "price/3 b48", "price/4 b49"}) || byTopic.Conflated() != 95 {
		t.Errorf("%v, %d conflated", got, byTopic.Conflated())
	}
	if all.Conflated() != 0 {
		t.Error(all.Conflated())
	}
}

// Where there are too many keys the oldest make room, and everything adds up.
func TestLatestIsBounded(t *testing.T) {
	n := fleet(t, 1)[0]
	s := subscribe(t, n, "x", spinglass.Latest(func(m spinglass.Message) string { return string(m.Payload[:5]) }), spinglass.Queue(spinglass.QueueMin))
	all := subscribe(t, n, "x")
	const count, keys = 3000, 1000
	for i := range count {
		if err := n.Publish(t.Context(), "x", fmt.Appendf(nil, "%05d%s", i%keys, strings.Repeat("x", 100))); err != nil {
			t.Fatal(err)
		}
	}
	if got := collect(t, all, count); len(got) != count {
		t.Fatal(len(got))
	}
	lost, got, last := uint64(0), uint64(0), uint64(0)
	for m, err := range s.Messages(t.Context()) {
		var gap *spinglass.Gap
		switch {
		case errors.As(err, &gap):
			if lost += gap.Count; gap.Reason != spinglass.GapSlowConsumer {
				t.Error(gap)
			}
		case err != nil:
			t.Fatal(err)
		default:
			if got++; m.Sequence <= last {
				t.Errorf("%d after %d", m.Sequence, last)
			}
			last = m.Sequence
		}
		if last == count {
			break
		}
	}
	if got+lost+s.Conflated() != count || got < 100 || got > 400 || lost == 0 {
		t.Errorf("%d messages, %d lost, %d conflated of %d", got, lost, s.Conflated(), count)
	}
}

// Subscriptions to patterns have ratings; each gets its part, also where another one of the node wants more.
func TestRatingsOfPatternsOnRealNodes(t *testing.T) {
	nodes := fleet(t, 2)
	some := subscribe(t, nodes[0], "price/+", spinglass.Rating(0.3))
	all := subscribe(t, nodes[0], "price/#")
	say(t, nodes[1], "price/a") // it is joined
	seek(t, all, map[string]bool{}, "price/a "+nodes[1].Name())
	const messages = 1000
	for i := range messages {
		if err := nodes[1].Publish(t.Context(), "price/a", fmt.Appendf(nil, "%04d%s", i, strings.Repeat("x", 1000))); err != nil {
			t.Fatal(err)
		}
	}
	if got := collect(t, all, messages); len(got) != messages {
		t.Fatal(len(got))
	}
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	part := 0
	for _, err := range some.Messages(ctx) {
		if err != nil {
			break
		}
		part++
	}
	if part < messages/5 || part > messages*2/5 {
		t.Errorf("%d of %d messages at a rating of 0.3", part, messages)
	}
	if err := some.SetRating(t.Context(), 1); err != nil || some.Rating() != 1 {
		t.Error(err, some.Rating())
	}
	say(t, nodes[1], "price/b")
	seek(t, some, map[string]bool{}, "price/b "+nodes[1].Name())
}

// One subscription with several patterns gets of each topic the part that the most specific one says; others of the same node are as they would be without it. Patterns change at run time.
func TestPatternsWithRatingsOnRealNodes(t *testing.T) {
	nodes := fleet(t, 2)
	patterns := spinglass.Patterns{"grid/#": 0.3, "grid/+/alarm": 1, "grid/test/#": 0, "market": 0.5}
	rated, err := nodes[0].SubscribePatterns(t.Context(), patterns)
	if err != nil {
		t.Fatal(err)
	}
	if text := rated.Topic(); text != "grid/test/#=0 grid/+/alarm=1 grid/#=0.3 market=0.5" || rated.Rating() != 1 {
		t.Error(text, rated.Rating())
	}
	all := subscribe(t, nodes[0], "grid/#")
	names := []string{"grid/a/frequency", "grid/a/alarm", "grid/test/alarm", "market"}
	say(t, nodes[1], names...)
	seek(t, all, map[string]bool{}, "grid/a/frequency "+nodes[1].Name(), "grid/a/alarm "+nodes[1].Name(), "grid/test/alarm "+nodes[1].Name())
	const messages = 1000
	for i := range messages {
		for _, name := range names {
			if err := nodes[1].Publish(t.Context(), name, fmt.Appendf(nil, "%04d%s", i, strings.Repeat("x", 1000))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := collect(t, all, 3*messages); len(got) != 3*messages {
		t.Fatal(len(got))
	}
	count := func(s *spinglass.Subscription) map[string]int {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got := map[string]int{}
		for m, err := range s.Messages(ctx) {
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			} else if err == nil && len(m.Payload) > 1000 {
				got[m.Topic]++
			}
		}
		return got
	}
	got := count(rated)
	for name, want := range map[string]float64{"grid/a/frequency": 0.3, "grid/a/alarm": 1, "grid/test/alarm": 0, "market": 0.5} {
		// Messages that were published together share a packet, so that parts are rough.
		if part := float64(got[name]) / messages; math.Abs(part-want) > 0.6*want*(1-want) {
			t.Errorf("%s: a part of %v came, want %v", name, part, want)
		}
	}
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rated.SetRating(t.Context(), 0.5); !errors.Is(err, spinglass.ErrConfig) {
		t.Error(err)
	}
	if err := rated.SetPatterns(t.Context(), spinglass.Patterns{"grid/#": 1, "grid/+/alarm": 0}); err != nil || rated.Topic() != "grid/+/alarm=0 grid/#=1" {
		t.Error(err, rated.Topic())
	}
	seek(t, subscribe(t, nodes[0], "done"), map[string]bool{}, func() string { say(t, nodes[0], "done"); return "done " + nodes[0].Name() }())
	for i := range 20 {
		for _, name := range names {
			if err := nodes[1].Publish(t.Context(), name, fmt.Appendf(nil, "%04d%s", i, strings.Repeat("y", 1000))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := count(rated); got["grid/a/frequency"] < 15 || got["grid/test/alarm"]+got["grid/a/alarm"]+got["market"] > 0 {
		t.Errorf("%v", got)
	}
	if err := rated.Close(); err != nil {
		t.Error(err)
	}
	if err := rated.SetPatterns(t.Context(), patterns); !errors.Is(err, spinglass.ErrClosed) {
		t.Error(err)
	}
	for want, wrong := range map[error]spinglass.Patterns{spinglass.ErrTopic: {"a/#/b": 1}, spinglass.ErrConfig: {"a": 0}, spinglass.ErrLimit: tooMany()} {
		if _, err := nodes[0].SubscribePatterns(t.Context(), wrong); !errors.Is(err, want) {
			t.Errorf("%v: %v", want, err)
		}
	}
	for _, option := range []spinglass.SubscribeOption{spinglass.Rating(0.5), spinglass.Last(3), spinglass.AllBuffered()} {
		if _, err := nodes[0].SubscribePatterns(t.Context(), patterns, option); !errors.Is(err, spinglass.ErrConfig) {
			t.Error(err)
		}
	}
	if _, err := nodes[0].SubscribePatterns(t.Context(), spinglass.Patterns{"a": 1.5}); !errors.Is(err, spinglass.ErrConfig) {
		t.Error(err)
	}
}

func tooMany() spinglass.Patterns {
	many := spinglass.Patterns{}
	for i := range spinglass.PatternsMax + 1 {
		many[fmt.Sprintf("p/%d/#", i)] = 1
	}
	return many
}
