package stack_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/table"
	topics "spinglass/topic"
)

// patternFleet is a world of whole nodes with directories, in one zone or several.
type patternFleet struct {
	t       *testing.T
	world   *sim.World
	got     map[protocol.NodeID][]string // "topic number" of messages delivered, in their order
	joined  map[protocol.NodeID]map[string]protocol.Time
	refused map[protocol.NodeID]int
	wanted  map[protocol.NodeID]map[string][]*stack.PatternSubscription
	allowed func(protocol.NodeID, string) bool
	// authority is nil where members have no identities; else member 3 may publish to secret* only.
	authority *authority
}

func lan(seed uint64, loss float64) sim.Config {
	return sim.Config{Seed: seed, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.LogNormal{Min: 100 * time.Microsecond, Median: 500 * time.Microsecond, Sigma: 0.5}, Loss: loss}}}}
}

// newPatternFleet makes so many members in each of the zones.
func newPatternFleet(t *testing.T, c sim.Config, each int, zones ...string) *patternFleet {
	f := &patternFleet{t: t, world: sim.New(c), got: map[protocol.NodeID][]string{}, joined: map[protocol.NodeID]map[string]protocol.Time{}, refused: map[protocol.NodeID]int{},
		wanted: map[protocol.NodeID]map[string][]*stack.PatternSubscription{}}
	for z, zone := range zones {
		for i := range each {
			id := protocol.NodeID(z*each + i + 1)
			seeds := []protocol.Address{protocol.Address(fmt.Sprint("a", z*each+1)), "a1"}
			f.joined[id], f.wanted[id] = map[string]protocol.Time{}, map[string][]*stack.PatternSubscription{}
			f.world.Add(sim.HostConfig{ID: id, Address: protocol.Address(fmt.Sprintf("a%d", id)), Zone: zone, At: protocol.Time(time.Duration(id) * 5 * time.Millisecond), Build: func(b sim.Boot) protocol.Machine {
				return f.build(b, fmt.Sprintf("%s/m%d", zone, i), seeds)
			}})
		}
	}
	f.world.Observe(f.observe)
	return f
}

func (f *patternFleet) build(b sim.Boot, name string, seeds []protocol.Address) protocol.Machine {
	random := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(b.Rand.Uint64(), stream)) }
	c := bimodal.DefaultConfig()
	c.Self, c.Epoch, c.Rand, c.Zone = b.ID, 1, random(1), protocol.Zone(name)
	n, err := stack.New(f.sign(b, name, stack.Config{
		Membership: membership.Config{Self: b.ID, Name: name, Addresses: []protocol.Address{b.Address}, Seeds: seeds, First: b.ID == 1, Rand: random(2), Zoned: true},
		Bimodal:    c,
		Tables:     astrolabe.Config{Seeds: seeds, Rand: random(3), Secret: [32]byte{byte(b.ID), byte(b.ID >> 8)}},
		Directory: stack.DirectoryConfig{Rand: random(4), Allowed: func(topic string) bool {
			return f.allowed == nil || f.allowed(b.ID, topic)
		}},
	}))
	if err != nil {
		panic(err)
	}
	return n
}

// sign gives a member an identity if the fleet signs.
func (f *patternFleet) sign(b sim.Boot, name string, c stack.Config) stack.Config {
	if f.authority == nil {
		return c
	}
	grants := identity.MemberGrants()
	if b.ID == 3 {
		grants[0].Pattern = "secret*"
	}
	terms := identity.Terms{Entropy: f.authority.entropy, Now: start, Lifetime: 30 * 24 * time.Hour}
	chain, err := f.authority.IssueMember(terms, name, b.ID, identity.PublicKey(f.world.PublicKey(b.ID)), grants)
	if err != nil {
		panic(err)
	}
	f.authority.chains[b.ID] = chain
	c.Membership.Identity, c.Bimodal.Notary = f.authority.identityOf(b), f.authority.notaryOf(f.world, b.ID)
	return c
}

