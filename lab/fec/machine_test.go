package fec

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/lab/stream"
	"spinglass/protocol"

	"pgregory.net/rapid"
)

// machine makes the machine of a member in a group of n, whose sender is member 1.
func machine(t testing.TB, self protocol.NodeID, n int, change func(*Config)) *Machine {
	t.Helper()
	c := DefaultConfig()
	c.Self, c.Sender, c.Rand, c.GRTT = self, 1, rand.New(rand.NewPCG(1, 2)), 50*time.Millisecond
	if change != nil {
		change(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for id := 1; id <= n; id++ {
		if protocol.NodeID(id) != self {
			m.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{ID: protocol.NodeID(id)}}, new(protocol.Output))
		}
	}
	return m
}

// Any k symbols of a block give its packets; with one less none of those that are missing comes.
func TestCode(t *testing.T) {
	code, err := newCode(6, 5)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		packets := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 1, 6).Draw(t, "packets")
		parity, err := code.encode(packets)
		if err != nil {
			t.Fatal(err)
		}
		order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}).Draw(t, "order")
		order = slices.DeleteFunc(order, func(i int) bool { return i < 6 && i >= len(packets) })
		have, haveParity := make([][]byte, 6), make([][]byte, 5)
		put := func(i int) {
			if i < 6 {
				have[i] = packets[i]
				if have[i] == nil {
					have[i] = []byte{}
				}
			} else {
				haveParity[i-6] = parity[i-6]
			}
		}
		for _, i := range order[:len(packets)-1] {
			put(i)
		}
		if found, err := code.decode(have, haveParity, len(packets)); err == nil && len(packets) > 0 {
			t.Fatalf("decoded from %d symbols of %d: %v", len(packets)-1, len(packets), found)
		}
		put(order[len(packets)-1])
		found, err := code.decode(have, haveParity, len(packets))
		if err != nil && slices.ContainsFunc(have[:len(packets)], func(p []byte) bool { return p == nil }) {
			t.Fatal(err)
		}
		for i, packet := range packets {
			if err == nil && have[i] == nil && !bytes.Equal(found[i], packet) {
				t.Fatalf("packet %d is %x, not %x", i, found[i], packet)
			}
		}
	})
}

// "Back-off truncated-exponential up to K*GRTT": few of a large group draw short times.
func TestBackOff(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{1, 10, 1000} {
		const draws = 20_000
		early, most := 0, 200*time.Millisecond
		for range draws {
			d := backOff(r, most, size)
			if d < 0 || d > most {
				t.Fatalf("%v is drawn, up to %v", d, most)
			}
			if d < most/4 {
				early++
			}
		}
		// Of the RFC: P(T < x) = (exp(L x / T_max) - 1) / (exp(L) - 1), L = ln(size) + 1.
		want := map[int]float64{1: 0.1653, 10: 0.0490, 1000: 0.00231}[size]
		if got := float64(early) / draws; got < want*0.8 || got > want*1.2 {
			t.Errorf("group of %d: %.4f in the first quarter, want %.4f", size, got, want)
		}
	}
}

// emit runs the sender over so many packets and returns what it multicasts.
func emit(t *testing.T, packets int, change func(*Config)) (sender *Machine, sent []*Message) {
	sender = machine(t, 1, 4, change)
	var out protocol.Output
	for i := range packets {
		sender.Publish(protocol.Time(i)*protocol.Time(time.Millisecond), []byte{byte(i), 'x'}, &out)
	}
	for _, e := range out.Effects {
		sent = append(sent, e.Message.(*Message))
	}
	return sender, sent
}

// feed gives messages to a receiver and returns the numbers that it delivers.
func feed(m *Machine, now protocol.Time, messages ...*Message) (numbers []uint64) {
	var out protocol.Output
	for _, v := range messages {
		m.Receive(now, 1, v, &out)
	}
	for _, e := range out.Effects {
		if d, ok := e.Event.(*stream.Delivered); ok && d.Payload[0] == byte(d.Number-1) {
			numbers = append(numbers, d.Number)
		}
	}
	return numbers
}

