package bimodal

import (
	"crypto/sha256"
	"hash"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Constants of manifests that are not for configuration.
const (
	// manifestMax is how many packets a manifest covers besides the one that carries it.
	manifestMax = 32
	// manifestDelay is for how long packets go without a manifest that come from this node's own link: they need one only to be handed on.
	manifestDelay = 10 * time.Millisecond
	// manifestDelayProven is the same for packets that are handed on by trees or sent to a group, which nobody takes before they are covered. With it a
	// receiver verifies at most 1000 manifests a second of one stream, 4 % of a core.
	manifestDelayProven = time.Millisecond
	// verificationsMax is how many signatures are verified a round: a quarter of a core with rounds of 100 ms. One peer takes at most a half of it.
	verificationsMax  = 600
	verificationsPart = 2
)

// Manifest lets anybody check packets, whoever hands them on: it is signed by the author, and covers the packet that carries it and those right before. Most packets are
// covered by two.
type Manifest struct {
	Hashes    []byte // SHA-256 of the packets before, oldest first; at most manifestMax
	Signature identity.Signature
}

// covers returns how many packets before its own a manifest covers.
func (f *Manifest) covers() uint64 { return uint64(len(f.Hashes) / sha256.Size) }

// manifestSize returns the bytes that a manifest adds to a packet.
func manifestSize(hashes int) int { return hashes + identity.SignatureSize }

// hashOf returns the hash of packet seq, which the manifest of packet own covers.
func (f *Manifest) hashOf(own, seq uint64) []byte {
	from := len(f.Hashes) - int(own-seq)*sha256.Size
	return f.Hashes[from : from+sha256.Size]
}

// authorKey is the key of a member whose packets this node has to check.
type authorKey struct {
	key        identity.PublicKey
	epoch      uint64 // the latest
	credential protocol.Credential
}

// proving is what a machine needs to sign its packets, and to check those of others.
type proving struct {
	notary    identity.Notary // nil: nobody signs, and packets are taken from whoever sends them
	hasher    hash.Hash
	head      []byte
	authors   map[protocol.NodeID]authorKey // members, and those of late
	departed  []protocol.NodeID          // authors that are members no longer, in the order of their going
	trials    map[StreamID]*trial
	order     []*trial  // as they began
	bytes     int       // that packets on trial keep alive
	released  []suspect // scratch
	left      int       // signatures that may be verified in the present round
	postponed []repair  // asked for, of packets whose manifest is still to come
	coverAt   protocol.Time
}

func newProving(notary identity.Notary) proving {
	return proving{
		notary: notary, hasher: sha256.New(), authors: make(map[protocol.NodeID]authorKey), trials: make(map[StreamID]*trial), coverAt: protocol.Never,
	}
}

// signed reports whether members sign what they publish.
func (m *Machine) signed() bool { return m.proving.notary != nil }

// sumOf returns the hash of a packet: of all that it says, without the signature of its manifest.
func (m *Machine) sumOf(p *Packet) (sum [sha256.Size]byte) {
	v := &m.proving
	v.head = p.appendHead(v.head[:0])
	v.hasher.Reset()
	v.hasher.Write(v.head)
	v.hasher.Write(p.Body)
	v.hasher.Sum(sum[:0])
	return sum
}

// statementOf returns what the signature of a manifest says.
func (m *Machine) statementOf(p *Packet, key identity.PublicKey) identity.Statement {
	s := identity.Statement{
		Author: key, Context: identity.ContextPackets, Subject: uint64(p.Stream.Topic), Epoch: p.Stream.Epoch, Sequence: p.Seq, Digest: m.sumOf(p),
	}
	if p.Manifest != nil {
		s.Signature = p.Manifest.Signature
	}
	return s
}

// cover has a packet of this node's own carry a manifest, if it is time for one: behind the last packet of a batch when the one before is old enough, and
// wherever no more can be covered. last says that the batch ends.
func (m *Machine) cover(now protocol.Time, t *topic, p *Packet, last bool) {
	u := &t.uncovered
	if m.roomBeside(t, len(p.Body)) && (m.coveredFully(t) || last && now >= u.due) {
		m.sign(now, t, p)
		return
	}
	sum := m.sumOf(p)
	u.hashes = append(u.hashes, sum[:]...)
}

// roomBeside reports whether a packet has room for the next manifest of a topic beside a body.
func (m *Machine) roomBeside(t *topic, body int) bool {
	return body+manifestSize(t.uncovered.fresh()) <= m.packer.Limit()
}

// manifestDelay returns for how long the packets of a topic may go without a manifest.
func (m *Machine) manifestDelay(t *topic) time.Duration {
	if m.meansOf(t) == SpreadDirect {
		return manifestDelay
	}
	return manifestDelayProven
}

// sign gives a packet of this node's own the manifest that is next.
func (m *Machine) sign(now protocol.Time, t *topic, p *Packet) {
	u := &t.uncovered
	room := (m.packer.Limit() - len(p.Body) - identity.SignatureSize) / sha256.Size
	p.Manifest = m.ownArena.manifest()
	p.Manifest.Hashes = m.ownArena.copy(u.hashes[max(0, len(u.hashes)-sha256.Size*min(manifestMax, room)):])
	s := m.statementOf(p, identity.PublicKey{})
	m.proving.notary.Sign(&s)
	p.Manifest.Signature = s.Signature
	m.stats.ManifestsSigned++
	if u.any() {
		u.hashes = append(append(u.hashes[:0], u.hashes[u.past:]...), s.Digest[:]...)
	} else {
		u.hashes = u.hashes[:0] // this packet proves itself, and so did the one before
	}
	u.past, u.due = len(u.hashes), now.Add(m.manifestDelay(t))
}

// coverRest sends a packet that has nothing but a manifest, where packets wait for one and no other came in time or has room for it.
func (m *Machine) coverRest(now protocol.Time, t *topic, out *protocol.Output) {
	p := m.ownArena.packet()
	s := t.stream
	p.Stream, p.Seq, p.Age, p.Messages, p.whole = s.id, s.high+1, s.age(now), s.total, true
	m.stats.ManifestsAlone++
	m.sign(now, t, p)
	m.launch(now, t, p, out)
}

// coverSoon sends a manifest for the packets of a topic that have none, if it is due, and else when it is.
func (m *Machine) coverSoon(now protocol.Time, t *topic, out *protocol.Output) {
	switch u := &t.uncovered; {
	case !u.any():
	case now >= u.due:
		m.coverRest(now, t, out)
	default:
		m.proving.coverAt = min(m.proving.coverAt, u.due)
	}
}

// coverAll sends the manifests that are due.
func (m *Machine) coverAll(now protocol.Time, out *protocol.Output) {
	m.proving.coverAt = protocol.Never
	for _, t := range m.topicOrder {
		m.coverSoon(now, t, out)
	}
}

// uncovered is what the next manifest of a topic covers: the packets that none does yet and, as far as there is room, those of the manifest before, with the packet that
// carries it. So what was handed on is proven by the next manifest where one was lost.
type uncovered struct {
	hashes []byte        // of packets in a row
	past   int           // bytes of the hashes of packets that are covered already
	due    protocol.Time // of the next manifest
}

// fresh returns the bytes of the hashes of packets that no manifest covers yet.
func (u *uncovered) fresh() int { return len(u.hashes) - u.past }

func (u *uncovered) any() bool { return u.fresh() > 0 }

// coveredFully reports whether no more packets of a topic can be covered by the next manifest, which has to fit into a packet.
func (m *Machine) coveredFully(t *topic) bool {
	return t.uncovered.fresh() == sha256.Size*min(manifestMax, (m.packer.Limit()-identity.SignatureSize)/sha256.Size)
}

// verify reports whether the signature of a packet's manifest is the author's. refused says that there is no time to find out in this round.
func (m *Machine) verify(p *Packet, key identity.PublicKey, hop *peer) (valid, refused bool) {
	v := &m.proving
	if hop != nil {
		if hop.verifiedAt != m.round {
			hop.verified, hop.verifiedAt = 0, m.round
		}
		if hop.verified >= verificationsMax/verificationsPart {
			return false, true
		}
		hop.verified++
	}
	if v.left == 0 {
		return false, true
	}
	v.left--
	m.stats.ManifestsVerified++
	s := m.statementOf(p, key)
	return v.notary.Verify(&s), false
}

// coverOf returns the packet with the manifest that covers a packet of a stream, nil when it is not held.
func (s *stream) coverOf(seq uint64) (*Packet, *usage) {
	for next := seq + 1; next <= min(seq+manifestMax, s.high); next++ {
		p, use := s.packet(next)
		if p != nil && p.Manifest != nil && next-p.Manifest.covers() <= seq {
			return p, use
		}
	}
	return nil, nil
}

// prove reports whether a packet that this node holds can be handed on: whether its author has signed it, as far as is known here. What came from the
// author itself was taken at its word, and is checked only now.
func (m *Machine) prove(s *stream, p *Packet, use *usage) bool {
	if !m.signed() || use.proven || m.own(s.id) {
		return true
	}
	key, known := m.keyOf(s.id)
	switch {
	case !known:
		return false
	case p.Manifest != nil:
		valid, refused := m.verify(p, key, nil)
		if !valid && !refused {
			m.stats.PacketsContrary++
		}
		use.proven = valid
		return valid
	}
	c, proof := s.coverOf(p.Seq)
	if c == nil || !m.prove(s, c, proof) {
		return false
	}
	sum := m.sumOf(p)
	if use.proven = string(sum[:]) == string(c.Manifest.hashOf(c.Seq, p.Seq)); !use.proven {
		m.stats.PacketsContrary++
	}
	return use.proven
}

// keyOf returns the key of a stream's author, false when it is not known.
func (m *Machine) keyOf(id StreamID) (identity.PublicKey, bool) {
	a, ok := m.proving.authors[id.Author]
	return a.key, ok && id.Epoch <= a.epoch
}

// authorsDeparted bounds how many keys are remembered of members that are gone: what they have published may still be on its way.
const authorsDeparted = 1024

// knowAuthor takes in the key of a member.
func (m *Machine) knowAuthor(p *protocol.Peer) {
	if !m.signed() || p.Credential == nil {
		return
	}
	key := p.Credential.PublicKey()
	if len(key) == identity.KeySize {
		m.proving.authors[p.ID] = authorKey{identity.PublicKey(key), p.Epoch, p.Credential}
	}
}

// departAuthor notes that a member is gone.
func (m *Machine) departAuthor(id protocol.NodeID) {
	v := &m.proving
	if _, known := v.authors[id]; !known {
		return
	}
	if v.departed = append(v.departed, id); len(v.departed) <= authorsDeparted {
		return
	}
	if oldest := v.departed[0]; m.peers[oldest] == nil {
		delete(v.authors, oldest)
	}
	v.departed = v.departed[1:]
}

// readManifest reads what a packet covers, whose count comes first; the signature is at the end of what follows.
func readManifest(r *wire.Reader, f *Manifest) *Manifest {
	count := r.UvarintMax(manifestMax + 1)
	if count == 0 {
		return nil
	}
	f.Hashes = r.Take(int(count-1) * sha256.Size)
	return f
}
