package bimodal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// spreadOf returns what a machine spreads: every packet encoded, one behind the other.
func spreadOf(out *protocol.Output) (encoded []byte) {
	for i := range out.Effects {
		if p, ok := out.Effects[i].Message.(*Packet); ok {
			encoded = wire.AppendFrame(encoded, p)
		}
	}
	return encoded
}

// PublishAll is the same as as many calls of Publish: the same packets, whatever the sizes of the messages.
func TestPublishAllPacksAsPublishDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var messages wire.Messages
		for range 1 + random.IntN(60) {
			size := random.IntN(200)
			switch random.IntN(10) {
			case 0:
				size = 1000 + random.IntN(400) // around what fits into a packet
			case 1:
				size = random.IntN(20_000)
			}
			messages.Add(bytes.Repeat([]byte{byte(size)}, size))
		}
		single, all := benchMachine(t, 1, nil), benchMachine(t, 1, nil)
		var one, many protocol.Output
		for _, m := range []*Machine{single, all} {
			m.Notify(0, wanting(2), new(protocol.Output))
			if err := m.Configure(0, "t", TopicOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range messages.Len() {
			if err := single.Publish(0, "t", messages.Message(i), &one); err != nil {
				t.Fatal(err)
			}
		}
		if next, err := all.PublishAll(0, "t", &messages, 0, &many); next != messages.Len() || err != nil {
			t.Fatalf("published up to %d of %d: %v", next, messages.Len(), err)
		}
		single.Timeout(0, &one)
		all.Timeout(0, &many)
		if want, got := spreadOf(&one), spreadOf(&many); len(want) == 0 || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes of packets, want the same as the %d of single messages", len(got), len(want))
		}
		if one, many := single.Stats(), all.Stats(); one != many {
			t.Fatalf("counted %+v, want %+v", many, one)
		}
	}
}

// A message may leave the bucket in debt, and the one behind waits until there are tokens again.
func TestPublishAllKeepsTheRate(t *testing.T) {
	m := benchMachine(t, 1, nil)
	if err := m.Configure(0, "t", TopicOptions{Rate: 1 << 20, Burst: 64 << 10}); err != nil {
		t.Fatal(err)
	}
	var messages wire.Messages
	for range 100 {
		messages.Add(make([]byte, 1021)) // a record of 1023 bytes
	}
	var out protocol.Output
	next, err := m.PublishAll(0, "t", &messages, 0, &out)
	if next != 65 || !errors.Is(err, ErrWouldBlock) {
		t.Fatalf("published %d messages at once: %v; want the burst and one more, 65", next, err)
	}
	now := protocol.Time(20 * time.Millisecond) // 20.5 records' worth of tokens, of which the debt takes 0.9
	if next, err = m.PublishAll(now, "t", &messages, next, &out); next != 85 || !errors.Is(err, ErrWouldBlock) {
		t.Errorf("published up to %d after 20 ms: %v; want 85", next, err)
	}
}
