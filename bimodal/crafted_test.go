package bimodal

import (
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// crafted fills a digest with entries until a datagram is full.
func crafted(entry func(i int) DigestEntry) *Digest {
	d := &Digest{Round: 1, Topics: []TopicID{TopicOf("t")}}
	room := wire.DatagramDefault - wire.HeaderSize - 4
	for size := d.Size(); ; {
		e := entry(len(d.Entries))
		if size += e.size(); size > room {
			return d
		}
		d.Entries = append(d.Entries, e)
	}
}

// invented is an entry of a stream that nobody knows and that began just now.
func invented(author, high uint64) DigestEntry {
	return DigestEntry{Author: protocol.NodeID(author), Epoch: 1, High: high, Messages: high, Floor: high}
}

// What is found missing takes memory and work before anything proves that it ever was. A datagram of invented ends of streams costs no
// more than the round allows, and is not lost on this node: later digests tell again.
func TestInventedEnds(t *testing.T) {
	s := soloMachine(t, nil)
	d := crafted(func(i int) DigestEntry { return invented(uint64(100+i), windowMax) })
	s.receive(d)
	stats := s.Stats()
	if want := leapMax * slotCost; stats.BufferedBytes > want || stats.LeapsRefused != uint64(len(d.Entries)-2) || !s.dropped(ReasonLeap) {
		t.Fatalf("%d bytes taken by %d entries, want at most %d", stats.BufferedBytes, len(d.Entries), want)
	}
	p := packet(windowMax)
	p.Stream.Author = 9999
	if s.receive(p); !s.dropped(ReasonLeap) || s.Stats().PacketsAccepted != 0 {
		t.Error("a packet is followed where a digest is not")
	}
	for range d.Entries {
		s.rounds(1)
		s.receive(d)
	}
	s.rounds(2*s.config.Life + 2)
	if lost := s.Stats().MessagesLost; lost != uint64(len(d.Entries))*windowMax {
		t.Errorf("%d messages told as lost of %d streams", lost, len(d.Entries))
	}
}

// Room for new streams is looked for once a round, however many ask for it.
func TestInventedStreams(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.Streams = 1000 })
	old := func(author uint64) DigestEntry {
		e := invented(author, 1)
		e.Age = AgeMax
		return e
	}
	for author := uint64(100); s.Stats().Streams < 1000; author += 100 {
		s.receive(crafted(func(i int) DigestEntry { return old(author + uint64(i)) }))
		s.now = s.now.Add(time.Millisecond)
	}
	s.rounds(1)
	before := s.Stats()
	d := crafted(func(i int) DigestEntry { return old(uint64(1_000_000 + i)) })
	for range 30 {
		s.receive(d)
	}
	after := s.Stats()
	forgotten := after.StreamsForgotten - before.StreamsForgotten
	if forgotten == 0 || forgotten > 1000/2 || after.StreamsRefused > before.StreamsRefused+30*uint64(len(d.Entries)) {
		t.Errorf("%d of 1000 forgotten: %+v", forgotten, after)
	}
	// An author that is here does not keep streams that it never had: "epoch" is that of its row.
	s = soloMachine(t, func(c *Config) { c.Streams = 10 })
	s.receive(crafted(func(i int) DigestEntry {
		e := old(uint64(other))
		e.Epoch = uint64(2 + i)
		return e
	}))
	s.rounds(1)
	if s.receive(packet(1)); s.byID[packet(1).Stream] == nil {
		t.Error("streams of epochs to come keep everybody else out")
	}
}

// Number by number is what the bits of a window are to agree with.
func TestWindowBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		var w window
		w.base = 1 + r.Uint64N(200)
		w.next, w.high = w.base, w.base-1
		share, spared := r.IntN(11), r.IntN(6)
		for range 1 + r.IntN(4) {
			from := w.high + 1
			w.extend(w.high+1+r.Uint64N(150), 1)
			for seq := from; seq <= w.high; seq++ {
				if r.IntN(10) < share {
					w.put(&Packet{Seq: seq})
					w.held++
				} else if r.IntN(10) < spared {
					w.setSpared(seq)
				}
			}
			for n := r.Uint64N(w.high + 1 - w.base); n > 0; n-- {
				if w.at(w.base).packet != nil {
					w.take(w.base)
					w.held--
				}
				w.base++
			}
		}
		low, seq, f := w.base+r.Uint64N(w.high+1-w.base), w.base+r.Uint64N(w.high+1-w.base), find(r.IntN(4))
		is := func(seq uint64) bool {
			held := w.at(seq).packet != nil
			return [...]bool{held, !held, !held && !w.spares(seq), held || w.spares(seq)}[f]
		}
		want, found := seq, false
		for ; want >= low && !found; want-- {
			found = is(want)
		}
		if got, ok := w.last(seq, low, f); ok != found || ok && got != want+1 {
			t.Fatalf("last(%d, %d, %v) = %d, %v; want %d, %v", seq, low, f, got, ok, want+1, found)
		}
		for want, found = low, false; want <= seq && !found; want++ {
			found = is(want)
		}
		if got, ok := w.first(low, seq, f); ok != found || ok && got != want-1 {
			t.Fatalf("first(%d, %d, %v) = %d, %v; want %d, %v", low, seq, f, got, ok, want-1, found)
		}
		over := r.IntN(2) == 0
		ranges, floor := w.ranges(nil, 1+r.IntN(20), over)
		named := map[uint64]bool{}
		for _, part := range ranges {
			for seq := part.First; seq <= part.Last; seq++ {
				named[seq] = true
			}
		}
		for seq := floor; seq <= w.high; seq++ {
			if named[seq] != (w.at(seq).packet != nil || over && w.held > 0 && w.spares(seq)) {
				t.Fatalf("%v from %d on, over what is spared: %v: %d is named: %v", ranges, floor, over, seq, named[seq])
			}
		}
	}
}

