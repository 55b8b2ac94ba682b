package bimodal

import (
	"errors"
	"testing"
	"time"

	"spinglass/gravity"
)

// "A joiner with rating 1 can ask 'from now', 'last N', 'all buffered'": of a stream of packets of three messages, at 10 messages a round.
func TestHistory(t *testing.T) {
	const members, batch = 12, 3
	for seed := uint64(1); seed <= 4; seed++ { // signed or not
		for _, c := range []struct {
			name        string
			history     History
			least, most uint64 // messages from before the subscription
		}{
			{"now", History{}, 0, 0},
			{"last 1", History{Last: 1}, 1, 1},
			{"last 40", History{Last: 40}, 40, 40},
			{"last 1000", History{Last: 1000}, 150, 300}, // life is 20 rounds
			{"all", History{All: true}, 150, 300},
		} {
			w := newWorld(t, seed, members, nil, "t")
			w.loss = 0.05
			author, late := w.nodes[0], w.nodes[members-1]
			sent := 0
			publish := func(batches int) {
				for range batches {
					for range batch {
						if err := author.Publish(w.now, "t", payload(author.id, sent, 40), &author.out); err != nil {
							t.Fatal(err)
						}
						sent++
					}
					w.flush(author)
					w.run(w.now.Add(30 * time.Millisecond))
				}
			}
			if err := late.Unsubscribe(w.now, "t", &late.out); err != nil {
				t.Fatal(err)
			}
			w.flush(late)
			w.retell()
			publish(100)
			before := uint64(sent)
			if err := late.SubscribeWith(w.now, "t", SubscribeOptions{Rating: gravity.All, History: c.history}, &late.out); err != nil {
				t.Fatal(err)
			}
			w.flush(late)
			w.retell()
			publish(40)
			w.run(w.now.Add(6 * time.Second))
			a := late.got[StreamID{author.id, 1, TopicOf("t")}]
			since := uint64(sent) - before
			if a == nil || a.lost > 0 || a.delivered < since+c.least || a.delivered > since+c.most {
				t.Errorf("seed %d, %s: told of %+v, where %d messages were published since, and %d to %d from before are wanted", seed, c.name, a, since, c.least, c.most)
			}
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := soloMachine(t, nil)
	if err := s.SubscribeWith(0, "u", SubscribeOptions{Rating: gravity.All, History: History{Last: HistoryMax + 1}}, &s.out); !errors.Is(err, ErrHistory) {
		t.Error(err)
	}
	if err := s.SubscribeWith(0, "u", SubscribeOptions{}, &s.out); !errors.Is(err, gravity.ErrRating) {
		t.Error(err)
	}
}

// What a node holds already, of its own streams and of those that it carries, it gives to a new subscription itself.
func TestHistoryOfOwnStreams(t *testing.T) {
	for _, c := range []struct {
		history History
		want    uint64
	}{{History{}, 0}, {History{Last: 4}, 4}, {History{Last: 100}, 30}, {History{All: true}, 30}} {
		s := soloMachine(t, nil)
		for i := range 30 {
			if err := s.Publish(s.now, "own", payload(1, i, 20), &s.out); err != nil {
				t.Fatal(err)
			}
			if i%3 == 2 { // three a packet
				s.Timeout(s.now, &s.out)
			}
		}
		s.now = s.now.Add(time.Millisecond)
		s.out.Reset()
		if err := s.SubscribeWith(s.now, "own", SubscribeOptions{Rating: gravity.All, History: c.history}, &s.out); err != nil {
			t.Fatal(err)
		}
		if err := s.Publish(s.now, "own", payload(1, 30, 20), &s.out); err != nil {
			t.Fatal(err)
		}
		s.Timeout(s.now, &s.out)
		next := 31 - c.want
		for _, d := range emitted[*Delivery](s) {
			if d.First != next {
				t.Errorf("%+v: message %d comes where %d is next", c.history, d.First, next)
			}
			next += uint64(d.Count)
		}
		if next != 32 || len(emitted[*Gap](s)) > 0 {
			t.Errorf("%+v: delivered up to message %d", c.history, next-1)
		}
	}
}

// Who looks back asks for no more ranges than a poll may have, also where its rating leaves out every other packet: nobody could read it.
func TestPollsForHistoryCanBeRead(t *testing.T) {
	for _, fraction := range []float64{1, 0.5, 0.2} {
		s := &solo{Machine: benchMachine(t, 1, nil), t: t}
		if err := s.SubscribeWith(0, "t", SubscribeOptions{Rating: ratingOf(fraction), History: History{All: true}}, &s.out); err != nil {
			t.Fatal(err)
		}
		s.up(other, 0, 0)
		p := packet(wantedOf(ratingOf(fraction), 1000, 2000)[0])
		p.Age = 100_000 // the stream began long before
		s.receive(p)
		polls := 0
		for range 10 {
			for _, q := range sent[*Poll](s) {
				polls++
				var d Decoder
				if _, err := d.Decode(q.Kind(), q.Append(nil)); err != nil {
					t.Fatalf("rating %v: a poll with %d ranges: %v", fraction, len(q.Entries[0].Ranges), err)
				}
			}
			s.rounds(1)
		}
		if polls == 0 {
			t.Errorf("rating %v: nobody is polled", fraction)
		}
	}
}
