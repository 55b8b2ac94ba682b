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
	"spinglass/wire"
)

// collect takes so many messages of a subscription, as "topic payload", sorted.
func collect(t *testing.T, s *spinglass.Subscription, count int) (got []string) {
	t.Helper()
	var failed error
	for m, err := range s.Messages(within(t)) {
		if failed = err; err != nil {
			break
		}
		if got = append(got, m.Topic+" "+string(m.Payload)); len(got) == count {
			break
		}
	}
	if failed != nil {
		t.Fatalf("%s: %v after %v", s.Topic(), failed, got)
	}
	slices.Sort(got)
	return got
}

// say publishes a message to each topic, which is told of for long: subscriptions to patterns find a topic within two seconds as a rule.
func say(t *testing.T, n *spinglass.Node, topics ...string) {
	t.Helper()
	for _, name := range topics {
		keepLong(t, name, n)
		if err := n.Publish(t.Context(), name, []byte(n.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitJoined has a member say something in topics again and again until a subscription to a pattern has brought a message of each, and returns the numbers of the first that came of the member's topics. None comes twice, and each is
// of a topic that the subscription is for.
func awaitJoined(t *testing.T, s *spinglass.Subscription, n *spinglass.Node, topics ...string) map[string]uint64 {
	t.Helper()
	p, err := topic.Parse(s.Topic())
	if err != nil {
		t.Fatal(err)
	}
	first, last := map[string]uint64{}, map[string]uint64{}
	awaitSo(t, func() bool {
		say(t, n, topics...)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		for m, err := range s.Messages(ctx) {
			if ctx.Err() != nil && err != nil {
				break
			}
			stream := m.Topic + " " + m.From
			if err != nil || m.Sequence <= last[stream] || !p.Match(m.Topic) {
				t.Errorf("number %d of %s came, of a subscription to %s, after %v: %v", m.Sequence, stream, p, last, err)
			}
			if last[stream] = m.Sequence; m.From == n.Name() && first[m.Topic] == 0 {
				first[m.Topic] = m.Sequence
			}
		}
		return !slices.ContainsFunc(topics, func(name string) bool { return first[name] == 0 })
	})
	return first
}

// awaitTopics waits until what a node says of the topics of a pattern is as it should be.
func awaitTopics(t *testing.T, n *spinglass.Node, pattern string, good func([]spinglass.Topic) bool) {
	t.Helper()
	for ctx := within(t); ; time.Sleep(10 * time.Millisecond) {
		topics, err := n.Topics(ctx, pattern)
		if err != nil {
			t.Fatalf("%+v, %v", topics, err)
		}
		if good(topics) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%+v", topics)
		}
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
	say(t, nodes[2], "market")
	for s, names := range map[*spinglass.Subscription][]string{pattern: {"grid/south/frequency"}, literal: {"grid/south/frequency"}, rest: {"grid/south/frequency", "grid/south/voltage"}} {
		began := time.Now()
		first := awaitJoined(t, s, nodes[2], names...)
		for _, name := range names {
			if waited := time.Since(began); first[name] != 1 && waited < 2*time.Second { // the life of a packet: who gets no turn for as long may miss it
				t.Errorf("%s: the first message of %s is number %d, after %v", s.Topic(), name, first[name], waited)
			}
		}
	}
	awaitJoined(t, pattern, nodes[0], "grid/own/frequency")
	names := []string{"grid/north/frequency", "grid/north/voltage", "grid/own/frequency", "grid/south/frequency", "grid/south/voltage"}
	awaitTopics(t, nodes[0], "grid/#", func(topics []spinglass.Topic) bool {
		return slices.EqualFunc(topics, names, func(known spinglass.Topic, name string) bool {
			return known.Name == name && known.Subscribed && len(known.Publishers) == 1
		})
	})
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
	awaitTopics(t, nodes[0], "grid/south/frequency", func(topics []spinglass.Topic) bool {
		say(t, nodes[2], "grid/south/frequency")
		return len(topics) == 1 && topics[0].Subscribed && topics[0].Received > 0
	})
}

// Topics tells of names without subscribing. It waits when it is asked for the first time only.
func TestTopicsWithoutSubscribing(t *testing.T) {
	nodes := fleet(t, 2)
	for i := range 20 {
		say(t, nodes[1], fmt.Sprintf("x/%02d", i))
	}
	say(t, nodes[0], "x/own")
	began := time.Now()
	if _, err := nodes[0].Topics(t.Context(), "#"); err != nil || time.Since(began) < spinglass.TopicsWait {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	quickest, asked := spinglass.TopicsWait, time.Now()
	awaitTopics(t, nodes[0], "#", func(topics []spinglass.Topic) bool {
		quickest, asked = min(quickest, time.Since(asked)), time.Now()
		return len(topics) == 21 && topics[0].Name == "x/00" && !topics[0].Subscribed && topics[0].Publishers[0].Name == nodes[1].Name() && quickest < time.Second
	})
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

// packetEach is for members that put messages of payloadEach in a packet each, so that their ratings are those of so many independent draws.
var packetEach = spinglass.Config{DatagramSize: wire.DatagramMin}

func payloadEach(number int) []byte {
	return fmt.Appendf(nil, "%04d%s", number, strings.Repeat("x", wire.DatagramMin/2))
}

// publishEach publishes so many of these messages to each topic, and has a subscription take what is published, as it is: so that no more is under way than sockets hold.
func publishEach(t *testing.T, n *spinglass.Node, count int, s *spinglass.Subscription, taken int, topics ...string) {
	t.Helper()
	const ahead = 20
	for i := range count {
		for _, name := range topics {
			if err := n.Publish(t.Context(), name, payloadEach(i)); err != nil {
				t.Fatal(err)
			}
		}
		if (i+1)%ahead == 0 {
			takeEach(t, s, ahead*taken)
		}
	}
}

// takeEach takes so many of these messages of a subscription, and whatever else there is between them.
func takeEach(t *testing.T, s *spinglass.Subscription, count int) {
	t.Helper()
	for taken := 0; taken < count; {
		if m := collect(t, s, 1)[0]; len(m) > wire.DatagramMin/2 {
			taken++
		}
	}
}

// countEach counts what a subscription brings of each topic before an end of a phase of the test, which is published so often that it is wanted once: at a rating of 0.1 but for one run in 10^9.
func countEach(t *testing.T, s *spinglass.Subscription, n *spinglass.Node, topic string, phase int) map[string]int {
	t.Helper()
	const each, first = 200, 9000
	ends := first + phase*each
	for i := range each {
		if err := n.Publish(t.Context(), topic, payloadEach(ends+i)); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]int{}
	for m, err := range s.Messages(within(t)) {
		var number int
		if err != nil {
			t.Fatalf("%v after %v", err, got)
		} else if _, err := fmt.Sscanf(string(m.Payload), "%4d", &number); err != nil {
			continue // of those that were published first
		}
		if number >= ends {
			break
		} else if number < first { // not an end of the phase before
			got[m.Topic]++
		}
	}
	return got
}

// isPart reports whether so many of messages in a packet each are as many as a rating wants: within six standard deviations, which two runs in 10^9 are not.
func isPart(count, messages int, rating float64) bool {
	return math.Abs(float64(count)-rating*float64(messages)) <= 6*math.Sqrt(rating*(1-rating)*float64(messages))
}

// Subscriptions to patterns have ratings; each gets its part, also where another one of the node wants more.
func TestRatingsOfPatternsOnRealNodes(t *testing.T) {
	nodes := fleetOf(t, packetEach, 2)
	some := subscribe(t, nodes[0], "price/+", spinglass.Rating(0.3))
	all := subscribe(t, nodes[0], "price/#")
	awaitJoined(t, all, nodes[1], "price/a")
	const messages = 1000
	publishEach(t, nodes[1], messages, all, 1, "price/a")
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	if got := countEach(t, some, nodes[1], "price/a", 0); !isPart(got["price/a"], messages, 0.3) {
		t.Errorf("%v of %d messages at a rating of 0.3", got, messages)
	}
	if err := some.SetRating(t.Context(), 1); err != nil || some.Rating() != 1 {
		t.Error(err, some.Rating())
	}
	awaitJoined(t, some, nodes[1], "price/a", "price/b")
}

// One subscription with several patterns gets of each topic the part that the most specific one says; others of the same node are as they would be without it. Patterns change at run time.
func TestPatternsWithRatingsOnRealNodes(t *testing.T) {
	nodes := fleetOf(t, packetEach, 2)
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
	awaitJoined(t, all, nodes[1], names[:3]...)
	const messages = 1000
	publishEach(t, nodes[1], messages, all, 3, names...)
	got := countEach(t, rated, nodes[1], "market", 0)
	for name, want := range map[string]float64{"grid/a/frequency": 0.3, "grid/a/alarm": 1, "grid/test/alarm": 0, "market": 0.5} {
		if !isPart(got[name], messages, want) {
			t.Errorf("%s: %d of %d messages came, want %v of them", name, got[name], messages, want)
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
	const after = 20
	for i := range after {
		for _, name := range slices.Backward(names) {
			if err := nodes[1].Publish(t.Context(), name, fmt.Append(payloadEach(i), "after")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for frequencies := 0; frequencies < after; {
		switch m := collect(t, rated, 1)[0]; {
		case !strings.HasSuffix(m, "after"): // ends that had come before
		case strings.HasPrefix(m, "grid/a/frequency "):
			frequencies++
		default:
			t.Errorf("%.30s came", m)
		}
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
