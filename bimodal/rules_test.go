package bimodal

import (
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// solo is one machine under test, subscribed to topic t, with the effects of its latest input.
type solo struct {
	*Machine
	t   *testing.T
	out protocol.Output
	now protocol.Time
}

const other = protocol.NodeID(77) // the peer that soloMachine talks to

func soloMachine(t *testing.T, change func(*Config)) *solo {
	s := &solo{Machine: benchMachine(t, 1, change), t: t}
	if err := s.Subscribe(0, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	s.up(other, 0, 0)
	s.out.Reset()
	return s
}

func (s *solo) up(id protocol.NodeID, distance int, roundTrip time.Duration) {
	interest := AppendInterest(nil, []TopicID{TopicOf("t")})
	s.Notify(s.now, protocol.PeerUp{Peer: &protocol.Peer{
		ID: id, Epoch: 1, Distance: distance, RoundTrip: roundTrip, Attributes: []protocol.Attribute{{Name: InterestAttribute, Value: interest}},
	}}, &s.out)
}

func (s *solo) receive(m protocol.Message) {
	s.out.Reset()
	s.Receive(s.now, other, m, &s.out)
}

// rounds lets n rounds pass.
func (s *solo) rounds(n int) {
	for range n {
		s.now = max(s.now, s.roundAt)
		s.out.Reset()
		s.Timeout(s.now, &s.out)
	}
}

// packet is packet seq of a stream of author 9 whose packets hold one message each.
func packet(seq uint64) *Packet {
	return &Packet{
		Stream: StreamID{Author: 9, Epoch: 1, Topic: TopicOf("t")}, Seq: seq, Messages: seq - 1, Count: 1,
		Body: wire.AppendRecord(nil, wire.Record{Data: make([]byte, 1000)}),
	}
}

// offer is a digest of other's that offers ranges of that stream.
func offer(round uint32, high uint64, ranges ...Range) *Digest {
	return &Digest{Round: round, Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{
		{Author: 9, Epoch: 1, High: high, Messages: high, Floor: 1, Ranges: ranges},
	}}
}

func ask(round uint32, ranges ...Range) *Request {
	return &Request{Round: round, Entries: []RequestEntry{{Stream: packet(1).Stream, Ranges: ranges}}}
}

// sent returns the messages of one type among the effects, each once however many targets it has.
func sent[M protocol.Message](s *solo) (found []M) {
	for _, e := range s.out.Effects {
		if m, ok := e.Message.(M); ok {
			found = append(found, m)
		}
	}
	return found
}

func emitted[E protocol.Event](s *solo) (found []E) {
	for _, e := range s.out.Effects {
		if m, ok := e.Event.(E); ok {
			found = append(found, m)
		}
	}
	return found
}

func (s *solo) dropped(reason protocol.Reason) bool {
	return slices.ContainsFunc(s.out.Effects, func(e protocol.Effect) bool { return e.Kind == protocol.EffectDrop && e.Reason == reason })
}

// "on a digest, walk each stream from the newest number down ("most recent first") and request what is missing and was not
// requested in the last 2 rounds, at most 100 numbers (E), echoing the gossiper's round."
func TestRequests(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	s.receive(offer(4242, 300, Range{1, 300}))
	requests := sent[*Request](s)
	if len(requests) != 1 || requests[0].Round != 4242 {
		t.Fatalf("requests %+v", requests)
	}
	if got := requests[0].Entries[0].Ranges; len(got) != 1 || got[0] != (Range{201, 300}) {
		t.Errorf("asked for %v, want the newest hundred", got)
	}
	for round := range 4 {
		s.receive(offer(4243, 300, Range{201, 300}))
		if asked := len(sent[*Request](s)) > 0; asked != (round == 3) {
			t.Errorf("%d rounds after the request, asked again: %v", round, asked)
		}
		s.rounds(1)
	}
	s.receive(offer(4242, 300, Range{150, 150}, Range{101, 120}))
	if got := sent[*Request](s)[0].Entries[0].Ranges; !slices.Equal(got, []Range{{150, 150}, {101, 120}}) {
		t.Errorf("asked for %v, want what is offered", got)
	}
}

// Of small packets more may be asked for: as many as the least budget of a round repairs. And answers, which tell of what is missing for long,
// lead to requests for the oldest, so that these do not starve.
func TestRequestsForSmallPacketsAndOldOnes(t *testing.T) {
	s := soloMachine(t, nil)
	small := packet(1)
	small.Body = wire.AppendRecord(nil, wire.Record{Data: make([]byte, 50)})
	s.receive(small)
	most := uint64(s.config.RepairBytes / (len(small.Body) + packetOverheadMax))
	d := offer(4242, 2000, Range{1, 2000})
	d.Answer = true
	s.receive(d)
	if got := sent[*Request](s)[0].Entries[0].Ranges; len(got) != 1 || got[0] != (Range{2, 1 + most}) {
		t.Errorf("asked for %v, want %d packets from the oldest on", got, most)
	}
}

// "a digest is bounded to one datagram: (stream, ranges held) such as "5-11 and 13", most recently active streams first, the
// rest in rotation; it carries the gossiper's round."
func TestDigests(t *testing.T) {
	s := soloMachine(t, nil)
	for _, seq := range []uint64{5, 6, 7, 8, 9, 10, 11, 13} {
		p := packet(seq)
		p.Age = AgeMax
		s.receive(p)
	}
	s.rounds(1)
	d := sent[*Digest](s)
	if len(d) != 1 || d[0].Round != s.round {
		t.Fatalf("digests %+v in round %d", d, s.round)
	}
	if e := d[0].Entries[0]; !slices.Equal(e.Ranges, []Range{{13, 13}, {5, 11}}) || e.High != 13 || e.Messages != 13 || e.Floor != 5 {
		t.Errorf("entry %+v", e)
	}
	for author := range protocol.NodeID(400) {
		p := packet(1)
		p.Stream.Author = 1000 + author
		s.receive(p)
	}
	seen := make(map[protocol.NodeID]int)
	for range 20 {
		s.rounds(1)
		d := sent[*Digest](s)[0]
		if size := wire.HeaderSize + wire.FrameSize(d.Size()); size > s.config.DatagramSize {
			t.Fatalf("a digest of %d bytes", size)
		}
		if first := d.Entries[0].Author; first != 1399 {
			t.Errorf("%v is listed first, which was not the last to be active", first)
		}
		for _, e := range d.Entries {
			seen[e.Author]++
		}
	}
	if len(seen) != 401 {
		t.Errorf("20 digests listed %d of 401 streams", len(seen))
	}
}

// "on a request, serve only if its echoed round is current (E), where current allows for the measured round trip to that peer
// (ceil(RTT / round) + 1 rounds)"
func TestStaleRequestsGetNothing(t *testing.T) {
	for _, test := range []struct {
		roundTrip time.Duration
		late      uint32
		served    bool
	}{{0, 0, true}, {0, 1, true}, {0, 2, false}, {100 * time.Millisecond, 2, true}, {101 * time.Millisecond, 3, true}, {101 * time.Millisecond, 4, false}} {
		s := soloMachine(t, nil)
		s.up(other, 0, test.roundTrip)
		s.receive(packet(1))
		s.rounds(10)
		s.receive(ask(s.round-test.late, Range{1, 1}))
		if served := len(sent[*Repair](s)) == 1; served != test.served || served == s.dropped(ReasonStale) {
			t.Errorf("round trip %v, %d rounds late: served %v", test.roundTrip, test.late, served)
		}
	}
	s := soloMachine(t, nil)
	s.receive(packet(1))
	s.receive(ask(s.round+1, Range{1, 1}))
	if len(sent[*Repair](s)) > 0 || !s.dropped(ReasonFuture) {
		t.Error("a request of a round to come was served")
	}
}

// "Never send more than the per-round byte budget, all requesters together"; "repairs are cyclic: a packet asked for and not
// yet served waits for its turn in later rounds."
func TestRepairBudget(t *testing.T) {
	s := soloMachine(t, nil)
	for seq := range uint64(100) {
		s.receive(packet(seq + 1))
	}
	spent := func() (bytes int) {
		for _, r := range sent[*Repair](s) {
			bytes += wire.HeaderSize + wire.FrameSize(r.Size())
		}
		return bytes
	}
	for requester := range protocol.NodeID(5) {
		s.up(100+requester, 0, 0)
	}
	s.carried, s.carriedMean = 0, 0
	s.rounds(1)
	s.carriedMean, s.budget = 0, s.config.RepairBytes
	total := 0
	for requester := range protocol.NodeID(5) {
		s.out.Reset()
		s.Receive(s.now, 100+requester, ask(s.round, Range{1, 100}), &s.out)
		total += spent()
	}
	if total > 64<<10 || total < 63<<10 {
		t.Errorf("five requesters were sent %d bytes in one round", total)
	}
	for range 2 {
		s.rounds(1)
		if got := spent(); got > 64<<10 || got < 63<<10 {
			t.Errorf("%d bytes in the next round", got)
		}
	}
	s.rounds(1)
	if got := spent(); got != 0 || s.repairs.length != 0 {
		t.Errorf("%d bytes to requesters that have asked elsewhere by now", got)
	}
}

// "The budget is a share of what the streams carry (default 25 % of the measured rate, at least 64 KiB)."
func TestRepairBudgetFollowsTheRate(t *testing.T) {
	s := soloMachine(t, nil)
	const perRound = 1000
	for round := range uint64(80) {
		for i := range uint64(perRound) {
			s.receive(packet(round*perRound + i + 1))
		}
		s.rounds(1)
	}
	if got, want := s.Stats().RepairBudget, perRound*1002/4; got < want*99/100 || got > want {
		t.Errorf("budget of %d bytes, want a quarter of what a round carries, %d", got, want)
	}
}

// "the 20th request for one packet is answered, and the 6th reply is sent, as a regional multicast (E): several members are
// probably missing it."
func TestRegionalRepair(t *testing.T) {
	s := soloMachine(t, nil)
	for id := range protocol.NodeID(8) {
		s.up(100+id, 0, 0)
		s.up(200+id, 1, 0)
	}
	s.receive(packet(1))
	region := func() (targets []protocol.NodeID) {
		for _, e := range s.out.Effects {
			if e.Kind == protocol.EffectSpread {
				targets = e.Targets
			}
		}
		return targets
	}
	for reply := 1; reply <= 12; reply++ {
		s.receive(ask(s.round, Range{1, 1}))
		if got := region(); (len(got) == 9) != (reply%6 == 0) || len(got) > 0 && got[8] >= 200 {
			t.Errorf("reply %d went to %v", reply, got)
		}
	}
	s.budget = 0
	for range 20 {
		s.receive(ask(s.round, Range{1, 1}))
	}
	s.rounds(1)
	if got := region(); len(got) != 9 {
		t.Errorf("the 20th request was answered to %v", got)
	}
	// "Never send more than the per-round byte budget": the region is served as far as that goes.
	spreads := 0
	for range 6 {
		s.budget = 4 * 1100
		s.receive(ask(s.round, Range{1, 1}))
		if got := region(); len(got) > 0 {
			spreads++
			if len(got) != 3 {
				t.Errorf("a budget of four packets was spent on %v", got)
			}
		}
	}
	if spreads != 1 {
		t.Errorf("%d of six replies went to the region", spreads)
	}
}

// "pull for young, push for old: a receiver of the digest that sees that the gossiper lacks packets older than half of life
// sends them unasked, within the same budget."
func TestPushForOld(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	s.receive(packet(2))
	s.rounds(10)
	s.receive(packet(3))
	s.receive(offer(1, 3, Range{1, 1}))
	if got := sent[*Repair](s); len(got) != 0 {
		t.Errorf("%d packets pushed at half of life", len(got))
	}
	s.rounds(1)
	s.receive(offer(1, 3, Range{1, 1}))
	if got := sent[*Repair](s); len(got) != 1 || got[0].Packet.Seq != 2 {
		t.Errorf("pushed %v, want packet 2", got)
	}
	below := offer(1, 3)
	below.Entries[0].Floor = 3
	s.receive(below)
	if got := sent[*Repair](s); len(got) != 0 {
		t.Errorf("%d packets pushed that the gossiper is done with", len(got))
	}
}

// "poll on a detected gap | at once, fanout random members, at most 5 a round"
func TestPolls(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	polls := 0
	for seq := uint64(3); seq < 30; seq += 2 {
		s.receive(packet(seq))
		polls += len(sent[*Poll](s))
	}
	if polls != 5 {
		t.Errorf("%d polls in one round", polls)
	}
	s.receive(&Poll{Entries: []PollEntry{{Stream: packet(1).Stream}, {Stream: StreamID{Author: 5, Epoch: 5, Topic: 5}}}})
	d := sent[*Digest](s)
	if len(d) != 1 || len(d[0].Entries) != 1 || d[0].Entries[0].High != 29 || !d[0].Answer {
		t.Fatalf("a poll is answered by %+v", d)
	}
	for range pollAnswersMax {
		s.receive(&Poll{Entries: []PollEntry{{Stream: packet(1).Stream}}})
	}
	if len(sent[*Digest](s)) > 0 || !s.dropped(ReasonPolls) {
		t.Error("polls without number are answered")
	}
	s.rounds(1)
	if got := len(sent[*Poll](s)); got != 1 {
		t.Errorf("%d polls for a stream that still misses packets", got)
	}
}

func TestUnansweredRequestsAreTold(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	told := 0
	for round := range 40 {
		s.receive(offer(1, uint64(round)+2, Range{1, uint64(round) + 2}))
		told += len(emitted[protocol.Unanswered](s))
		s.rounds(1)
	}
	if told < 5 || told > 10 {
		t.Errorf("told %d times of 40 requests without an answer", told)
	}
}

// "per stream raise floor over packets held longer than life rounds; a hole below floor becomes an explicit gap for the
// application and delivery goes on after it."
func TestLifeAndGap(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	s.receive(packet(4))
	for round := 1; ; round++ {
		s.rounds(1)
		gaps := emitted[*Gap](s)
		if len(gaps) == 0 && round <= 20 {
			continue
		}
		if round != 21 || len(gaps) != 1 || gaps[0].First != 2 || gaps[0].Last != 3 || gaps[0].Count != 2 || gaps[0].Reason != GapExpired {
			t.Fatalf("round %d: %+v", round, gaps)
		}
		if d := emitted[*Delivery](s); len(d) != 1 || d[0].First != 4 {
			t.Errorf("delivered %+v behind the gap", d)
		}
		break
	}
	if held := s.Stats().BufferedPackets; held != 0 {
		t.Errorf("%d packets held after their life", held)
	}
}

// "life | 20 rounds since the packet was last asked for, at least 20 since receipt"
func TestAskingExtendsLife(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	s.rounds(15)
	s.receive(ask(s.round, Range{1, 1}))
	s.rounds(20)
	if s.Stats().BufferedPackets != 1 {
		t.Error("dropped 20 rounds after it was asked for")
	}
	s.rounds(1)
	if s.Stats().BufferedPackets != 0 {
		t.Error("held longer than life")
	}
}

// A member that is further behind than its window gives up at once, and counts exactly.
func TestFarBehind(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	s.receive(packet(3))
	s.receive(packet(10 * windowMax))
	gaps := emitted[*Gap](s)
	if len(gaps) != 1 || gaps[0].First != 2 || gaps[0].Last != 2 || gaps[0].Reason != GapBehind {
		t.Fatalf("%+v", gaps)
	}
	s.rounds(21)
	if gaps = emitted[*Gap](s); len(gaps) != 1 || gaps[0].First != 4 || gaps[0].Last != 10*windowMax-1 {
		t.Errorf("%+v", gaps)
	}
}

// "at high rates life shortens for all but the bufferers, visibly"
func TestBufferLimit(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.BufferBytes = 1 << 20 })
	for seq := range uint64(5000) {
		if seq != 4000 { // a hole
			s.receive(packet(seq + 1))
		}
		if got := s.Stats().BufferedBytes; got > 1<<20 {
			t.Fatalf("%d bytes buffered", got)
		}
	}
	stats := s.Stats()
	if stats.PacketsEvicted < 3500 || stats.MessagesDelivered+stats.MessagesLost != 5000 || stats.MessagesLost != 1 {
		t.Errorf("%+v", stats)
	}
}

