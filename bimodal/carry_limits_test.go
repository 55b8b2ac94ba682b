package bimodal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

// gate is a representative of the zone /a, in which member 50 wants topics.
type gate struct {
	*Machine
	t   *testing.T
	out protocol.Output
	now protocol.Time
}

const (
	gateSelf   = protocol.NodeID(40)
	gateWants  = protocol.NodeID(50)
	gateAuthor = protocol.NodeID(900) // somewhere else
)

func newGate(t *testing.T, signed bool, topics ...string) *gate {
	c := DefaultConfig()
	c.Self, c.Zone, c.Epoch, c.Rand = gateSelf, "/a", 1, rand.New(rand.NewPCG(1, 2))
	if signed {
		c.Notary = modelNotary(c.Self)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Machine: m, t: t}
	g.want(topics...)
	var interest protocol.Interest
	g.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{
		ID: 800, Epoch: 1, Name: "/b/representative", Distance: 1, Attributes: []protocol.Attribute{{Name: protocol.InterestAttribute, Value: interest[:]}},
	}}, &g.out)
	return g
}

// want has member 50 want topics, and nothing else.
func (g *gate) want(topics ...string) {
	ids := make([]TopicID, len(topics))
	for i, topic := range topics {
		ids[i] = TopicOf(topic)
	}
	slices.Sort(ids)
	p := &protocol.Peer{ID: gateWants, Epoch: 1, Name: "/a/m", Attributes: []protocol.Attribute{{Name: InterestAttribute, Value: AppendInterest(nil, ids)}}}
	if g.signed() {
		p.Credential = credentialOf(p.ID)
	}
	g.Notify(g.now, protocol.PeerUp{Peer: p}, &g.out)
}

// enterPacket has the first packet of a topic enter the zone.
func (g *gate) enterPacket(topic string) {
	p := packetOf(StreamID{gateAuthor, 1, TopicOf(topic)}, 1)
	g.Receive(g.now, gateAuthor, &Relay{Depth: 1, Packet: p}, &g.out)
}

func packetOf(id StreamID, seq uint64) *Packet {
	p := samplePacket()
	p.Stream, p.Seq, p.Messages, p.Count, p.Age = id, seq, seq-1, 1, 1
	return p
}

// announced returns what the row says of carrying, and forgets all effects.
func (g *gate) announced() (value []byte) {
	for _, e := range g.out.Effects {
		if set, ok := e.Event.(protocol.SetAttribute); ok && set.Attribute.Name == CarriesAttribute {
			value = set.Attribute.Value
		}
	}
	g.out.Reset()
	return value
}

func names(count int) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprintf("topic %d", i)
	}
	return all
}

// A few topics are listed in the row; of many a bitmap is told, and what other members of the zone send because of a bit that belongs to another topic is carried as well.
func TestManyTopicsAreCarried(t *testing.T) {
	all := names(400)
	g := newGate(t, false, all...)
	for _, topic := range all[:carriesListed] {
		g.enterPacket(topic)
	}
	if got := ParseInterest(g.announced()); len(got) != carriesListed {
		t.Errorf("%d topics are listed of %d", len(got), carriesListed)
	}
	for _, topic := range all[carriesListed:200] {
		g.enterPacket(topic)
	}
	broad, ok := protocol.ParseInterest(g.announced())
	if !ok || g.Stats().Carries != 200 {
		t.Fatalf("%d topics are carried, and told as a bitmap: %v", g.Stats().Carries, ok)
	}
	wrong := 0
	for _, topic := range all[200:] {
		if id := TopicOf(topic); broad.Wants(uint64(id)) {
			wrong++
			g.Receive(g.now, gateWants, packetOf(StreamID{gateWants, 1, id}, 1), &g.out)
		} else {
			g.Receive(g.now, gateWants, packetOf(StreamID{gateWants, 1, id}, 1), &g.out)
			if g.topics[id] != nil {
				t.Errorf("%s is carried though nobody can believe that it is", topic)
			}
		}
		broad = *g.carrying.announced
	}
	if wrong == 0 || g.Stats().Carries != 200+wrong {
		t.Errorf("%d topics are carried, with %d that seemed to be", g.Stats().Carries, wrong)
	}
}

