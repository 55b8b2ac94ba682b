package bimodal

import (
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// publishAll has a machine publish random messages and returns its packets, in order.
func publishAll(t *testing.T, r *rand.Rand, messages int) []*Packet {
	m := benchMachine(t, 9, nil)
	var out protocol.Output
	var now protocol.Time
	m.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{ID: 1, Attributes: []protocol.Attribute{
		{Name: InterestAttribute, Value: AppendInterest(nil, []TopicID{TopicOf("t")})},
	}}}, &out)
	for n := range messages {
		size := r.IntN(300)
		if r.IntN(6) == 0 {
			size = r.IntN(6000)
		}
		if err := m.Publish(now, "t", payload(9, n, size), &out); err != nil {
			t.Fatal(err)
		}
		if r.IntN(5) == 0 {
			m.Timeout(now, &out)
			now = now.Add(time.Millisecond)
		}
	}
	m.Timeout(now, &out)
	var packets []*Packet
	for _, e := range out.Effects {
		if p, ok := e.Message.(*Packet); ok {
			packets = append(packets, p)
		}
	}
	return packets
}

// whole is the dumb oracle: for each message, whether all packets that carry a piece of it are among those kept.
func whole(packets []*Packet, kept map[uint64]bool) (messages []bool) {
	intact := true // of the message under way
	for _, p := range packets {
		for rest := p.Body; len(rest) > 0; {
			record, behind, err := wire.NextRecord(rest, wire.MessageMax)
			if err != nil {
				panic(err)
			}
			if record.Kind == wire.RecordFirst || record.Kind == wire.RecordWhole {
				intact = true
			}
			intact = intact && kept[p.Seq]
			if record.Completes() {
				messages = append(messages, intact)
			}
			rest = behind
		}
	}
	return messages
}

// Of a stream whose packets come in any order, some of them never, exactly those messages are delivered of which every packet
// came, and exactly the others are told as lost. The life of packets runs out at random moments, the end of the stream is known
// from a digest only.
func TestDeliveryAgainstOracle(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 4))
		packets := publishAll(t, r, 60)
		kept := make(map[uint64]bool)
		loss := r.Float64() * 0.6
		for _, p := range packets {
			kept[p.Seq] = r.Float64() >= loss
		}
		last := packets[len(packets)-1]
		s := soloMachine(t, func(c *Config) { c.Life = 4 })
		s.now = protocol.Time(time.Hour) // the stream is younger than the subscription
		nd := &node{id: 1, got: make(map[StreamID]*account)}
		take := func() {
			for _, e := range s.out.Effects {
				if e.Kind == protocol.EffectEmit {
					nd.take(t, e.Event)
				}
			}
		}
		// Packets within a block of eight come shuffled. A block is shorter than life.
		for begin := 0; begin < len(packets); begin += 8 {
			block := packets[begin:min(begin+8, len(packets))]
			for _, i := range r.Perm(len(block)) {
				for range r.IntN(2) + 1 {
					if p := block[i]; kept[p.Seq] {
						s.receive(p)
						take()
					}
				}
			}
			if r.IntN(3) == 0 {
				s.rounds(1)
				take()
			}
		}
		s.receive(&Digest{Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{
			{Author: 9, Epoch: 1, High: last.Seq, Messages: last.total(), Floor: last.Seq + 1},
		}})
		take()
		for range 12 {
			s.rounds(1)
			take()
		}
		compareDelivery(t, seed, nd, whole(packets, kept))
	}
}

func compareDelivery(t *testing.T, seed uint64, nd *node, want []bool) {
	t.Helper()
	got := make([]bool, len(want))
	for _, e := range nd.events {
		if d, ok := e.(*Delivery); ok {
			for number := range d.Messages {
				got[number-1] = true
			}
		}
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("seed %d: message %d delivered: %v, all of its packets came: %v", seed, i+1, got[i], want[i])
		}
	}
	a := nd.got[StreamID{9, 1, TopicOf("t")}]
	if a == nil || a.delivered+a.lost != uint64(len(want)) {
		t.Errorf("seed %d: %+v of %d messages", seed, a, len(want))
	}
}