func (f *patternFleet) observe(at protocol.Time, id protocol.NodeID, e protocol.Event) {
	switch e := e.(type) {
	case *bimodal.Delivery:
		if topics.IsSystem(e.Topic) {
			return
		}
		for number := range e.Messages {
			f.got[id] = append(f.got[id], fmt.Sprintf("%s %d %d", e.Topic, e.Author, number))
		}
	case stack.TopicJoined:
		f.joined[id][e.Topic] = at
	case stack.TopicLeft:
		delete(f.joined[id], e.Topic)
	case stack.TopicsRefused:
		f.refused[id]++
	}
}

func (f *patternFleet) node(id protocol.NodeID) *stack.Node { return f.world.Machine(id).(*stack.Node) }

func (f *patternFleet) do(id protocol.NodeID, what func(now protocol.Time, n *stack.Node, out *protocol.Output) error) {
	f.t.Helper()
	f.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := what(now, m.(*stack.Node), out); err != nil {
			f.t.Fatal(err)
		}
	})
}

func (f *patternFleet) publish(id protocol.NodeID, topic string) {
	f.t.Helper()
	f.do(id, func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		return n.Publish(now, topic, make([]byte, 50), out)
	})
}

func pattern(text string) topics.Pattern {
	p, err := topics.Parse(text)
	if err != nil {
		panic(err)
	}
	return p
}

func (f *patternFleet) subscribe(id protocol.NodeID, text string) {
	f.t.Helper()
	f.subscribeRated(id, text, gravity.All)
}

func (f *patternFleet) subscribeRated(id protocol.NodeID, text string, r gravity.Rating) {
	f.t.Helper()
	f.do(id, func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		s, err := n.SubscribePatterns(now, []stack.RatedPattern{{Pattern: pattern(text), Rating: r}}, out)
		f.wanted[id][text] = append(f.wanted[id][text], s)
		return err
	})
}

// unsubscribe ends one subscription to a pattern.
func (f *patternFleet) unsubscribe(id protocol.NodeID, text string) {
	f.t.Helper()
	f.do(id, func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		all := f.wanted[id][text]
		n.UnsubscribePatterns(now, all[0], out)
		f.wanted[id][text] = all[1:]
		return nil
	})
}

func (f *patternFleet) pass(d time.Duration) { f.world.Run(f.world.Now().Add(d)) }

