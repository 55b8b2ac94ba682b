package bimodal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// ways are how a packet can come from others than its author.
var ways = []struct {
	name string
	of   func(*Packet) protocol.Message
}{
	{"repair", func(p *Packet) protocol.Message { return &Repair{Packet: p} }},
	{"relay", func(p *Packet) protocol.Message { return &Relay{Number: 5, Owner: writer, Packet: p} }},
	{"first", func(p *Packet) protocol.Message { return p }},
	{"shared", func(p *Packet) protocol.Message { return &Shared{Packet: p} }},
}

// forgeries are changes to a packet after which it still decodes.
var forgeries = []struct {
	name string
	of   func(*Packet) *Packet
}{
	{"another message", forged},
	{"another age", func(p *Packet) *Packet { c := copyOf(p); c.Age++; return c }},
	{"other counts", func(p *Packet) *Packet { c := copyOf(p); c.Messages++; return c }},
	{"one message more", func(p *Packet) *Packet {
		c := copyOf(p)
		c.Body, c.Count = append(c.Body, recordOf([]byte("more"))...), c.Count+1
		return c
	}},
	{"a manifest of somebody else's", func(p *Packet) *Packet {
		c := copyOf(p)
		c.Manifest = &Manifest{Hashes: make([]byte, 32)}
		return c
	}},
}

// signedForgeries are changes to a packet with a manifest.
var signedForgeries = []struct {
	name string
	of   func(*Packet) *Packet
}{
	{"another signature", func(p *Packet) *Packet { c := copyOf(p); c.Manifest.Signature[40] ^= 4; return c }},
	{"another hash", func(p *Packet) *Packet { c := copyOf(p); c.Manifest.Hashes[70] ^= 4; return c }},
	{"a hash less", func(p *Packet) *Packet { c := copyOf(p); c.Manifest.Hashes = c.Manifest.Hashes[32:]; return c }},
	{"no manifest", bare},
}

// "relays must not be able to change a message undetectably": a packet that is changed on its way, by whatever message it comes, before or after the manifest
// that covers it, is not delivered, and the hop is named; but not where a group does not prove which member that is. The true packet is taken from the next.
func TestForgedPacketsAreRefused(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	all := append(slices.Clone(forgeries), signedForgeries...)
	for _, way := range ways {
		for i, forgery := range all {
			for _, late := range []bool{false, true} {
				target := 1
				if i >= len(forgeries) {
					target = 4
				}
				name := fmt.Sprintf("%s: %s, after the manifest: %v", way.name, forgery.name, late)
				s := signedMachine(t, nil)
				delivered := 0
				give := func(from protocol.NodeID, m protocol.Message) (blamed []protocol.NodeID) {
					s.hand(from, m)
					delivered += s.delivered()
					return s.blamed()
				}
				var blamed []protocol.NodeID
				if !late {
					blamed = append(blamed, give(other, way.of(forgery.of(packets[target])))...)
				}
				for k, p := range packets {
					if k != target {
						blamed = append(blamed, give(relayer, way.of(p))...)
					}
				}
				if late {
					blamed = append(blamed, give(other, way.of(forgery.of(packets[target])))...)
				}
				if held := s.byID[packets[0].Stream]; held != nil {
					if p, _ := held.packet(packets[target].Seq); p != nil {
						t.Fatalf("%s: it was taken in", name)
					}
				}
				blamed = append(blamed, give(relayer, way.of(packets[target]))...)
				want := []protocol.NodeID{other}
				if way.name == "shared" {
					want = nil
				}
				if delivered != 5 || !slices.Equal(blamed, want) || s.Stats().PacketsCorrupt != 1 || s.Stats().SuspectBytes != 0 {
					t.Errorf("%s: %d of 5 delivered, blamed %v (%d packets), want %v", name, delivered, blamed, s.Stats().PacketsCorrupt, want)
				}
			}
		}
	}
}

// The same without forgery: nobody is blamed. And without signatures the forgery is delivered, so that the test above shows something.
func TestForgedPacketsControl(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	for _, way := range ways {
		s := signedMachine(t, nil)
		delivered := 0
		for _, p := range packets {
			s.hand(other, way.of(p))
			delivered += s.delivered()
		}
		if st := s.Stats(); delivered != 5 || st.PacketsCorrupt != 0 || st.ManifestsVerified != 1 || st.SuspectBytes != 0 {
			t.Errorf("%s: %d of 5 delivered: %+v", way.name, delivered, st)
		}
		open := soloMachine(t, nil)
		open.hand(other, way.of(forged(bare(packets[0]))))
		if d := emitted[*Delivery](open); len(d) != 1 {
			t.Errorf("%s: a machine that does not check made %d deliveries", way.name, len(d))
		}
	}
}

// "every single-bit flip ... of every message type (all rejected, no panic)": none of a signed packet leads to a delivery of anything but what its author has
// published, none keeps the true packet from being taken afterwards, and what is not refused by the decoder is attributed, or is of no stream that is known.
func TestEveryBitFlipIsRefused(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(3)
	for i, p := range packets {
		p = copyOf(p)
		p.Body = recordOf(payload(writer, i, 20))
		packets[i] = bare(p)
	}
	packets[0] = resigned(t, packets[0], writer)
	packets[2] = resigned(t, packets[2], writer, packets[0], packets[1])
	refused, blamed, foreign := 0, 0, 0
	for _, target := range []int{1, 2} {
		whole := packets[target].Append(nil)
		for bit := range 8 * len(whole) {
			changed := bytes.Clone(whole)
			changed[bit/8] ^= 1 << (bit % 8)
			var d Decoder
			m, err := d.Decode(wire.KindRepair, changed)
			if err != nil {
				refused++
				continue
			}
			s := signedMachine(t, nil)
			delivered := s.handAll(relayer, packets[0])
			s.out.Reset()
			s.Receive(s.now, other, m, &s.out)
			delivered += s.delivered()
			found := len(s.blamed()) > 0
			for _, k := range []int{1, 2} {
				if k != target {
					delivered += s.handAll(relayer, packets[k])
					found = found || slices.Equal(s.blamed(), []protocol.NodeID{other})
				}
			}
			if delivered > 2 || s.Stats().PacketsAccepted > 2 {
				t.Fatalf("packet %d, bit %d: taken in", target+1, bit)
			}
			if found {
				blamed++
			} else {
				foreign++
			}
			if delivered += s.handAll(relayer, packets[target]); delivered != 3 {
				t.Fatalf("packet %d, bit %d: %d of 3 messages delivered in the end", target+1, bit, delivered)
			}
		}
	}
	t.Logf("%d refused by the decoder, %d attributed, %d of other places", refused, blamed, foreign)
	if blamed < 800 || foreign > 350 {
		t.Errorf("%d attributed, %d not", blamed, foreign)
	}
}

