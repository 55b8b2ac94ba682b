package membership

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Bounds of notices.
const (
	listsMax        = 16        // revocation lists that are spread, of as many issuers
	proofsMax       = 48        // members that are quarantined
	falseProofMax   = 320 << 10 // bytes of a proof that a statement is false
	noticeSizeMax   = 1 + 2*3 + identity.ChainSizeMax + falseProofMax
	noticePushes    = 3 // how often each member that a notice is news to tells some peers of it
	noticeTextProof = "spinglass 1 proof"
	noticeTextList  = "spinglass 1 list"
)

// Kinds of notices. Their numbers are part of encodings and stay.
const (
	noticeList  = 1
	noticeProof = 2
	noticeFalse = 3
)

// notice is what all members have to know, and anybody can verify: a revocation list, or a proof that a member contradicts itself, or has signed what is false. It carries the chain of
// who signed it. It is immutable but for pushes and over.
type notice struct {
	claim   NoticeClaim
	encoded []byte
	chain   identity.Chain // the root's certificate is the own one
	list    *identity.RevocationList
	proof   *identity.Equivocation
	falsity *falsity
	pushes  int  // still to come
	over    bool // certificates have expired without which nothing that its signer signs is believed in any case
}

// errNotice says that a notice is none.
var errNotice = errors.New("membership: malformed notice")

// newNotice makes the notice of a list or of a proof.
func newNotice(chain identity.Chain, list *identity.RevocationList, proof *identity.Equivocation) *notice {
	n := &notice{chain: chain, list: list, proof: proof}
	kind, body, claim := byte(noticeProof), []byte(nil), NoticeClaim{}
	if list != nil {
		kind, body = noticeList, list.Append(nil)
		hash := list.Hash()
		claim = NoticeClaim{ID: noticeID(noticeTextList, list.Issuer), Number: list.Number, Digest: binary.BigEndian.Uint32(hash[:])}
	} else {
		body = proof.Append(nil)
		claim = NoticeClaim{ID: noticeID(noticeTextProof, proof.Author)}
	}
	n.claim = claim
	n.encode(kind, body)
	return n
}

// encode makes the encoding of a notice.
func (n *notice) encode(kind byte, body []byte) {
	var certificates []byte
	if len(n.chain) > 1 {
		certificates = n.chain[1:].Append(nil)
	}
	n.encoded = wire.AppendBytes(wire.AppendBytes([]byte{kind}, certificates), body)
}

// noticeID names all lists of an issuer, or all proofs against an author.
func noticeID(text string, key identity.PublicKey) uint64 {
	sum := sha256.Sum256(append([]byte(text), key[:]...))
	return binary.BigEndian.Uint64(sum[:])
}

// decodeNotice reads a notice. What it says is not verified.
func decodeNotice(b []byte, root *identity.Certificate, judge Judge) (*notice, error) {
	in := wire.NewReader(b)
	kind, certificates, body := in.Byte(), in.Bytes(identity.ChainSizeMax), in.Bytes(falseProofMax)
	if err := in.Done(); err != nil {
		return nil, err
	}
	chain := identity.Chain{root}
	if len(certificates) > 0 {
		after, err := identity.DecodeChain(certificates)
		if err != nil {
			return nil, err
		}
		chain = append(chain, after...)
	}
	var list *identity.RevocationList
	var proof *identity.Equivocation
	var err error
	switch kind {
	case noticeFalse:
		return newFalsity(chain, body, judge)
	case noticeList:
		list, err = identity.DecodeRevocationList(body)
	case noticeProof:
		proof, err = identity.DecodeEquivocation(body)
	default:
		err = errNotice
	}
	if err != nil {
		return nil, err
	}
	return newNotice(chain, list, proof), nil
}

// signer returns the key that the notice is about: a list's issuer, a proof's author.
func (n *notice) signer() identity.PublicKey {
	switch {
	case n.list != nil:
		return n.list.Issuer
	case n.falsity != nil:
		return n.falsity.statement.Author
	}
	return n.proof.Author
}

// check finds out what is wrong with a notice, apart from signatures. It goes by the time at which the chain was complete, so that all members decide alike
// whatever their clocks say, and so that what was revoked stays so when its issuer is away.
func (n *notice) check(anchor identity.Fingerprint) error {
	policy := identity.Policy{Anchor: anchor}
	for _, certificate := range n.chain {
		policy.Now = max(policy.Now, certificate.NotBefore)
	}
	verified, err := policy.VerifyAgain(n.chain)
	if err != nil {
		return err
	}
	kind := identity.KindMember
	if n.list != nil {
		kind = identity.KindZone
	} else if n.falsity != nil && n.falsity.statement.Context != identity.ContextZoneRow {
		return errNotice
	} else if n.proof != nil && n.proof.Context != identity.ContextRow && n.proof.Context != identity.ContextPackets && n.proof.Context != identity.ContextZoneRow {
		return errNotice
	}
	if verified.Kind != kind || verified.Key != n.signer() {
		return errNotice
	}
	return nil
}