func (f *patternFleet) names(id protocol.NodeID) (names []string) {
	for name := range f.joined[id] {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (f *patternFleet) expect(id protocol.NodeID, want ...string) {
	f.t.Helper()
	if got := f.names(id); !slices.Equal(got, want) {
		f.t.Errorf("%v: member %d has joined %v, want %v", f.world.Now(), id, got, want)
	}
}

// docs/TOPICS.md: "a new topic of a member that has published before, in the own zone: a round trip, and what it takes until the publisher hears of the subscription"; and the first messages are not lost.
func TestTopicsAreJoinedAsTheyAppear(t *testing.T) {
	var slowest time.Duration
	for seed := range uint64(10) {
		f := newPatternFleet(t, lan(seed, 0.02), 12, "/lab")
		f.pass(5 * time.Second)
		f.subscribe(1, "grid/+/frequency")
		f.pass(time.Second)
		for i := range 20 {
			author := protocol.NodeID(2 + i%10)
			name, other := fmt.Sprintf("grid/%d/frequency", i), fmt.Sprintf("grid/%d/voltage", i)
			began := f.world.Now()
			f.publish(author, name)
			f.publish(author, other)
			f.pass(3 * time.Second)
			at, joined := f.joined[1][name]
			if !joined {
				t.Fatalf("seed %d: %s is not joined after 3 s", seed, name)
			}
			slowest = max(slowest, at.Sub(began))
			f.publish(author, name)
			f.pass(time.Second)
			for number := 1; number <= 2; number++ {
				if want := fmt.Sprintf("%s %d %d", name, author, number); !slices.Contains(f.got[1], want) {
					t.Errorf("seed %d: %s is missing, of a member that published %d topics before", seed, want, i/10)
				}
			}
		}
		if len(f.got[1]) != 40 {
			t.Errorf("seed %d: %d messages", seed, len(f.got[1]))
		}
	}
	t.Logf("the slowest of 200 topics was joined after %v", slowest)
}

// Subscriptions by names and by patterns add up, and each message is delivered once.
func TestNamesAndPatternsAddUp(t *testing.T) {
	f := newPatternFleet(t, lan(1, 0), 3, "/lab")
	f.pass(5 * time.Second)
	literal := func(subscribe bool) {
		f.do(1, func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
			if subscribe {
				return n.Subscribe(now, "a/b", out)
			}
			return n.Unsubscribe(now, "a/b", out)
		})
	}
	unsubscribe := func(text string) { f.unsubscribe(1, text) }
	sent, expected := 0, 0
	step := func(arrives bool) {
		f.t.Helper()
		if f.pass(2 * time.Second); arrives {
			expected++
		}
		f.publish(2, "a/b")
		sent++
		f.pass(2 * time.Second)
		if got := len(f.got[1]); got != expected {
			t.Fatalf("%d of %d messages came, want %d", got, sent, expected)
		}
	}
	literal(true)
	step(true)
	f.subscribe(1, "a/#")
	f.subscribe(1, "+/b")
	f.subscribe(1, "+/b")
	step(true)
	literal(false)
	step(true)
	unsubscribe("a/#")
	unsubscribe("+/b")
	step(true)
	literal(true)
	f.do(1, func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		if err := n.Subscribe(now, "a/b", out); !errors.Is(err, bimodal.ErrSubscribed) {
			t.Error(err)
		}
		return nil
	})
	unsubscribe("+/b")
	step(true)
	literal(false)
	step(false)
	f.subscribe(2, "a/+") // of which it is the publisher itself
	f.publish(2, "a/c")
	f.pass(time.Second)
	if !slices.Contains(f.got[2], "a/c 2 1") {
		t.Errorf("who publishes does not get its own first message: %v", f.got[2])
	}
	if s := f.node(1).PatternStats(); s.Patterns != 0 || s.Topics != 0 || s.Joined != s.Left {
		t.Errorf("%+v", s)
	}
	if got := f.node(1).Membership.Self().Attribute(bimodal.InterestAttribute); len(got) != 0 {
		t.Errorf("the row still has %x", got)
	}
}

// A member gets only what it may have, and is told of what there is no room for.
func TestGrantsAndRoom(t *testing.T) {
	f := newPatternFleet(t, lan(1, 0), 3, "/lab")
	secret := true
	f.allowed = func(id protocol.NodeID, topic string) bool {
		return id != 1 || !secret || !strings.HasPrefix(topic, "x/secret")
	}
	f.pass(5 * time.Second)
	f.subscribe(1, "x/#")
	f.publish(2, "x/secret/a")
	f.publish(2, "x/b")
	f.pass(5 * time.Second)
	f.expect(1, "x/b")
	if s := f.node(1).PatternStats(); s.Forbidden != 1 || s.Topics != 1 {
		t.Errorf("%+v", s)
	}
	secret = false // other certificates
	f.pass(15 * time.Second)
	f.expect(1, "x/b", "x/secret/a")
	for i := range 100 {
		f.publish(3, fmt.Sprintf("x/many/%d", i))
	}
	f.pass(5 * time.Second)
	room := bimodal.DefaultConfig().Subscriptions - 2 // but for the two topics of the system
	if s := f.node(1).PatternStats(); s.Topics != room || s.Unjoined != 102-room || f.refused[1] == 0 || s.Refused > 3 {
		t.Errorf("%+v, %d times refused", s, f.refused[1])
	}
	f.subscribe(2, "x/many/1")
	f.unsubscribe(1, "x/#")
	f.subscribe(1, "x/many/5+")
	f.pass(15 * time.Second)
	f.expect(1, "x/many/5+") // which is a name
}