// "Reply only to proven addresses; before proof at most as many bytes as came in."
func TestStrangersGetNothing(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	for _, m := range []protocol.Message{ask(s.round, Range{1, 1}), &Poll{Entries: []PollEntry{{Stream: packet(1).Stream}}}} {
		s.receive(m)
		if len(s.out.Effects) != 1 || s.out.Effects[0].Kind != protocol.EffectSend {
			t.Errorf("a peer gets %+v", s.out.Effects)
		}
		s.out.Reset()
		s.Receive(s.now, other+1, m, &s.out)
		if len(s.out.Effects) != 1 || !s.dropped(ReasonStranger) {
			t.Errorf("a stranger gets %+v", s.out.Effects)
		}
	}
}

// Many streams that take about the same give way together, in few passes: each keeps its newest packets.
func TestBufferLimitIsShared(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.BufferBytes = 1 << 20 })
	for seq := range uint64(20) {
		for author := range protocol.NodeID(100) {
			p := packet(seq + 1)
			p.Stream.Author = 100 + author
			s.receive(p)
		}
	}
	least, most := 1<<20, 0
	for _, stream := range s.streams {
		least, most = min(least, stream.cost()), max(most, stream.cost())
	}
	if least < most/4 || s.Stats().BufferedBytes < 1<<20-1<<20/evictShare-2000 || s.Stats().BufferedBytes > 1<<20 {
		t.Errorf("streams take %d to %d bytes, %d together", least, most, s.Stats().BufferedBytes)
	}
}

