package live

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

func mustAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestGarbageIsCountedByReason(t *testing.T) {
	conn := newMemoryConn("10.0.0.1:7400")
	m := &toy{}
	n := run(t, 1, m, func(c *Config) { c.Conn = conn })
	version := datagram(2, "x")
	version[0] = 9
	kind := wire.BeginDatagram(nil, 2)
	kind = wire.AppendFrame(append(kind, 126, 0), &text{body: []byte("behind it")})
	wire.FinishDatagram(kind)
	cut := wire.AppendFrame(wire.BeginDatagram(nil, 2), &text{body: []byte("whole")})
	cut = append(cut, byte(wire.KindTest), 200, 1) // claims 200 bytes, has none
	wire.FinishDatagram(cut)
	shared := wire.AppendFrame(wire.BeginDatagram(nil, 2), &text{body: []byte("for a group")})
	shared[wire.HeaderSize] = byte(wire.KindShared)
	wire.FinishDatagram(shared)
	damaged := datagram(2, "damaged")
	damaged[20] ^= 1
	cases := []struct {
		bytes  []byte
		times  uint64
		reason protocol.Reason
	}{
		{nil, 3, ReasonDatagramShort},
		{make([]byte, wire.HeaderSize-1), 2, ReasonDatagramShort},
		{version, 4, ReasonDatagramVersion},
		{damaged, 5, ReasonDatagramChecksum},
		{datagram(0, "nobody"), 6, ReasonDatagramSender},
		{datagram(1, "myself"), 7, ReasonDatagramSelf},
		{make([]byte, wire.DatagramMax+1), 8, ReasonDatagramOversize},
		{kind, 9, ReasonFrameKind},
		{cut, 10, ReasonFrameMalformed},
		{datagram(2, "!refused", "never seen"), 11, ReasonFrameMalformed},
		{shared, 12, ReasonGroupKind},
	}
	want := map[protocol.Reason]uint64{}
	for _, c := range cases {
		want[c.reason] += c.times
		for range c.times {
			inject(conn, c.bytes, "10.0.0.2:7400")
		}
	}
	inject(conn, datagram(2, "last"), "10.0.0.2:7400")
	eventually(t, "all datagrams handled", func() bool { return n.Stats().DatagramsReceived == 78 })
	for reason, times := range want {
		if got := n.Stats().Drops[reason]; got != times {
			t.Errorf("%s: counted %d of %d", reason, got, times)
		}
	}
	// The whole frame behind each of an unknown kind, and before each cut one, and the last.
	if got := m.received.Load(); got != 20 {
		t.Errorf("machine received %d messages, want 20", got)
	}
}

// Random bytes, truncations and flipped bits: every datagram is either received or counted as dropped. Seed 1.
func TestGarbageFlood(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	conn := newMemoryConn("10.0.0.1:7400")
	m := &toy{}
	n := run(t, 1, m, func(c *Config) { c.Conn = conn })
	const count = 20000
	for i := range count {
		b := datagram(protocol.NodeID(2+random.Uint64N(1<<40)), "some body or other")
		switch i % 3 {
		case 0:
			b = b[:random.IntN(len(b))]
		case 1:
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		case 2:
			b = make([]byte, random.IntN(300))
			for j := range b {
				b[j] = byte(random.Uint32())
			}
		}
		inject(conn, b, "10.0.0.2:7400")
	}
	eventually(t, "all datagrams handled", func() bool {
		s := n.Stats()
		return s.DatagramsReceived+s.Drops[ReasonReceiveQueue] == count
	})
	var dropped uint64
	for _, times := range n.Stats().Drops {
		dropped += times
	}
	// CRC-32C detects every flip of one bit, and 20,000 random datagrams pass it with probability 5e-6.
	if dropped != count || m.received.Load() != 0 {
		t.Errorf("dropped %d of %d, received %d", dropped, count, m.received.Load())
	}
	if got := n.book.strangers.len(); got != 0 {
		t.Errorf("garbage left %d strangers", got)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(datagram(2, "a", "bc"), 7)
	f.Add(datagram(1, ""), 0)
	f.Add(append(datagram(3, "x"), datagram(3, "y")...), len(datagram(3, "x")))
	f.Fuzz(func(t *testing.T, b []byte, segment int) {
		if len(b) > slabSize || segment < 0 {
			return
		}
		n := idle(t, &toy{})
		s := &slab{buffer: bytes.Clone(b)}
		n.inspect(s.buffer, segment)
		s.add(arrival{size: len(b), segment: segment, from: mustAddr("10.0.0.2:7400")}, 0)
		n.receiveSlab(s)
		if got, want := n.count.datagramsReceived.Load(), uint64(s.arrivals[0].datagrams()); got != want {
			t.Errorf("%d datagrams, want %d", got, want)
		}
	})
}

// idle returns a node whose goroutines do not run, for tests of the loop's own functions.
func idle(t testing.TB, m protocol.Machine) *Node {
	t.Helper()
	c := Config{ID: 1, Machine: m, Decoder: &textDecoder{}, Conn: newMemoryConn("10.0.0.1:7400")}.withDefaults()
	n, err := newNode(c, c.Conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.end)
	return n
}
