package bimodal

import (
	"crypto/sha256"
	"os"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// seeded is entropy for keys of tests.
type seeded byte

func (s seeded) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s) + byte(i)
	}
	return len(p), nil
}

// keyFor returns the private key of a member in tests.
func keyFor(id protocol.NodeID) identity.PrivateKey {
	key, err := identity.GenerateKey(seeded(id))
	if err != nil {
		panic(err)
	}
	return key
}

// credential is what shows who a member of a test is, and what it may do: everything but for one topic.
type credential struct {
	key                 identity.PublicKey
	unpublished, unread string // topics to which it may not publish or subscribe
}

func (c *credential) PublicKey() []byte              { return c.key[:] }
func (c *credential) MayPublish(topic string) bool   { return topic != c.unpublished }
func (c *credential) Name() string                   { return "" }
func (c *credential) MaySubscribe(topic string) bool { return topic != c.unread }

// credentialOf returns what shows that a member has the key of keyFor.
func credentialOf(id protocol.NodeID) *credential { return &credential{key: keyFor(id).Public()} }

// Signs reports whether the members of a test's world sign what they publish: those of half of the seeds, or of all or none where SPINGLASS_SIGNED says so.
func Signs(seed uint64) bool {
	switch os.Getenv("SPINGLASS_SIGNED") {
	case "all":
		return true
	case "none":
		return false
	}
	return seed/2%2 == 1
}

// modelNotary is a notary for worlds of many members: its signatures are hashes, which anybody can make who knows how.
func modelNotary(id protocol.NodeID) identity.Notary {
	return identity.NewNotaryOf(keyFor(id).Public(),
		func(s *protocol.Sign) []byte { return modelSignature(s.PublicKey, s.Context, s.Message) },
		func(c protocol.Check) bool {
			return string(c.Signature) == string(modelSignature(c.PublicKey, c.Context, c.Message))
		})
}

func modelSignature(key []byte, context string, message []byte) []byte {
	sum := sha256.Sum256(append(append(append([]byte(context), 0), key...), message...))
	return append(sum[:], sum[:]...)
}

// Members of these tests besides machine 1, which is under test.
const (
	writer  = protocol.NodeID(9)  // publishes
	relayer = protocol.NodeID(21) // hands on, like other
)

// signedMachine is a machine that subscribes to t, with a notary and peers that prove themselves.
func signedMachine(t *testing.T, change func(*Config)) *solo {
	s := soloMachine(t, func(c *Config) {
		c.Notary = identity.NewNotary(keyFor(1))
		if change != nil {
			change(c)
		}
	})
	for _, id := range []protocol.NodeID{writer, relayer, other} {
		s.meet(id, 1, credentialOf(id))
	}
	s.out.Reset()
	return s
}

// meet tells of a peer that wants topic t.
func (s *solo) meet(id protocol.NodeID, epoch uint64, c *credential) {
	p := &protocol.Peer{ID: id, Epoch: epoch, Attributes: []protocol.Attribute{{Name: InterestAttribute, Value: AppendInterest(nil, []TopicID{TopicOf("t")})}}}
	if c != nil {
		p.Credential = c
	}
	s.Notify(s.now, protocol.PeerUp{Peer: p}, &s.out)
}

// hand gives the machine a message as it comes over a link: in memory that is overwritten afterwards.
func (s *solo) hand(from protocol.NodeID, m protocol.Message) {
	s.t.Helper()
	var d Decoder
	body := m.Append(nil)
	decoded, err := d.Decode(m.Kind(), body)
	if err != nil {
		s.t.Fatalf("%T: %v", m, err)
	}
	s.out.Reset()
	s.Receive(s.now, from, decoded, &s.out)
	for i := range body {
		body[i] = 0xa5
	}
}

// handAll hands packets on as repairs, and returns how many messages that led to.
func (s *solo) handAll(from protocol.NodeID, packets ...*Packet) (delivered int) {
	s.t.Helper()
	for _, p := range packets {
		s.hand(from, &Repair{Packet: p})
		delivered += s.delivered()
	}
	return delivered
}

// delivered returns how many messages the latest input led to, each as payload made it.
func (s *solo) delivered() (count int) {
	for _, d := range emitted[*Delivery](s) {
		for _, got := range d.Messages {
			checkPayload(s.t, d.Author, got)
			count++
		}
	}
	return count
}

