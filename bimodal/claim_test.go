package bimodal

import (
	"testing"

	"spinglass/protocol"
)

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

// What could not be asked for, because the request was full, counts as not asked for: it is at the next occasion.
func TestClaimsThatWereNotAskedForStayOpen(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(9)
	for _, rating := range []float64{1, 0.5} {
		s := signedMachine(t, nil)
		if err := s.SetRating(s.now, "t", ratingOf(rating), &s.out); err != nil {
			t.Fatal(err)
		}
		s.hand(writer, packets[0])
		known := s.byID[packets[0].Stream]
		e := &DigestEntry{Author: writer, Epoch: 1, High: 40, Messages: 40, Manifest: 40, Floor: 1, Ranges: []Range{{1, 40}}}
		for numbers, want := range []int{0, 1} {
			s.scratch.asked, s.scratch.ranges = nil, nil
			s.hearSay(s.now, known, known.id, e, &occasion{from: other, numbers: numbers, pause: 2}, &s.out)
			if got := len(s.scratch.asked); got != want {
				t.Errorf("rating %v, with room for %d numbers: %d are asked for, want %d", rating, numbers, got, want)
			}
		}
	}
}
