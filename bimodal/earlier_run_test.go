package bimodal

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
)

// restart replaces a node by one of its next epoch that has nothing to do with topics yet, and tells the others.
func (w *world) restart(nd *node) {
	w.t.Helper()
	for _, other := range w.nodes {
		if other != nd {
			other.Notify(w.now, protocol.PeerDown{Peer: &protocol.Peer{ID: nd.id}}, &other.out)
			w.flush(other)
		}
	}
	c := nd.config
	c.Epoch++
	c.Rand = rand.New(rand.NewPCG(c.Epoch, uint64(nd.id)))
	m, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	nd.Machine, nd.got, nd.events = m, make(map[StreamID]*account), nil
	nd.Start(w.now, &nd.out)
	w.flush(nd)
	w.introduce()
}

// Who subscribes late is told of no loss in a stream of a run that ended before, and gets nothing of it, whoever tells it of that stream first. Those that had subscribed
// are told of every message that they do not get, even who hears of the stream by what is sent again only.
func TestAnEarlierRunIsNotMissed(t *testing.T) {
	for seed := uint64(0); seed < 40; seed++ {
		for _, loss := range []float64{0, 0.2} {
			for _, gone := range []bool{false, true} {
				t.Run(fmt.Sprintf("seed=%d/loss=%v/gone=%v", seed, loss, gone), func(t *testing.T) { earlierRun(t, seed, loss, gone) })
			}
		}
	}
}

func earlierRun(t *testing.T, seed uint64, loss float64, gone bool) {
	const sent = 200
	w := newWorld(t, seed, 5, nil, "t")
	author, deaf, late, cut := w.nodes[0], w.nodes[3], w.nodes[4], true // the deaf one hears nothing while all is published
	if err := late.Unsubscribe(w.now, "t", &late.out); err != nil {
		t.Fatal(err)
	}
	w.flush(late)
	w.introduce()
	w.loss = loss
	w.lose = func(_, to protocol.NodeID, _ protocol.Message) bool { return cut && to == deaf.id }
	for i := range sent {
		if i == sent-1 {
			w.run(w.now.Add(50 * time.Millisecond)) // the last packet has a message and a manifest
		}
		w.publish(author, "t", payload(author.id, i, 100))
		w.run(w.now.Add(5 * time.Millisecond))
	}
	w.run(w.now.Add(time.Duration(w.rand.Int64N(int64(4 * time.Second)))))
	cut = false
	old := StreamID{author.id, author.config.Epoch, TopicOf("t")}
	if gone {
		w.restart(author)
	}
	w.restart(late)
	if err := late.Subscribe(w.now, "t", &late.out); err != nil {
		t.Fatal(err)
	}
	w.flush(late)
	w.introduce()
	w.run(w.now.Add(30 * time.Second))
	if a := late.got[old]; a != nil {
		t.Errorf("who subscribed late is delivered %d messages and told that %d are lost of a stream that ended before", a.delivered, a.lost)
	}
	for _, nd := range w.nodes[1:4] {
		a := nd.got[old]
		if a == nil && nd == deaf && gone && w.signed {
			continue // nobody may hold a packet any more that proves the stream
		}
		if a == nil || a.delivered+a.lost != sent {
			t.Errorf("node %v: %+v of %d sent", nd.id, a, sent)
		}
	}
}

// old returns a digest as of a stream of the writer that goes up to high and began so long ago.
func old(high uint64, ago time.Duration) *Digest {
	d := lie(writer, 1, high)
	d.Entries[0].Age = uint64(ago / time.Millisecond)
	return d
}

// Nobody can make a member miss a stream that began after it subscribed by telling that it is old: while the author is here it is asked, and where it is gone, the least age that
// anybody tells of counts. One that is alone can, where the author is gone; that is the control.
func TestLiesOfAgeHideNothing(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(9)
	high := uint64(len(packets))
	last, rest := packets[high-1], packets[:high-1] // the last one proves all
	begin := func() *solo {
		s := signedMachine(t, nil)
		s.now = s.now.Add(time.Second)
		s.hand(other, old(high, time.Hour))
		return s
	}
	gone := func(s *solo) {
		s.Notify(s.now, protocol.PeerDown{Peer: &protocol.Peer{ID: writer}}, &s.out)
		s.hand(other, old(high, time.Hour))
	}
	s := begin()
	if n := len(sent[*Request](s)); n != 0 {
		t.Errorf("%d requests because of an old stream of an author that is here", n)
	}
	polls := 0
	for range 2 * doubtPause {
		s.rounds(1)
		polls += len(sent[*Poll](s))
	}
	if polls != 1 {
		t.Errorf("%d polls of the author", polls)
	}
	s.hand(writer, old(high, 500*time.Millisecond))
	if n := s.handAll(other, last) + s.handAll(other, rest...); n != 9 {
		t.Errorf("%d of 9 messages delivered when the author has told of its stream", n)
	}
	s = begin()
	gone(s)
	s.hand(relayer, old(high, 500*time.Millisecond))
	if n := s.handAll(other, last) + s.handAll(other, rest...); n != 9 {
		t.Errorf("%d of 9 messages delivered when somebody tells the truth", n)
	}
	s = begin()
	gone(s)
	if n := s.handAll(other, last) + s.handAll(other, rest...); n != 0 {
		t.Errorf("%d messages delivered of a stream of which all say that it is old", n)
	}
}
