package bimodal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
)

// holders returns how many nodes for which alive is true hold packet seq of a stream.
func (w *world) holders(id StreamID, seq uint64, alive func(*node) bool) (count int) {
	for _, nd := range w.nodes {
		if s := nd.byID[id]; s != nil && (alive == nil || alive(nd)) {
			if p, _ := s.packet(seq); p != nil {
				count++
			}
		}
	}
	return count
}

// retired publishes so many blocks of packets at node 1, without loss, and lets their short phase pass.
func retired(t *testing.T, seed uint64, members, blocks int, change func(*Config)) (*world, StreamID) {
	w := newWorld(t, seed, members, func(_ int, c *Config) {
		c.Rate, c.Life = 0, 1000
		change(c)
	}, "orders")
	for i := range blocks*blockLength - 1 { // a block that begins a stream is shorter by one
		w.publish(w.nodes[0], "orders", payload(1, i, 16))
		if i%blockLength == 0 {
			w.run(w.now.Add(time.Millisecond))
		}
		w.nodes[0].sealAll(w.now, &w.nodes[0].out) // a packet for each message
		w.flush(w.nodes[0])
	}
	w.run(w.now.Add(2 * time.Second))
	return w, StreamID{1, 1, TopicOf("orders")}
}

// "After a short phase (no request for 4 rounds) a packet stays only at its bufferers."
func TestShortPhase(t *testing.T) {
	s := soloMachine(t, nil)
	for id := range protocol.NodeID(60) {
		s.up(1000+id, 0, 0)
	}
	const blocks = 40
	for seq := uint64(1); seq < blocks*blockLength; seq++ {
		s.receive(packet(seq))
	}
	stream := s.byID[packet(1).Stream]
	s.rounds(4)
	if stats := s.Stats(); stats.BufferedPackets != blocks*blockLength-1 || stats.LongPackets != 0 {
		t.Fatalf("%d packets held in the short phase, of which %d beyond it", stats.BufferedPackets, stats.LongPackets)
	}
	var asked uint64 // of a block that this node does not keep
	for seq := uint64(1); seq < blocks*blockLength; seq += blockLength {
		if !s.buffers(stream, seq) {
			asked = seq
		}
	}
	s.receive(ask(s.round, Range{asked, asked}))
	check := func(when string, held bool) {
		t.Helper()
		kept := 0
		for seq := uint64(1); seq < blocks*blockLength; seq++ {
			want := s.buffers(stream, seq) || seq == asked && held
			if want {
				kept++
			}
			if p, _ := stream.packet(seq); (p != nil) != want {
				t.Errorf("%s: packet %d held: %v, want %v", when, seq, p != nil, want)
			}
		}
		if stats := s.Stats(); stats.LongPackets != kept || stats.BufferedPackets != kept || kept > blocks*blockLength/4 || kept == 0 {
			t.Errorf("%s: %d packets kept: %+v", when, kept, stats)
		}
	}
	s.rounds(1)
	check("when the short phase is over", true)
	s.rounds(3)
	check("4 rounds after a request", true)
	s.rounds(1)
	check("5 rounds after a request", false)
	s.rounds(20)
	if stats := s.Stats(); stats.BufferedPackets != 0 || stats.BufferedBytes != slotCost*len(stream.slots) || stats.LongBytes != 0 {
		t.Errorf("after life: %+v", stats)
	}
	if stats := s.Stats(); stats.BlocksKept+stats.BlocksPassed != blocks || stats.BlocksKept == 0 {
		t.Errorf("%d blocks kept and %d passed of %d", stats.BlocksKept, stats.BlocksPassed, blocks)
	}
}

// What is not delivered yet stays, however old.
func TestShortPhaseWaitsForDelivery(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.Bufferers = 1 })
	for id := range protocol.NodeID(60) {
		s.up(1000+id, 0, 0)
	}
	for seq := uint64(2); seq < 100; seq++ {
		s.receive(packet(seq))
	}
	s.rounds(15)
	if held := s.Stats().BufferedPackets; held != 98 {
		t.Errorf("%d of 98 packets held that wait for the first", held)
	}
	s.receive(packet(1).again())
	s.rounds(6)
	if stats := s.Stats(); stats.MessagesDelivered != 99 || stats.BufferedPackets > 50 {
		t.Errorf("%d delivered, and %d packets still held", stats.MessagesDelivered, stats.BufferedPackets)
	}
}

