package bimodal

import (
	"slices"
	"testing"

	"spinglass/protocol"
)

// restrict gives a peer other certificates.
func (s *solo) restrict(id protocol.NodeID, unpublished, unread string) {
	s.meet(id, 1, &credential{key: keyFor(id).Public(), unpublished: unpublished, unread: unread})
}

// "new summary functions come only from users with the right", and so do messages: nothing is delivered or handed on of who may not publish to a topic, however it
// comes, also from itself.
func TestForbiddenPublishers(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	for _, allowed := range []bool{true, false} {
		for _, from := range []protocol.NodeID{writer, other} {
			for _, way := range ways[:3] {
				s := entranceMachine(t)
				topic := "t"
				if allowed {
					topic = "u"
				}
				s.restrict(writer, topic, "")
				handed := 0
				for _, p := range packets {
					m := way.of(p)
					if _, relay := m.(*Relay); relay {
						m = entering(p)
					}
					s.hand(from, m)
					handed += len(s.handedOn())
				}
				delivered := s.Stats().MessagesDelivered
				want := 0
				if _, relay := way.of(packets[0]).(*Relay); relay && allowed {
					want = 5
				}
				if (delivered == 5) != allowed || (delivered == 0) == allowed || handed != want {
					t.Errorf("%s from %d, allowed: %v; %d delivered, %d handed on", way.name, from, allowed, delivered, handed)
				}
				if !allowed && (s.Stats().AuthorsForbidden == 0 || !s.dropped(ReasonForbidden) || len(s.streams) > 0 || len(s.blamed()) > 0) {
					t.Errorf("%s from %d: %+v", way.name, from, s.Stats())
				}
			}
		}
	}
	// A digest of its own makes no stream either.
	s := signedMachine(t, nil)
	s.restrict(writer, "t", "")
	if s.hand(writer, offer(1, 5, Range{1, 5})); len(s.streams) > 0 {
		t.Error("a stream of who may not publish was taken up")
	}
}

// Certificates that are renewed with less end a stream, and with more begin it.
func TestPublishersWhoseGrantsChange(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(9)
	s := signedMachine(t, nil)
	s.handAll(writer, packets[:3]...)
	s.restrict(writer, "t", "")
	if len(s.streams) != 0 {
		t.Error("a stream is kept whose author may not publish any more")
	}
	s.handAll(writer, packets[3:6]...)
	s.restrict(writer, "u", "")
	s.handAll(writer, packets[6:]...)
	s.rounds(2*s.config.Life + 2) // what was refused is told as lost
	if st := s.Stats(); st.MessagesDelivered != 6 || st.AuthorsForbidden != 3 {
		t.Errorf("%d delivered, %d forbidden", st.MessagesDelivered, st.AuthorsForbidden)
	}
}

// Who may not subscribe to a topic gets nothing of it: not on its first way, not by repairs that it asks for, not unasked, and no digest tells it what there is.
func TestForbiddenSubscribers(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	for _, allowed := range []bool{true, false} {
		s := signedMachine(t, nil)
		topic := "t"
		if allowed {
			topic = "u"
		}
		s.restrict(other, "", topic)
		s.handAll(writer, packets...)
		got := map[string]bool{}
		look := func(what string) {
			for _, e := range s.out.Effects {
				if e.Message != nil && (e.To == other || slices.Contains(e.Targets, other)) {
					got[what] = true
				}
			}
		}
		s.out.Reset()
		if err := s.Publish(s.now, "t", payload(1, 1, 100), &s.out); err != nil {
			t.Fatal(err)
		}
		s.Timeout(s.now, &s.out)
		look("first")
		s.asked(other, Range{1, 5})
		look("asked for")
		s.hand(other, &Poll{Entries: []PollEntry{{Stream: packets[0].Stream}}})
		look("polled")
		for range s.config.Life/2 + 2 {
			s.rounds(1)
			look("gossip")
		}
		s.hand(other, &Digest{Round: s.round, Topics: []TopicID{TopicOf("t")}, Entries: []DigestEntry{{Author: writer, Epoch: 1, High: 5, Messages: 5, Floor: 1}}})
		look("unasked")
		for _, what := range []string{"first", "asked for", "polled", "gossip", "unasked"} {
			if got[what] != allowed {
				t.Errorf("allowed: %v; %s: %v", allowed, what, got[what])
			}
		}
		if n := s.Stats().NumbersForbidden; (n > 0) == allowed {
			t.Errorf("allowed: %v; %d requests refused", allowed, n)
		}
	}
}

// Topics travel by their ids: what a peer may subscribe to shows when the name is known, and changes with its certificates.
func TestSubscribersToTopicsOfUnknownNames(t *testing.T) {
	s := soloMachine(t, nil)
	want := AppendInterest(nil, []TopicID{TopicOf("u")})
	tell := func(unread string) {
		p := &protocol.Peer{ID: other, Epoch: 1, Attributes: []protocol.Attribute{{Name: InterestAttribute, Value: want}}, Credential: &credential{unread: unread}}
		s.Notify(s.now, protocol.PeerChanged{Peer: p}, &s.out)
	}
	tell("u")
	if err := s.Subscribe(s.now, "u", &s.out); err != nil {
		t.Fatal(err)
	}
	if n := s.Targets("u"); n != 0 {
		t.Errorf("%d targets that may not subscribe", n)
	}
	for _, unread := range []string{"v", "u", "v"} {
		tell(unread)
		if n := s.Targets("u"); (n == 1) != (unread == "v") {
			t.Errorf("%d targets of a peer that may read all but %q", n, unread)
		}
	}
}
