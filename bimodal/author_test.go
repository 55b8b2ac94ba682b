package bimodal

import (
	"fmt"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// manyTopics is a machine that subscribes to so many topics besides t.
func manyTopics(t *testing.T, topics int, change func(*Config)) *solo {
	s := soloMachine(t, change)
	for i := range topics {
		if err := s.Subscribe(0, fmt.Sprint("t", i), &s.out); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// of returns a packet like p of another stream.
func (p *Packet) of(author protocol.NodeID, topic string, seq uint64) *Packet {
	c := *p
	c.Stream, c.Seq, c.Messages = StreamID{Author: author, Epoch: 1, Topic: TopicOf(topic)}, seq, seq-1
	return &c
}

// "Repair buffer bounded and shared fairly by source." An author that floods sixty topics takes no more from another one, whose stream is larger than any of
// its own, than an author that floods one; sixty authors do, which is the control. The same of what bufferers keep beyond the short phase.
func TestOneAuthorWithManyTopicsIsOneSource(t *testing.T) {
	const topics, modest = 60, 100
	for _, long := range []bool{false, true} {
		for _, authors := range []int{1, topics} {
			s := manyTopics(t, topics, func(c *Config) { c.BufferBytes = 1 << 20 })
			if long { // a short phase and few bufferers, of which this node is one of all packets
				s = manyTopics(t, topics, func(c *Config) { c.BufferBytes, c.Life, c.Short, c.Bufferers = 1<<20, 1000, 1, 2 })
			}
			for seq := range uint64(modest) {
				s.receive(packet(1).of(50, "t", seq+1))
			}
			if long {
				s.rounds(3)
			}
			held := func() int { return s.authors[50].held(s.Machine) }
			before := held()
			for seq := range uint64(100) {
				for topic := range topics {
					s.receive(packet(1).of(protocol.NodeID(100+topic%authors), fmt.Sprint("t", topic), seq+1))
				}
				if long && seq%10 == 9 {
					s.rounds(1)
				}
			}
			if s.Stats().PacketsEvicted == 0 || before == 0 {
				t.Fatalf("long %v: the buffer is not full: %d packets of the author, %+v", long, before, s.Stats())
			}
			if got := held(); (got == before) != (authors == 1) {
				t.Errorf("long %v: %d of %d packets of an author are held beside %d that flood", long, got, before, authors)
			}
		}
	}
}

// held returns how many packets of an author are held.
func (a *author) held(m *Machine) (packets int) {
	for s := m.newest; s != nil; s = s.older {
		if s.author == a {
			packets += s.held
			for _, b := range s.archive.blocks {
				for _, p := range b.packets {
					if p != nil {
						packets++
					}
				}
			}
		}
	}
	return packets
}

// Messages that are being put together: an author that begins one on each of many topics leaves room for another's, and loses one of its own for it. Its own
// next message, the control, finds none.
func TestUnfinishedMessagesOfOneAuthorLeaveRoom(t *testing.T) {
	const topics, size, flooder = 40, 1000, 100
	for _, author := range []protocol.NodeID{50, flooder} {
		s := manyTopics(t, topics, nil)
		piece := func(author protocol.NodeID, topic string, seq uint64) {
			record := wire.Record{Kind: wire.RecordMiddle, Data: make([]byte, size)}
			if seq == 1 {
				record.Kind, record.Total = wire.RecordFirst, wire.MessageMax
			}
			p := packet(1).of(author, topic, seq)
			p.Messages, p.Count, p.Body = 0, 0, wire.AppendRecord(nil, record)
			s.receive(p)
		}
		for seq := range uint64(wire.MessageMax/size - 1) {
			for topic := range topics {
				piece(flooder, fmt.Sprint("t", topic), seq+1)
			}
		}
		if s.assembled < assembliesMax-2*wire.MessageMax || s.authors[flooder].assembled != s.assembled {
			t.Fatalf("%d bytes are being put together", s.assembled)
		}
		lost := s.Stats().MessagesLost
		for seq := range uint64(500) {
			piece(author, "t", seq+1)
		}
		stream := s.byID[StreamID{Author: author, Epoch: 1, Topic: TopicOf("t")}]
		if holds := len(stream.order.partial) == 500*size; holds != (author != flooder) || s.Stats().MessagesLost == lost {
			t.Errorf("author %d: its message is held: %v; %d messages lost", author, holds, s.Stats().MessagesLost-lost)
		}
		if sum := s.authors[flooder].assembled + s.authors[author].assembled; author != flooder && sum != s.assembled || s.assembled > assembliesMax+wire.MessageMax {
			t.Errorf("%d bytes, of the authors %d", s.assembled, sum)
		}
	}
}

// An author that invents epochs gets no more than its part of the streams that may be known, and others find room. With a part as large as the whole they do not.
func TestOneAuthorLeavesStreamsForOthers(t *testing.T) {
	for _, subscriptions := range []int{1, 1000} {
		s := soloMachine(t, func(c *Config) { c.Streams, c.Subscriptions = 1000, subscriptions })
		for epoch := range uint64(2000) {
			p := packet(1)
			p.Stream.Author, p.Stream.Epoch = other, epoch+1
			s.receive(p)
		}
		most := max(subscriptions, s.config.Streams/authorStreams)
		if got := s.authors[other].streams; got != most || s.Stats().StreamsRefused != uint64(2000-most) {
			t.Errorf("an author has %d streams, want %d; %d refused", got, most, s.Stats().StreamsRefused)
		}
		s.receive(packet(1))
		if known := s.byID[packet(1).Stream] != nil; known != (subscriptions == 1) {
			t.Errorf("%d subscriptions: the stream of another author is known: %v", subscriptions, known)
		}
	}
}

// Authors are forgotten with the last of their streams.
func TestAuthorsAreForgotten(t *testing.T) {
	s := manyTopics(t, 2, nil)
	s.receive(packet(1).of(50, "t0", 1))
	s.receive(packet(1).of(50, "t1", 1))
	if len(s.authors) != 1 || s.authors[50].streams != 2 {
		t.Fatalf("%d authors", len(s.authors))
	}
	for i, left := range []int{1, 0} {
		if err := s.Unsubscribe(s.now, fmt.Sprint("t", i), &s.out); err != nil {
			t.Fatal(err)
		}
		if len(s.authors) != left {
			t.Errorf("%d authors are known, want %d", len(s.authors), left)
		}
	}
}
