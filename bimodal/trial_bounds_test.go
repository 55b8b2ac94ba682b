package bimodal

import (
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

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