// Streams of which only their length is known take room too, and cannot take more of it than there is.
func TestBufferLimitOfMissingPackets(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.BufferBytes = 4 << 20 })
	for author := range protocol.NodeID(100) {
		d := offer(1, 50_000)
		d.Entries[0].Author = 1000 + author
		s.receive(d)
		s.rounds(1)
		if got := s.Stats().BufferedBytes; got > 4<<20 {
			t.Fatalf("%d bytes taken", got)
		}
	}
	s.receive(packet(1))
	s.rounds(30)
	if stats := s.Stats(); stats.MessagesDelivered != 1 || stats.MessagesLost != 100*50_000 {
		t.Errorf("%+v", stats)
	}
}

func TestRate(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.Rate, c.Burst = 100_000, burstMin })
	published := 0
	for s.now < protocol.Time(10*time.Second) {
		s.out.Reset()
		err := s.Publish(s.now, "t", make([]byte, 998), &s.out)
		if err == nil {
			published++
			s.Timeout(s.now, &s.out)
			continue
		}
		if err != ErrWouldBlock || s.Ready(s.now, "t") {
			t.Fatalf("%v, ready %v", err, s.Ready(s.now, "t"))
		}
		for len(emitted[*Writable](s)) == 0 {
			s.now = s.Deadline()
			s.out.Reset()
			s.Timeout(s.now, &s.out)
		}
		if !s.Ready(s.now, "t") {
			t.Fatal("told that it is writable, and it is not")
		}
	}
	if published < 1000 || published > 1000+burstMin/1000+50 {
		t.Errorf("published %d messages of 1000 bytes in 10 s at 100 kB/s", published)
	}
	if err := s.Configure(s.now, "t", TopicOptions{}); err != nil || !s.Ready(s.now, "t") {
		t.Errorf("without a rate: %v", err)
	}
	for range 5000 {
		if err := s.Publish(s.now, "t", make([]byte, 998), &s.out); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLimitsOfCommands(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.Topics, c.Subscriptions = 3, 2 })
	check := func(what string, err error, want string) {
		t.Helper()
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: error %v, want %q", what, err, want)
		}
	}
	check("subscribed twice", s.Subscribe(0, "t", &s.out), ErrSubscribed.Error())
	check("no name", s.Subscribe(0, "", &s.out), ErrTopicName.Error())
	check("not subscribed", s.Unsubscribe(0, "u", &s.out), ErrNotSubscribed.Error())
	check("too large", s.Publish(0, "t", make([]byte, wire.MessageMax+1), &s.out), ErrTooLarge.Error())
	check("second", s.Subscribe(0, "u", &s.out), "")
	check("third", s.Subscribe(0, "v", &s.out), "bimodal: limit of 2 reached (Config.Subscriptions)")
	check("publishing elsewhere", s.Publish(0, "v", nil, &s.out), "")
	check("a fourth topic", s.Publish(0, "w", nil, &s.out), "bimodal: limit of 3 reached (Config.Topics)")
	check("room again", s.Unsubscribe(0, "u", &s.out), "")
	check("a third topic again", s.Publish(0, "w", nil, &s.out), "")
}

