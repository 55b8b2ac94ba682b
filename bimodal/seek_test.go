package bimodal

import (
	"testing"
	"time"

	"spinglass/protocol"
)

// late returns a machine that subscribed a minute into a stream, and the stream's packets as of then: number n was sealed n-5 times 10 ms after the
// subscription, so that 1 to 5 are older.
func late(t *testing.T) (*solo, func(seq uint64) *Packet) {
	s := soloMachine(t, nil)
	if err := s.Unsubscribe(0, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	s.now = protocol.Time(time.Minute)
	if err := s.Subscribe(s.now, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(40 * time.Millisecond)
	return s, func(seq uint64) *Packet {
		p := packet(seq)
		p.Age = 1000 + 10*seq - 50
		return p
	}
}

// A subscription gets what is published from then on, also when the first packet that is heard of is not the first that was sealed since.
func TestALateSubscriptionGetsWhatWasSealedSince(t *testing.T) {
	for name, first := range map[string]func(s *solo, p func(uint64) *Packet){
		"packet": func(s *solo, p func(uint64) *Packet) { s.receive(p(9)) },
		"digest": func(s *solo, p func(uint64) *Packet) {
			d := offer(1, 9, Range{1, 9})
			d.Entries[0].Age = p(9).Age
			s.receive(d)
			s.receive(p(9))
		},
	} {
		s, p := late(t)
		first(s, p)
		if got := len(emitted[*Delivery](s)); got != 0 {
			t.Fatalf("%s: %d deliveries before it is known where to begin", name, got)
		}
		for _, seq := range []uint64{8, 6} {
			s.receive(p(seq).again())
		}
		s.receive(p(5).again()) // older than the subscription
		if d := emitted[*Delivery](s); len(d) != 1 || d[0].First != 6 {
			t.Errorf("%s: %d deliveries when the beginning is known, first %+v", name, len(d), d)
		}
		s.receive(p(7).again())
		if stats := s.Stats(); stats.MessagesDelivered != 4 || stats.MessagesLost != 0 {
			t.Errorf("%s: %d delivered and %d lost of the 4 since the subscription", name, stats.MessagesDelivered, stats.MessagesLost)
		}
	}
}

// From where it begins on, a late subscription is told of losses exactly, the first packet's included.
func TestALateSubscriptionIsToldOfLosses(t *testing.T) {
	s, p := late(t)
	s.receive(p(9))
	s.receive(p(5).again())
	for range 4 * s.config.Life {
		s.rounds(1)
		if gaps := emitted[*Gap](s); len(gaps) == 1 {
			if gaps[0].First != 6 || gaps[0].Last != 8 || gaps[0].Count != 3 {
				t.Errorf("%+v, want 6 to 8", *gaps[0])
			}
			return
		}
	}
	t.Error("no gap was told")
}

// When nothing older can be had, a late subscription begins with what there is, after a bounded time and without a gap that nobody can count.
func TestALateSubscriptionDoesNotWaitForEver(t *testing.T) {
	s, p := late(t)
	s.receive(p(9))
	for range 4 * s.config.Life {
		s.rounds(1)
		if d := emitted[*Delivery](s); len(d) > 0 {
			if d[0].First != 9 || s.Stats().MessagesLost != 0 {
				t.Errorf("begins with %d, %d told as lost", d[0].First, s.Stats().MessagesLost)
			}
			return
		}
	}
	t.Error("nothing was delivered")
}

// A late subscription does not wait for packets that the author itself does not hold any more: it asks the author at once.
func TestALateSubscriptionSeeksNoFurtherThanTheAuthorGoes(t *testing.T) {
	s, p := late(t)
	s.Notify(s.now, protocol.PeerUp{Peer: &protocol.Peer{ID: 9, Epoch: 1}}, &s.out)
	s.receive(p(9))
	polls := 0
	for _, e := range s.out.Effects {
		if _, ok := e.Message.(*Poll); ok && e.To == 9 {
			polls++
		}
	}
	if polls != 1 {
		t.Errorf("%d polls of the author", polls)
	}
	answer := offer(1, 9, Range{8, 9})
	answer.Answer, answer.Entries[0].Floor, answer.Entries[0].Age = true, 8, p(9).Age
	s.out.Reset()
	s.Receive(s.now, 9, answer, &s.out)
	if got := len(emitted[*Delivery](s)); got != 0 {
		t.Errorf("%d deliveries although packet 8 can still be had", got)
	}
	s.receive(p(8).again())
	if d := emitted[*Delivery](s); len(d) != 2 || d[0].First != 8 {
		t.Errorf("%d deliveries, want 8 and 9", len(d))
	}
}