// A packet that others hand on waits for its manifest, and is admitted by it: from whomever either comes, in either order, and wherever it stands in the batch.
func TestPacketsWaitForTheirManifest(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(9)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 8))
		s := signedMachine(t, nil)
		delivered := 0
		for _, i := range r.Perm(len(packets)) {
			from := []protocol.NodeID{writer, other, relayer}[r.IntN(3)]
			way := ways[r.IntN(len(ways))]
			if s.hand(from, way.of(packets[i])); from != writer || way.name == "shared" {
				if n := s.delivered(); n > 0 && s.Stats().ManifestsVerified == 0 {
					t.Fatalf("seed %d: %d messages delivered before anything was verified", seed, n)
				}
			}
			delivered += s.delivered()
		}
		if st := s.Stats(); delivered != 9 || st.SuspectBytes != 0 || st.PacketsCorrupt != 0 || st.PacketsDuplicate != 0 {
			t.Fatalf("seed %d: %d of 9 delivered: %+v", seed, delivered, st)
		}
	}
}

// What does not fit is refused and counted: one peer takes no more than a part of the room, so that others find some, and all together no more than there is.
func TestRoomForSuspectsIsBounded(t *testing.T) {
	s := signedMachine(t, nil)
	body := recordOf(make([]byte, 30_000))
	for i := range protocol.NodeID(6) {
		s.meet(100+i, 1, credentialOf(100+i))
	}
	p := packet(1)
	fill := func(from protocol.NodeID) (taken int) {
		for range 2 * trialBytesMax / len(body) {
			p = packet(p.Seq + 1)
			p.Body = body
			before := s.Stats()
			s.hand(from, &Repair{Packet: p})
			after := s.Stats()
			taken += after.SuspectBytes - before.SuspectBytes
			if after.SuspectBytes > trialBytesMax {
				t.Fatalf("%d bytes on trial", after.SuspectBytes)
			}
			if refused := after.SuspectsRefused > before.SuspectsRefused; refused != s.dropped(ReasonTrials) || refused == (after.SuspectBytes > before.SuspectBytes) {
				t.Fatalf("refused and counted: %v, told: %v, taken: %v", refused, s.dropped(ReasonTrials), after.SuspectBytes > before.SuspectBytes)
			}
		}
		return taken
	}
	for i := range protocol.NodeID(6) {
		if taken := fill(100 + i); taken > trialBytesMax*2/3 {
			t.Fatalf("one peer takes %d bytes", taken)
		}
	}
	if taken := fill(other); taken < trialBytesMax/20 {
		t.Errorf("where six peers take what they can, another one finds room for %d bytes", taken)
	}
	if s.Stats().PacketsAccepted != 0 {
		t.Error("something was taken in")
	}
}

// What has waited for too long is given up, also where there is no stream yet, and its room is free again.
func TestSuspectsExpire(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(9)
	for _, joined := range []bool{true, false} {
		s := signedMachine(t, nil)
		if joined {
			p := packet(1)
			p.Stream.Author = other
			s.receive(p)
		}
		s.handAll(other, packets[:4]...)
		if s.Stats().SuspectBytes == 0 {
			t.Fatal("nothing waits")
		}
		s.rounds(trialRounds)
		if st := s.Stats(); st.SuspectsExpired != 0 {
			t.Errorf("%d given up after %d rounds", st.SuspectsExpired, trialRounds)
		}
		if s.Deadline() == protocol.Never {
			t.Fatalf("a stream is known: %v; packets wait and no round is to come", joined)
		}
		s.rounds(3)
		if st := s.Stats(); st.SuspectsExpired != 4 || st.SuspectBytes != 0 || len(s.proving.trials) != 0 && joined {
			t.Errorf("a stream is known: %v; %d of 4 given up, %d bytes wait", joined, st.SuspectsExpired, st.SuspectBytes)
		}
		if n := s.handAll(relayer, packets...); n != 9 {
			t.Errorf("%d of 9 delivered afterwards", n)
		}
	}
}

// signedSeries returns packets of a stream that each carry a manifest of their own.
func signedSeries(t *testing.T, id protocol.NodeID, count int) (packets []*Packet) {
	a := newSigner(t, id, SpreadTree, nil)
	for range count {
		packets = append(packets, a.publish(20)...)
		a.wait(manifestDelayProven)
	}
	return packets
}

// "verification its own budget": so many signatures are verified a round, of one peer no more than a part, and another one finds its share.
func TestVerificationsAreBounded(t *testing.T) {
	packets := signedSeries(t, writer, 3*verificationsMax)
	s := signedMachine(t, nil)
	s.handAll(relayer, packets[0]) // rounds begin
	s.rounds(1)
	before := s.Stats()
	s.handAll(other, packets[1:1+verificationsMax]...)
	one := s.Stats().ManifestsVerified - before.ManifestsVerified
	if one < verificationsMax/2 || one > verificationsMax*5/6 || s.Stats().ManifestsRefused != verificationsMax-one || !s.dropped(ReasonVerifications) {
		t.Errorf("%d verified for one peer, %d refused", one, s.Stats().ManifestsRefused)
	}
	s.handAll(relayer, packets[1+verificationsMax:1+2*verificationsMax]...)
	two := s.Stats().ManifestsVerified - before.ManifestsVerified
	if two < one+20 || two > verificationsMax {
		t.Errorf("%d verified for one peer and %d for another", one, two-one)
	}
	s.rounds(1)
	if n := s.handAll(other, packets[1+2*verificationsMax]); s.Stats().ManifestsVerified != before.ManifestsVerified+two+1 {
		t.Errorf("nothing is verified in the next round: %d", n)
	}
	if s.Stats().PacketsCorrupt != 0 {
		t.Error("somebody was blamed")
	}
}