// A receiver whose subscription is younger than the stream starts at the first packet that it sees, and at the first message
// that begins there.
func TestLateSubscription(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	packets := publishAll(t, r, 200)
	for _, byDigest := range []bool{false, true} {
		for start := range len(packets) - 1 {
			s := soloMachine(t, nil)
			nd := &node{id: 1, got: make(map[StreamID]*account)}
			age := uint64(5000) // while the subscription is of now
			total := packets[len(packets)-1].total()
			before := packets[start].Messages
			if byDigest {
				s.receive(&Digest{Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{
					{Author: 9, Epoch: 1, Age: age, High: packets[start].Seq, Messages: packets[start].total(), Floor: 1},
				}})
				before = packets[start].total()
			}
			for _, p := range packets[start:] {
				late := *p
				late.Age = age
				s.receive(&late)
				for _, e := range emitted[*Delivery](s) {
					nd.take(t, e)
				}
				if lost := emitted[*Gap](s); len(lost) > 0 {
					t.Fatalf("start at %d, by digest %v: %+v", start, byDigest, lost[0])
				}
			}
			a := nd.got[StreamID{9, 1, TopicOf("t")}]
			if a == nil || a.next != total+1 {
				t.Fatalf("start at %d, by digest %v: %+v, %d messages in all", start, byDigest, a, total)
			}
			if begun := total - before; a.delivered > begun || a.delivered+1 < begun {
				t.Errorf("start at %d, by digest %v: %d of %d messages delivered", start, byDigest, a.delivered, begun)
			}
		}
	}
}

// A stream that began after the subscription is wanted from its first packet, by whatever message the node hears of it first.
func TestEarlySubscription(t *testing.T) {
	for name, m := range map[string]protocol.Message{"packet": packet(3), "repair": packet(3).again(), "digest": offer(1, 3, Range{1, 3})} {
		s := soloMachine(t, nil)
		s.now = protocol.Time(time.Hour)
		s.receive(m)
		if got := len(emitted[*Delivery](s)); got != 0 {
			t.Errorf("%s: %d deliveries before the first two packets came", name, got)
		}
		s.receive(offer(1, 3, Range{1, 3}))
		s.receive(packet(2))
		s.receive(packet(1))
		s.receive(packet(3))
		if delivered := s.Stats().MessagesDelivered; delivered != 3 {
			t.Errorf("%s: %d of 3 messages delivered", name, delivered)
		}
	}
}

func TestUnsubscribe(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	s.receive(packet(3))
	if err := s.Unsubscribe(s.now, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	if stats := s.Stats(); stats.Streams != 0 || stats.BufferedBytes != 0 || stats.BufferedPackets != 0 || stats.Topics != 0 {
		t.Errorf("%+v", stats)
	}
	if s.receive(packet(4)); !s.dropped(ReasonUnwanted) {
		t.Error("a packet of a topic that is not subscribed to is not dropped")
	}
	s.now = protocol.Time(time.Minute)
	if err := s.Subscribe(s.now, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	p := packet(5)
	p.Age = 61_000
	if s.receive(p); s.Stats().MessagesDelivered != 2 || len(emitted[*Gap](s)) != 0 {
		t.Errorf("after subscribing again: %+v", s.Stats())
	}
}

// A publisher that subscribes is delivered its own messages, from then on.
func TestOwnMessages(t *testing.T) {
	s := &solo{Machine: benchMachine(t, 1, nil), t: t}
	big := payload(1, 7, 3000)
	for range 2 {
		if err := s.Publish(0, "t", big, &s.out); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Subscribe(0, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(0, "t", big, &s.out); err != nil {
		t.Fatal(err)
	}
	s.Timeout(0, &s.out)
	d := emitted[*Delivery](s)
	if len(d) != 1 || d[0].First != 3 {
		t.Fatalf("%+v", d)
	}
	for _, p := range d[0].Messages {
		checkPayload(t, 1, p)
	}
	s.receive(packet(1))
	if echo := sent[*Packet](s); len(echo) > 0 {
		t.Error("a packet is sent on")
	}
}

func TestStreamsLimit(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.Streams = 3 })
	of := func(author protocol.NodeID) *Packet { p := packet(1); p.Stream.Author = author; return p }
	s.up(21, 0, 0)
	for author := protocol.NodeID(20); author < 23; author++ {
		s.receive(of(author))
	}
	s.receive(of(23))
	if got := emitted[*StreamRefused](s); len(got) != 1 || got[0].Author != 23 || !s.dropped(ReasonStreams) {
		t.Errorf("%+v", got)
	}
	if s.receive(of(24)); len(emitted[*StreamRefused](s)) != 0 {
		t.Error("refusals are told more than once a round")
	}
	s.rounds(30)
	s.receive(of(25))
	s.rounds(1)
	s.receive(of(26))
	stats := s.Stats()
	if stats.StreamsRefused != 2 || stats.StreamsForgotten != 2 || s.byID[of(21).Stream] == nil {
		t.Errorf("the streams of authors that are gone and idle make room: %+v", stats)
	}
}

// A stream is remembered while its author is a member or may come back, and forgotten thereafter. When it comes back yet, it
// goes on from where it stands and nothing is delivered twice.
func TestForgetting(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.Forget = time.Minute })
	s.up(9, 0, 0)
	s.receive(packet(1))
	s.rounds(1000)
	if s.Stats().Streams != 1 {
		t.Fatal("forgotten while the author is a member")
	}
	s.Notify(s.now, protocol.PeerDown{Peer: &protocol.Peer{ID: 9}}, &s.out)
	s.rounds(20)
	if s.Stats().Streams != 0 || s.Stats().StreamsForgotten != 1 {
		t.Fatal("remembered for ever")
	}
	p := packet(5)
	p.Age = uint64(s.now / protocol.Time(time.Millisecond))
	s.receive(p)
	if d := emitted[*Delivery](s); len(d) != 1 || d[0].First != 5 || len(emitted[*Gap](s)) != 0 {
		t.Errorf("%+v", d)
	}
}

