package bimodal

import (
	"math/rand/v2"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// havoc sends a machine what members may send, in any order, and checks what it tells the application.
type havoc struct {
	*solo
	random *rand.Rand
	heads  [4]uint64           // highest packets of as many streams
	told   map[StreamID]uint64 // messages accounted for
}

// step is one input, or some rounds.
func (h *havoc) step() {
	r, author := h.random, h.random.IntN(len(h.heads))
	head, id := &h.heads[author], StreamID{Author: protocol.NodeID(9 + author), Epoch: 1, Topic: TopicOf("t")}
	near := func() uint64 { return 1 + uint64(max(0, int(*head)-r.IntN(200)+r.IntN(8))) }
	switch n := r.IntN(20); {
	case n < 12:
		p := packet(near())
		if n < 9 {
			*head += 1 + r.Uint64N(2)
			p = packet(*head)
		}
		p.Stream, p.Body = id, wire.AppendRecord(nil, wire.Record{Data: make([]byte, 1+r.IntN(8000))})
		h.receive(p)
	case n < 14:
		if *head++; r.IntN(100) == 0 {
			*head += r.Uint64N(windowMax)
		}
		d := offer(h.round-uint32(r.IntN(2)), *head, Range{*head - r.Uint64N(min(*head, 100)), *head})
		e := &d.Entries[0]
		d.Answer, e.Author, e.Floor = r.IntN(2) == 0, id.Author, 1+r.Uint64N(e.Ranges[0].First)
		h.receive(d)
	case n < 16:
		first := near()
		q := ask(h.round, Range{first, first + r.Uint64N(20)})
		q.Entries[0].Stream = id
		h.receive(q)
	case n < 19:
		first := near()
		h.receive(&Poll{Entries: []PollEntry{{Stream: id, Ranges: []Range{{first, first + r.Uint64N(100)}}}}})
	default:
		for range r.IntN(2) * r.IntN(2) * r.IntN(20) {
			h.rounds(1)
			h.check()
		}
		h.rounds(1)
	}
	h.check()
}

// check holds what is told against what was told before: all messages in order, each delivered or lost once.
func (h *havoc) check() {
	for _, e := range h.out.Effects {
		id, first, count := StreamID{Topic: TopicOf("t")}, uint64(0), uint64(0)
		switch e := e.Event.(type) {
		case *Delivery:
			id.Author, id.Epoch, first, count = e.Author, e.Epoch, e.First, uint64(e.Count)
		case *Gap:
			id.Author, id.Epoch, first, count = e.Author, e.Epoch, e.First, e.Count
		default:
			continue
		}
		if first != h.told[id]+1 {
			h.t.Fatalf("message %d of %v after %d", first, id, h.told[id])
		}
		h.told[id] = first + count - 1
	}
}

// Whatever comes, a machine whose buffer is small keeps its accounts, and "every message is delivered or counted in exactly one Gap" (package
// documentation).
func TestAccountsHoldUnderHavoc(t *testing.T) {
	var evicted, long uint64
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := soloMachine(t, func(c *Config) {
			c.BufferBytes, c.Life, c.Short, c.Bufferers = 1<<20, 2+r.IntN(300), 1+r.IntN(8), 1+r.IntN(6)
			c.Buffering = Buffering(r.IntN(3))
		})
		for id := range protocol.NodeID(r.IntN(12)) {
			s.up(1000+id, 0, 0)
		}
		h := &havoc{solo: s, random: r, told: map[StreamID]uint64{}}
		for range 2000 {
			h.step()
		}
		bytes, archived, packets := 0, 0, 0
		for _, stream := range s.streams {
			bytes += stream.cost() + stream.archive.bytes
			archived += stream.archive.bytes
			packets += stream.held
		}
		st := s.Stats()
		if bytes != st.BufferedBytes || archived != st.LongBytes || packets != st.BufferedPackets-st.LongPackets {
			t.Fatalf("seed %d: %d bytes, %d of them long, %d packets; the accounts are %+v", seed, bytes, archived, packets, st)
		}
		evicted, long = evicted+st.PacketsEvicted, long+st.LongEvicted
	}
	if evicted == long || long == 0 {
		t.Errorf("%d packets evicted, %d of them beyond their short phase: the buffer was not full", evicted, long)
	}
}
