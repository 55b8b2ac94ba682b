package bimodal

import (
	"math/rand/v2"
	"slices"
	"testing"

	"spinglass/protocol"
)

// zoneMachine makes a machine with so many others in its zone.
func zoneMachine(t *testing.T, members int, change func(*Config)) *solo {
	s := soloMachine(t, change)
	for id := range protocol.NodeID(members) {
		s.up(1000+id, 0, 0)
	}
	s.out.Reset()
	return s
}

// What a stream tells of what it holds, window and archive together, agrees with a list.
func TestRunsAgreeWithAList(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		s := zoneMachine(t, 20, func(c *Config) { c.Bufferers = 4 })
		high := uint64(20 + r.IntN(300))
		for seq := uint64(1); seq <= high; seq++ {
			s.receive(packet(seq))
			if r.IntN(60) == 0 {
				s.rounds(r.IntN(7))
			}
		}
		s.rounds(r.IntN(12))
		stream := s.byID[packet(1).Stream]
		low, top := 1+r.Uint64N(high), 1+r.Uint64N(high)
		var got, want []uint64
		stream.runs(low, top, func(held Range) bool {
			for seq := held.Last; seq >= held.First; seq-- {
				got = append(got, seq)
			}
			return true
		})
		for seq := top; seq >= low; seq-- {
			if p, _ := stream.packet(seq); p != nil {
				want = append(want, seq)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("from %d down to %d: runs hold %v, want %v", top, low, got, want)
		}
		bytes := 0
		for _, b := range stream.archive.blocks {
			bytes += blockCost
			for _, p := range b.packets {
				if p != nil {
					bytes += p.cost()
				}
			}
		}
		if bytes != stream.archive.bytes || bytes != s.Stats().LongBytes {
			t.Fatalf("the archive holds %d bytes, its account is %d, and the machine's %d", bytes, stream.archive.bytes, s.Stats().LongBytes)
		}
	}
}

// A poll that names packets is answered with exactly those of them that are held, however old; and what was asked for stays in reach.
func TestPollsNamePackets(t *testing.T) {
	s := zoneMachine(t, 20, func(c *Config) { c.Bufferers = 4 })
	for seq := uint64(1); seq <= 400; seq++ {
		s.receive(packet(seq))
	}
	s.rounds(6)
	stream := s.byID[packet(1).Stream]
	asked := []Range{{300, 390}, {100, 250}, {5, 90}}
	s.receive(&Poll{Entries: []PollEntry{{Stream: stream.id, Ranges: asked}}})
	d := sent[*Digest](s)
	if len(d) != 1 || !d[0].Answer || len(d[0].Entries) != 1 {
		t.Fatalf("answers %+v", d)
	}
	e, held := d[0].Entries[0], 0
	if e.Floor != 5 || e.High != 400 || len(e.Ranges) == 0 {
		t.Errorf("entry %+v", e)
	}
	for seq := uint64(1); seq <= 400; seq++ {
		inside := func(ranges []Range) bool {
			return slices.ContainsFunc(ranges, func(r Range) bool { return r.First <= seq && seq <= r.Last })
		}
		p, _ := stream.packet(seq)
		if offered := inside(e.Ranges); offered != (p != nil && inside(asked)) {
			t.Errorf("packet %d is offered: %v, held: %v", seq, offered, p != nil)
		} else if offered {
			held++
		}
	}
	s.receive(ask(s.round, e.Ranges[0]))
	if got := len(sent[*Repair](s)); uint64(got) != e.Ranges[0].Len() {
		t.Errorf("%d repairs of the %d packets asked for beyond their short phase", got, e.Ranges[0].Len())
	}
	none := uint64(1)
	for p, _ := stream.packet(none); p != nil; p, _ = stream.packet(none) {
		none++
	}
	s.receive(&Poll{Entries: []PollEntry{{Stream: stream.id, Ranges: []Range{{none, none}}}}})
	if d = sent[*Digest](s); len(d) != 1 || len(d[0].Entries[0].Ranges) != 0 || s.Stats().PollsUnheld != 1 {
		t.Errorf("answer %+v, %d polls found nothing", d, s.Stats().PollsUnheld)
	}
	// Regular digests speak of the short phase: all of this one is over.
	s.rounds(1)
	if d = sent[*Digest](s); len(d) != 1 || d[0].Entries[0].Floor != 401 || len(d[0].Entries[0].Ranges) != 0 {
		t.Errorf("digest %+v", d)
	}
}

// "pull for young, push for old": bufferers push what they hold beyond the short phase too.
func TestBufferersPush(t *testing.T) {
	s := zoneMachine(t, 20, func(c *Config) { c.Bufferers = 4 })
	for seq := uint64(1); seq <= 600; seq++ {
		s.receive(packet(seq))
	}
	s.rounds(11)
	stream, want := s.byID[packet(1).Stream], 0
	for seq := uint64(50); seq < 400; seq++ {
		if p, _ := stream.packet(seq); p != nil {
			want++
		}
	}
	s.receive(offer(1, 600, Range{400, 600}, Range{1, 49}))
	if got := sent[*Repair](s); len(got) != min(want, s.config.RepairBytes/1050) || want == 0 {
		t.Errorf("%d packets pushed of %d held and lacking", len(got), want)
	}
}