// The budget is there anew in every round, also for who has no stream yet: rounds begin with what is verified.
func TestVerificationsWithoutStreams(t *testing.T) {
	s := signedMachine(t, nil)
	bad := copyOf(signedSeries(t, writer, 1)[0])
	bad.Manifest.Signature[3] ^= 1
	s.proving.verified = verificationsMax/commonPart - 1
	s.handAll(other, bad)
	if s.proving.verified != verificationsMax/commonPart || s.Deadline() == protocol.Never {
		t.Fatalf("%d verified, the next deadline is %v", s.proving.verified, s.Deadline())
	}
	s.rounds(2)
	if n := s.handAll(relayer, signedSeries(t, writer, 1)...); n != 1 {
		t.Errorf("%d messages delivered in a later round", n)
	}
}

// Who has sent something corrupt is not listened to for a while, so that it costs nothing more: its digests are ignored, and what it hands on is dropped without
// a signature being verified. Other peers are.
func TestWhoCorruptsIsShunned(t *testing.T) {
	packets := signedSeries(t, writer, 8)
	s := signedMachine(t, nil)
	s.handAll(relayer, packets[0])
	s.handAll(other, forged(packets[1]))
	if !slices.Equal(s.blamed(), []protocol.NodeID{other}) {
		t.Fatalf("blamed %v", s.blamed())
	}
	verified := s.Stats().ManifestsVerified
	if s.handAll(other, packets[1], forged(packets[2])); s.Stats().ManifestsVerified != verified || s.Stats().PacketsCorrupt != 1 || s.Stats().PacketsShunned != 2 {
		t.Errorf("%d signatures verified for who is shunned", s.Stats().ManifestsVerified-verified)
	}
	d := offer(s.round, 1, Range{1, 1})
	d.Entries[0].High, d.Entries[0].Manifest, d.Entries[0].Ranges = 3, 3, []Range{{1, 3}}
	if s.hand(other, d); len(sent[*Request](s)) != 0 || s.Stats().DigestsShunned != 1 {
		t.Errorf("asked who corrupts: %+v", sent[*Request](s))
	}
	if s.hand(relayer, d); len(sent[*Request](s)) != 1 {
		t.Error("nothing was asked of another")
	}
	if n := s.handAll(relayer, packets[1]); n != 1 {
		t.Errorf("%d messages delivered from another", n)
	}
	s.rounds(corruptRounds + 1)
	if n := s.handAll(other, packets[2]); n != 1 {
		t.Errorf("%d messages delivered from who corrupted something %d rounds ago", n, corruptRounds)
	}
}

// Whoever can open what is sent to a group can seal for it in the name of any member. What comes so says nothing of that member: it is not blamed or shunned, and
// what it hands on over its own link finds its room and its verifications.
func TestGroupsBlameNobody(t *testing.T) {
	packets := signedSeries(t, writer, 3*verificationsMax)
	s := signedMachine(t, nil)
	s.handAll(relayer, packets[0])
	s.rounds(1)
	for _, p := range packets[1 : 1+2*verificationsMax] {
		s.hand(other, &Shared{Packet: forged(p)})
		if len(s.blamed()) > 0 {
			t.Fatalf("blamed %v for what came by a group", s.blamed())
		}
	}
	p := packet(1 << 20)
	p.Body = recordOf(make([]byte, 30_000))
	for range 2 * trialBytesMax / len(p.Body) {
		p = copyOf(p)
		p.Seq++
		s.hand(other, &Shared{Packet: p})
	}
	if st := s.Stats(); st.PacketsCorrupt == 0 || st.ManifestsRefused == 0 || st.SuspectsRefused == 0 {
		t.Fatalf("the group did not take all that it can: %+v", st)
	}
	if n := s.handAll(other, packets[1:20]...); n != 19 {
		t.Errorf("%d of 19 messages that the member handed on over its own link were delivered", n)
	}
	far := packet(1 << 21)
	if s.hand(other, &Repair{Packet: far}); s.dropped(ReasonTrials) {
		t.Error("no room for what the member hands on itself")
	}
}

// asked gives the machine a request of a peer's, and returns the numbers of the packets that it is sent.
func (s *solo) asked(from protocol.NodeID, ranges ...Range) []uint64 {
	s.out.Reset()
	s.Receive(s.now, from, &Request{Round: s.round, Entries: []RequestEntry{{Stream: packet(1).Stream, Ranges: ranges}}}, &s.out)
	return s.repaired()
}

// repaired returns the numbers of the packets that were sent as repairs, ascending.
func (s *solo) repaired() (numbers []uint64) {
	for _, r := range sent[*Repair](s) {
		numbers = append(numbers, r.Packet.Seq)
	}
	slices.Sort(numbers)
	return numbers
}

// "members check before they hand on": what came from the author itself is delivered at once and not sent to who asks for it, until its manifest is there. So
// who gets other bytes from an author than it has signed is not blamed by anybody: it keeps them to itself.
func TestNothingUnprovenIsSentAgain(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	for _, equivocating := range []bool{false, true} {
		s := signedMachine(t, nil)
		want := []uint64{1, 2, 3, 4}
		for i, p := range packets[:4] {
			if i == 2 && equivocating {
				p, want = resealed(p), []uint64{1, 2, 4}
			}
			if s.hand(writer, p); len(emitted[*Delivery](s)) != 1 {
				t.Fatalf("packet %d of the author's own link was not delivered at once", p.Seq)
			}
		}
		if got := s.asked(other, Range{1, 4}); len(got) != 0 {
			t.Fatalf("%v were sent before anything proves them", got)
		}
		s.hand(writer, packets[4])
		if got := s.repaired(); !slices.Equal(got, want) {
			t.Errorf("equivocating: %v; with the manifest %v are sent to who has asked, want %v", equivocating, got, want)
		}
		s.rounds(3)
		s.hand(relayer, &Repair{Packet: packets[4]})
		if got := s.asked(other, Range{1, 5}); !slices.Equal(got, append(want, 5)) {
			t.Errorf("equivocating: %v; %v are sent later, want %v and 5", equivocating, got, want)
		}
		// The same is true of what is sent unasked.
		s.rounds(s.config.Life/2 + 1)
		s.hand(relayer, &Digest{Round: s.round, Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{{Author: writer, Epoch: 1, High: 5, Messages: 5, Floor: 1}}})
		if got := s.repaired(); !slices.Equal(got, append(want, 5)) {
			t.Errorf("equivocating: %v; %v are sent unasked, want %v and 5", equivocating, got, want)
		}
	}
}