// What nobody in the zone wants is not carried, nor what comes for a zone that this node is not in.
func TestOnlyWantedTopicsAreCarried(t *testing.T) {
	g := newGate(t, false, "wanted")
	g.enterPacket("unwanted")
	g.Receive(0, gateAuthor, &Relay{Depth: 7, Packet: packetOf(StreamID{gateAuthor, 1, TopicOf("wanted")}, 1)}, &g.out)
	g.Receive(0, gateWants, &Digest{Round: 1, Topics: []TopicID{TopicOf("wanted")}}, &g.out) // of the own zone, which is no reason
	if s := g.Stats(); s.Carries != 0 || s.Topics != 0 {
		t.Errorf("%d topics are carried", s.Carries)
	}
	g.Receive(0, 800, &Digest{Round: 1, Topics: []TopicID{TopicOf("unwanted"), TopicOf("wanted")}}, &g.out)
	if s := g.Stats(); s.Carries != 1 || !g.topics[TopicOf("wanted")].follows() {
		t.Errorf("%d topics are carried after a digest from another zone", s.Carries)
	}
}

// Topics are bounded, and so is what the row has room for.
func TestCarriedTopicsAreBounded(t *testing.T) {
	all := names(60)
	g := newGate(t, false, all...)
	g.carrying.limit = 50
	for _, topic := range all {
		g.enterPacket(topic)
	}
	if s := g.Stats(); s.Carries != 50 || s.CarriesRefused != 10 {
		t.Errorf("%d topics are carried, %d refused", s.Carries, s.CarriesRefused)
	}
	for range 3 {
		g.Notify(g.now, protocol.AttributeRefused{Name: CarriesAttribute}, &g.out)
	}
	g.enterPacket(all[59])
	if s := g.Stats(); s.Carries != 47 || s.Topics != 47 {
		t.Errorf("%d topics are carried where the row had no room for 48", s.Carries)
	}
	if got := newGate(t, false).carrying.limit; got != carriesMax {
		t.Errorf("the limit is %d", got)
	}
}

// Nothing of a topic for long ends that it is carried, whoever wants it.
func TestIdleTopicsAreNotCarried(t *testing.T) {
	g := newGate(t, false, "t")
	g.enterPacket("t")
	for range carryIdle + 2*carryReview {
		if g.now = g.Deadline(); g.now == protocol.Never {
			t.Fatal("there are no rounds")
		}
		if g.Stats().Carries == 0 && g.round < carryIdle {
			t.Fatalf("carrying ended in round %d", g.round)
		}
		g.Timeout(g.now, &g.out)
		g.out.Reset()
		if g.Stats().Carries == 0 {
			return
		}
	}
	t.Error("the topic is still carried")
}

// Without signatures the name of a topic is not needed; whoever subscribes or publishes tells it.
func TestCarriedTopicsGetTheirNames(t *testing.T) {
	g := newGate(t, false, "t")
	g.enterPacket("t")
	if err := g.Subscribe(g.now, "t", &g.out); err != nil {
		t.Fatal(err)
	}
	if s := g.Stats(); s.Topics != 1 || g.byName["t"] != g.topics[TopicOf("t")] || s.Streams != 1 {
		t.Errorf("%d topics, %d streams", s.Topics, s.Streams)
	}
	if err := g.Unsubscribe(g.now, "t", &g.out); err != nil || g.Stats().Streams != 1 {
		t.Errorf("%v, %d streams", err, g.Stats().Streams)
	}
}