// "the C highest by rendezvous hash among the members of the zone that want p (C default 6 per zone), so there are always C while C live"
func TestBufferersAreAsManyAsThereShouldBe(t *testing.T) {
	for _, members := range []int{3, 6, 7, 25} {
		w, id := retired(t, 8, members, 12, func(c *Config) { c.Bufferers = 6 })
		for seq := uint64(1); seq < 12*blockLength; seq++ {
			want := min(6, members)
			if author := w.nodes[0]; !author.ranked(id, seq) {
				want++ // "an author is one besides"
			}
			if got := w.holders(id, seq, nil); got != want {
				t.Fatalf("%d members: packet %d has %d holders, want %d", members, seq, got, want)
			}
		}
		// Everybody can tell who they are.
		for _, nd := range w.nodes[1:] {
			for seq := uint64(1); seq < 12*blockLength; seq += 5 {
				to := nd.drawBufferer(nd.byID[id], seq)
				if p, _ := w.index[to.id].byID[id].packet(seq); p == nil {
					t.Fatalf("%d members: node %v takes %v for a bufferer of packet %d", members, nd.id, to.id, seq)
				}
			}
		}
	}
}

// ranked reports whether a node is one of the bufferers of a packet by its hash.
func (nd *node) ranked(id StreamID, seq uint64) bool {
	s, above := nd.byID[id], 0
	for _, c := range s.topic.candidates {
		if weight(c.hash, s.blockKey(seq)) > weight(nd.hash, s.blockKey(seq)) {
			above++
		}
	}
	return above < s.topic.knobs.Bufferers
}

// "views that differ by a member change one of them"
func TestViewsThatDifferByAMember(t *testing.T) {
	s := soloMachine(t, nil)
	for id := range protocol.NodeID(40) {
		s.up(1000+id, 0, 0)
	}
	s.receive(packet(1))
	stream := s.byID[packet(1).Stream]
	bufferers := func(seq uint64) map[protocol.NodeID]bool {
		s.refreshTargets(stream.topic)
		set := map[protocol.NodeID]bool{}
		for _, r := range s.weigh(stream.topic, stream.blockKey(seq), 0, nil) {
			set[r.id] = true
		}
		if s.buffers(stream, seq) {
			set[s.config.Self] = true
		}
		return set
	}
	before := make([]map[protocol.NodeID]bool, 500)
	for i := range before {
		before[i] = bufferers(uint64(i) * blockLength)
	}
	s.up(2000, 0, 0)
	changed := 0
	for i := range before {
		missing := 0
		now := bufferers(uint64(i) * blockLength)
		for id := range before[i] {
			if !now[id] {
				missing++
			}
		}
		if missing > 1 || missing == 1 && !now[2000] || len(now) != 6 {
			t.Fatalf("block %d: %v became %v", i, before[i], now)
		}
		changed += missing
	}
	// A newcomer is one of the 6 of 43 members: its share of 500 blocks is 70, with a standard error of 7.7.
	if math.Abs(float64(changed)-500*6/43.0) > 4.9*7.7 {
		t.Errorf("a newcomer among 43 took over %d of 500 blocks", changed)
	}
}

// "P(no copy) = e^-C: 2.5e-3 at C=6, 4.5e-5 at C=10": of members that decide each on its own, as the published form does.
func TestIndependentBufferersLeaveNoCopy(t *testing.T) {
	const members, blocks = 100, 400_000
	hashes := make([]uint64, members)
	for i := range hashes {
		hashes[i] = hashMember(protocol.NodeID(i + 1))
	}
	s := &stream{key: StreamID{9, 1, TopicOf("t")}.hash()}
	for _, bufferers := range []int{1, 2, 3, 6} {
		none := 0
		for b := range uint64(blocks / bufferers) {
			key, held := s.blockKey(b*blockLength), false
			for _, h := range hashes {
				held = held || below(weight(h, key), bufferers, members)
			}
			if !held {
				none++
			}
		}
		trials := float64(blocks / bufferers)
		exact := math.Pow(1-float64(bufferers)/members, members)
		deviation := (float64(none)/trials - exact) / math.Sqrt(exact*(1-exact)/trials)
		t.Logf("C=%d: no copy with probability %.3g, (1-C/n)^n = %.3g, e^-C = %.3g; %+.1f standard errors", bufferers, float64(none)/trials, exact,
			math.Exp(-float64(bufferers)), deviation)
		if math.Abs(deviation) > 4.9 {
			t.Errorf("C=%d: no copy of %d of %v blocks, want a share of %v", bufferers, none, trials, exact)
		}
	}
}