// A request that finds no room is dropped once, not once for each of its numbers.
func TestRequestsWithoutRoom(t *testing.T) {
	s := soloMachine(t, nil)
	for seq := range uint64(RequestNumbersMax) {
		s.receive(packet(seq + 1))
	}
	s.budget = 0
	for range repairsMax / RequestNumbersMax {
		s.receive(ask(s.round, Range{1, RequestNumbersMax}))
	}
	s.receive(ask(s.round, Range{1, RequestNumbersMax}))
	if !s.dropped(ReasonRepairs) || len(s.out.Effects) != 1 {
		t.Errorf("%d effects of one request", len(s.out.Effects))
	}
}

// "from where this node took the stream up: the beginning, if the stream began after the subscription" - whatever other streams of the
// topic were forgotten in between.
func TestForgettingLeavesOthersAlone(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.Forget = 2 * time.Minute })
	s.receive(packet(1))
	for s.Stats().StreamsForgotten == 0 {
		s.rounds(1)
	}
	p := packet(3) // of a stream that began while the first was remembered
	p.Stream.Author, p.Age = 10, 30_000
	s.now = protocol.Time(130 * time.Second) // so that it began before the first was forgotten
	s.receive(p)
	s.rounds(50)
	if stats := s.Stats(); stats.MessagesLost != 2 || stats.MessagesDelivered != 2 {
		t.Errorf("%d told as lost and %d delivered of 3 and 1", stats.MessagesLost, stats.MessagesDelivered)
	}
}

// BenchmarkCrafted is what one datagram costs that was made to cost much. The aim is a millisecond.
func BenchmarkCrafted(b *testing.B) {
	run := func(name string, prepare func(s *solo), message func(i int) protocol.Message, after func(s *solo)) {
		b.Run(name, func(b *testing.B) {
			s := &solo{Machine: benchMachine(b, 1, nil)}
			if err := s.Subscribe(0, "t", &s.out); err != nil {
				b.Fatal(err)
			}
			s.up(other, 0, 0)
			prepare(s)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.receive(message(i))
				if after != nil {
					after(s)
				}
			}
		})
	}
	nothing := func(*solo) {}
	run("ends", nothing, func(i int) protocol.Message {
		return crafted(func(k int) DigestEntry { return invented(uint64(1000*i+k+100), windowMax) })
	}, nil)
	run("advance", nothing, func(i int) protocol.Message {
		return crafted(func(k int) DigestEntry { return invented(9, windowMax*uint64(100*i+k+1)) })
	}, nil)
	run("offers", func(s *solo) { s.receive(packet(windowMax)) }, func(i int) protocol.Message {
		return crafted(func(k int) DigestEntry {
			e := invented(9, windowMax)
			e.Floor, e.Ranges = 1, []Range{{1, windowMax}}
			return e
		})
	}, nil)
	run("streams", func(s *solo) {
		for i := range s.config.Streams {
			id := StreamID{Author: protocol.NodeID(i + 1<<20), Epoch: 1, Topic: TopicOf("t")}
			s.addStream(0, id, s.byName["t"], 1, &s.out)
		}
	}, func(i int) protocol.Message {
		return crafted(func(k int) DigestEntry {
			e := invented(uint64(1<<30+1000*i+k), 1)
			e.Age = AgeMax
			return e
		})
	}, nil)
	run("polls", func(s *solo) {
		for author := range protocol.NodeID(PollStreamsMax) {
			for _, seq := range []uint64{1, windowMax} {
				p := packet(seq)
				p.Stream.Author = 100 + author
				s.receive(p)
			}
		}
	}, func(i int) protocol.Message {
		q := &Poll{}
		for author := range protocol.NodeID(PollStreamsMax) {
			q.Entries = append(q.Entries, PollEntry{Stream: StreamID{Author: 100 + author, Epoch: 1, Topic: TopicOf("t")}})
		}
		return q
	}, func(s *solo) { s.favours.answers.Begin() })
	run("requests", func(s *solo) {
		for seq := range uint64(RequestNumbersMax) {
			s.receive(packet(seq + 1))
		}
	}, func(i int) protocol.Message { return ask(1, Range{1, RequestNumbersMax}) }, func(s *solo) { s.budget = 0 })
	run("eviction", func(s *solo) {
		for author := range protocol.NodeID(16000) {
			for seq := range uint64(3) {
				p := packet(seq + 1)
				p.Stream.Author = 100 + author
				s.receive(p)
			}
		}
	}, func(i int) protocol.Message {
		p := packet(uint64(i/16000) + 4)
		p.Stream.Author = protocol.NodeID(100 + i%16000)
		return p
	}, nil)
}

// Messages that are begun and never ended take no more memory than is accounted for: "reassembly 16 MiB".
func TestUnfinishedMessages(t *testing.T) {
	s := soloMachine(t, nil)
	p := packet(1)
	p.Count, p.Body = 0, wire.AppendRecord(nil, wire.Record{Kind: wire.RecordFirst, Total: wire.MessageMax, Data: make([]byte, 1100)})
	for author := range protocol.NodeID(s.config.Streams) {
		begun := *p
		begun.Stream.Author = 100 + author
		s.receive(&begun)
	}
	taken := 0
	for _, stream := range s.streams {
		taken += cap(stream.order.partial)
	}
	if taken > assembliesMax || s.assembled != taken || s.Stats().AssembliesRefused == 0 {
		t.Errorf("%d bytes taken, %d accounted for", taken, s.assembled)
	}
}