func TestInterestIsAnnounced(t *testing.T) {
	s := soloMachine(t, nil)
	s.out.Reset()
	if err := s.Subscribe(0, "u", &s.out); err != nil {
		t.Fatal(err)
	}
	set := emitted[protocol.SetAttribute](s)
	want := []TopicID{TopicOf("t"), TopicOf("u")}
	slices.Sort(want)
	if len(set) != 1 || set[0].Attribute.Name != InterestAttribute || !slices.Equal(ParseInterest(set[0].Attribute.Value), want) {
		t.Errorf("%+v", set)
	}
	s.out.Reset()
	s.Unsubscribe(0, "u", &s.out)
	s.Unsubscribe(0, "t", &s.out)
	if set = emitted[protocol.SetAttribute](s); len(set) != 2 || set[1].Attribute.Value != nil {
		t.Errorf("%+v", set)
	}
}

func TestTargetsFollowTheView(t *testing.T) {
	s := soloMachine(t, nil)
	s.up(5, 0, 0)
	s.up(6, 0, 0)
	publish := func() (targets []protocol.NodeID) {
		s.out.Reset()
		if err := s.Publish(s.now, "t", []byte("x"), &s.out); err != nil {
			t.Fatal(err)
		}
		s.Timeout(s.now, &s.out)
		for _, e := range s.out.Effects {
			if e.Kind == protocol.EffectSpread {
				targets = e.Targets
			}
		}
		return targets
	}
	first := publish()
	if !slices.Equal(first, []protocol.NodeID{5, 6, other}) {
		t.Errorf("targets %v", first)
	}
	s.Notify(s.now, protocol.PeerUnreachable{Peer: &protocol.Peer{ID: 5}}, &s.out)
	if got := publish(); !slices.Equal(got, []protocol.NodeID{6, other, 5}) {
		t.Errorf("targets %v, the unreachable one last", got)
	}
	s.Notify(s.now, protocol.PeerLeft{Peer: &protocol.Peer{ID: 6}}, &s.out)
	s.Notify(s.now, protocol.PeerChanged{Peer: &protocol.Peer{ID: other}}, &s.out)
	if got := publish(); !slices.Equal(got, []protocol.NodeID{5}) {
		t.Errorf("targets %v", got)
	}
	if !slices.Equal(first, []protocol.NodeID{5, 6, other}) {
		t.Error("a list changed after it was handed out")
	}
}

// A node that was paused finds the digests of all that time at once. What it asks for by the first of them is refused as late,
// so that it asks again by the later ones of the same gossiper, whose rounds went on; one by another gossiper might be asked in
// vain as well, and waits.
func TestAPausedNodeAsksAgainByLaterDigests(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(offer(100, 3, Range{1, 3}))
	if got := sent[*Request](s); len(got) != 1 {
		t.Fatalf("%d requests by the first digest", len(got))
	}
	for round, want := range map[uint32]int{101: 0, 102: 0} {
		if s.receive(offer(round, 3, Range{1, 3})); len(sent[*Request](s)) != want {
			t.Errorf("%d requests by the digest of round %d, want %d", len(sent[*Request](s)), round, want)
		}
	}
	if s.receive(offer(103, 3, Range{1, 3})); len(sent[*Request](s)) != 1 || sent[*Request](s)[0].Round != 103 {
		t.Errorf("no request by the digest of round 103, more than 2 rounds of the gossiper later")
	}
	s.out.Reset()
	s.Receive(s.now, other+1, offer(900, 3, Range{1, 3}), &s.out)
	if len(sent[*Request](s)) != 0 {
		t.Errorf("asked another gossiper in the round in which the packets were asked for")
	}
}
