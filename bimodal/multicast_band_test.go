package bimodal

import (
	"math"
	"testing"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

// newBands makes a world of members with ratings in turn, in which so many groups can be joined, and in which the first member publishes by multicast if that can be.
func newBands(t *testing.T, seed uint64, members, groups int, means Spread, fractions ...float64) *world {
	t.Helper()
	w := newWorld(t, seed, members, nil, "t")
	for _, nd := range w.nodes {
		nd.Notify(w.now, protocol.MulticastOffered{Groups: groups}, &nd.out)
		w.flush(nd)
	}
	w.rate("t", fractions...)
	if err := w.nodes[0].Configure(0, "t", TopicOptions{Spread: means}); err != nil {
		t.Fatal(err)
	}
	return w
}

// window has the first member publish, and returns what it and each member counted meanwhile, with the messages that each was delivered.
func (w *world) window(messages, perRound int) (counted []Stats, delivered []uint64) {
	w.t.Helper()
	take := func(sign uint64) {
		for i, nd := range w.nodes {
			s, c := nd.Stats(), &counted[i]
			c.PacketsSent += sign * s.PacketsSent
			c.PacketsSpread += sign * s.PacketsSpread
			c.PacketsMulticast += sign * s.PacketsMulticast
			c.PacketsBanded += sign * s.PacketsBanded
			c.PacketsReceived += sign * s.PacketsReceived
			c.PacketsRepaired += sign * s.PacketsRepaired
			delivered[i] += sign * s.MessagesDelivered
		}
	}
	counted, delivered = make([]Stats, len(w.nodes)), make([]uint64, len(w.nodes))
	take(math.MaxUint64) // -1
	w.publishEach(w.nodes[0], "t", messages, perRound)
	w.run(w.now.Add(2 * time.Second))
	take(1)
	return counted, delivered
}

// gravitational-gossip.md: "messages of a topic with mixed ratings go out on a few multicast groups in layers (rating bands), so that a host need not receive what it will throw away". Each packet is sent once, a member receives the share
// of its bands, and is delivered its rating.
func TestRatingBandsByMulticast(t *testing.T) {
	fractions := []float64{1, 0.2, 0.5, 0.1, 0.3}
	const messages = 4000
	for _, means := range []Spread{SpreadMulticast, SpreadAuto} {
		w := newBands(t, 1, 21, 20, means, fractions...)
		w.window(1500, 100)
		counted, delivered := w.window(messages, 100)
		author := counted[0]
		most := author.PacketsSent
		if means == SpreadAuto { // after a pause groups are proven anew
			most -= most / 20
		}
		if author.PacketsSent < messages || author.PacketsMulticast < most || author.PacketsBanded != author.PacketsMulticast || means != SpreadAuto && author.PacketsSpread != author.PacketsSent {
			t.Errorf("%v: %d packets, %d to groups, %d of bands, made %d transmissions", means, author.PacketsSent, author.PacketsMulticast, author.PacketsBanded, author.PacketsSpread)
		}
		for i := range w.nodes[1:] {
			r := ratingOf(fractions[(i+1)%len(fractions)])
			if got, want := float64(counted[i+1].PacketsReceived)/float64(author.PacketsSent), r.BandShare(); math.Abs(got-want) > 0.03 {
				t.Errorf("%v: a member at rating %v received %.3f of the packets, want %.3f", means, r, got, want)
			}
			if got := float64(delivered[i+1]) / messages; math.Abs(got-r.Fraction()) > 0.02 {
				t.Errorf("%v: a member at rating %v was delivered %.3f", means, r, got)
			}
		}
	}
}

// "Fall back to unicast where not enough": who hears no group gets copies of what it wants and of nothing else, and a band that is published to too little for probing to pay goes to each that wants it.
func TestWhoHearsNoBandGetsCopiesOfWhatItWants(t *testing.T) {
	w := newBands(t, 2, 13, 20, SpreadMulticast, 1, 0.2, 0.6)
	w.stopped = func(_, to protocol.NodeID) bool { return to == 2 || to == 3 }
	w.window(1500, 100)
	const messages = 3000
	counted, delivered := w.window(messages, 100)
	for i, fraction := range map[int]float64{1: 0.2, 2: 0.6} {
		received := float64(counted[i].PacketsReceived) / float64(counted[0].PacketsSent)
		if math.Abs(received-fraction) > 0.03 || math.Abs(float64(delivered[i])/messages-fraction) > 0.03 {
			t.Errorf("a member that hears no group, at rating %v, received %.3f of the packets and was delivered %.3f", fraction, received, float64(delivered[i])/messages)
		}
	}
	if author := counted[0]; author.PacketsMulticast != author.PacketsSent || author.PacketsSpread <= author.PacketsSent {
		t.Errorf("%d packets, %d to groups, made %d transmissions", author.PacketsSent, author.PacketsMulticast, author.PacketsSpread)
	}
	w = newBands(t, 3, 13, 20, SpreadAuto, 1, 0.2, 0.6)
	w.window(1000, 12)
	counted, _ = w.window(1000, 12) // a round; the highest band has 6 of them for 8 members, the lowest less than one for 12
	if author := counted[0]; author.PacketsMulticast == 0 || author.PacketsMulticast > author.PacketsSent*7/8 {
		t.Errorf("%d of %d packets went to groups, want those of the bands in which it pays", author.PacketsMulticast, author.PacketsSent)
	}
}

// What goes to a group that ceases to reach anybody is sent again, to those that want it: nobody loses anything, whatever its rating.
func TestBandsThatCease(t *testing.T) {
	fractions := []float64{1, 0.25, 0.5}
	for seed := range uint64(3) {
		w := newBands(t, 10+seed, 10, 20, SpreadMulticast, fractions...)
		w.loss = 0.02
		w.window(1500, 50)
		sent := w.nodes[0].Stats().MessagesPublished
		w.stopped = func(_, _ protocol.NodeID) bool { return true }
		_, before := w.window(200, 50)
		if n := w.nodes[0].Stats().MulticastFallbacks; n == 0 {
			t.Error("no fallback")
		}
		w.stopped = nil
		_, after := w.window(2000, 50)
		for i, nd := range w.nodes {
			if nd.Stats().MessagesLost > 0 {
				t.Errorf("seed %d: a member at rating %v lost %d of %d messages", seed, fractions[i%3], nd.Stats().MessagesLost, sent+2200)
			}
			if got, want := float64(before[i]+after[i])/2200, fractions[i%3]; math.Abs(got-want) > 0.04 {
				t.Errorf("seed %d: %.3f was delivered at rating %v", seed, got, want)
			}
		}
	}
}

// Groups are bounded: one of each topic comes before others, what is lacking is counted, and ratings that change are followed, a little later where a group is left.
func TestGroupsOfBandsAreBounded(t *testing.T) {
	w := newBands(t, 4, 3, 20, SpreadAuto, 1, 0.2, 0.6)
	groups := func(i, joined, lacking int) {
		t.Helper()
		if s := w.nodes[i].Stats(); s.GroupsJoined != joined || s.GroupsLacking != lacking {
			t.Errorf("member %d at rating %v has joined %d groups, and lacks %d, want %d and %d", i, w.nodes[i].Rating("t"), s.GroupsJoined, s.GroupsLacking, joined, lacking)
		}
	}
	rerate := func(fractions ...float64) {
		w.rate("t", fractions...)
		w.publishEach(w.nodes[0], "t", 3*groupLinger, 2)
	}
	rerate(1, 0.2, 0.6)
	groups(0, gravity.Bands, 0)
	groups(1, 3, 0)
	groups(2, gravity.Bands, 0)
	rerate(1, 1, 1)
	for i := range w.nodes {
		groups(i, 1, 0)
	}
	rerate(0.1, 1, 0.1)
	groups(0, 2, 0)
	groups(1, gravity.Bands, 0)
	nd := w.nodes[1]
	offer := func(n int) {
		nd.Notify(w.now, protocol.MulticastOffered{Groups: n}, &nd.out)
		w.flush(nd)
	}
	offer(4)
	groups(1, 4, 1)
	if err := nd.Subscribe(w.now, "u", &nd.out); err != nil {
		t.Fatal(err)
	}
	w.flush(nd)
	groups(1, 4, 2) // what is joined stays
	offer(0)
	groups(1, 0, 0)
	offer(3)
	groups(1, 3, 3)
	if joined := nd.topics[TopicOf("u")].joined; joined != bandAlone(gravity.BandLast) {
		t.Errorf("of the other topic %b is joined", joined)
	}
	if err := nd.Unsubscribe(w.now, "t", &nd.out); err != nil {
		t.Fatal(err)
	}
	w.flush(nd)
	groups(1, 1, 0)
	for group, members := range w.groups {
		for _, id := range members {
			if id == nd.id && group != nd.topics[TopicOf("u")].address {
				t.Errorf("the network still has it in group %x", group)
			}
		}
	}
}

// Who ceases to hear the lower bands, which are all that it wants, misses packets and says so, as who ceases to hear a topic does.
func TestWhoCeasesToHearLowerBandsComplains(t *testing.T) {
	w := newBands(t, 6, 13, 20, SpreadMulticast, 1, 0.2, 0.6)
	w.window(1500, 100)
	author, member := w.nodes[0].topics[TopicOf("t")], w.nodes[1]
	hears := func() (bands bandSet) {
		for b := range gravity.Band(gravity.Bands) {
			if p := author.groupAt(b).find(member.id); p != nil && p.hears {
				bands |= bandAlone(b)
			}
		}
		return bands
	}
	w.publishEach(w.nodes[0], "t", 100, 100) // after the pause groups are proven anew
	if got := hears(); got != bandsBelow(3) {
		t.Fatalf("a member at rating 0.2 hears the bands %b", got)
	}
	w.stopped = func(_, to protocol.NodeID) bool { return to == member.id }
	begin := w.now
	for hears() != 0 && w.now.Sub(begin) < 3*time.Second {
		w.publishEach(w.nodes[0], "t", 10, 100)
	}
	if took := w.now.Sub(begin); took > time.Second {
		t.Errorf("it took %v until the author knew that the member hears nothing", took)
	}
	if n := member.Stats().ComplaintsSent; n < 3 {
		t.Errorf("the member has complained %d times", n)
	}
}