// checks returns the signatures that have to be checked.
func (n *notice) checks(g *guard) []protocol.Check {
	checks := g.signatures(n.chain)
	if n.list != nil {
		return append(checks, n.list.SignatureCheck())
	}
	if n.falsity != nil {
		return append(checks, n.falsity.statement.SignatureCheck())
	}
	return append(checks, n.proof.SignatureChecks()...)
}

// notices are those that this member holds, in ascending order of their IDs.
type notices struct {
	held         []*notice
	hash         uint32 // of what is held; 0 when nothing is
	parcels      []parcel
	dropped      uint64 // notices for want of a place
	partsDropped uint64
}

func (n *notices) find(id uint64) (int, bool) {
	return slices.BinarySearchFunc(n.held, id, func(h *notice, id uint64) int { return cmp.Compare(h.claim.ID, id) })
}

// guilty reports whether there is a proof against the key.
func (n *notices) guilty(key identity.PublicKey) bool {
	if len(n.held) == 0 {
		return false
	}
	_, found := n.find(noticeID(noticeTextProof, key))
	return found
}

// before reports whether a notice is worth its place more than another one of its kind. The order is the same for all members, so that all end with the same ones
// when there are too many, and nobody is handed for ever what it cannot keep.
func (n *notice) before(o *notice) bool {
	switch {
	case n.over != o.over:
		return o.over
	case len(n.chain) != len(o.chain):
		return len(n.chain) < len(o.chain) // closer to the root
	}
	return n.claim.ID < o.claim.ID
}

// last returns the position of the notice whose place next would take: that of an older one, -1 when there is room, or that of the one that is worth least. It
// reports false when that is next itself.
func (n *notices) last(next *notice) (position int, place bool) {
	if i, found := n.find(next.claim.ID); found {
		return i, true
	}
	count, limit, last := 0, proofsMax, -1
	if next.list != nil {
		limit = listsMax
	}
	for i, h := range n.held {
		if (h.list != nil) != (next.list != nil) {
			continue
		}
		if count++; last < 0 || n.held[last].before(h) {
			last = i
		}
	}
	if count < limit {
		return -1, true
	}
	return last, next.before(n.held[last])
}

// put keeps a notice, in place of an older one or of one that is worth less. It reports false when there is no place.
func (n *notices) put(next *notice) bool {
	position, place := n.last(next)
	switch {
	case !place:
		n.dropped++
		return false
	case position >= 0:
		if n.held[position].claim.ID != next.claim.ID {
			n.dropped++
		}
		n.held = slices.Delete(n.held, position, position+1)
	}
	i, _ := n.find(next.claim.ID)
	n.held = slices.Insert(n.held, i, next)
	n.rehash()
	return true
}

// rehash computes hash anew.
func (n *notices) rehash() {
	n.hash = 0
	for _, h := range n.held {
		sum := sha256.Sum256(h.claim.append(nil))
		n.hash ^= binary.BigEndian.Uint32(sum[:])
	}
	if len(n.held) > 0 && n.hash == 0 {
		n.hash = 1
	}
}

// lacks reports whether somebody who holds claims lacks the one that is claimed.
func lacks(claims []NoticeClaim, c NoticeClaim) bool {
	i, found := slices.BinarySearchFunc(claims, c.ID, func(h NoticeClaim, id uint64) int { return cmp.Compare(h.ID, id) })
	if !found {
		return true
	}
	h := claims[i]
	return h.Number < c.Number || h.Number == c.Number && h.Digest != c.Digest
}

// claims returns what this member holds.
func (n *notices) claims() []NoticeClaim {
	claims := make([]NoticeClaim, len(n.held))
	for i, h := range n.held {
		claims[i] = h.claim
	}
	return claims
}

// summary tells a peer what this member holds.
func (m *Machine) summary(to protocol.NodeID, answer bool, out *protocol.Output) {
	s := &Summary{Answer: answer, Claims: m.guard.notices.claims()}
	m.answers(to, s.Size())
	m.stats.BytesSent += uint64(s.Size())
	m.stats.NoticeSummariesSent++
	out.Send(to, s)
}