// resealed is another packet that its author may have sent under the number of p.
func resealed(p *Packet) *Packet {
	c := copyOf(p)
	c.Body = recordOf(payload(p.Stream.Author, 4711, 900))
	return c
}

// handedOn returns the numbers of the packets that the latest input had sent on to the members of the zone, ascending.
func (s *solo) handedOn() (numbers []uint64) {
	for _, p := range sent[*Packet](s) {
		numbers = append(numbers, p.Seq)
	}
	slices.Sort(numbers)
	return numbers
}

// entranceMachine is a signed machine in a zone: a relay without a number enters the zone through it, and it hands the packet on to all of its peers.
func entranceMachine(t *testing.T) *solo {
	return signedMachine(t, func(c *Config) { c.Zone = "/z" })
}

func entering(p *Packet) *Relay { return &Relay{Depth: 1, Packet: p} }

// The same where an order or a zone wants a packet handed on that comes from the author itself: it is delivered at once, and handed on when its manifest is there,
// if that covers it as it is. Everybody else would have to wait for the manifest as well.
func TestNothingUnprovenIsHandedOn(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	for _, equivocating := range []bool{false, true} {
		s := entranceMachine(t)
		want := []uint64{1, 2, 3, 4, 5}
		for i, p := range packets[:4] {
			if i == 2 && equivocating {
				p, want = resealed(p), []uint64{1, 2, 4, 5}
			}
			if s.hand(writer, entering(p)); len(emitted[*Delivery](s)) != 1 {
				t.Fatalf("packet %d of the author's own link was not delivered at once", p.Seq)
			}
			if got := s.handedOn(); len(got) != 0 {
				t.Fatalf("%v were handed on before anything proves them", got)
			}
		}
		if s.hand(writer, entering(packets[4])); !slices.Equal(s.handedOn(), want) {
			t.Errorf("equivocating: %v; with the manifest %v are handed on, want %v", equivocating, s.handedOn(), want)
		}
		if len(s.blamed()) != 0 || s.Stats().PacketsDuplicate != 0 || s.Stats().SuspectBytes != 0 {
			t.Errorf("equivocating: %v; blamed %v: %+v", equivocating, s.blamed(), s.Stats())
		}
		for _, p := range packets {
			if s.hand(relayer, entering(p)); len(s.handedOn()) != 0 {
				t.Errorf("%v handed on twice", s.handedOn())
			}
		}
	}
	// What carries its own manifest is verified before.
	s := entranceMachine(t)
	bad := copyOf(packets[4])
	bad.Manifest.Signature[0] ^= 1
	if s.hand(writer, entering(bad)); len(s.handedOn()) != 0 {
		t.Error("a signature that is none was handed on")
	}
}