// blamed returns the members that the latest input named as who hands on corrupt packets.
func (s *solo) blamed() (ids []protocol.NodeID) {
	for _, e := range emitted[*Corruption](s) {
		ids = append(ids, e.Peer)
	}
	return ids
}

// signer is a machine that publishes to topic t and signs.
type signer struct {
	*Machine
	t         *testing.T
	now       protocol.Time
	out       protocol.Output
	published int
	times     []protocol.Time // when each packet of the present epoch was sealed
}

// newSigner makes a signer with one peer, to which it spreads by the given means.
func newSigner(t *testing.T, id protocol.NodeID, spread Spread, change func(*Config)) *signer {
	a := &signer{t: t, Machine: benchMachine(t, id, func(c *Config) {
		c.Notary = identity.NewNotary(keyFor(id))
		if change != nil {
			change(c)
		}
	})}
	if err := a.Configure(0, "t", TopicOptions{Spread: spread}); err != nil {
		t.Fatal(err)
	}
	a.Notify(0, wanting(1), &a.out)
	return a
}

// publish publishes messages of the given sizes in one batch, and returns what that sealed.
func (a *signer) publish(sizes ...int) []*Packet {
	a.t.Helper()
	return a.sealed(func() {
		for _, size := range sizes {
			if err := a.Publish(a.now, "t", payload(a.config.Self, a.published, size), &a.out); err != nil {
				a.t.Fatal(err)
			}
			a.published++
		}
		a.Timeout(a.now, &a.out)
	})
}

// batch publishes a message of 1000 bytes for each of so many packets, in one batch. As many as fit are covered by one manifest, which the last one carries.
func (a *signer) batch(packets int) []*Packet {
	if t := a.byName["t"]; t != nil {
		t.uncovered.soonest = protocol.Never
	}
	sizes := make([]int, packets)
	for i := range sizes {
		sizes[i] = 1000
	}
	return a.publish(sizes...)
}

// wait lets time pass, and returns what was sealed meanwhile.
func (a *signer) wait(d time.Duration) []*Packet {
	end := a.now.Add(d)
	return a.sealed(func() {
		for a.Deadline() <= end {
			a.now = max(a.now, a.Deadline())
			a.Timeout(a.now, &a.out)
			a.mark()
		}
		a.now = end
	})
}

// sealed returns the packets that the machine seals meanwhile.
func (a *signer) sealed(do func()) (packets []*Packet) {
	before := uint64(0)
	if s := a.byName["t"].stream; s != nil {
		before = s.high
	}
	do()
	for s := a.byName["t"].stream; s != nil && before < s.high; {
		before++
		p, _ := s.packet(before)
		packets = append(packets, p)
	}
	a.mark()
	a.out.Reset()
	return packets
}

// mark notes when packets were sealed.
func (a *signer) mark() {
	for s := a.byName["t"].stream; s != nil && uint64(len(a.times)) < s.high; {
		a.times = append(a.times, a.now)
	}
}

// copyOf returns a packet with the same fields, for changes.
func copyOf(p *Packet) *Packet {
	c := &Packet{Stream: p.Stream, Seq: p.Seq, Age: p.Age, Messages: p.Messages, Count: p.Count, Body: append([]byte(nil), p.Body...), whole: p.whole}
	if p.Manifest != nil {
		c.Manifest = &Manifest{Hashes: append([]byte(nil), p.Manifest.Hashes...), Signature: p.Manifest.Signature}
	}
	return c
}

// forged returns a packet as its author has made it but for the contents of its last message.
func forged(p *Packet) *Packet {
	c := copyOf(p)
	c.Body[len(c.Body)-1] ^= 1
	return c
}

// bare returns a packet without its manifest.
func bare(p *Packet) *Packet {
	c := copyOf(p)
	c.Manifest = nil
	return c
}

// resigned returns a packet with a manifest of the given packets before it, signed by a key.
func resigned(t *testing.T, p *Packet, by protocol.NodeID, before ...*Packet) *Packet {
	m := benchMachine(t, by, func(c *Config) { c.Notary = identity.NewNotary(keyFor(by)) })
	c := copyOf(p)
	c.Manifest = &Manifest{}
	for _, q := range before {
		sum := m.sumOf(q)
		c.Manifest.Hashes = append(c.Manifest.Hashes, sum[:]...)
	}
	m.sign(c)
	return c
}

func recordOf(payload []byte) []byte { return wire.AppendRecord(nil, wire.Record{Data: payload}) }