// Who misses packets below the floor of a digest polls their bufferers, and names those that each should have.
func TestOldPacketsArePolledForAtTheirBufferers(t *testing.T) {
	s := zoneMachine(t, 20, func(c *Config) { c.Bufferers = 4 })
	s.receive(packet(1))
	d := offer(1, 500)
	d.Entries[0].Floor = 501
	s.receive(d)
	stream := s.byID[packet(1).Stream]
	bufferer := func(id protocol.NodeID, seq uint64) bool {
		return slices.ContainsFunc(s.weigh(stream.topic, stream.blockKey(seq), 0, nil), func(r rival) bool { return r.id == id })
	}
	elsewhere, most := 0, 0
	for range 12 {
		s.rounds(1)
		named := 0
		for _, e := range s.out.Effects {
			q, ok := e.Message.(*Poll)
			if !ok || len(q.Entries[0].Ranges) == 0 {
				continue
			}
			named++
			most = max(most, len(q.Entries[0].Ranges))
			all := true
			for _, r := range q.Entries[0].Ranges {
				for seq := r.First; seq <= r.Last; seq++ {
					all = all && bufferer(e.To, seq)
				}
			}
			if !all {
				elsewhere++
			}
		}
		if named != 2 {
			t.Errorf("%d polls of a round name packets", named)
		}
	}
	if stats := s.Stats(); stats.PollsToBufferers != 24-24/pollElsewhere || elsewhere != 24/pollElsewhere || most < 3 {
		t.Errorf("%d polls of 24 to bufferers, %d elsewhere, of at most %d ranges", stats.PollsToBufferers, elsewhere, most)
	}
}

// "Polls begin, by turns, with the packet that delivery waits for and with a random one; those to the author with the former."
func TestAuthorsArePolledForWhatDeliveryWaitsFor(t *testing.T) {
	s := soloMachine(t, nil)
	s.receive(packet(1))
	s.receive(offer(1, 500))
	stream := s.byID[packet(1).Stream]
	for _, test := range []struct{ polls, least, most int }{{1, 50, 65}, {pollElsewhere, 50, 55}, {2 * pollElsewhere, 100, 100}} {
		first := 0
		for i := range 100 {
			if stream.polls = uint32(test.polls * (i + 1)); s.drawMissing(stream) == stream.next {
				first++
			}
		}
		if first < test.least || first > test.most {
			t.Errorf("%d of 100 polls, one in %d, begin with what delivery waits for", first, test.polls)
		}
	}
}

// "at high rates life shortens for all but the bufferers, visibly": the buffer has room for a part of the long phase, and the rest is for
// the packets of now.
func TestBufferIsShared(t *testing.T) {
	for _, members := range []int{2, 20} {
		divided := members > 4
		s := zoneMachine(t, members, func(c *Config) { c.BufferBytes, c.Bufferers = 2<<20, 4 })
		for seq := uint64(1); seq <= 20_000; seq++ {
			s.receive(packet(seq))
			if seq%500 == 0 {
				s.rounds(1)
			}
			if got := s.Stats().BufferedBytes; got > 2<<20 {
				t.Fatalf("%d bytes buffered", got)
			}
		}
		stats := s.Stats()
		if divided && (stats.LongBytes < 1<<19 || stats.LongEvicted == 0 || stats.LongEvictedAge < 1) {
			t.Errorf("%d members: %d bytes beyond the short phase, %d evicted there at an age of %d", members, stats.LongBytes, stats.LongEvicted, stats.LongEvictedAge)
		}
		if !divided && (stats.LongBytes != 0 || stats.PacketsEvicted == 0) {
			t.Errorf("%d members, who all keep all: %d bytes beyond a short phase, %d packets evicted", members, stats.LongBytes, stats.PacketsEvicted)
		}
		if stats.MessagesDelivered != 20_000 {
			t.Errorf("%d delivered", stats.MessagesDelivered)
		}
	}
}

// What is kept for long does not hold on to the memory of packets that it came with.
func TestWhatLivesLongIsCopied(t *testing.T) {
	for _, life := range []int{longLife, longLife + 1} {
		s := soloMachine(t, func(c *Config) { c.Life = life })
		p := packet(1)
		s.receive(p)
		s.rounds(6)
		stored, _ := s.byID[p.Stream].packet(1)
		if stored == nil || !slices.Equal(stored.Body, p.Body) {
			t.Fatalf("%+v is held", stored)
		}
		if copied := &stored.Body[0] != &p.Body[0]; copied != (life > longLife) {
			t.Errorf("life of %d rounds: copied: %v", life, copied)
		}
	}
}
