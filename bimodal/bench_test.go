package bimodal

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

func benchMachine(tb testing.TB, self protocol.NodeID, change func(*Config)) *Machine {
	tb.Helper()
	c := DefaultConfig()
	c.Self, c.Epoch, c.Rate, c.Rand = self, 1, 0, rand.New(rand.NewPCG(1, uint64(self)))
	if change != nil {
		change(&c)
	}
	m, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// wanting tells of a peer that wants topic t.
func wanting(id protocol.NodeID) protocol.PeerUp {
	interest := AppendInterest(nil, []TopicID{TopicOf("t")})
	return protocol.PeerUp{Peer: &protocol.Peer{
		ID: id, Epoch: 1, Attributes: []protocol.Attribute{{Name: InterestAttribute, Value: interest}},
	}}
}

// fullBody returns one record that fills a packet of 1200 bytes.
func fullBody() []byte { return wire.AppendRecord(nil, wire.Record{Data: make([]byte, 1150)}) }

// BenchmarkPublish seals a packet for each message and spreads it to 8 targets.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{100, 1150} {
		b.Run(map[int]string{100: "100B", 1150: "1150B"}[size], func(b *testing.B) {
			m := benchMachine(b, 1, nil)
			var out protocol.Output
			for i := range protocol.NodeID(8) {
				m.Notify(0, wanting(i+2), &out)
			}
			payload := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			now := protocol.Time(0)
			for b.Loop() {
				now += 20_000
				if err := m.Publish(now, "t", payload, &out); err != nil {
					b.Fatal(err)
				}
				m.Timeout(now, &out)
				out.Reset()
			}
		})
	}
}

// BenchmarkReceive decodes and receives packets of 1200 bytes in order.
func BenchmarkReceive(b *testing.B) {
	m := benchMachine(b, 1, nil)
	var out protocol.Output
	if err := m.Subscribe(0, "t", &out); err != nil {
		b.Fatal(err)
	}
	p := &Packet{Stream: StreamID{Author: 9, Epoch: 1, Topic: TopicOf("t")}, Count: 1, Body: fullBody()}
	var decoder Decoder
	body := make([]byte, 0, 1400)
	now := protocol.Time(0)
	b.SetBytes(1200)
	b.ReportAllocs()
	for b.Loop() {
		p.Seq++
		p.Messages = p.Seq - 1
		body = p.Append(body[:0])
		message, err := decoder.Decode(wire.KindData, body)
		if err != nil {
			b.Fatal(err)
		}
		now += protocol.Time(20 * time.Microsecond)
		m.Receive(now, 9, message, &out)
		if now >= m.Deadline() {
			m.Timeout(now, &out)
		}
		out.Reset()
	}
	if got := m.Stats().MessagesDelivered; got != p.Seq {
		b.Fatalf("%d of %d delivered", got, p.Seq)
	}
}

// BenchmarkBufferers is the decision whether this node keeps a block of packets beyond its short phase.
func BenchmarkBufferers(b *testing.B) {
	for _, members := range []int{8, 128, 1024} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			m := benchMachine(b, 1, nil)
			var out protocol.Output
			if err := m.Subscribe(0, "t", &out); err != nil {
				b.Fatal(err)
			}
			for i := 1; i < members; i++ {
				m.Notify(0, wanting(protocol.NodeID(i+1)), &out)
			}
			s := &stream{key: packet(1).Stream.hash(), id: packet(1).Stream, topic: m.byName["t"]}
			kept, blocks := 0, uint64(0)
			for b.Loop() {
				if m.buffers(s, blocks*blockLength) {
					kept++
				}
				blocks++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/blockLength, "ns/packet")
			b.ReportMetric(float64(kept)/float64(b.N), "kept")
		})
	}
}

func BenchmarkDecodePacket(b *testing.B) {
	p := packet(100_000)
	p.Age, p.Body = 60_000, fullBody()
	body := p.Append(nil)
	var decoder Decoder
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decoder.Decode(wire.KindData, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigestAppend(b *testing.B) {
	d := sampleDigest()
	body := make([]byte, 0, 2000)
	b.ReportAllocs()
	for b.Loop() {
		body = d.Append(body[:0])
	}
	b.ReportMetric(float64(len(body)), "bytes")
}

func BenchmarkDigestDecode(b *testing.B) {
	body := sampleDigest().Append(nil)
	var decoder Decoder
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decoder.Decode(wire.KindDigest, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRound is a round, with its digest, of a node that knows 1000 idle streams and receives a packet of each of 8 active
// ones.
func BenchmarkRound(b *testing.B) {
	m := benchMachine(b, 1, nil)
	var out protocol.Output
	if err := m.Subscribe(0, "t", &out); err != nil {
		b.Fatal(err)
	}
	m.Notify(0, wanting(2), &out)
	body := fullBody()
	receive := func(author protocol.NodeID, seq uint64) {
		p := &Packet{Stream: StreamID{Author: author, Epoch: 1, Topic: TopicOf("t")}, Seq: seq, Messages: seq - 1, Count: 1, Body: body}
		m.Receive(0, 2, p, &out)
	}
	for author := range protocol.NodeID(1000) {
		receive(author+100, 1)
	}
	seq := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		for author := range protocol.NodeID(8) {
			receive(author+10, seq)
		}
		now := m.Deadline()
		m.Timeout(now, &out)
		out.Reset()
	}
}

// In steady state a packet costs no allocation of its own: memory comes in slabs of many packets.
func TestReceiveDoesNotAllocate(t *testing.T) {
	s := soloMachine(t, nil)
	var decoder Decoder
	p, body := packet(1), make([]byte, 0, 1400)
	const packets = 2000
	allocated := testing.AllocsPerRun(5, func() {
		for range packets {
			body = p.Append(body[:0])
			m, err := decoder.Decode(wire.KindData, body)
			if err != nil {
				t.Fatal(err)
			}
			s.receive(m)
			p.Seq++
			p.Messages++
		}
	})
	if allocated > packets/20 {
		t.Errorf("%v allocations for %d packets", allocated, packets)
	}
}