// With signatures a topic is carried once its name is known: what enters before waits for it. Only an answer that was asked for counts, and only of that topic.
func TestNamesAreAskedFor(t *testing.T) {
	g := newGate(t, true, "t", "u")
	asks := func() (to []protocol.NodeID) {
		for _, e := range g.out.Effects {
			if n, ok := e.Message.(*TopicName); ok && n.Name == "" {
				to = append(to, e.To)
			}
		}
		g.out.Reset()
		return to
	}
	g.Receive(g.now, 800, &TopicName{Topic: TopicOf("t"), Name: "t"}, &g.out)
	g.enterPacket("t")
	g.enterPacket("t")
	if to := asks(); len(to) != 1 || to[0] != gateAuthor || g.Stats().Carries != 0 || len(g.carrying.waits) != 2 {
		t.Fatalf("asked %v, %d carried, %d packets wait", to, g.Stats().Carries, len(g.carrying.waits))
	}
	g.Receive(g.now, gateAuthor, &TopicName{Topic: TopicOf("u"), Name: "u"}, &g.out)
	g.Receive(g.now, gateAuthor, &TopicName{Topic: TopicOf("t"), Name: "t"}, &g.out)
	if s := g.Stats(); s.Carries != 1 || g.byName["t"] == nil || len(g.carrying.waits) != 0 || s.PacketsReceived != 2 {
		t.Errorf("%+v", s)
	}
	// Whoever asks is told, within bounds.
	g.out.Reset()
	for range 2 * namesAnswered {
		g.Receive(g.now, 12345, &TopicName{Topic: TopicOf("t")}, &g.out)
		g.Receive(g.now, 12345, &TopicName{Topic: TopicOf("u")}, &g.out)
	}
	told := 0
	for _, e := range g.out.Effects {
		if n, ok := e.Message.(*TopicName); ok && n.Name == "t" {
			told++
		}
	}
	if told == 0 || told > namesAnswered {
		t.Errorf("told %d times", told)
	}
	// What nobody names is given up.
	g.enterPacket("u")
	for range nameRounds + 3 {
		g.now = g.now.Add(100 * time.Millisecond)
		g.Timeout(g.now, &g.out)
	}
	if len(g.carrying.waits) != 0 || len(g.carrying.asked) != 0 || g.Stats().RelaysExpired == 0 {
		t.Errorf("%d packets still wait", len(g.carrying.waits))
	}
}

// Receipts are few, and who gets them is bounded.
func TestReceiptsAreBounded(t *testing.T) {
	g := newGate(t, false, "t")
	sent := func() (count int) {
		for _, e := range g.out.Effects {
			if _, ok := e.Message.(*Receipt); ok {
				count++
			}
		}
		g.out.Reset()
		return count
	}
	for range 5 {
		g.enterPacket("t")
	}
	if n := sent(); n != 1 {
		t.Errorf("%d receipts in a round", n)
	}
	for range receiptPause {
		g.now = g.Deadline()
		g.Timeout(g.now, &g.out)
		g.enterPacket("t")
	}
	if n := sent(); n != 1 {
		t.Errorf("%d receipts in the next second", n)
	}
	for i := range protocol.NodeID(2 * receiptsMax) {
		g.Receive(g.now, 10_000+i, &Relay{Depth: 1, Packet: packetOf(StreamID{gateAuthor, 1, TopicOf("t")}, 1)}, &g.out)
	}
	if n := sent(); n != receiptsMax-1 || len(g.receipts) != receiptsMax || g.Stats().ReceiptsRefused == 0 {
		t.Errorf("%d receipts, %d senders", n, len(g.receipts))
	}
}

// Members of the zone that carry a topic count as wanting it, be it listed or told by a bitmap, unless they may not subscribe to it.
func TestCarriersCountAsSubscribers(t *testing.T) {
	var broad, none protocol.Interest
	broad.Add(uint64(TopicOf("t")))
	barred := credentialOf(60)
	barred.unread = "t"
	for _, test := range []struct {
		carries    []byte
		credential protocol.Credential
		want       int
	}{
		{AppendInterest(nil, []TopicID{TopicOf("t")}), nil, 1},
		{broad[:], nil, 1},
		{broad[:], barred, 0},
		{AppendInterest(nil, []TopicID{TopicOf("u")}), nil, 0},
		{none[:], nil, 0},
		{nil, nil, 0},
	} {
		g := newGate(t, true)
		g.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{
			ID: 60, Epoch: 1, Name: "/a/c", Credential: test.credential, Attributes: []protocol.Attribute{{Name: CarriesAttribute, Value: test.carries}},
		}}, &g.out)
		if err := g.Subscribe(0, "t", &g.out); err != nil {
			t.Fatal(err)
		}
		if n := g.Targets("t"); n != test.want {
			t.Errorf("%x, %v: %d targets, want %d", test.carries, test.credential, n, test.want)
		}
	}
}