// A receiver takes memory for what it received and not for what a packet announces.
func TestAnnouncedLength(t *testing.T) {
	s := soloMachine(t, nil)
	p := packet(1)
	p.Count, p.Body = 0, wire.AppendRecord(nil, wire.Record{Kind: wire.RecordFirst, Total: wire.MessageMax, Data: []byte("x")})
	s.receive(p)
	if got := cap(s.byID[p.Stream].order.partial); got > 64 {
		t.Errorf("%d bytes taken for one", got)
	}
	// The author goes on with something else.
	p = packet(2)
	p.Messages = 0
	s.receive(p)
	if stats := s.Stats(); stats.MessagesDelivered != 1 || s.assembled != 0 {
		t.Errorf("%+v", stats)
	}
}

// Counts that contradict each other neither panic nor are believed.
func TestContraryCounts(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	p := packet(2)
	p.Messages = 0
	s.receive(p)
	if !s.dropped(ReasonInconsistent) || s.Stats().PacketsContrary != 1 {
		t.Error("a count that runs backwards is believed")
	}
	last := packet(3)
	last.Messages, last.Body = 2, wire.AppendRecord(nil, wire.Record{Kind: wire.RecordFirst, Total: 10, Data: []byte("12345")})
	last.Count = 0
	s.receive(last)
	last = packet(4)
	last.Messages, last.Body = 2, wire.AppendRecord(nil, wire.Record{Kind: wire.RecordLast, Data: []byte("123")})
	s.receive(last)
	if g := emitted[*Gap](s); len(g) != 1 || g[0].Count != 1 || g[0].Reason != GapReassembly {
		t.Errorf("a message that is shorter than announced: %+v", g)
	}
}

// An author that lost its boot counter begins again under an epoch that it had before. What it publishes once membership has found that
// out is delivered, under the new epoch, and not taken for old.
func TestLostBootCounter(t *testing.T) {
	w := newWorld(t, 2, 2, func(i int, c *Config) { c.Epoch = 3 }, "t")
	reader, author := w.nodes[1], w.nodes[0]
	for n := range 5 {
		w.publish(author, "t", payload(1, n, 100))
		w.run(w.now.Add(10 * time.Millisecond))
	}
	again := newWorld(t, 4, 1, func(i int, c *Config) { c.Epoch = 3 }, "t").nodes[0]
	w.nodes[0], w.index[1] = again, again
	w.introduce()
	again.Notify(w.now, protocol.EpochRaised{Epoch: 4}, &again.out)
	w.flush(again)
	w.publish(again, "t", payload(1, 5, 100))
	again.Notify(w.now, protocol.EpochRaised{Epoch: 5}, &again.out) // what is not sealed yet keeps its stream
	w.flush(again)
	w.publish(again, "t", payload(1, 6, 100))
	w.run(w.now.Add(5 * time.Second))
	for _, nd := range []*node{reader, again} {
		for epoch := uint64(4); epoch <= 5; epoch++ {
			if a := nd.got[StreamID{1, epoch, TopicOf("t")}]; a == nil || a.delivered != 1 || a.lost != 0 {
				t.Errorf("node %v was told of epoch %d: %+v", nd.id, epoch, a)
			}
		}
	}
}
