package bimodal

import (
	"math"
	"testing"
	"time"

	"spinglass/gravity"
)

// "Raising it to 1 fetches what is still buffered on request": what the last rounds brought and the rating left out comes in order, once, before what is new; and what is gone is no gap.
func TestRaisedRatingsFetchWhatIsBuffered(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		for _, fetch := range []bool{true, false} {
			w := newWorld(t, seed, 12, nil, "t")
			w.rate("t", 1, 0.2)
			w.loss = 0.05
			author, nd := w.nodes[0], w.nodes[1]
			id := StreamID{author.id, 1, TopicOf("t")}
			w.publishEach(author, "t", 1000, 10) // a hundred rounds, of which packets live 20
			before := *nd.got[id]
			if share := float64(before.delivered) / 1000; math.Abs(share-0.2) > 0.06 {
				t.Fatalf("seed %d: %v delivered at rating 0.2", seed, share)
			}
			nd.events, nd.got[id].next = nil, 1
			if err := nd.SetRatingWith(w.now, "t", gravity.All, fetch, &nd.out); err != nil {
				t.Fatal(err)
			}
			w.flush(nd)
			w.retell()
			w.publishEach(author, "t", 300, 10)
			w.run(w.now.Add(8 * time.Second))
			seen := map[uint64]bool{}
			last, old := uint64(0), 0
			for _, e := range nd.events {
				if d, ok := e.(*Delivery); ok {
					for n := range d.Messages {
						if seen[n] || n <= last {
							t.Fatalf("seed %d: message %d comes twice, or behind %d", seed, n, last)
						}
						if seen[n], last = true, n; n <= 1000 {
							if old++; ratingOf(0.2).Wants(gravity.NewSalt(uint64(id.Topic), uint64(id.Author), 1).Height(n)) && n < before.next {
								t.Fatalf("seed %d: message %d was delivered before", seed, n)
							}
						}
					}
				}
			}
			// Life is 200 packets, and for a rating of 0.2 four in five are new; or nothing but what was not heard of yet.
			least, most := 120, 220
			if !fetch {
				least, most = 0, 15
			}
			if old < least || old > most {
				t.Errorf("seed %d, fetch %v: %d old messages come when the rating is raised", seed, fetch, old)
			}
			for n := uint64(1001); n <= 1300; n++ {
				if !seen[n] {
					t.Errorf("seed %d, fetch %v: message %d did not come", seed, fetch, n)
					break
				}
			}
			if st := nd.Stats(); st.MessagesLost > 0 || st.Rewinds > 0 != fetch {
				t.Errorf("seed %d, fetch %v: %d lost, %d rewinds", seed, fetch, st.MessagesLost, st.Rewinds)
			}
			s := nd.byID[id]
			if s.back.until != 0 || s.missing() > 0 || s.sparing != 0 {
				t.Errorf("seed %d: the stream is still back at %d, %d missing, %d spared", seed, s.next, s.missing(), s.sparing)
			}
		}
	}
}

// Who raises its rating to less than 1 fetches what it wants now, and nothing that it still leaves out.
func TestRaisedRatingsFetchNoMoreThanIsWanted(t *testing.T) {
	const high = 400
	s, low, raised := ratedSolo(t, 0.2), ratingOf(0.2), ratingOf(0.5)
	wanted := wantedOf(low, 1, high)
	for _, seq := range wanted {
		p := packet(seq)
		s.receive(p)
	}
	if err := s.SetRatingWith(s.now, "t", raised, true, &s.out); err != nil {
		t.Fatal(err)
	}
	w := s.byID[packet(1).Stream]
	want := uint64(0)
	for seq := w.base; seq <= w.high; seq++ {
		if raised.Wants(w.height(seq)) && !low.Wants(w.height(seq)) {
			want++
		}
	}
	if got := w.missing(); want < 50 || got != want {
		t.Errorf("%d packets are missing from %d to %d, of which %d are wanted now and were not before", got, w.base, w.high, want)
	}
}
