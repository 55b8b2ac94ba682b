package bimodal

import (
	"crypto/sha256"
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
	// receiver verifies at most 1333 manifests a second of one stream, 6 % of a core.
	manifestDelayProven = time.Millisecond
	// manifestRipe is the part of that time, in quarters, after which a packet carries the manifest, so that few have to go alone.
	manifestRipe = 3
)

// Manifest lets anybody check packets, whoever hands them on: it is signed by the author, and covers the packet that carries it and those right before.
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

// sumOf returns the hash of a packet: of all that it says, without the signature of its manifest.
func (m *Machine) sumOf(p *Packet) [sha256.Size]byte {
	v := &m.proving
	v.head = p.appendHead(v.head[:0])
	v.hasher.Reset()
	v.hasher.Write(v.head)
	v.hasher.Write(p.Body)
	v.sum = v.hasher.Sum(v.sum[:0])
	return [sha256.Size]byte(v.sum)
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

// cover has a packet of this node's own carry a manifest, if it is time for one. last says that the batch of inputs ends with it.
func (m *Machine) cover(now protocol.Time, t *topic, p *Packet, last bool) {
	if m.provesItself(t, p) {
		m.proveAlone(t, p)
		return
	}
	if m.carries(now, t, len(p.Body), last) {
		m.attach(now, t, p)
		return
	}
	u := &t.uncovered
	u.add(m.sumOf(p))
	u.count++
}

// provesItself reports whether a packet carries a signature for itself alone: some members want it that would not want the packet with the manifest of it.
func (m *Machine) provesItself(t *topic, p *Packet) bool {
	m.refreshTargets(t)
	return t.below.Wants(heightOf(p)) && m.roomBeside(len(p.Body), 0)
}

// proveAlone signs a packet. A manifest of those before and behind it covers it as well, since it covers packets in a row.
func (m *Machine) proveAlone(t *topic, p *Packet) {
	p.Manifest = m.ownArena.manifest()
	m.sign(p)
	m.stats.PacketsSigned++
	u := &t.uncovered
	if len(u.hashes) > 0 { // also of those that are covered already, which the next manifest covers again
		u.add(m.sumOf(p))
	}
	if u.count > 0 {
		u.count++
	}
}

// carries reports whether a packet with a body of so many bytes is to carry the next manifest of a topic: if it has room for it, and no more can be covered, or the
// batch ends when the manifest is due soon, or a packet like it would not have room for more any more. So little is sent extra, and most packets are covered twice.
func (m *Machine) carries(now protocol.Time, t *topic, body int, last bool) bool {
	u := &t.uncovered
	switch {
	case !m.roomBeside(body, u.count):
		return false
	case m.coveredFully(t) || last && now >= u.ripe:
		return true
	}
	next := u.count + 1
	return now >= u.soonest && !(m.roomBeside(body, next) && (u.count == 0 || m.roomBeside(body, 2*next)))
}

// attach has a packet carry the next manifest of a topic.
func (m *Machine) attach(now protocol.Time, t *topic, p *Packet) {
	u := &t.uncovered
	room := (m.packer.Limit() - len(p.Body) - identity.SignatureSize) / sha256.Size
	p.Manifest = m.ownArena.manifest()
	p.Manifest.Hashes = m.ownArena.copy(u.latest(min(room, manifestMax)))
	m.sign(p)
	if u.hashes = append(u.hashes[:0], u.latest(u.count)...); u.count > 0 {
		u.add(m.sumOf(p))
	}
	delay := m.manifestDelay(t)
	u.count, u.due, u.ripe, u.soonest = 0, now.Add(delay), now.Add(delay*manifestRipe/4), now.Add(manifestDelayProven*manifestRipe/4)
}

// roomBeside reports whether a packet has room beside a body for a manifest of so many packets.
func (m *Machine) roomBeside(body, packets int) bool {
	return body+manifestSize(sha256.Size*packets) <= m.packer.Limit()
}

// manifestDelay returns for how long the packets of a topic may go without a manifest.
func (m *Machine) manifestDelay(t *topic) time.Duration {
	m.refreshTargets(t)
	if !m.multicastsAny(t) && m.meansOf(t, &t.audience) == SpreadDirect {
		return manifestDelay
	}
	return manifestDelayProven
}

func (m *Machine) sign(p *Packet) {
	s := m.statementOf(p, identity.PublicKey{})
	m.proving.notary.Sign(&s)
	p.Manifest.Signature = s.Signature
	m.stats.ManifestsSigned++
}

// coverRest sends a packet that has nothing but a manifest, where packets wait for one and no other came in time or has room for it.
func (m *Machine) coverRest(now protocol.Time, t *topic, out *protocol.Output) {
	p, s := m.ownArena.packet(), t.stream
	p.Stream, p.Seq, p.Age, p.Messages, p.whole = s.id, s.high+1, s.age(now), s.total, true
	m.stats.ManifestsAlone++
	m.attach(now, t, p)
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

// uncovered is what the next manifest of a topic covers. Where packets wait for manifests, each covers those of the one before again, as far as there is room: so
// the loss of one does not hold up what it covers.
type uncovered struct {
	hashes  []byte        // of the latest packets, oldest first
	count   int           // of them: that no manifest covers
	due     protocol.Time // of the next manifest, alone if need be,
	ripe    protocol.Time // at the end of a batch,
	soonest protocol.Time // and where room ends
}

func (u *uncovered) any() bool { return u.count > 0 }

// add appends the hash of a packet, in place of the oldest one where there are enough.
func (u *uncovered) add(sum [sha256.Size]byte) {
	if len(u.hashes) == manifestMax*sha256.Size {
		u.hashes = u.hashes[:copy(u.hashes, u.hashes[sha256.Size:])]
	}
	u.hashes = append(u.hashes, sum[:]...)
}

// latest returns the hashes of so many of the latest packets, as far as they are known.
func (u *uncovered) latest(count int) []byte {
	return u.hashes[max(0, len(u.hashes)-sha256.Size*count):]
}

// coveredFully reports whether no more packets of a topic can be covered by the next manifest, which has to fit into a packet.
func (m *Machine) coveredFully(t *topic) bool {
	return t.uncovered.count >= min(manifestMax, (m.packer.Limit()-identity.SignatureSize)/sha256.Size)
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