// compareNotices begins an exchange of notices with a peer whose digest says that it holds others.
func (m *Machine) compareNotices(from protocol.NodeID, hash uint32, out *protocol.Output) {
	if m.noticesWith(from) && hash != m.guard.notices.hash && m.mayAnswer(from) {
		m.summary(from, false, out)
	}
}

// noticesWith reports whether notices are exchanged with a peer: with members, and with those whose word counts no longer, so that they hear why. Those of other zones are
// not known here; that they are members is for the driver to know.
func (m *Machine) noticesWith(from protocol.NodeID) bool {
	if m.guard == nil {
		return false
	}
	r := m.gone.get(from)
	return m.config.Zoned || m.table.Get(from) != nil || r != nil && r.barred
}

// receiveSummary sends what the peer lacks, and asks for what this member lacks, by a summary of its own.
func (m *Machine) receiveSummary(from protocol.NodeID, s *Summary, out *protocol.Output) {
	if !m.noticesWith(from) {
		out.Drop(from, ReasonStranger)
		return
	}
	n := &m.guard.notices
	for _, h := range n.held {
		if lacks(s.Claims, h.claim) && m.takesNotice(from, h) {
			m.sendNotice(from, h, out)
		}
	}
	if s.Answer {
		return
	}
	own := n.claims()
	if m.mayAnswer(from) && slices.ContainsFunc(s.Claims, func(c NoticeClaim) bool { return lacks(own, c) }) {
		m.summary(from, true, out)
	}
}

// partsInOrder is how many parts of a notice are sent from the first one on. Of a longer one a round may have room for some only: it begins anywhere, so that all of it comes in time.
const partsInOrder = 8

// sendNotice sends a notice in parts.
func (m *Machine) sendNotice(to protocol.NodeID, n *notice, out *protocol.Output) {
	sum := sha256.Sum256(n.encoded)
	count, first := (len(n.encoded)+partSize-1)/partSize, 0
	if count > partsInOrder {
		first = m.config.Rand.IntN(count)
	}
	for i := range count {
		offset := (first + i) % count * partSize
		if !m.mayAnswer(to) {
			m.stats.AnswersOverBudget++
			return
		}
		part := &NoticePart{Sum: sum, Total: len(n.encoded), Offset: offset, Data: n.encoded[offset:min(offset+partSize, len(n.encoded))]}
		m.answers(to, part.Size())
		m.stats.BytesSent += uint64(part.Size())
		m.stats.NoticePartsSent++
		out.Send(to, part)
	}
}

// pushNotices tells some peers what this member holds, when there is news among it.
func (m *Machine) pushNotices(now protocol.Time, out *protocol.Output) {
	more := false
	for _, n := range m.guard.notices.held {
		n.pushes = max(0, n.pushes-1)
		more = more || n.pushes > 0
	}
	s := &Summary{Claims: m.guard.notices.claims()}
	if targets := m.targets(m.config.Fanout); len(targets) > 0 {
		m.stats.NoticeSummariesSent += uint64(len(targets))
		m.stats.BytesSent += uint64(len(targets) * s.Size())
		out.Spread(targets, s)
	}
	if to, known := m.remote(); known && more {
		m.summary(to, false, out)
	}
	if more {
		m.deadlines.Set(taskNotices, now.Add(m.config.Round))
	}
}

// receivePart takes a part of a notice.
func (m *Machine) receivePart(now protocol.Time, from protocol.NodeID, p *NoticePart, out *protocol.Output) {
	if !m.noticesWith(from) {
		out.Drop(from, ReasonStranger)
		return
	}
	n := &m.guard.notices
	encoded, reason := n.collect(now, from, p)
	if reason != "" {
		out.Drop(from, reason)
	}
	if encoded == nil {
		return
	}
	if sum := sha256.Sum256(encoded); sum != p.Sum {
		out.Drop(from, ReasonNotice)
		return
	}
	notice, err := decodeNotice(encoded, m.guard.root, m.config.Judge)
	if err == nil && !bytes.Equal(notice.encoded, encoded) {
		err = errNotice
	}
	if err != nil {
		out.Drop(from, ReasonNotice)
		return
	}
	_ = m.offerNotice(now, from, notice, out) // what is wrong with it was counted
}

// offerNotice has a notice verified, if it is news. The error says why it cannot be: one of check, or ErrVerifyQueue.
func (m *Machine) offerNotice(now protocol.Time, from protocol.NodeID, n *notice, out *protocol.Output) error {
	n.over = m.isOver(now, n)
	if !m.noticeIsNews(n) {
		return nil
	}
	if err := n.check(m.guard.identity.Anchor); err != nil {
		out.Drop(from, ReasonNotice)
		return err
	}
	if !m.verify(now, suspect{from: from, sum: sha256.Sum256(n.encoded), checks: n.checks(m.guard), ownZone: true, notice: n}, out) {
		return ErrVerifyQueue
	}
	return nil
}