// The same with machines: packets without a holder after the short phase.
func TestUnrecoverableLossesAgreeWithTheFormula(t *testing.T) {
	const members, blocks = 30, 800
	for _, bufferers := range []int{1, 3} {
		w, id := retired(t, 31, members, blocks, func(c *Config) { c.Buffering, c.Bufferers = BufferIndependent, bufferers })
		none := 0
		for seq := uint64(1); seq < blocks*blockLength; seq += blockLength {
			if w.holders(id, seq, nil) == 0 {
				none++
			}
		}
		exact := math.Pow(1-float64(bufferers)/members, members)
		deviation := (float64(none)/blocks - exact) / math.Sqrt(exact*(1-exact)/blocks)
		t.Logf("C=%d, n=%d: no holder of %.3f of %d blocks; (1-C/n)^n = %.3f, e^-C = %.3f; %+.1f standard errors", bufferers, members,
			float64(none)/blocks, blocks, exact, math.Exp(-float64(bufferers)), deviation)
		if math.Abs(deviation) > 4.9 {
			t.Errorf("C=%d: %d of %d blocks without a holder, want a share of %v", bufferers, none, blocks, exact)
		}
	}
}

// As shipped nothing is without a holder until members crash; if a part of them does at once, the author too, then as often as all C bufferers are
// among them: the hypergeometric probability.
func TestLossesAfterCrashesAreHypergeometric(t *testing.T) {
	const members, blocks, bufferers, crashed = 24, 1000, 3, 14
	w, id := retired(t, 47, members, blocks, func(c *Config) { c.Bufferers = bufferers })
	r := rand.New(rand.NewPCG(47, 47))
	down := map[protocol.NodeID]bool{1: true}
	for _, i := range r.Perm(members - 1)[:crashed-1] {
		down[protocol.NodeID(i+2)] = true
	}
	none := 0
	for seq := uint64(1); seq < blocks*blockLength; seq += blockLength {
		if w.holders(id, seq, nil) < bufferers {
			t.Fatalf("packet %d has %d holders before any crash", seq, w.holders(id, seq, nil))
		}
		if w.holders(id, seq, func(nd *node) bool { return !down[nd.id] }) == 0 {
			none++
		}
	}
	exact := 1.0
	for i := range bufferers {
		exact *= float64(crashed-i) / float64(members-i)
	}
	deviation := (float64(none)/blocks - exact) / math.Sqrt(exact*(1-exact)/blocks)
	t.Logf("%d of %d members crash: no holder of %.3f of the blocks, hypergeometric %.3f; %+.1f standard errors", crashed, members,
		float64(none)/blocks, exact, deviation)
	if math.Abs(deviation) > 4.9 {
		t.Errorf("%d of %d blocks without a holder, want a share of %v", none, blocks, exact)
	}
}

