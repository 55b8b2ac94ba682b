package bimodal

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// proves reports whether a manifest is signed by an author and covers the packets before it as they are.
func (m *Machine) proves(c *Packet, packets []*Packet) bool {
	statement := m.statementOf(c, keyFor(c.Stream.Author).Public())
	if statement.Verify() != nil {
		return false
	}
	for _, p := range packets {
		if p.Seq >= c.Seq || p.Seq+c.Manifest.covers() < c.Seq {
			continue
		}
		if sum := m.sumOf(p); !bytes.Equal(sum[:], c.Manifest.hashOf(c.Seq, p.Seq)) {
			return false
		}
	}
	return true
}

// "at most manifestDelay": whatever is published when, each packet is covered by a manifest, its own or one that is sealed soon after it, and by no
// more than the next besides; a manifest is signed and covers no more than 32 packets besides its own, and what carries it fits into a datagram.
func TestEveryPacketIsCoveredInTime(t *testing.T) {
	for _, way := range []struct {
		spread Spread
		delay  time.Duration
	}{{SpreadDirect, manifestDelay}, {SpreadTree, manifestDelayProven}} {
		alone, full, twice := 0, 0, 0
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 21))
			a := newSigner(t, writer, way.spread, nil)
			var packets []*Packet
			for range 60 {
				sizes := make([]int, r.IntN(4)*r.IntN(20))
				for i := range sizes {
					if sizes[i] = r.IntN(300); r.IntN(3) == 0 {
						sizes[i] = r.IntN(20_000)
					}
				}
				packets = append(packets, a.publish(sizes...)...)
				packets = append(packets, a.wait(time.Duration(r.ExpFloat64()*float64(2*time.Millisecond)))...)
			}
			packets = append(packets, a.wait(time.Second)...)
			before, covered := 0, 0 // packets that two manifests cover, and one
			for i, p := range packets {
				if p.Seq != uint64(i+1) {
					t.Fatalf("packet %d in place %d", p.Seq, i+1)
				}
				if size := wire.HeaderSize + wire.FrameSize(p.Size()+relayOverheadMax); size > a.config.DatagramSize {
					t.Fatalf("packet %d takes a datagram of %d bytes", p.Seq, size)
				}
				if p.Manifest == nil {
					continue
				}
				n := int(p.Manifest.covers())
				if n > manifestMax || n < i-covered || !a.proves(p, packets) {
					t.Fatalf("packet %d: a manifest of %d packets, %d before it are not covered; it proves them: %v", p.Seq, n, i-covered, a.proves(p, packets))
				}
				if again := n - (i - covered); again > 0 {
					twice++
					if i-again < before {
						t.Fatalf("packet %d: its manifest covers packets that two manifests cover", p.Seq)
					}
				}
				for _, earlier := range a.times[covered:i] {
					if late := a.times[i].Sub(earlier); late > way.delay {
						t.Fatalf("%v: a packet was sealed %v before the manifest that covers it", way.spread, late)
					}
				}
				if before, covered = covered, i+1; len(p.Body) == 0 {
					alone++
				}
				if n == manifestMax {
					full++
				}
			}
			if covered != len(packets) {
				t.Fatalf("%d of %d packets are covered when nothing is to come any more", covered, len(packets))
			}
			if s := a.Stats(); s.ManifestsSigned == 0 || s.PacketsSent != uint64(len(packets)) {
				t.Fatalf("%+v", s)
			}
		}
		if alone == 0 || full == 0 || twice == 0 {
			t.Errorf("%v: %d manifests alone, %d with no room for more, %d that cover packets again: not all cases were tried", way.spread, alone, full, twice)
		}
	}
}

