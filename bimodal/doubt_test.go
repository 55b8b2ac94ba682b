package bimodal

import (
	"slices"
	"testing"

	"spinglass/protocol"
)

// unprovenEnd is a digest that tells of more of a stream than it offers.
func unprovenEnd(author protocol.NodeID, epoch, high uint64) *Digest {
	return &Digest{Round: 1, Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{{Author: author, Epoch: epoch, High: high, Messages: high, Floor: high + 1}}}
}

// askedForEnds lets a round pass, and returns the polls in it that name no packets.
func (s *solo) askedForEnds() (polls []*Poll) {
	s.rounds(1)
	for _, q := range sent[*Poll](s) {
		if len(q.Entries[0].Ranges) == 0 {
			polls = append(polls, q)
		}
	}
	return polls
}

// All who hold the packets at the end of a stream may be shunned, or past their short phase, or withhold what proves it. Then its author is asked, though nobody tells
// of it twice; and what it says is believed.
func TestAuthorsAreAskedForEnds(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	ends := map[string]*Digest{"without a proof": unprovenEnd(writer, 1, 5), "with one that does not come": lie(writer, 1, 5)}
	for name, end := range ends {
		for _, known := range []bool{true, false} {
			s := signedMachine(t, nil)
			if known {
				s.hand(writer, packets[0])
				s.rounds(2)
			}
			s.hand(other, end)
			var rounds []int
			for round := range 30 {
				for range s.askedForEnds() {
					rounds = append(rounds, round+1)
					if to := receivers[*Poll](s); !slices.Equal(to, []protocol.NodeID{writer}) {
						t.Errorf("%s, known: %v; asked %v", name, known, to)
					}
				}
			}
			if !slices.Equal(rounds, []int{2, 6, 14, 22, 30}) || s.Stats().PollsToAuthors != 5 {
				t.Errorf("%s, known: %v; asked in rounds %v", name, known, rounds)
			}
			answer := offerOf(writer, 5)
			answer.Answer = true
			if s.hand(writer, answer); s.byID[packets[0].Stream].high != 5 || len(sent[*Request](s)) != 1 {
				t.Errorf("%s, known: %v; the author's answer is not believed", name, known)
			}
			s.handAll(writer, packets...)
			if s.rounds(1); len(s.proving.doubts) != 0 || s.peers[other].link.doubts != 0 {
				t.Errorf("%s, known: %v; %d doubts are left", name, known, len(s.proving.doubts))
			}
		}
	}
}

// Nobody is asked about a stream that goes on, where others are always ahead by some; about what this node knows; or for an author that is no member or may not publish.
func TestAuthorsAreNotAskedInVain(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(9)
	s := signedMachine(t, nil)
	for i, p := range packets {
		s.hand(writer, p)
		s.hand(other, unprovenEnd(writer, 1, uint64(i+3)))
		if n := len(s.askedForEnds()); n > 0 {
			t.Fatalf("asked after packet %d of a stream that goes on", i+1)
		}
	}
	s.rounds(3)
	s.hand(other, unprovenEnd(writer, 1, 9))
	s.Notify(s.now, protocol.PeerLeft{Peer: &protocol.Peer{ID: writer}}, &s.out)
	s.hand(other, unprovenEnd(writer, 1, 12))
	s.hand(other, unprovenEnd(4711, 1, 12))
	for range 10 {
		if n := len(s.askedForEnds()); n > 0 {
			t.Fatal("asked for what is known, or who is gone")
		}
	}
	// Doubts of whoever is gone end.
	s = signedMachine(t, nil)
	s.hand(other, unprovenEnd(writer, 1, 12))
	s.Notify(s.now, protocol.PeerLeft{Peer: &protocol.Peer{ID: writer}}, &s.out)
	if s.rounds(trialRounds + 1); s.Stats().PollsSent != 0 || len(s.proving.doubts) != 0 {
		t.Errorf("%d polls, %d doubts left", s.Stats().PollsSent, len(s.proving.doubts))
	}
}

// "A valid signature is not a quota": who lies of ends as much as it can has this node poll an author once in authorPause rounds, and all of them once a round; and what
// another tells of finds its way to the author.
func TestLiarsGetFewPolls(t *testing.T) {
	for _, authors := range []int{1, 40} {
		s := signedMachine(t, nil)
		for i := range authors {
			s.meet(100+protocol.NodeID(i), 1<<20, credentialOf(100+protocol.NodeID(i)))
		}
		const rounds = 200
		polls, about := map[protocol.NodeID]int{}, map[StreamID]int{}
		honest := StreamID{Author: 100, Epoch: 1, Topic: TopicOf("t")}
		for round := range rounds {
			for i := range uint64(100) {
				s.hand(other, unprovenEnd(100+protocol.NodeID(i%uint64(authors)), uint64(2+100*(round/50))+i/uint64(authors), 1<<40))
			}
			if round > 10 {
				s.hand(relayer, unprovenEnd(100, 1, 5))
			}
			asked := s.askedForEnds()
			if len(asked) > doubtPolls {
				t.Fatalf("%d polls in a round", len(asked))
			}
			for _, q := range asked {
				polls[q.Entries[0].Stream.Author]++
				for _, e := range q.Entries {
					about[e.Stream]++
				}
			}
		}
		for author, n := range polls {
			if n > rounds/authorPause+1 {
				t.Errorf("%d authors: %d is asked %d times in %d rounds", authors, author, n, rounds)
			}
		}
		if n := len(s.proving.doubts); n > doubtsMax || s.peers[other].link.doubts >= doubtsMax || s.Stats().DoubtsRefused == 0 {
			t.Errorf("%d authors: %d doubts, %d of one peer, %d refused", authors, n, s.peers[other].link.doubts, s.Stats().DoubtsRefused)
		}
		if about[honest] < 10 {
			t.Errorf("%d authors: asked %d times about what another peer tells of", authors, about[honest])
		}
		t.Logf("%d authors: %d polls in %d rounds, %d about what another peer tells of", authors, s.Stats().PollsToAuthors, rounds, about[honest])
	}
}