// A packet that nothing is kept of here is handed on by the same rule.
func TestStraysAreProven(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	s := signedMachine(t, nil)
	for _, part := range orderOf(5, 2000) {
		s.hand(writer, part)
	}
	tree := s.findOrder(orderKey{writer, TopicOf("t")}, 5)
	if tree == nil {
		t.Fatal("no order")
	}
	if err := s.Unsubscribe(0, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	relays := 0
	for number := uint64(1); relays < 2; number += 5 {
		var batch []*Packet
		inside := false
		for i, p := range packets {
			c := copyOf(p)
			c.Seq = number + uint64(i)
			batch = append(batch, c)
			inside = inside || i < 4 && tree.relays(c.Seq)
		}
		if !inside {
			continue
		}
		relays++
		batch[4] = resigned(t, batch[4], writer, batch[:4]...)
		for i, p := range batch[:4] {
			if relays == 2 && tree.relays(p.Seq) {
				p = resealed(batch[i])
			}
			if s.hand(writer, &Relay{Number: 5, Owner: writer, Packet: p}); len(receivers[*Relay](s)) > 0 {
				t.Fatal("handed on before anything proves it")
			}
		}
		s.hand(writer, &Relay{Number: 5, Owner: writer, Packet: batch[4]})
		handed := 0
		for _, r := range sent[*Relay](s) {
			if r.Packet.Seq != batch[4].Seq {
				handed++
			}
		}
		if (handed > 0) != (relays == 1) {
			t.Errorf("try %d: %d handed on with the manifest", relays, handed)
		}
		if len(s.blamed()) > 0 {
			t.Errorf("blamed %v", s.blamed())
		}
	}
}

// A signature that the author's own link brings is checked like any other before it proves what others have handed on: neither are they blamed by one that is
// none, nor is what they sent handed on in this node's name.
func TestUncheckedManifestsProveNothing(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	signed := resigned(t, packets[4], writer, resealed(packets[0]), packets[1], packets[2], packets[3])
	bad := copyOf(signed)
	bad.Manifest.Signature[0] ^= 1
	for _, late := range []bool{false, true} {
		for _, first := range []*Packet{packets[0], resealed(packets[0])} {
			s := entranceMachine(t)
			s.hand(writer, packets[1])
			var blamed []protocol.NodeID
			var handed []uint64
			give := func(from protocol.NodeID, m protocol.Message) {
				s.hand(from, m)
				blamed, handed = append(blamed, s.blamed()...), append(handed, s.handedOn()...)
			}
			if !late {
				give(other, entering(first))
			}
			give(writer, bad)
			if late {
				give(other, entering(first))
			}
			if len(blamed) > 0 || len(handed) > 0 {
				t.Errorf("after the manifest: %v; blamed %v, handed on %v by a signature that is none", late, blamed, handed)
			}
		}
	}
	// The control: a signature that is good does both.
	s := entranceMachine(t)
	s.hand(writer, packets[1])
	s.hand(other, entering(packets[0]))
	if s.hand(writer, signed); !slices.Equal(s.blamed(), []protocol.NodeID{other}) {
		t.Errorf("blamed %v by a good signature", s.blamed())
	}
	s = entranceMachine(t)
	s.hand(writer, packets[1])
	s.hand(other, entering(resealed(packets[0])))
	if s.hand(writer, signed); !slices.Equal(s.handedOn(), []uint64{1}) {
		t.Errorf("handed on %v by a good signature", s.handedOn())
	}
}

// Where a manifest of the author's own link cannot be checked for want of time, what waits for it is admitted in a later round, and what was asked for is sent.
func TestProofIsFoundInALaterRound(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	s := signedMachine(t, nil)
	s.hand(writer, packets[3])
	s.proving.verified = verificationsMax
	if s.handAll(other, packets[:3]...); s.asked(relayer, Range{4, 4}) != nil {
		t.Fatal("sent without a proof")
	}
	s.hand(writer, packets[4])
	if n := s.Stats().MessagesDelivered; n != 0 {
		t.Fatalf("%d delivered without a proof", n)
	}
	s.rounds(1)
	if st := s.Stats(); st.MessagesDelivered != 5 || st.SuspectBytes != 0 || !slices.Equal(s.repaired(), []uint64{4}) {
		t.Errorf("in the next round %d of 5 are delivered, and %v is sent to who has asked", st.MessagesDelivered, s.repaired())
	}
}

// A signature that is none is found out once, however often the packet is asked for: a request costs no more.
func TestBadSignaturesAreVerifiedOnce(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	s := signedMachine(t, nil)
	for _, p := range packets[:4] {
		s.hand(writer, p)
	}
	bad := copyOf(packets[4])
	bad.Manifest.Signature[0] ^= 1
	s.hand(writer, bad)
	for range 50 {
		if got := s.asked(other, Range{1, 5}); len(got) > 0 {
			t.Fatalf("sent %v", got)
		}
	}
	if st := s.Stats(); st.ManifestsVerified != 1 || st.PacketsContrary != 1 || st.NumbersUnproven == 0 {
		t.Errorf("%d verified, %d contrary, %d unproven", st.ManifestsVerified, st.PacketsContrary, st.NumbersUnproven)
	}
}

// Requests that wait for a proof are bounded, for each peer and in all.
func TestPostponedRequestsAreBounded(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(31)
	s := signedMachine(t, nil)
	for _, p := range packets[:30] {
		s.hand(writer, p)
	}
	for range 2 * postponedMax / 30 {
		s.asked(other, Range{1, 30})
	}
	if n := len(s.proving.postponed); n > postponedMax*5/6 || s.Stats().NumbersUnproven == 0 {
		t.Errorf("%d requests of one peer wait, %d refused", n, s.Stats().NumbersUnproven)
	}
	s.asked(relayer, Range{1, 30})
	to := map[protocol.NodeID]bool{}
	s.hand(writer, packets[30])
	s.hand(writer, packets[31]) // nothing but the manifest
	for _, e := range s.out.Effects {
		if _, ok := e.Message.(*Repair); ok {
			to[e.To] = true
			for _, id := range e.Targets {
				to[id] = true
			}
		}
	}
	if !to[relayer] {
		t.Error("who asked for little got nothing")
	}
	s.rounds(repairWait + 2)
	if len(s.proving.postponed) > 0 {
		t.Errorf("%d requests still wait", len(s.proving.postponed))
	}
}

// "the same (epoch, sequence) with another hash is a proof of equivocation, gossiped by whoever holds both; its author is quarantined": the hop is not blamed, and not
// either when there is no time to find out.
func TestContradictionsAreProven(t *testing.T) {
	p := signedSeries(t, writer, 1)[0]
	q := resigned(t, resealed(p), writer)
	for _, from := range []protocol.NodeID{other, writer} {
		s := signedMachine(t, nil)
		s.hand(from, &Repair{Packet: p})
		s.hand(relayer, &Repair{Packet: q})
		found := emitted[identity.Contradiction](s)
		if len(found) != 1 || found[0].Peer != writer || found[0].Proof.Verify() != nil || found[0].Proof.Author != keyFor(writer).Public() {
			t.Fatalf("found %+v", found)
		}
		if len(s.blamed()) > 0 || s.Stats().AuthorsContradictory != 1 || s.Stats().PacketsAccepted != 1 {
			t.Errorf("blamed %v: %+v", s.blamed(), s.Stats())
		}
		// One signature that is none is no contradiction.
		bad := copyOf(q)
		bad.Manifest.Signature[0] ^= 1
		if s.hand(other, &Repair{Packet: bad}); len(emitted[identity.Contradiction](s)) != 0 || !slices.Equal(s.blamed(), []protocol.NodeID{other}) {
			t.Errorf("blamed %v for a contradiction that is none", s.blamed())
		}
		s = signedMachine(t, nil)
		s.hand(other, &Repair{Packet: p})
		s.proving.verified = verificationsMax
		if s.hand(relayer, &Repair{Packet: q}); len(s.blamed()) > 0 || len(emitted[identity.Contradiction](s)) > 0 {
			t.Errorf("blamed %v without having looked", s.blamed())
		}
	}
}

// An author that signs two manifests can make an honest hop look guilty for a while, until its contradiction is found: then the hop is pardoned.
func TestContradictionsPardonHops(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	second := resigned(t, packets[4], writer, resealed(packets[0]), packets[1], packets[2], packets[3])
	s := signedMachine(t, nil)
	s.hand(writer, packets[1])
	s.hand(writer, second)
	s.hand(other, &Repair{Packet: packets[0]}) // as all others have it
	s.hand(other, &Repair{Packet: packets[4]})
	if len(emitted[identity.Contradiction](s)) != 1 {
		t.Fatal("no contradiction found")
	}
	if s.shunned(s.peers[other]) {
		t.Error("the hop is still shunned for what the author has done")
	}
}

// What a corrupter sends first does not stand in the way of the true packet, which comes while the forged one waits; and if that is to be handed on, it is.
func TestForgedPacketsBlockNothing(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	s := entranceMachine(t)
	for _, p := range packets[:4] {
		s.hand(other, &Repair{Packet: forged(p)})
		s.hand(relayer, entering(p))
	}
	s.hand(relayer, entering(packets[4]))
	if n := s.delivered(); n != 5 || !slices.Equal(s.handedOn(), []uint64{1, 2, 3, 4, 5}) || !slices.Equal(s.blamed(), []protocol.NodeID{other}) {
		t.Errorf("%d of 5 delivered, %v handed on, blamed %v", n, s.handedOn(), s.blamed())
	}
	if s.Stats().PacketsCorrupt != 4 || s.Stats().SuspectBytes != 0 {
		t.Errorf("%+v", s.Stats())
	}
}

// The same packet by two ways waits once, and is handed on if one of them says so.
func TestWaitingPacketsAreHandedOn(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	s := entranceMachine(t)
	for _, p := range packets[:4] {
		s.hand(other, &Repair{Packet: p})
		s.hand(relayer, entering(p))
	}
	if st := s.Stats(); st.PacketsDuplicate != 4 {
		t.Errorf("%d duplicates", st.PacketsDuplicate)
	}
	s.hand(relayer, entering(packets[4]))
	if got := s.handedOn(); !slices.Equal(got, []uint64{1, 2, 3, 4, 5}) || len(s.blamed()) > 0 {
		t.Errorf("%v handed on", got)
	}
	// The same where the first copy is of the author's own link, and taken already.
	s = entranceMachine(t)
	for i, p := range packets[:4] {
		if i == 2 {
			p = resealed(p) // other bytes than the author has signed
		}
		s.hand(writer, p)
		s.hand(relayer, entering(packets[i]))
	}
	s.hand(relayer, entering(packets[4]))
	if got := s.handedOn(); !slices.Equal(got, []uint64{1, 2, 4, 5}) || len(s.blamed()) > 0 || s.Stats().SuspectBytes != 0 {
		t.Errorf("%v handed on of what the author itself has sent, blamed %v", got, s.blamed())
	}
}

// A forged copy of what is held already is attributed as well, and is not what is handed on; a true copy of what was taken from the author's own link proves nothing
// against anybody.
func TestForgedCopiesOfWhatIsHeld(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	s := entranceMachine(t)
	s.handAll(relayer, packets...)
	s.out.Reset()
	s.Receive(s.now, other, entering(forged(packets[1])), &s.out) // by reference, as in simulations
	for _, p := range sent[*Packet](s) {
		if !bytes.Equal(p.Body, packets[1].Body) {
			t.Error("a forged copy was handed on")
		}
	}
	if !slices.Equal(s.blamed(), []protocol.NodeID{other}) {
		t.Errorf("blamed %v for a forged copy", s.blamed())
	}
	s = entranceMachine(t)
	s.handAll(relayer, packets...)
	bad := copyOf(packets[4])
	bad.Manifest.Signature[63] ^= 1
	if s.handAll(other, bad); !slices.Equal(s.blamed(), []protocol.NodeID{other}) {
		t.Errorf("blamed %v for a forged signature", s.blamed())
	}
	s = entranceMachine(t)
	s.hand(writer, resealed(packets[0]))
	s.handAll(other, packets...)
	if len(s.blamed()) > 0 || s.Stats().PacketsCorrupt != 0 {
		t.Errorf("blamed %v for what the author has sent", s.blamed())
	}
}

// Who is no peer, such as a member that leaves and goes on handing on, or one of another zone, is believed what is proven, blamed for nothing, and breaks nothing.
// All such have one account, so that none of them takes what peers need.
func TestStrangersShareAnAccount(t *testing.T) {
	const stranger = 4444
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	for _, way := range ways {
		s := entranceMachine(t)
		delivered := 0
		for _, p := range packets {
			s.hand(stranger, way.of(forged(p)))
			s.hand(stranger, way.of(p))
			delivered += s.delivered()
			if p.Manifest != nil {
				bad := copyOf(p)
				bad.Manifest.Signature[1] ^= 1
				s.hand(stranger, way.of(bad))
				other := resigned(t, resealed(p), writer)
				other.Manifest.Signature[1] ^= 1
				s.hand(stranger, way.of(other))
			}
			if len(s.blamed()) > 0 {
				t.Errorf("%s: blamed %v", way.name, s.blamed())
			}
		}
		if st := s.Stats(); delivered != 5 || st.PacketsCorrupt == 0 {
			t.Errorf("%s: %d of 5 messages delivered, %d packets corrupt", way.name, delivered, st.PacketsCorrupt)
		}
	}
	s := signedMachine(t, nil)
	many := signedSeries(t, writer, 2*verificationsMax)
	s.handAll(relayer, many[0])
	s.rounds(1)
	for i, p := range many[1:verificationsMax] {
		s.handAll(stranger+protocol.NodeID(i), p)
	}
	if n := s.Stats().ManifestsVerified; n > verificationsMax/2+1 {
		t.Errorf("%d signatures verified for strangers", n)
	}
	if n := s.handAll(other, many[1:20]...); n != 0 && s.Stats().ManifestsRefused == 0 {
		t.Error("strangers did not use up what they may")
	}
	if n := s.handAll(other, many[verificationsMax:verificationsMax+20]...); s.dropped(ReasonVerifications) {
		t.Errorf("%d, and nothing is left for a peer", n)
	}
}

// lie is a digest that claims far more of a stream than there is.
func lie(author protocol.NodeID, epoch, high uint64) *Digest {
	return &Digest{Round: 1, Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{
		{Author: author, Epoch: epoch, High: high, Messages: high, Manifest: high, Floor: high, Ranges: []Range{{high, high}}},
	}}
}

// offerOf is a digest that offers a stream's packets up to a number.
func offerOf(author protocol.NodeID, high uint64) *Digest {
	return &Digest{Round: 1, Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{
		{Author: author, Epoch: 1, High: high, Messages: high, Manifest: high, Floor: 1, Ranges: []Range{{1, high}}},
	}}
}

// "Digests are believed: until packets are signed, a forged end of a stream makes receivers wait for, and report, messages that never were": not any more. Neither
// slots nor gaps come of it, and what the author sends later is taken. The control does not sign.
func TestForgedEndsChangeNothing(t *testing.T) {
	for _, signed := range []bool{true, false} {
		packets := newSigner(t, writer, SpreadTree, func(c *Config) {
			if !signed {
				c.Notary = nil
			}
		}).batch(9)
		var s *solo
		if s = soloMachine(t, nil); signed {
			s = signedMachine(t, nil)
		}
		for _, p := range packets[:5] {
			s.hand(writer, p)
		}
		before := s.Stats().BufferedBytes
		high := s.byID[packets[0].Stream].high
		for _, far := range []uint64{100, 60_000, 1 << 40} {
			s.hand(other, lie(writer, 1, far))
			s.hand(other, lie(writer, 0, far)) // a stream that is not known here
		}
		claimed := s.Stats().BufferedBytes - before
		lost := 0
		for range 3 * s.config.Life {
			s.rounds(1)
			lost += len(emitted[*Gap](s))
		}
		for _, p := range packets[5:] {
			s.hand(writer, p)
		}
		delivered := s.Stats().MessagesDelivered
		if signed && (claimed != 0 || lost != 0 || delivered != 9 || s.Stats().MessagesLost != 0 || s.byID[packets[0].Stream].high != packets[len(packets)-1].Seq || len(s.streams) != 1) {
			t.Errorf("from %d: forged ends take %d bytes, %d gaps are told, %d of 9 messages delivered, %d streams", high, claimed, lost, delivered, len(s.streams))
		}
		if !signed && (claimed == 0 || lost == 0 || delivered == 9) {
			t.Errorf("without signatures forged ends change nothing either: %d bytes, %d gaps, %d delivered", claimed, lost, delivered)
		}
	}
}

// Who lies of the end of a stream, however often, does not keep this node from hearing of it from others; and what lies take is bounded for each peer.
func TestForgedEndsBlockNothing(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(9)
	s := signedMachine(t, nil)
	s.hand(writer, packets[0])
	s.rounds(5)
	honest := &Digest{Round: 1, Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{
		{Author: writer, Epoch: 1, High: 9, Messages: 9, Manifest: 9, Floor: 1, Ranges: []Range{{1, 9}}},
	}}
	for range 5 {
		for range 20 {
			s.hand(other, lie(writer, 1, 1<<40))
		}
		s.hand(relayer, honest)
		if requests := sent[*Request](s); len(requests) != 1 || requests[0].Entries[0].Ranges[0] != (Range{9, 9}) {
			t.Fatalf("asked an honest gossiper for %+v", requests)
		}
		s.rounds(4)
	}
	// Lies of streams that are not known.
	s.meet(writer, 1<<20, credentialOf(writer))
	for i := range uint64(4 * trialsMax) {
		s.hand(other, lie(writer, 2+i, 1<<40))
	}
	if n := len(s.proving.order); n > trialsMax*5/6 {
		t.Errorf("one peer's lies take %d trials of %d", n, trialsMax)
	}
	a := newSigner(t, relayer, SpreadTree, nil)
	if n := s.handAll(writer, a.batch(5)...); n != 5 {
		t.Errorf("%d of 5 messages of another stream delivered", n)
	}
}

// A packet that has lost its manifest on the way waits for that of a later one. At the end of a stream none comes: then it is asked for again, before it is given up.
func TestForgedPacketsAtEndsBlockNothing(t *testing.T) {
	packets := signedSeries(t, writer, 3)
	s := signedMachine(t, nil)
	s.handAll(relayer, packets[0], packets[2])
	s.hand(other, &Repair{Packet: bare(packets[1])})
	asked := 0
	for round := range 3 * suspectEnds {
		if s.hand(relayer, offerOf(writer, 3)); len(sent[*Request](s)) > 0 {
			if asked++; round <= suspectEnds {
				t.Errorf("asked for again after %d rounds", round)
			}
		}
		s.rounds(1)
	}
	if asked == 0 {
		t.Error("not asked for again")
	}
	if n := s.handAll(relayer, packets[1]); n != 2 || s.Stats().MessagesLost > 0 || s.Stats().SuspectBytes != 0 {
		t.Errorf("%d of 2 messages delivered, %+v", n, s.Stats())
	}
}

// What somebody has published who is a member no longer is still proven, as long as it is among the last that went; who comes and goes takes one place.
func TestDepartedAuthorsAreProven(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	left := func(s *solo, id protocol.NodeID) {
		s.Notify(s.now, protocol.PeerLeft{Peer: &protocol.Peer{ID: id}}, &s.out)
	}
	s := signedMachine(t, nil)
	left(s, writer)
	for range 2 * authorsDeparted {
		s.meet(500, 1, credentialOf(500))
		left(s, 500)
	}
	if n := s.handAll(other, packets...); n != 5 {
		t.Errorf("%d of 5 messages of who has left delivered", n)
	}
	s = signedMachine(t, nil)
	left(s, writer)
	for i := range protocol.NodeID(authorsDeparted) {
		s.meet(1000+i, 1, credentialOf(50))
		left(s, 1000+i)
	}
	if n := s.handAll(other, packets...); n != 0 || s.Stats().AuthorsUnknown == 0 || s.Stats().KeysWanted != 1 {
		t.Errorf("%d messages delivered of who left before %d others: %+v", n, authorsDeparted, s.Stats())
	}
	// Until somebody says who that was.
	before := s.Stats().MessagesDelivered
	s.Notify(s.now, protocol.CredentialKnown{Author: writer, Epoch: 1, From: other, Credential: credentialOf(writer)}, &s.out)
	if n := s.Stats().MessagesDelivered - before; n != 5 {
		t.Errorf("%d of 5 messages delivered once the key was known", n)
	}
	if n := len(s.proving.authors); n > authorsDeparted+3 {
		t.Errorf("%d keys are remembered", n)
	}
	// Who comes back and goes again is the latest.
	s = signedMachine(t, nil)
	left(s, writer)
	for i := range protocol.NodeID(authorsDeparted - 1) {
		s.meet(1000+i, 1, credentialOf(50))
		left(s, 1000+i)
	}
	s.meet(writer, 1, credentialOf(writer))
	left(s, writer)
	s.meet(5000, 1, credentialOf(50))
	left(s, 5000)
	if n := s.handAll(other, packets...); n != 5 {
		t.Errorf("%d of 5 messages delivered of the one that has left last but one", n)
	}
}

// signedEpoch returns packets of an epoch signed by a key.
func signedEpoch(t *testing.T, author protocol.NodeID, epoch uint64, key protocol.NodeID) []*Packet {
	return newSigner(t, author, SpreadTree, func(c *Config) { c.Epoch, c.Notary = epoch, identity.NewNotary(keyFor(key)) }).batch(3)
}

// An epoch is proven by the key that its author had then. Of an epoch from before an author was known here the key can only be guessed: a signature that does not
// fit refuses the packet and blames nobody.
func TestKeysOfEpochs(t *testing.T) {
	const newKey = 60
	for _, test := range []struct {
		what   string
		epoch  uint64
		key    protocol.NodeID
		taken  int
		blamed bool
	}{
		{"the present epoch by the present key", 5, newKey, 3, false},
		{"the present epoch by the former key", 5, writer, 0, true},
		{"a former epoch by the former key", 3, writer, 3, false},
		{"a former epoch by the present key", 3, newKey, 0, true},
		{"an epoch in between by the former key", 4, writer, 0, false},
		{"an epoch from before by the former key", 1, writer, 3, false},
		{"an epoch from before by another key", 1, 61, 0, false},
		{"an epoch to come", 6, newKey, 0, false},
	} {
		s := signedMachine(t, nil)
		s.meet(70, 3, &credential{key: keyFor(writer).Public()})
		s.meet(70, 5, &credential{key: keyFor(newKey).Public()})
		packets := signedEpoch(t, 70, test.epoch, test.key)
		delivered, blamed := 0, false
		for _, p := range packets {
			s.hand(other, &Repair{Packet: p})
			blamed = blamed || len(s.blamed()) > 0
			for _, d := range emitted[*Delivery](s) {
				delivered += d.Count
			}
		}
		if delivered != test.taken || blamed != test.blamed {
			t.Errorf("%s: %d delivered, blamed: %v", test.what, delivered, blamed)
		}
	}
}

// What this member has published in an earlier run is proven by its own key.
func TestOwnEarlierEpochs(t *testing.T) {
	s := signedMachine(t, func(c *Config) { c.Epoch = 4 })
	packets := signedEpoch(t, 1, 3, 1)
	if n := s.handAll(other, packets...); n != 3 {
		t.Errorf("%d of 3 messages of an earlier run delivered: %+v", n, s.Stats())
	}
	if s.handAll(other, signedEpoch(t, 1, 4, 1)...); s.Stats().MessagesDelivered != 3 || !s.dropped(ReasonOwn) {
		t.Errorf("packets of this run came back: %+v", s.Stats())
	}
}

// What waits counts for all the memory that it keeps alive.
func TestSuspectsAccountForTheirMemory(t *testing.T) {
	s := signedMachine(t, nil)
	var d Decoder
	taken := 0
	for seq := uint64(1); s.Stats().SuspectsRefused == 0; seq++ {
		const arrival = 60_000
		memory := make([]byte, 0, arrival)
		d.Keep(arrival)
		p := packet(seq)
		p.Body = recordOf(make([]byte, 20))
		m, err := d.Decode(wire.KindRepair, p.Append(memory))
		if err != nil {
			t.Fatal(err)
		}
		if s.Receive(0, other, m, &s.out); s.Stats().SuspectsRefused == 0 {
			taken += arrival
		}
		s.out.Reset()
		if taken > trialBytesMax {
			t.Fatalf("%d bytes are kept alive, %d are accounted for", taken, s.Stats().SuspectBytes)
		}
	}
}

// In steady state a packet on trial costs no allocation of its own, and is proven by a hash that costs none.
func TestTrialsAllocateBySlabsOnly(t *testing.T) {
	a := newSigner(t, writer, SpreadTree, nil)
	s := entranceMachine(t)
	var bodies [][]byte
	for range 130 {
		for _, p := range a.batch(33) {
			bodies = append(bodies, entering(p).Append(nil))
		}
		for _, p := range a.wait(time.Millisecond) {
			bodies = append(bodies, entering(p).Append(nil))
		}
	}
	var d Decoder
	next := 0
	take := func() {
		m, err := d.Decode(wire.KindRelay, bodies[next])
		if err != nil {
			t.Fatal(err)
		}
		next++
		s.receive(m)
	}
	for range 1900 {
		take()
	}
	const packets = 1000
	perPacket := testing.AllocsPerRun(1, func() {
		for range packets {
			take()
		}
	}) / packets
	if st := s.Stats(); perPacket > 0.25 || st.PacketsRelayed == 0 || st.SuspectsRefused+st.ManifestsRefused > 0 {
		t.Errorf("%.3f allocations a packet: %+v", perPacket, st)
	}
	t.Logf("%.3f allocations a packet, %d signatures verified", perPacket, s.Stats().ManifestsVerified)
}

// The author's part: hashing and signing cost no allocation for each packet.
func TestSigningAllocatesBySlabsOnly(t *testing.T) {
	a := newSigner(t, writer, SpreadDirect, nil)
	message := payload(writer, 1, 1000)
	publish := func() {
		for range 1000 {
			if err := a.Publish(a.now, "t", message, &a.out); err != nil {
				t.Fatal(err)
			}
			a.now = a.now.Add(20 * time.Microsecond)
			a.Timeout(a.now, &a.out)
			a.out.Reset()
		}
	}
	for range 3 {
		publish()
	}
	if perPacket := testing.AllocsPerRun(2, publish) / 1000; perPacket > 0.25 {
		t.Errorf("%.3f allocations a packet", perPacket)
	} else {
		t.Logf("%.3f allocations a packet, %d signatures for %d packets", perPacket, a.Stats().ManifestsSigned, a.Stats().PacketsSent)
	}
}

// What a bufferer keeps beyond the short phase it can hand on: it is proven as long as the manifest is here, which is most often of another block and goes.
func TestBufferersKeepWhatTheyCanProve(t *testing.T) {
	tried := 0
	for author := protocol.NodeID(200); author < 260; author++ {
		s := signedMachine(t, nil)
		for i := range protocol.NodeID(20) {
			s.meet(300+i, 1, credentialOf(50))
		}
		s.meet(author, 1, credentialOf(author))
		for _, p := range newSigner(t, author, SpreadTree, nil).batch(20) {
			s.hand(author, p)
		}
		held := s.streams[0]
		if last, _ := held.packet(21); last == nil || last.Manifest.covers() != 20 {
			t.Fatal("packet 21 is not the manifest of 20 packets")
		}
		if !s.buffers(held, 1) || s.buffers(held, 21) {
			continue
		}
		tried++
		s.rounds(s.config.Short + 2)
		if last, _ := held.packet(21); last != nil {
			t.Fatal("the manifest is still here")
		}
		s.out.Reset()
		s.Receive(s.now, other, &Request{Round: s.round, Entries: []RequestEntry{{Stream: held.id, Ranges: []Range{{1, 15}}}}}, &s.out)
		if got := s.repaired(); len(got) != 15 {
			t.Errorf("author %d: of 15 packets that this node keeps for others it sends %v", author, got)
		}
	}
	if tried < 3 {
		t.Errorf("only %d authors of whom this node keeps the packets and not the manifest", tried)
	}
}
