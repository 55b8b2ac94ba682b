package bimodal

import (
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

// A carrier judges a packet by what its zone wants when it comes, not by what it wanted when the packet before came: otherwise it would take in what it passes over.
func TestCarriersJudgeByPresentRatings(t *testing.T) {
	c := DefaultConfig()
	c.Self, c.Zone, c.Epoch, c.Rand = 1, "/a", 1, rand.New(rand.NewPCG(1, 2))
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out protocol.Output
	tell := func(event func(*protocol.Peer) protocol.Event, r gravity.Rating) {
		interest := gravity.AppendInterest(nil, []TopicID{TopicOf("t")}, []gravity.Rating{r})
		m.Notify(0, event(&protocol.Peer{ID: 2, Epoch: 1, Name: "/a/m2", Attributes: []protocol.Attribute{{Name: InterestAttribute, Value: interest}}}), &out)
	}
	tell(func(p *protocol.Peer) protocol.Event { return protocol.PeerUp{Peer: p} }, gravity.All)
	m.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{ID: 9, Epoch: 1, Name: "/b", Distance: 1}}, &out)
	m.beginCarry(0, nil, named{id: TopicOf("t")}, 1, &out)
	topic := m.topics[TopicOf("t")]
	m.refreshTargets(topic)

	for seq := uint64(1); seq <= 200; seq++ {
		r := ratingOf(0.2)
		if seq%2 == 0 {
			r = gravity.All
		}
		tell(func(p *protocol.Peer) protocol.Event { return protocol.PeerChanged{Peer: p} }, r)
		m.Receive(0, 9, packet(seq), &out)
		out.Reset()
		w := m.byID[packet(1).Stream]
		if w == nil {
			t.Fatal("the stream is not taken up")
		}
		if w.waiting != 0 || w.sparing != 0 || w.missing() != 0 || w.next != seq+1 {
			t.Fatalf("after packet %d with a rating of %v: next %d, %d wait, %d are spared, %d are missing", seq, r, w.next, w.waiting, w.sparing, w.missing())
		}
	}
	if got := m.Stats().PacketsSpared; got < 50 || got > 110 {
		t.Errorf("%d packets were spared", got)
	}
}

// What carriers are sent, and how likely others are gossiped with, goes by what the zone wants; so it follows what this node itself comes to want of a topic that it publishes to, and ceases to.
func TestListsFollowOwnSubscriptions(t *testing.T) {
	id := TopicOf("t")
	s := &solo{Machine: benchMachine(t, 1, nil), t: t}
	if err := s.Publish(0, "t", []byte("x"), &s.out); err != nil {
		t.Fatal(err)
	}
	s.rateOther(other, ratingOf(0.2))
	s.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{ID: 5, Epoch: 1, Attributes: []protocol.Attribute{{Name: CarriesAttribute, Value: AppendInterest(nil, []TopicID{id})}}}}, &s.out)
	topic := s.topics[id]
	check := func(what string, carriers int, attraction float64) {
		t.Helper()
		s.refreshTargets(topic)
		if n := len(topic.audienceOf(gravity.Height(1 << 63)).targets); n != carriers {
			t.Errorf("%s: a packet of the upper half is sent to %d members, want %d", what, n, carriers)
		}
		if got := s.attraction(topic, s.peers[other]); got < attraction-0.01 || got > attraction+0.01 {
			t.Errorf("%s: a member at rating 0.2 is gossiped with at %.2f, want %v", what, got, attraction)
		}
	}
	check("published to", 0, 1)
	if err := s.Subscribe(0, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	check("subscribed to", 1, 0.2)
	if err := s.Unsubscribe(0, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	check("published to again", 0, 1)
}

// A digest of who is no peer yet comes from a new member where there is one zone only, and makes nobody carry what it does not want itself. Where there are others it may come from one of these.
func TestNewMembersMakeNoCarriers(t *testing.T) {
	for _, zones := range []bool{false, true} {
		s := ratedSolo(t, 0.2) // the other one wants everything
		if zones {
			s.Notify(s.now, protocol.PeerUp{Peer: &protocol.Peer{ID: 800, Epoch: 1, Name: "/b/m", Distance: 1}}, &s.out)
		}
		s.Receive(s.now, 50, offer(1, 3, Range{1, 3}), &s.out)
		if carries := s.Stats().Carries == 1; carries != zones {
			t.Errorf("other zones %v: carries %v", zones, carries)
		}
	}
}

// Where there are other zones a digest of a new member makes a carrier, until that is known; unless anything else has come meanwhile.
func TestCarryingForNewMembersEnds(t *testing.T) {
	const stranger, elsewhere = protocol.NodeID(50), protocol.NodeID(800)
	for _, more := range []bool{false, true} {
		s := ratedSolo(t, 0.2) // the other one wants everything
		s.Notify(s.now, protocol.PeerUp{Peer: &protocol.Peer{ID: elsewhere, Epoch: 1, Name: "/b/m", Distance: 1}}, &s.out)
		s.Receive(s.now, stranger, offer(1, 3, Range{1, 3}), &s.out)
		if more {
			s.Receive(s.now, elsewhere, offer(1, 3, Range{1, 3}), &s.out)
		}
		s.Receive(s.now, stranger, offer(2, 3, Range{1, 3}), &s.out)
		s.rounds(2 * carryReview)
		if n := s.Stats().Carries; n != 1 {
			t.Errorf("more %v: carries %d topics", more, n)
		}
		s.up(stranger, 0, time.Millisecond)
		s.rounds(2 * carryReview)
		if carries := s.Stats().Carries == 1; carries != more {
			t.Errorf("more %v: carries %v since it knows who that was", more, carries)
		}
	}
}

// What a carrier misses of what its zone wants no longer does not hold up what it wants itself, and is not asked for: nobody would take it in.
func TestCarriersMissNoMoreThanIsWanted(t *testing.T) {
	s := ratedSolo(t, 0.2) // the other one wants everything
	s.Notify(s.now, protocol.PeerUp{Peer: &protocol.Peer{ID: 9, Epoch: 1, Name: "/b/m", Distance: 1}}, &s.out)
	const high = 60
	s.Receive(s.now, 9, offer(1, high), &s.out)
	if s.Stats().Carries != 1 {
		t.Fatal("it does not carry the topic")
	}
	own := wantedOf(ratingOf(0.2), 1, high)
	for _, seq := range own {
		s.receive(packet(seq))
	}
	w := s.byID[packet(1).Stream]
	if got := w.missing(); got != high-uint64(len(own)) {
		t.Fatalf("%d packets are missing, of %d it has %d", got, high, len(own))
	}
	s.rateOther(other, ratingOf(0.2))
	s.rounds(2)
	if got, want := s.Stats().MessagesDelivered, uint64(len(own)); got != want || w.missing() != 0 {
		t.Errorf("%d of %d messages are delivered, and %d packets are missing", got, want, w.missing())
	}
	if n := s.Stats().PacketsMissed; n > 0 {
		t.Errorf("%d packets count as missed", n)
	}
}
