package bimodal

import (
	"crypto/sha256"
	"hash"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

const (
	// verificationsMax is how many signatures are verified a round: a quarter of a core with rounds of 100 ms.
	verificationsMax = 600
	// commonPart is which part of what there is for packets that others hand on goes to whoever comes first: one in so many. The rest is divided evenly among the
	// peers, so that no crowd of them can use up what another one needs.
	commonPart = 2
)

// proving is what a machine needs to sign its packets, and to check those of others.
type proving struct {
	notary    identity.Notary // nil: nobody signs, and packets are taken from whoever sends them
	hasher    hash.Hash
	head, sum []byte                        // scratch
	authors   map[protocol.NodeID]keyholder // members, and those of late
	departed  []protocol.NodeID             // authors that are members no longer, in the order of their going
	trials    map[StreamID]*trial
	order     []*trial // as they began
	suspects  suspects
	verified  int      // signatures, in the present round
	unchecked []place  // manifests that there was no time to verify
	postponed []repair // asked for, of packets whose manifest is still to come
	doubts    []doubt  // as they came up
	wants     []wantedKey
	shunned   int   // peers that are, or were of late
	self      voice // of what is verified because this node wants it
	strangers voice // of all who are no peers: new members, those that leave, those of other zones
	coverAt   protocol.Time
}

func newProving(notary identity.Notary) proving {
	return proving{
		notary: notary, hasher: sha256.New(), authors: make(map[protocol.NodeID]keyholder), trials: make(map[StreamID]*trial), coverAt: protocol.Never,
		self: voice{group: true}, strangers: voice{group: true},
	}
}

// signed reports whether members sign what they publish.
func (m *Machine) signed() bool { return m.proving.notary != nil }

// busy reports whether there is anything that ends with the present round or a later one.
func (v *proving) busy() bool { return v.verified > 0 || len(v.order) > 0 || len(v.doubts) > 0 }

// awake sees to it that rounds go on where something ends with them.
func (m *Machine) awake(now protocol.Time) {
	if m.roundAt == protocol.Never {
		m.roundAt = now.Add(time.Duration(m.config.Rand.Int64N(int64(m.config.Round))))
	}
}

// voice is one of the two ways by which packets of others come from a peer: over its link, which proves that they do, or by a group, where others can seal in its
// name. What each takes is accounted for apart, so that nobody can use up what the link of another one needs, or have it blamed.
type voice struct {
	peer       *peer // nil: not of a certain one
	group      bool  // it has no share of its own, and nobody is blamed
	verified   int   // signatures, in the round verifiedAt
	verifiedAt uint32
	bytes      int // of suspects
	trials     int // that it has begun
	postponed  int // requests
	doubts     int // that it has raised
}

// voiceOf returns the voice by which a packet came.
func (m *Machine) voiceOf(a *arrived) *voice {
	switch p := m.peers[a.from]; {
	case p == nil:
		return &m.proving.strangers
	case a.shared:
		if p.group == nil {
			p.group = &voice{peer: p, group: true}
		}
		return p.group
	default:
		return &p.link
	}
}

// linkOf returns the voice of a member's link.
func (m *Machine) linkOf(id protocol.NodeID) *voice { return m.voiceOf(&arrived{from: id}) }

// affords reports whether a voice that has taken own of a resource, of which all have taken so much, may take cost more of the most that there is.
func (m *Machine) affords(v *voice, own, all, cost, most int) bool {
	switch common := most / commonPart; {
	case all+cost > most:
		return false
	case all+cost <= common:
		return true
	default:
		return !v.group && own+cost <= max(1, (most-common)/max(1, len(m.peerOrder)))
	}
}

// verify reports whether the signature of a packet's manifest is the author's, on the account of a voice. refused says that there is no time to find out in this
// round.
func (m *Machine) verify(p *Packet, key signingKey, by *voice) (valid, refused bool) {
	if by.verifiedAt != m.round {
		by.verified, by.verifiedAt = 0, m.round
	}
	v := &m.proving
	if !m.affords(by, by.verified, v.verified, 1, verificationsMax) {
		m.stats.ManifestsRefused++
		return false, true
	}
	v.verified++
	by.verified++
	m.stats.ManifestsVerified++
	s := m.statementOf(p, key.PublicKey)
	return v.notary.Verify(&s), false
}

// standing is what is known of a packet that is held.
type standing uint8

const (
	unproven  standing = iota // it came over the author's own link, which is nothing that others need to believe
	proven                    // its author has signed it: it can be handed on
	disproven                 // its author has signed another one in its place, or its signature is none
)

// coverOf returns the packet with the manifest that covers a packet of a stream, nil when it is not held.
func (s *stream) coverOf(seq uint64) (*Packet, *usage) {
	for next := seq + 1; next <= min(seq+manifestMax, s.manifest); next++ {
		p, use := s.packet(next)
		if p != nil && p.Manifest != nil && next-p.Manifest.covers() <= seq {
			return p, use
		}
	}
	return nil, nil
}

// prove reports whether a packet that this node holds can be handed on: whether its author has signed it, as far as is known here. What came from the
// author itself was taken at its word, and is checked only now, on the account of who wants it.
func (m *Machine) prove(s *stream, p *Packet, use *usage, by *voice) bool {
	if !m.signed() || m.own(s.id) {
		return true
	}
	if use.standing != unproven {
		return use.standing == proven
	}
	if p.Manifest != nil {
		key, known := m.keyOf(s.id)
		if !known {
			return false
		}
		valid, refused := m.verify(p, key, by)
		if !refused {
			m.judgeOwn(use, valid)
		}
		return valid
	}
	c := m.provenCover(s, p, use, by)
	if c == nil {
		return false
	}
	m.judgeOwn(use, m.fits(p, c))
	use.cover = nil
	return use.standing == proven
}

// provenCover returns the packet with the manifest that covers p, if it is known here and proven.
func (m *Machine) provenCover(s *stream, p *Packet, use *usage, by *voice) *Packet {
	if c, cover := s.coverOf(p.Seq); c != nil {
		if m.prove(s, c, cover, by) {
			return c
		}
		return nil
	}
	if use.cover == nil {
		return nil
	}
	if key, known := m.keyOf(s.id); known {
		if valid, _ := m.verify(use.cover, key, by); valid {
			return use.cover
		}
	}
	return nil
}

// keepProof sees to it that a packet which this node is to keep beyond its short phase can be proven later, although its manifest is most likely of a block of others:
// it refers to the packet with the manifest, or is proven now where that would keep memory alive which is mostly of packets that are not kept.
func (m *Machine) keepProof(s *stream, p *Packet, use *usage) {
	switch {
	case !m.signed() || m.own(s.id) || use.standing != unproven || p.Manifest != nil:
	case m.copies(s):
		m.prove(s, p, use, &m.proving.self)
	default:
		use.cover, _ = s.coverOf(p.Seq)
	}
}

// proveKept has what is kept beyond its short phase proven by a manifest that came late: nobody will ask for that again before it goes.
func (m *Machine) proveKept(s *stream, c *Packet) {
	for seq := c.Seq - c.Manifest.covers(); seq < min(c.Seq, s.base); seq++ {
		if p, use := s.archive.packet(seq); p != nil {
			m.keepProof(s, p, use)
		}
	}
}

// fits reports whether the manifest of c covers p as it is.
func (m *Machine) fits(p, c *Packet) bool {
	sum := m.sumOf(p)
	return string(sum[:]) == string(c.Manifest.hashOf(c.Seq, p.Seq))
}

// judgeOwn notes what was found of a packet that its author itself has sent.
func (m *Machine) judgeOwn(use *usage, good bool) {
	if use.standing = proven; !good {
		use.standing = disproven
		m.stats.PacketsContrary++
	}
}