// What is carried does not keep the application from topics of its own, and what cannot be taken up of it is not told as if it were wanted.
func TestCarriedTopicsLeaveRoom(t *testing.T) {
	all := names(20)
	g := newGate(t, false, all...)
	g.config.Topics, g.config.Streams = 2, 10
	for _, topic := range all {
		g.enterPacket(topic)
	}
	if s := g.Stats(); s.Carries != 20 || s.Streams != 10 || s.StreamsRefused != 10 {
		t.Errorf("%d topics are carried with %d streams, %d refused", s.Carries, s.Streams, s.StreamsRefused)
	}
	for _, e := range g.out.Effects {
		if _, told := e.Event.(*StreamRefused); told {
			t.Error("the application is told of a stream that it does not want")
		}
	}
	for i, topic := range []string{"mine", "mine too", "one more"} {
		if err := g.Subscribe(g.now, topic, &g.out); (err == nil) != (i < 2) {
			t.Errorf("%s: %v", topic, err)
		}
	}
}

// Who says that it carries a topic besides wanting some of it is sent what its zone wants from then on, and no longer when it has ceased to.
func TestListsFollowCarriers(t *testing.T) {
	id := TopicOf("t")
	var broad protocol.Interest
	broad.Add(uint64(id))
	for _, carries := range [][]byte{AppendInterest(nil, []TopicID{id}), broad[:]} {
		s := soloMachine(t, nil) // it wants everything
		s.rateOther(other, ratingOf(0.2))
		wanting := func() int { return len(s.topics[id].audienceOf(gravity.Height(1 << 63)).targets) }
		for _, carrier := range []bool{false, true, false} {
			p := &protocol.Peer{ID: other, Epoch: 1, RoundTrip: time.Millisecond, Attributes: []protocol.Attribute{
				{Name: InterestAttribute, Value: gravity.AppendInterest(nil, []TopicID{id}, []gravity.Rating{ratingOf(0.2)})},
			}}
			if carrier {
				p.Attributes = append(p.Attributes, protocol.Attribute{Name: CarriesAttribute, Value: carries})
			}
			s.Notify(s.now, protocol.PeerChanged{Peer: p}, &s.out)
			s.refreshTargets(s.topics[id])
			if n := wanting(); (n == 1) != carrier {
				t.Errorf("carries %v: a packet of the upper half is sent to %d members", carrier, n)
			}
		}
	}
}

// Who carried a topic for its zone and now wants everything itself is sent everything, though its row names the same topics as before.
func TestListsFollowCarriersThatSubscribe(t *testing.T) {
	id := TopicOf("t")
	s := ratedSolo(t, 0.2)
	s.rateOther(other, ratingOf(0.2))
	for _, subscribed := range []bool{false, true} {
		name := CarriesAttribute
		if subscribed {
			name = InterestAttribute
		}
		s.Notify(s.now, protocol.PeerUp{Peer: &protocol.Peer{ID: 5, Epoch: 1, Attributes: []protocol.Attribute{{Name: name, Value: AppendInterest(nil, []TopicID{id})}}}}, &s.out)
		s.refreshTargets(s.topics[id])
		if n := len(s.topics[id].audienceOf(gravity.Height(1 << 63)).targets); (n == 1) != subscribed {
			t.Errorf("subscribed %v: a packet of the upper half is sent to %d members", subscribed, n)
		}
	}
}

// What the application has chosen for a topic that it neither publishes to nor subscribes to yet stays when the topic is carried for a while.
func TestOptionsOutliveCarrying(t *testing.T) {
	g := newGate(t, false, "t")
	g.config.Topics = 1
	if err := g.Configure(0, "t", TopicOptions{Spread: SpreadDirect}); err != nil {
		t.Fatal(err)
	}
	g.enterPacket("t")
	if err := g.Configure(0, "u", TopicOptions{}); err == nil {
		t.Error("a topic that is carried as well leaves room for another one")
	}
	g.want()
	for g.Stats().Carries > 0 {
		g.now = max(g.now, g.Deadline())
		g.Timeout(g.now, &g.out)
	}
	if topic := g.byName["t"]; topic == nil || topic.means != SpreadDirect {
		t.Error("the options are forgotten")
	}
}