// Topics of other zones are joined as well.
func TestPatternsAcrossZones(t *testing.T) {
	f := newPatternFleet(t, lan(3, 0.01), 5, "/eu/de", "/eu/fr", "/us")
	f.pass(time.Minute)
	f.publish(12, "old/us")
	f.pass(10 * time.Second)
	f.subscribe(1, "old/#")
	f.subscribe(1, "new/+")
	began := f.world.Now()
	f.pass(15 * time.Second)
	f.expect(1, "old/us")
	t.Logf("an old topic of another zone is joined after %v", f.joined[1]["old/us"].Sub(began))
	for _, id := range []protocol.NodeID{7, 12, 15} { // of which the first and the last have not published before
		name := fmt.Sprintf("new/%d", id)
		began := f.world.Now()
		f.publish(id, name)
		f.pass(15 * time.Second)
		at, ok := f.joined[1][name]
		if !ok {
			t.Fatalf("%s is not joined", name)
		}
		t.Logf("%s is joined after %v", name, at.Sub(began))
		f.publish(id, name)
		f.pass(3 * time.Second)
		if want := fmt.Sprintf("%s %d 2", name, id); !slices.Contains(f.got[1], want) {
			t.Errorf("%s is missing of %v", want, f.got[1])
		}
	}
}

// 10 topics that match among 10 000, in a fleet of 1000 members; in short among 600 of 60.
func TestFewTopicsOfMany(t *testing.T) {
	zones, each := 6, 10
	if os.Getenv("SPINGLASS_FULL") != "" {
		zones, each = 40, 25
	}
	var names []string
	for i := range zones {
		names = append(names, fmt.Sprintf("/z%d", i))
	}
	f := newPatternFleet(t, lan(1, 0), each, names...)
	f.pass(2 * time.Minute)
	size := zones * each
	for id := 1; id <= size; id++ {
		for j := range 10 {
			kind := "voltage"
			if j == 0 && id%(size/10) == 0 {
				kind = "frequency"
			}
			f.publish(protocol.NodeID(id), fmt.Sprintf("grid/%d/%d/%s", id, j, kind))
		}
	}
	f.pass(30 * time.Second)
	before := f.node(1).Bimodal.Stats()
	f.subscribe(1, "grid/+/+/frequency")
	f.subscribe(2, "grid/7/+/voltage")
	began := f.world.Now()
	f.pass(30 * time.Second)
	if got := f.names(1); len(got) != 10 {
		t.Errorf("%d topics are joined: %v", len(got), got)
	}
	if got := f.names(2); len(got) != 10 {
		t.Errorf("%d topics are joined: %v", len(got), got)
	}
	var slowest time.Duration
	for _, at := range f.joined[1] {
		slowest = max(slowest, at.Sub(began))
	}
	s := f.node(1).DirectoryStats()
	t.Logf("%d members, %d topics: the last of 10 is joined after %v; %d announcements heard, %d entries; bimodal before %d streams, after %d", size, 10*size, slowest, s.AnnouncementsHeard, s.Entries,
		before.Streams, f.node(1).Bimodal.Stats().Streams)
	if s.Entries != 10 {
		t.Errorf("%+v", s)
	}
}