// One packet of a block that is lost is made up for by the parity that goes unasked; two are asked for.
func TestParityAndNaks(t *testing.T) {
	sender, sent := emit(t, 16, nil)
	if len(sent) != 17 || sent[16].kind != KindParity {
		t.Fatalf("%d messages for a block", len(sent))
	}
	one := machine(t, 2, 4, nil)
	if got := feed(one, 0, append(sent[:3:3], sent[4:]...)...); len(got) != 16 || got[15] != 4 || one.Deadline() != protocol.Never {
		t.Errorf("with one packet lost: %v, deadline %v", got, one.Deadline())
	}
	two := machine(t, 2, 4, nil)
	if got := feed(two, 0, append(sent[:3:3], sent[5:]...)...); len(got) != 14 || two.Deadline() > protocol.Time(200*time.Millisecond) {
		t.Fatalf("with two packets lost: %v, deadline %v", got, two.Deadline())
	}
	var out protocol.Output
	two.Timeout(two.Deadline(), &out)
	nak := out.Effects[0].Message.(*Message)
	if nak.kind != KindNak || len(out.Effects[0].Targets) != 3 || !slices.Equal(nak.Needs, []Need{{1, 1}}) {
		t.Fatalf("it asks by %+v", nak)
	}
	now := protocol.Time(time.Second)
	out.Reset()
	sender.Receive(now, 2, nak, &out)
	sender.Receive(now, 3, &Message{kind: KindNak, Needs: []Need{{1, 3}}}, &out)
	sender.Timeout(now.Add(5*50*time.Millisecond), &out)
	repairs := slices.DeleteFunc(out.Effects, func(e protocol.Effect) bool { return e.Message.Kind() != KindRepair })
	if len(repairs) != 3 {
		t.Fatalf("%d symbols for needs of 1 and 3", len(repairs))
	}
	if got := feed(two, now.Add(time.Second), repairs[2].Message.(*Message)); !slices.Equal(got, []uint64{4, 5}) {
		t.Errorf("a symbol of the repair brings %v", got)
	}
	out.Reset()
	sender.Receive(now.Add(5*50*time.Millisecond+1), 4, nak, &out)
	if sender.sent[1].need != 0 {
		t.Error("a need from before the repair counts again")
	}
}

// Who hears that another receiver asks for as much does not ask.
func TestSuppression(t *testing.T) {
	_, sent := emit(t, 16, nil)
	for _, others := range []int{1, 2, 3} {
		m := machine(t, 2, 4, nil)
		feed(m, 0, append(sent[:2:2], sent[5:]...)...) // lacks three, has one of parity
		m.Receive(1, 3, &Message{kind: KindNak, Needs: []Need{{1, others}}}, new(protocol.Output))
		var out protocol.Output
		m.Timeout(m.Deadline(), &out)
		if asks := len(out.Effects) > 0; asks != (others < 2) {
			t.Errorf("others ask for %d, this one needs 2: asks is %v", others, asks)
		}
		// No repair comes: it asks after it has held off.
		for range 2 {
			m.Timeout(m.Deadline(), &out)
		}
		if len(out.Effects) == 0 {
			t.Errorf("others ask for %d: it never asks", others)
		}
	}
}

// A block that is not full ends by its age, and the end of the stream is repeated so that a lost one is noticed.
func TestEndOfStream(t *testing.T) {
	sender, sent := emit(t, 3, func(c *Config) { c.Proactive = 0 })
	var out protocol.Output
	for range 2 {
		sender.Timeout(sender.Deadline(), &out)
	}
	flush := out.Effects[0].Message.(*Message)
	if flush.kind != KindFlush || flush.Count != 3 {
		t.Fatalf("after the block's age: %+v", flush)
	}
	m := machine(t, 2, 4, nil)
	if feed(m, 0, sent[0]); m.Deadline() != protocol.Never {
		t.Error("a block that is open is asked for")
	}
	feed(m, 0, flush)
	out.Reset()
	m.Timeout(m.Deadline(), &out)
	if nak := out.Effects[0].Message.(*Message); !slices.Equal(nak.Needs, []Need{{1, 2}}) {
		t.Errorf("it needs %v", nak.Needs)
	}
	for range 100 {
		sender.Timeout(sender.Deadline(), &out)
	}
	if sender.Deadline() != protocol.Never {
		t.Error("the end of the stream is repeated for ever")
	}
}

// Whatever decodes has one encoding, and harms no member.
func FuzzDecode(f *testing.F) {
	for _, m := range []*Message{
		{kind: KindData, Block: 1, First: 1, Index: 3, Body: []byte("x")}, {kind: KindParity, Block: 1, First: 1, Count: 2, Index: 16, Body: []byte("xyz")},
		{kind: KindRepair, Block: 1 << 50, First: 7, Count: 16, Index: 31, Body: []byte("abc")}, {kind: KindNak, Needs: []Need{{1, 2}, {5, 128}, {1 << 60, 0}}},
		{kind: KindFlush, Block: 2, First: 9, Count: 1},
	} {
		f.Add(uint8(m.kind), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		m, err := new(Decoder).Decode(protocol.Kind(kind), body)
		if err != nil {
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, body) || m.Size() != len(body) {
			t.Fatalf("%x decodes and encodes to %x, of %d bytes", body, again, m.Size())
		}
		for self := protocol.NodeID(1); self <= 2; self++ {
			member := machine(t, self, 4, func(c *Config) { c.Late = len(body)%2 == 1 })
			var out protocol.Output
			if self == 1 {
				for range 20 {
					member.Publish(0, []byte("own"), &out)
				}
			}
			for from := range protocol.NodeID(5) {
				member.Receive(protocol.Time(from), from, m, &out)
			}
			for range 20 {
				member.Timeout(member.Deadline(), &out)
				out.Reset()
			}
		}
	})
}
