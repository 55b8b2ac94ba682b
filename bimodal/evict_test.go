package bimodal

import "testing"

// A stream whose last packet goes for want of room, behind which others were given up, rests; it goes on when the next one comes, and can be
// forgotten.
func TestAStreamRestsBehindWhatItGaveUp(t *testing.T) {
	for _, next := range []bool{true, false} {
		s := soloMachine(t, func(c *Config) { c.Life, c.Short, c.Buffering = 2, 2, BufferAll })
		s.receive(packet(1))
		s.receive(offer(s.round, 3))
		stream := s.byID[packet(1).Stream]
		for range 20 {
			s.rounds(1)
			s.receive(ask(s.round, Range{1, 1})) // so that it stays
			if stream.next == 4 {
				break
			}
		}
		if stream.next != 4 || stream.held != 1 {
			t.Fatalf("next %d, %d packets held", stream.next, stream.held)
		}
		s.out.Reset()
		s.shrink(stream, 0, s.stats.BufferedBytes-1, &s.out)
		if stream.active() || stream.listed {
			t.Fatal("the stream does not rest")
		}
		if next {
			s.receive(packet(4))
			if s.Stats().MessagesDelivered != 2 || s.Stats().MessagesLost != 2 {
				t.Errorf("%+v", s.Stats())
			}
			continue
		}
		if err := s.Unsubscribe(s.now, "t", &s.out); err != nil {
			t.Error(err)
		}
	}
}