// "Buffer bytes per member then fall as 1/n."
func TestBufferBytesFallWithTheMembers(t *testing.T) {
	const streams, packets = 4, 16 * blockLength
	first, table := 0.0, ""
	for _, members := range []int{10, 20, 50, 100} {
		w := newWorld(t, 13, members, func(_ int, c *Config) { c.Rate, c.Life = 0, 1000 }, "orders")
		w.encoded = false
		peak := 0
		for i := range packets {
			for author := range streams {
				w.publish(w.nodes[author], "orders", payload(protocol.NodeID(author+1), i, 1000))
			}
			w.run(w.now.Add(10 * time.Millisecond))
			if i == packets/2 {
				for _, nd := range w.nodes {
					peak += nd.Stats().BufferedBytes - nd.Stats().LongBytes
				}
			}
		}
		w.run(w.now.Add(time.Second))
		long, others := 0.0, 0.0
		for i, nd := range w.nodes {
			long += float64(nd.Stats().LongBytes)
			if i >= streams {
				others += float64(nd.Stats().LongBytes)
			}
		}
		long, others = long/float64(members), others/float64(members-streams)
		if first == 0 {
			first = long * float64(members)
		}
		times := long * float64(members) / first
		table += fmt.Sprintf("\n%6d %16.0f %12.3f %24.0f %20d", members, long, times, others, peak/members)
		if math.Abs(times-1) > 0.2 {
			t.Errorf("%d members hold %.0f bytes each beyond the short phase, %.2f times what 1/n gives", members, long, times)
		}
	}
	t.Logf("%d streams of %d packets of 1000 bytes\n%6s %16s %12s %24s %20s%s", streams, packets, "n", "bytes a member", "n*bytes", "of those not authors",
		"short phase besides", table)
}

// A member that slept through the short phase gets old packets from their bufferers.
func TestLateMembersRecoverFromBufferers(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		const members, late, packets = 40, 40, 150
		w := newWorld(t, seed, members, func(_ int, c *Config) { c.Life = 60 }, "orders")
		w.publish(w.nodes[0], "orders", payload(1, 0, 500))
		w.run(w.now.Add(time.Second))
		w.lose = func(from, to protocol.NodeID, _ protocol.Message) bool { return from == late || to == late }
		for i := range packets {
			w.publish(w.nodes[0], "orders", payload(1, i+1, 500))
			w.run(w.now.Add(10 * time.Millisecond))
		}
		w.run(w.now.Add(time.Second))
		id := StreamID{1, 1, TopicOf("orders")}
		for seq := uint64(2); seq <= packets+1; seq++ {
			if got := w.holders(id, seq, nil); got < 6 || got > 7 {
				t.Fatalf("packet %d has %d holders when the member wakes", seq, got)
			}
		}
		// It cannot have them from the author alone.
		w.lose = func(from, to protocol.NodeID, _ protocol.Message) bool { return from == 1 && to == late }
		w.run(w.now.Add(5 * time.Second))
		nd := w.index[late]
		if a := w.settled(nd, w.nodes[0], "orders", packets+1); a.lost > 0 {
			t.Errorf("%d messages lost: %+v", a.lost, nd.Stats())
		}
		if stats := nd.Stats(); stats.PollsToBufferers == 0 || stats.PacketsRepaired != packets {
			t.Errorf("%+v", stats)
		}
	}
}

// A subscription whose news takes longer than the short phase gets what was sealed since all the same.
func TestALateSubscriptionReachesBeyondTheShortPhase(t *testing.T) {
	const members = 30
	w := newWorld(t, 6, members, nil, "orders")
	w.loss = 0.05
	author, late := w.nodes[0], w.nodes[members-1]
	if err := late.Unsubscribe(w.now, "orders", &late.out); err != nil {
		t.Fatal(err)
	}
	w.lose = func(from, to protocol.NodeID, _ protocol.Message) bool { return from == late.id || to == late.id }
	sent := 0
	publish := func(count int) {
		for range count {
			w.publish(author, "orders", payload(1, sent, 200))
			sent++
			w.run(w.now.Add(10 * time.Millisecond))
		}
	}
	w.introduce()
	publish(300)
	if err := late.Subscribe(w.now, "orders", &late.out); err != nil {
		t.Fatal(err)
	}
	before := uint64(sent)
	publish(100) // ten rounds
	w.lose = nil
	w.flush(late)
	w.introduce()
	publish(300)
	w.run(w.now.Add(5 * time.Second))
	a := late.got[StreamID{author.id, 1, TopicOf("orders")}]
	if a == nil || a.lost > 0 || a.delivered < uint64(sent)-before || a.delivered > uint64(sent)-before+5 {
		t.Errorf("told of %+v, %d messages were published since it subscribed: %+v", a, uint64(sent)-before, late.Stats())
	}
}