// Where little is published each packet carries its own signature: there is no extra packet, and nothing waits.
func TestRareMessagesCarryTheirSignature(t *testing.T) {
	for _, size := range []int{20, 1000} {
		a := newSigner(t, writer, SpreadTree, nil)
		for range 20 {
			p := a.publish(size)
			if len(p) != 1 || p[0].Manifest == nil || p[0].Manifest.covers() != 0 || !a.proves(p[0], nil) {
				t.Fatalf("a message of %d bytes made %d packets, the first with the manifest %+v", size, len(p), p[0].Manifest)
			}
			if later := a.wait(50 * time.Millisecond); len(later) != 0 {
				t.Fatalf("%d packets later", len(later))
			}
		}
		if s := a.Stats(); s.PacketsSent != 20 || s.ManifestsSigned != 20 || s.ManifestsAlone != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// A burst ends with a packet that carries nothing but the manifest, one for up to 33 packets, and only when it is due. More than that is not spent.
func TestBurstsEndWithAManifest(t *testing.T) {
	a := newSigner(t, writer, SpreadDirect, nil)
	a.publish(20) // the first carries its own, and the next is due manifestDelay later
	burst := a.batch(5)
	for _, p := range burst {
		if p.Manifest != nil {
			t.Fatalf("packet %d of a burst carries a manifest before it is due", p.Seq)
		}
	}
	if early := a.wait(manifestDelay - time.Nanosecond); len(early) > 0 {
		t.Fatalf("%d packets before the manifest is due", len(early))
	}
	last := a.wait(time.Nanosecond)
	if len(last) != 1 || last[0].Manifest == nil || last[0].Manifest.covers() != 5 || len(last[0].Body) != 0 || last[0].Count != 0 || !a.proves(last[0], burst) {
		t.Fatalf("a burst of 5 packets is followed by %+v", last)
	}
	if more := a.wait(time.Second); len(more) > 0 {
		t.Errorf("%d packets more", len(more))
	}
	before := a.Stats()
	a.batch(330)
	a.wait(time.Second)
	s := a.Stats()
	if signed, alone := s.ManifestsSigned-before.ManifestsSigned, s.ManifestsAlone-before.ManifestsAlone; signed != 11 || alone != 11 {
		t.Errorf("%d signatures for 330 packets that have no room for one, %d of them alone; want one for 32", signed, alone)
	}
}

// In a steady stream of packets that leave some room manifests find it: nothing extra is sent, no signature follows another at once, and most packets
// are covered twice, so that the loss of one manifest does not hold up what it covers.
func TestManifestsFindRoom(t *testing.T) {
	for _, test := range []struct {
		size    int
		between time.Duration
		alone   uint64
		twice   int // of 100 packets
	}{{1000, time.Millisecond, 1, 70}, {100, time.Millisecond, 1, 90}, {1000, 200 * time.Microsecond, 1, 20}, {1150, time.Millisecond, 1, 0}} {
		a := newSigner(t, writer, SpreadDirect, nil)
		var packets []*Packet
		for range 1000 {
			packets = append(packets, append(a.publish(test.size), a.wait(test.between)...)...)
		}
		packets = append(packets, a.wait(time.Second)...)
		covers := make([]int, len(packets)+1)
		last := protocol.Time(-time.Second)
		for i, p := range packets {
			if p.Manifest == nil {
				continue
			}
			if covers[p.Seq]++; a.times[i].Sub(last) < manifestDelayProven*manifestRipe/4 && p.Manifest.covers() < manifestMax {
				t.Errorf("%+v: a manifest %v after another one", test, a.times[i].Sub(last))
			}
			last = a.times[i]
			for seq := p.Seq - p.Manifest.covers(); seq < p.Seq; seq++ {
				covers[seq]++
			}
		}
		twice := 0
		for _, n := range covers[1:] {
			if n > 1 {
				twice++
			}
		}
		s := a.Stats()
		t.Logf("%+v: %d packets, %d signatures, %d alone, %d packets covered twice", test, s.PacketsSent, s.ManifestsSigned, s.ManifestsAlone, twice)
		if s.ManifestsAlone > test.alone || twice*100 < test.twice*len(packets) {
			t.Errorf("%+v: %d manifests alone, %d of %d packets covered twice", test, s.ManifestsAlone, twice, len(packets))
		}
	}
}

// "manifests alone": nothing is spent on them by a node that does not sign.
func TestWithoutNotaryNothingIsCovered(t *testing.T) {
	a := newSigner(t, writer, SpreadTree, func(c *Config) { c.Notary = nil })
	for _, p := range append(a.batch(40), a.wait(time.Second)...) {
		if p.Manifest != nil {
			t.Fatalf("packet %d carries a manifest", p.Seq)
		}
	}
	if s := a.Stats(); s.PacketsSent != 40 || s.ManifestsSigned != 0 {
		t.Errorf("%+v", s)
	}
}

// What was published under an epoch is covered before the next begins.
func TestTheRestOfAnEpochIsCovered(t *testing.T) {
	a := newSigner(t, writer, SpreadDirect, nil)
	old := a.publish(20)
	old = append(old, a.batch(3)...)
	stream := a.byName["t"].stream
	a.Notify(a.now, protocol.EpochRaised{Epoch: 5}, &a.out)
	last, _ := stream.packet(stream.high)
	if stream.high != 5 || last.Manifest == nil || last.Manifest.covers() != 3 || last.Stream.Epoch != 1 || !a.proves(last, old) {
		t.Fatalf("the epoch ended with packet %d, %+v", stream.high, last)
	}
	fresh := append(a.publish(20), a.wait(time.Second)...)
	s := signedMachine(t, nil)
	s.meet(writer, 5, credentialOf(writer))
	if n := s.handAll(other, append(append(old, last), fresh...)...); n != 5 {
		t.Errorf("%d of 5 messages of two epochs delivered", n)
	}
}

// A manifest that stands between the pieces of a cut message leaves it whole, whatever way the packets come, and in any order.
func TestManifestsBetweenPieces(t *testing.T) {
	a := newSigner(t, writer, SpreadTree, nil)
	packets := append(a.publish(100_000, 30, 70_000), a.wait(time.Second)...)
	inside := 0
	for i, p := range packets {
		if i > 0 && i+1 < len(packets) && len(p.Body) == 0 && packets[i+1].continues() {
			inside++
		}
	}
	if inside == 0 {
		t.Fatal("no manifest stands between pieces")
	}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := signedMachine(t, nil)
		delivered := 0
		for _, i := range r.Perm(len(packets)) {
			from := []protocol.NodeID{writer, other, relayer}[r.IntN(3)]
			delivered += s.handAll(from, packets[i])
		}
		if stats := s.Stats(); delivered != 3 || stats.MessagesLost != 0 || stats.SuspectBytes != 0 || stats.PacketsCorrupt != 0 {
			t.Fatalf("%d of 3 messages delivered: %+v", delivered, stats)
		}
	}
}

// "A message that began before does not count": who begins with a manifest that stands between the pieces of one is not told that it lost that message.
func TestBeginningAtAManifestBetweenPieces(t *testing.T) {
	a := newSigner(t, writer, SpreadTree, nil)
	packets := append(a.publish(100_000, 30), a.wait(time.Second)...)
	begun := 0
	for i, p := range packets {
		if i+1 == len(packets) || len(p.Body) > 0 || !packets[i+1].continues() {
			continue
		}
		begun++
		s := signedMachine(t, nil)
		delivered := 0
		for _, q := range packets[i:] {
			late := resigned(t, q, writer) // of a stream too old to tell when it began
			late.Age = AgeMax
			delivered += s.handAll(writer, late)
		}
		if stats := s.Stats(); delivered != 1 || stats.MessagesLost != 0 {
			t.Errorf("from packet %d on: %d delivered, %d told as lost", p.Seq, delivered, stats.MessagesLost)
		}
	}
	if begun == 0 {
		t.Fatal("no manifest stands between pieces")
	}
}

// What a decoder refuses of manifests: more than 32 packets, more than come before it, a signature cut short, a count of messages where there are none.
func TestMalformedManifests(t *testing.T) {
	covering := func(seq uint64, hashes int, body []byte) []byte {
		p := samplePacket()
		p.Seq, p.Body = seq, body
		if body == nil {
			p.Count = 0
		}
		p.Manifest = &Manifest{Hashes: make([]byte, hashes*sha256.Size)}
		return p.Append(nil)
	}
	whole := covering(40, 3, samplePacket().Body)
	miscounted := samplePacket()
	miscounted.Body, miscounted.Manifest = nil, &Manifest{}
	for _, test := range []struct {
		what string
		body []byte
		good bool
	}{
		{"as it should be", whole, true},
		{"alone", covering(40, 32, nil), true},
		{"of as many packets as come before", covering(4, 3, nil), true},
		{"of more packets than come before", covering(3, 3, nil), false},
		{"of 33 packets", covering(40, 33, nil), false},
		{"cut short", whole[:len(whole)-1], false},
		{"a signature cut short", covering(40, 0, nil)[:60], false},
		{"alone with a message", miscounted.Append(nil), false},
	} {
		var d Decoder
		if _, err := d.Decode(wire.KindRepair, test.body); (err == nil) != test.good {
			t.Errorf("a manifest %s: %v", test.what, err)
		}
	}
}

// Where packets that some members want alone prove themselves between others, what manifests say of the packets before them is true of each.
func TestManifestsBetweenPacketsThatProveThemselves(t *testing.T) {
	alone, covering := 0, 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 22))
		a := newSigner(t, writer, SpreadDirect, nil)
		packets := a.publish(100)
		for _, topic := range a.topics {
			topic.below = ratingOf(0.3)
		}
		for range 60 {
			sizes := make([]int, 1+r.IntN(30))
			for i := range sizes {
				sizes[i] = r.IntN(1000)
			}
			packets = append(packets, a.publish(sizes...)...)
			packets = append(packets, a.wait(time.Duration(r.ExpFloat64()*float64(2*time.Millisecond)))...)
		}
		packets = append(packets, a.wait(time.Second)...)
		for _, p := range packets {
			switch {
			case p.Manifest == nil:
				continue
			case p.Manifest.covers() == 0:
				alone++
			default:
				covering++
			}
			if !a.proves(p, packets) {
				t.Fatalf("seed %d: the manifest of packet %d, of %d packets, does not prove them", seed, p.Seq, p.Manifest.covers())
			}
		}
	}
	if alone < 100 || covering < 100 {
		t.Errorf("%d packets prove themselves, %d others", alone, covering)
	}
}
