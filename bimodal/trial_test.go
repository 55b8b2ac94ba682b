package bimodal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

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
