package bimodal

import (
	"math"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// newGroups makes a world of n members in which groups can be joined.
func newGroups(t *testing.T, seed uint64, n int, change func(i int, c *Config)) *world {
	w := newWorld(t, seed, n, change, "topic")
	for _, nd := range w.nodes {
		nd.Notify(w.now, protocol.MulticastOffered{Groups: 20}, &nd.out)
		w.flush(nd)
	}
	return w
}

// stream has the first member publish a message of 1000 bytes every 5 ms until the given time, and lets everything happen. It returns how
// many messages that was.
func (w *world) stream(until protocol.Time, sent *int) {
	for ; w.now < until; *sent++ {
		w.publish(w.nodes[0], "topic", payload(1, *sent, 1000))
		w.run(w.now.Add(5 * time.Millisecond))
	}
}

// complete checks that every member but the first was delivered every message.
func (w *world) complete(sent int) {
	w.t.Helper()
	for _, nd := range w.nodes[1:] {
		if a := w.settled(nd, w.nodes[0], "topic", uint64(sent)); a.lost > 0 {
			w.t.Errorf("node %v lost %d of %d", nd.id, a.lost, sent)
		}
	}
}

// targets returns who of the first member's targets hears.
func (w *world) hearing() int { return w.nodes[0].Stats().MulticastTargets }

// bimodal-multicast.md: "send it once by the cheapest means that reaches everybody: IP multicast where a probe has shown that it works".
func TestMulticastOnceProven(t *testing.T) {
	for _, n := range []int{3, 8, 40} {
		w, sent := newGroups(t, 1, n, nil), 0
		w.stream(second(0.5), &sent)
		if before := w.nodes[0].Stats(); w.hearing() < (n-1)/2 && before.PacketsMulticast > 0 {
			t.Errorf("%d members: packets went to a group that %d members hear", n, w.hearing())
		}
		w.stream(second(3), &sent)
		before := w.nodes[0].Stats()
		w.stream(second(4), &sent)
		w.run(w.now.Add(2 * time.Second))
		s := w.nodes[0].Stats()
		packets := s.PacketsSent - before.PacketsSent
		if s.PacketsMulticast-before.PacketsMulticast != packets || s.PacketsSpread-before.PacketsSpread != packets {
			t.Errorf("%d members, all of whom hear: %d packets made %d transmissions, %d to the group", n, packets,
				s.PacketsSpread-before.PacketsSpread, s.PacketsMulticast-before.PacketsMulticast)
		}
		w.complete(sent)
		for _, nd := range w.nodes[1:] {
			if d := nd.Stats().PacketsDuplicate; n == 3 && d > 0 {
				t.Errorf("node %v got %d packets twice", nd.id, d)
			}
		}
	}
}

// Before anything is proven, and where nobody hears, every target gets its copy.
func TestMulticastUnproven(t *testing.T) {
	w, sent := newGroups(t, 2, 8, nil), 0
	w.stopped = func(_, _ protocol.NodeID) bool { return true }
	w.stream(second(10), &sent)
	s := w.nodes[0].Stats()
	if s.PacketsMulticast != 0 || s.PacketsSpread != 7*s.PacketsSent {
		t.Errorf("nobody hears, and of %d packets %d went to the group, with %d transmissions in all", s.PacketsSent, s.PacketsMulticast, s.PacketsSpread)
	}
	// Probing goes on with longer and longer pauses, to one a second.
	if s.ProbesSent < 10 || s.ProbesSent > 16 {
		t.Errorf("%d probes in 10 s that nobody heard", s.ProbesSent)
	}
	w.run(w.now.Add(time.Second))
	w.complete(sent)
}

// A bridge that stops forwarding is noticed within three rounds, no message is lost, and multicast is used again when it comes back.
func TestMulticastStopsAndComesBack(t *testing.T) {
	for seed := range uint64(4) {
		w, sent := newGroups(t, seed, 8, nil), 0
		w.stream(second(2), &sent)
		w.stopped = func(_, _ protocol.NodeID) bool { return true }
		w.stream(second(2.3), &sent)
		stopped := w.nodes[0].Stats()
		if w.hearing() != 0 || stopped.MulticastFallbacks != 1 {
			t.Errorf("300 ms after forwarding stopped, %d members count as hearing; %d fallbacks", w.hearing(), stopped.MulticastFallbacks)
		}
		w.stream(second(6), &sent)
		if s := w.nodes[0].Stats(); s.PacketsMulticast != stopped.PacketsMulticast {
			t.Errorf("%d packets went to a group that nobody hears", s.PacketsMulticast-stopped.PacketsMulticast)
		}
		w.stopped = nil
		w.stream(second(7.25), &sent)
		if w.hearing() != 7 {
			t.Errorf("1.25 s after forwarding began again, %d of 7 members count as hearing", w.hearing())
		}
		before := w.nodes[0].Stats()
		w.stream(second(8), &sent)
		s := w.nodes[0].Stats()
		if packets := s.PacketsSent - before.PacketsSent; s.PacketsMulticast-before.PacketsMulticast != packets || packets == 0 {
			t.Errorf("of %d packets %d went to the group", packets, s.PacketsMulticast-before.PacketsMulticast)
		}
		w.run(w.now.Add(5 * time.Second))
		w.complete(sent)
	}
}

// Those whom the group does not reach get copies, and the others do not.
func TestMulticastToSome(t *testing.T) {
	w, sent := newGroups(t, 3, 8, nil), 0
	deaf := func(_, to protocol.NodeID) bool { return to == 4 || to == 5 }
	w.stopped = deaf
	w.stream(second(2), &sent)
	before := w.nodes[0].Stats()
	w.stream(second(3), &sent)
	s := w.nodes[0].Stats()
	if packets := s.PacketsSent - before.PacketsSent; s.PacketsSpread-before.PacketsSpread != 3*packets {
		t.Errorf("%d packets made %d transmissions; want one to the group and two copies each", packets, s.PacketsSpread-before.PacketsSpread)
	}
	w.stopped = func(from, to protocol.NodeID) bool { return to != 4 && to != 5 }
	w.stream(second(6), &sent)
	w.stopped = deaf
	w.stream(second(9), &sent)
	w.run(w.now.Add(3 * time.Second))
	w.complete(sent)
}

// In a group so large that a member is rarely asked, a member that is cut off says so itself, and no message is lost.
func TestMulticastComplaint(t *testing.T) {
	w, sent := newGroups(t, 4, 120, nil), 0
	w.stream(second(3), &sent)
	if w.hearing() != 119 {
		t.Fatalf("%d of 119 members hear", w.hearing())
	}
	w.stopped = func(_, to protocol.NodeID) bool { return to == 60 }
	begin := w.now
	for w.nodes[0].topics[TopicOf("topic")].group.find(60).hears {
		w.stream(w.now.Add(10*time.Millisecond), &sent)
	}
	if took := w.now.Sub(begin); took > 500*time.Millisecond {
		t.Errorf("it took %v until the author knew that a member hears nothing", took)
	}
	w.stream(w.now.Add(time.Second), &sent)
	w.run(w.now.Add(3 * time.Second))
	w.complete(sent)
	if c := w.nodes[59].Stats().ComplaintsSent; c == 0 {
		t.Error("the member did not complain")
	}
}

// The sample of a probe has about probeSample members, whatever the number of targets, and both sides agree on it.
func TestMulticastSample(t *testing.T) {
	for _, n := range []int{1, 15, 16, 31, 32, 128, 1000, 10_000} {
		g := &group{proofs: make([]proof, n)}
		total, rounds := 0, 400
		for round := range rounds {
			q := MulticastProbe{Round: uint32(round), Bits: g.sampleBits()}
			for id := range n {
				if q.sampled(protocol.NodeID(id) << 20) {
					total++
				}
			}
		}
		mean := float64(total) / float64(rounds)
		least, most := float64(min(n, probeSample)), float64(min(n, 2*probeSample))
		// 4.9 standard errors of a binomial mean, below and above.
		margin := 4.9 * math.Sqrt(most/float64(rounds))
		if mean < least-margin || mean > most+margin {
			t.Errorf("%d targets: %.1f are asked by a probe, want %v to %v", n, mean, least, most)
		}
	}
}

// A topic that is hardly published to is not probed for, and what was proven ends with the publishing.
func TestMulticastOnlyWhilePublishing(t *testing.T) {
	w, sent := newGroups(t, 5, 8, nil), 0
	for ; w.now < second(5); sent++ {
		w.publish(w.nodes[0], "topic", payload(1, sent, 100))
		w.run(w.now.Add(100 * time.Millisecond))
	}
	if s := w.nodes[0].Stats(); s.ProbesSent != 0 || s.PacketsMulticast != 0 {
		t.Errorf("%d probes and %d packets to the group of a topic with ten packets a second", s.ProbesSent, s.PacketsMulticast)
	}
	w.stream(second(7), &sent)
	if w.hearing() != 7 {
		t.Errorf("%d of 7 members hear", w.hearing())
	}
	w.run(w.now.Add(3 * time.Second))
	if w.hearing() != 0 {
		t.Errorf("%d members count as hearing long after the last packet", w.hearing())
	}
	w.complete(sent)
}

// The means that a topic asks for is kept to.
func TestMulticastOverridden(t *testing.T) {
	for _, c := range []struct {
		means     Spread
		members   int
		multicast bool
	}{{SpreadDirect, 8, false}, {SpreadMulticast, 8, true}, {SpreadMulticast, 2, true}, {SpreadAuto, 2, false}} {
		w, sent := newGroups(t, 6, c.members, nil), 0
		if err := w.nodes[0].Configure(w.now, "topic", TopicOptions{Spread: c.means}); err != nil {
			t.Fatal(err)
		}
		w.stream(second(2), &sent)
		if got := w.nodes[0].Stats().PacketsMulticast > 0; got != c.multicast {
			t.Errorf("%v with %d members: multicast is %v", c.means, c.members, got)
		}
		w.run(w.now.Add(time.Second))
		w.complete(sent)
	}
}

// Groups are joined for the topics that are wanted, as far as the driver can, and left with them.
func TestGroupsFollowSubscriptions(t *testing.T) {
	w := newWorld(t, 7, 1, nil, "a", "b")
	nd := w.nodes[0]
	joined := func(topic string) bool { return len(w.groups[nd.groupOf(TopicOf(topic))]) > 0 }
	expect := func(what string, a, b, c bool) {
		t.Helper()
		w.flush(nd)
		if joined("a") != a || joined("b") != b || joined("c") != c {
			t.Errorf("%s: groups of a, b, c joined: %v %v %v, want %v %v %v", what, joined("a"), joined("b"), joined("c"), a, b, c)
		}
	}
	expect("before the offer", false, false, false)
	nd.Notify(w.now, protocol.MulticastOffered{Groups: 2}, &nd.out)
	expect("two groups offered", true, true, false)
	if err := nd.Subscribe(w.now, "c", &nd.out); err != nil {
		t.Fatal(err)
	}
	expect("a third topic", true, true, false)
	if err := nd.Unsubscribe(w.now, "a", &nd.out); err != nil {
		t.Fatal(err)
	}
	expect("the first topic left", false, true, true)
	nd.Notify(w.now, protocol.MulticastOffered{}, &nd.out)
	expect("the offer withdrawn", false, false, false)
}

// What strangers say is dropped, and an answer proves nothing of the time before a fallback.
func TestMulticastRefuses(t *testing.T) {
	w, sent := newGroups(t, 8, 4, nil), 0
	w.stream(second(2), &sent)
	w.nodes[0].Notify(w.now, protocol.MulticastOffered{}, &w.nodes[0].out)
	g := &w.nodes[0].topics[TopicOf("topic")].group
	for _, c := range []struct {
		from    protocol.NodeID
		message protocol.Message
		reason  protocol.Reason
	}{
		{99, &MulticastProbe{Topic: TopicOf("topic")}, ReasonStranger},
		{2, &MulticastProbe{Topic: TopicOf("other")}, ReasonUnwanted},
		{99, &MulticastHeard{Topic: TopicOf("topic"), Round: w.nodes[0].round}, ReasonUnasked},
		{2, &MulticastHeard{Topic: TopicOf("other")}, ReasonUnasked},
		{2, &MulticastHeard{Topic: TopicOf("topic"), Round: g.since - 1}, ReasonStale},
		{2, &MulticastHeard{Topic: TopicOf("topic"), Round: w.nodes[0].round - probeMemory - 1}, ReasonStale},
	} {
		var out protocol.Output
		w.nodes[0].Receive(w.now, c.from, c.message, &out)
		if len(out.Effects) != 1 || out.Effects[0].Reason != c.reason {
			t.Errorf("%+v of %v: %+v, want it dropped for %s", c.message, c.from, out.Effects, c.reason)
		}
	}
	var out protocol.Output
	for range probeAnswersMax + 1 {
		out.Reset()
		w.nodes[0].Receive(w.now, 2, &MulticastProbe{Topic: TopicOf("topic")}, &out)
	}
	if len(out.Effects) != 1 || out.Effects[0].Reason != ReasonProbes {
		t.Errorf("after %d probes in a round: %+v", probeAnswersMax, out.Effects)
	}
}

// At 40 MB/s more is lost until the fallback than the budgets of repair bring back in the life of a packet: the author sends it again.
func TestMulticastStopsAtSpeed(t *testing.T) {
	w, sent := newGroups(t, 9, 8, func(_ int, c *Config) { c.Rate, c.BufferBytes = 0, 1<<30 }), 0
	for _, nd := range w.nodes {
		nd.quiet = true
	}
	author := w.nodes[0]
	for w.now < second(2) {
		if w.now >= second(1) {
			w.stopped = func(_, _ protocol.NodeID) bool { return true }
		}
		for range 200 {
			if err := author.Publish(w.now, "topic", payload(1, sent, 1000), &author.out); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		w.flush(author)
		w.run(w.now.Add(5 * time.Millisecond))
	}
	w.run(second(7))
	w.complete(sent)
	if s := author.Stats(); s.PacketsMulticast == 0 || s.PacketsResent == 0 {
		t.Errorf("%d packets went to the group, %d copies were sent again", s.PacketsMulticast, s.PacketsResent)
	}
}

// astrolabe.md: "each sibling zone is entered through one of its contacts". Multicast is for the own zone; the others are entered as by a tree.
func TestMulticastWithinAZone(t *testing.T) {
	w := newWorld(t, 10, 1, nil)
	author := w.nodes[0]
	author.Notify(0, protocol.MulticastOffered{Groups: 20}, &author.out)
	interest := AppendInterest(nil, []TopicID{TopicOf("topic")})
	for id, name := range map[protocol.NodeID]string{2: "/a/2", 3: "/a/3", 4: "/a/4", 5: "/b/5"} {
		p := &protocol.Peer{ID: id, Epoch: 1, Name: name, Attributes: []protocol.Attribute{{Name: InterestAttribute, Value: interest}}}
		if id == 5 {
			p.Distance = 1
		}
		author.Notify(0, protocol.PeerUp{Peer: p}, &author.out)
	}
	author.out.Reset()
	multicast, entered := 0, 0
	for now := protocol.Time(0); now < second(2); now = now.Add(10 * time.Millisecond) {
		if err := author.Publish(now, "topic", make([]byte, 3000), &author.out); err != nil {
			t.Fatal(err)
		}
		author.Timeout(now, &author.out)
		effects := author.out.Effects
		author.out = protocol.Output{}
		for _, e := range effects {
			switch m := e.Message.(type) {
			case *MulticastProbe:
				for id := protocol.NodeID(2); id <= 5; id++ {
					author.Receive(now, id, &MulticastHeard{Topic: m.Topic, Round: m.Round}, &author.out)
				}
			case *Shared:
				multicast++
				if len(e.Targets) > 0 {
					t.Errorf("copies to %v besides the group that they hear", e.Targets)
				}
			case *Relay:
				if e.To == 5 && multicast > 0 {
					entered++
				}
			}
		}
	}
	if multicast < 100 || entered != multicast {
		t.Errorf("%d packets went to the group, %d of them into the other zone", multicast, entered)
	}
}

// Where queues are long, answers are late, and the network forwards all the same: a publisher that took that for a failure would add copies to
// the load. It is mistaken once at most, when the delay jumps.
func TestMulticastAnswersAreLate(t *testing.T) {
	w, sent := newGroups(t, 11, 8, nil), 0
	w.stream(second(2), &sent)
	w.delay = 90 * time.Millisecond
	w.stream(second(4), &sent)
	before := w.nodes[0].Stats()
	if before.MulticastFallbacks > 1 || before.PacketsResent > 0 {
		t.Errorf("%d fallbacks and %d packets sent again when answers became late", before.MulticastFallbacks, before.PacketsResent)
	}
	w.stream(second(8), &sent)
	s := w.nodes[0].Stats()
	if packets := s.PacketsSent - before.PacketsSent; s.PacketsSpread-before.PacketsSpread != packets {
		t.Errorf("%d packets made %d transmissions; %d fallbacks", packets, s.PacketsSpread-before.PacketsSpread, s.MulticastFallbacks-before.MulticastFallbacks)
	}
	w.run(w.now.Add(2 * time.Second))
	w.complete(sent)
}

// Members that sleep most of the time hear when they wake, and need no copies.
func TestMulticastToSleepers(t *testing.T) {
	w, sent := newGroups(t, 12, 8, nil), 0
	w.stream(second(2), &sent)
	before := w.nodes[0].Stats()
	for slot := range 100 {
		for _, nd := range w.nodes[6:] {
			if w.rand.Float64() < 0.75 {
				nd.pausing = w.now.Add(100 * time.Millisecond)
			}
		}
		w.stream(second(2+float64(slot+1)/10), &sent)
	}
	s := w.nodes[0].Stats()
	// P(no slot awake in 21) is 0.0024; there are two sleepers and a hundred slots.
	packets := s.PacketsSent - before.PacketsSent
	if extra := s.PacketsSpread - before.PacketsSpread - packets; extra > packets/10 || s.MulticastFallbacks > 0 {
		t.Errorf("%d packets made %d transmissions too many; %d fallbacks", packets, extra, s.MulticastFallbacks)
	}
}

func TestZonesHaveGroupsOfTheirOwn(t *testing.T) {
	groups := map[protocol.Group]string{}
	for _, zone := range []string{"", "/a", "/b"} {
		w := newWorld(t, 13, 1, func(_ int, c *Config) { c.Zone = zone }, "topic")
		group := w.nodes[0].topics[TopicOf("topic")].address
		if other, taken := groups[group]; taken {
			t.Errorf("zones %q and %q share a group", zone, other)
		}
		groups[group] = zone
	}
}

// bimodal-multicast.md: "the 20th request for one packet is answered, and the 6th reply is sent, as a regional multicast (E): several members are
// probably missing it." A group that is proven serves the region at the price of one copy.
func TestMulticastRegionalRepair(t *testing.T) {
	w, sent := newGroups(t, 14, 8, nil), 0
	w.stream(second(2), &sent)
	author := w.nodes[0]
	s := author.topics[TopicOf("topic")].stream
	before, budget := author.Stats(), author.budget
	var last protocol.Effect
	for reply := range regionalReplies {
		author.out.Reset()
		author.Receive(w.now, protocol.NodeID(2+reply), &Request{
			Round: author.round, Entries: []RequestEntry{{Stream: s.id, Ranges: []Range{{s.high, s.high}}}},
		}, &author.out)
		for _, e := range author.out.Effects {
			switch e.Message.(type) {
			case *Repair, *Shared:
				last = e
			}
		}
	}
	p, _ := s.packet(s.high)
	size := wire.HeaderSize + wire.FrameSize(p.Size())
	if last.Kind != protocol.EffectMulticast || len(last.Targets) != 0 || last.Group != author.topics[TopicOf("topic")].address {
		t.Errorf("the sixth reply was %+v, want it sent to the group", last)
	}
	if after := author.Stats(); after.RepairsMulticast-before.RepairsMulticast != 1 || budget-author.budget != regionalReplies*size {
		t.Errorf("%d repairs to the group, which cost %d bytes with the replies; want one and %d", after.RepairsMulticast-before.RepairsMulticast,
			budget-author.budget, regionalReplies*size)
	}
}

// A probe that is due goes with a packet, so that nobody is woken for it alone; in a stream that rests it goes by itself.
func TestProbesGoWithPackets(t *testing.T) {
	w, sent := newGroups(t, 13, 4, func(_ int, c *Config) { c.Rate = 0 }), 0
	w.stream(second(2), &sent)
	author := w.nodes[0]
	g := &author.topics[TopicOf("topic")].group
	if g.hearing == 0 || g.rate < probeRideRate {
		t.Fatalf("%d targets hear, %.0f packets a round: the stream is none of those that this is about", g.hearing, g.rate)
	}
	var out protocol.Output
	alone, riding := 0, 0
	for end := w.now.Add(4 * time.Second); w.now < end; w.now = w.now.Add(2 * time.Millisecond) {
		if author.round%20 < 10 { // busy for ten rounds, and then at rest
			if err := author.Publish(w.now, "topic", make([]byte, 1000), &out); err != nil {
				t.Fatal(err)
			}
		}
		author.Timeout(w.now, &out)
		effects := out.Effects
		out = protocol.Output{}
		for i, e := range effects {
			q, ok := e.Message.(*MulticastProbe)
			if !ok {
				continue
			}
			if _, packet := effects[max(0, i-1)].Message.(*Shared); packet {
				riding++
			} else {
				alone++
			}
			for id := protocol.NodeID(2); id <= 4; id++ {
				author.Receive(w.now, id, &MulticastHeard{Topic: q.Topic, Round: q.Round}, &out)
			}
		}
	}
	if riding < 10 || alone == 0 {
		t.Errorf("%d probes went with packets and %d alone, want most of them and some", riding, alone)
	}
}
