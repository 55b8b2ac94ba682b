package bimodal

import (
	"slices"
	"testing"

	"spinglass/protocol"
)

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

// A copy counts once, though it is one of what is here already and of what waits to be handed on.
func TestDuplicatesCountOnce(t *testing.T) {
	p := newSigner(t, writer, SpreadTree, nil).batch(5)[0]
	s := entranceMachine(t)
	s.hand(writer, p)
	for copies := range uint64(3) {
		s.hand(relayer, entering(p))
		if st := s.Stats(); st.PacketsReceived != copies+2 || st.PacketsDuplicate != copies+1 {
			t.Errorf("of %d packets %d are duplicates", st.PacketsReceived, st.PacketsDuplicate)
		}
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