// A name that a pattern matches takes no further room, whether there was room for the topic before or not, and stays joined when the name is left. What could not be joined is as soon as another topic is left.
func TestNamesAndPatternsShareRoom(t *testing.T) {
	f := newPatternFleet(t, lan(1, 0), 3, "/lab")
	f.pass(5 * time.Second)
	name := func(do func(n *stack.Node, now protocol.Time, out *protocol.Output) error) {
		t.Helper()
		f.do(1, func(now protocol.Time, n *stack.Node, out *protocol.Output) error { return do(n, now, out) })
		f.pass(time.Millisecond)
	}
	name(func(n *stack.Node, now protocol.Time, out *protocol.Output) error {
		return n.Subscribe(now, "other/a", out)
	})
	name(func(n *stack.Node, now protocol.Time, out *protocol.Output) error {
		return n.Subscribe(now, "other/b", out)
	})
	f.subscribeRated(1, "x/#", rated(0.5))
	for i := range 80 {
		f.publish(3, fmt.Sprintf("x/%d", i))
	}
	f.pass(11 * time.Second) // it has been tried again a moment ago, or will be in some seconds
	stats := func() stack.PatternStats { return f.node(1).PatternStats() }
	room := bimodal.DefaultConfig().Subscriptions - 4 // two of the system, and two names
	if s := stats(); s.Topics != room || s.Unjoined != 80-room {
		t.Fatalf("%+v", s)
	}
	unjoined := ""
	for i := 79; unjoined == ""; i-- {
		if topic := fmt.Sprintf("x/%d", i); !f.node(1).Bimodal.Subscribed(topic) {
			unjoined = topic
		}
	}
	name(func(n *stack.Node, now protocol.Time, out *protocol.Output) error {
		if err := n.Unsubscribe(now, "other/a", out); err != nil {
			return err
		}
		return n.SubscribeWith(now, unjoined, bimodal.SubscribeOptions{Rating: rated(0.1)}, out)
	})
	if s := stats(); s.Topics != room+1 || f.node(1).Bimodal.Rating(unjoined) != rated(0.5) {
		t.Errorf("%+v, at rating %v", s, f.node(1).Bimodal.Rating(unjoined))
	}
	name(func(n *stack.Node, now protocol.Time, out *protocol.Output) error {
		return n.Unsubscribe(now, unjoined, out)
	})
	if s := stats(); s.Topics != room+1 || f.node(1).Bimodal.Rating(unjoined) != rated(0.5) {
		t.Errorf("when the name is left: %+v, at rating %v", s, f.node(1).Bimodal.Rating(unjoined))
	}
	f.pass(200 * time.Millisecond)
	name(func(n *stack.Node, now protocol.Time, out *protocol.Output) error {
		return n.Unsubscribe(now, "other/b", out)
	})
	f.pass(200 * time.Millisecond)
	if s := stats(); s.Topics != room+2 {
		t.Errorf("a fifth of a second after a topic was left: %+v", s)
	}
}

// What fails leaves no trace: a rating of who has no subscription by its name, and one for which the row has no room.
func TestErrorsOfRatingsLeaveNoTrace(t *testing.T) {
	f := newPatternFleet(t, lan(1, 0), 2, "/lab")
	f.pass(5 * time.Second)
	f.subscribe(1, "x/#")
	f.publish(2, "x/a")
	f.pass(2 * time.Second)
	do := func(what func(now protocol.Time, n *stack.Node, out *protocol.Output) error) {
		t.Helper()
		f.do(1, what)
	}
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		if err := n.SetRating(now, "x/a", rated(0.5), false, out); !errors.Is(err, bimodal.ErrNotSubscribed) {
			t.Error(err)
		}
		return n.SubscribeWith(now, "x/a", bimodal.SubscribeOptions{Rating: rated(0.7)}, out)
	})
	// The row is filled, so that the first rating below 1 does not fit.
	fill := func(tag string) {
		do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
			for size := 512; size > 0; size /= 2 {
				for i := range 16 {
					if n.SetAttribute(now, protocol.Attribute{Name: fmt.Sprintf("%s%d.%d", tag, size, i), Value: make([]byte, size)}, out) != nil {
						break
					}
				}
			}
			return nil
		})
	}
	fill("a")
	f.unsubscribe(1, "x/#") // which leaves the rating of the name, and the row has no room for it
	fill("b")
	do(func(now protocol.Time, n *stack.Node, out *protocol.Output) error {
		if r := n.Bimodal.Rating("x/a"); r != gravity.All {
			t.Errorf("the row has room for a rating of %v: the test shows nothing", r)
		}
		if err := n.SetRating(now, "x/a", rated(0.5), false, out); !errors.Is(err, table.ErrRowFull) {
			t.Error(err)
		}
		if r := n.Bimodal.Rating("x/a"); r != gravity.All {
			t.Errorf("after an error the rating is %v", r)
		}
		return n.Unsubscribe(now, "x/a", out)
	})
	f.pass(time.Second)
	if s := f.node(1).PatternStats(); s.Topics != 0 || f.node(1).Bimodal.Subscribed("x/a") {
		t.Errorf("%+v", s)
	}
}