// noticeIsNews reports whether a notice would change anything, were it good. What a list says may be known without a chain to its issuer; then the notice is needed
// to pass it on.
func (m *Machine) noticeIsNews(n *notice) bool {
	if n.list != nil && m.guard.revocations.News(n.list) {
		return true
	}
	position, place := m.guard.notices.last(n)
	return place && (position < 0 || m.guard.notices.held[position].claim.ID != n.claim.ID)
}

// takeNotice takes in a notice whose signatures are good, and tells others of it.
func (m *Machine) takeNotice(now protocol.Time, from protocol.NodeID, n *notice, out *protocol.Output) {
	if m.stage != stageRunning || !m.noticeIsNews(n) {
		return
	}
	if n.falsity != nil && !m.convicts(n) {
		out.Drop(from, ReasonNotice)
		return
	}
	changed := true
	if n.list != nil {
		if n, changed = m.takeList(n, out); n == nil {
			return
		}
	}
	switch placed := m.guard.notices.put(n); {
	case !placed:
		out.Drop(from, ReasonNoticesFull) // it is not passed on, but what it says holds here
	case changed:
		n.pushes = noticePushes
		m.deadlines.Set(taskNotices, now)
	}
	if changed {
		m.tellNotice(now, n, out)
	}
}

// takeList merges the list of a notice with those that are known. It returns the notice that is to be held, nil for none, and whether its list is news.
func (m *Machine) takeList(n *notice, out *protocol.Output) (*notice, bool) {
	g := m.guard
	if g.revocations.List(n.list.Issuer) == nil && len(g.revocations.Lists()) >= identity.RevocationListsMax {
		g.forgetList()
	}
	changed, proof, err := g.revocations.MergeVerified(n.list)
	if proof != nil {
		out.Emit(ListsContradict{Proof: proof})
	}
	if _, held := g.notices.find(n.claim.ID); err != nil || held && !changed {
		return nil, false // the lesser of two that contradict each other
	}
	if !changed {
		known := newNotice(n.chain, g.revocations.List(n.list.Issuer), nil)
		known.over = n.over
		return known, false
	}
	return n, true
}

// forgetList makes room for the list of one more issuer: of those that are not passed on, the one that was issued first is known no longer.
func (g *guard) forgetList() {
	var first *identity.RevocationList
	for _, list := range g.revocations.Lists() {
		if _, held := g.notices.find(noticeID(noticeTextList, list.Issuer)); !held && (first == nil || list.Issued < first.Issued) {
			first = list
		}
	}
	g.revocations.Forget(first.Issuer) // there is one: fewer are passed on than known
	g.notices.dropped++
}

// tellNotice tells of a notice that is news, and draws its conclusions.
func (m *Machine) tellNotice(now protocol.Time, n *notice, out *protocol.Output) {
	if n.list != nil {
		m.stats.RevocationLists++
		out.Emit(RevocationsChanged{List: n.list})
	} else {
		m.stats.Quarantined++
		leaf := n.chain.Leaf()
		out.Emit(Quarantined{Peer: leaf.NodeID, Name: leaf.Name, Key: leaf.Key, Proof: n.proof, False: n.falsity.bytes()})
	}
	m.judgeCredentials(now, out)
}

// isOver reports whether neither the notice's own chain to its signer nor one of a member that is known, which may have been renewed, has a life left.
func (m *Machine) isOver(now protocol.Time, n *notice) bool {
	over := func(chain identity.Chain) bool {
		return m.guard.instant(now) > chain.NotAfter().Add(identity.GraceMax+identity.Skew)
	}
	if !over(n.chain) {
		return false
	}
	chain := m.chainOf(n.chain.Leaf().Kind, n.signer())
	return chain == nil || over(chain)
}

// ageNotices finds out which notices are over. They stay as long as nothing needs their places: clocks differ, and who dropped one would be handed it again by those
// who have not.
func (m *Machine) ageNotices(now protocol.Time) {
	for _, h := range m.guard.notices.held {
		h.over = m.isOver(now, h)
	}
}

// knownNotices makes notices of the revocation lists that were known from the start, as far as the own chain leads to their issuers.
func (m *Machine) knownNotices() {
	for _, list := range m.guard.revocations.Lists() {
		for i, certificate := range m.guard.own.chain {
			if certificate.Kind == identity.KindZone && certificate.Key == list.Issuer {
				m.guard.notices.put(newNotice(m.guard.own.chain[:i+1:i+1], list, nil))
				break
			}
		}
	}
}
