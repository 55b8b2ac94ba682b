package anonymous

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"spinglass/adhoc"
	"spinglass/identity"
	"spinglass/protocol"
)

// Limits and constants of proofs.
const (
	ChainInterval = 10 * time.Second // between two times that a member which publishes tells its certificates
	ChainSizeMax  = adhoc.PayloadMax - chainHead
	KeysMax       = 4    // certificates that one request asks for
	WantedMax     = 64   // sources of one group whose certificates are wanted
	PendingMax    = 128  // messages of one group that wait for certificates
	HoldersMax    = 256  // sources whose certificates are remembered
	VerifyRate    = 2000 // signatures a second that are looked at: a tenth of a core
)

// Identity proves who this node is, and is what others are held against.
type Identity struct {
	Notary identity.Notary
	// Chain is the certificates of this node, from the root's to that of the member, whose signatures have been verified. Without the root's they have at most ChainSizeMax bytes.
	Chain  identity.Chain
	Anchor identity.Fingerprint // of the fleet's root key
	Wall   identity.Instant     // what the wall clock says at protocol time 0; protocol.WallClock corrects it
	Grace  time.Duration        // for which certificates hold after they expired
	// Revocations are lists that this node knows, which it has verified; nil: none.
	Revocations *identity.Revocations
}

// Validate reports what is wrong with the identity, for a node.
func (i *Identity) Validate(self protocol.NodeID) error {
	if i.Notary == nil || len(i.Chain) < 2 {
		return errors.New("anonymous: an identity without a notary or without certificates")
	}
	verified, err := i.policy(i.Wall).VerifyAgain(i.Chain)
	if err != nil {
		return fmt.Errorf("anonymous: own certificate: %w", err)
	}
	if verified.Kind != identity.KindMember || verified.NodeID != self || verified.Key != i.Notary.Public() {
		return fmt.Errorf("anonymous: the certificate is that of the %s %q with node id %v and not of this node", verified.Kind, verified.Name, verified.NodeID)
	}
	if size := i.Chain[1:].Size(); size > ChainSizeMax {
		return fmt.Errorf("anonymous: certificates of %d bytes do not fit into a packet of an ad-hoc network, which carries %d", size, ChainSizeMax)
	}
	return nil
}

func (i *Identity) policy(now identity.Instant) identity.Policy {
	return identity.Policy{Anchor: i.Anchor, Now: now, Grace: max(0, i.Grace), Revocations: i.Revocations}
}

// guard holds what a member with an identity needs besides.
type guard struct {
	identity     *Identity
	own          *identity.Verified
	certificates []byte // own, but for the root's
	wall         identity.Instant
	holders      []*holder  // in the order in which they were used last, the latest last
	verified     adhoc.Rate // signatures
}

// holder is a source that has proven who it is.
type holder struct {
	node         protocol.NodeID
	chain        identity.Chain
	certificates []byte
}

func newGuard(i *Identity) *guard {
	verified, err := i.policy(i.Wall).VerifyAgain(i.Chain)
	if err != nil {
		panic(err) // Validate has been asked
	}
	return &guard{identity: i, own: verified, certificates: i.Chain[1:].Append(nil), wall: i.Wall}
}

func (g *guard) setClock(now protocol.Time, e protocol.WallClock) {
	g.wall = identity.Instant(e.Seconds) - identity.Instant(time.Duration(now)/time.Second)
}

func (g *guard) policy(now protocol.Time) identity.Policy {
	return g.identity.policy(g.wall + identity.Instant(time.Duration(now)/time.Second))
}

// statement returns what the signature of a message says.
func statement(group adhoc.Group, m *Message) identity.Statement {
	s := identity.Statement{Context: identity.ContextGroup, Subject: uint64(group), Epoch: m.Source.Epoch, Sequence: m.Number, Digest: sha256.Sum256(m.Payload)}
	copy(s.Signature[:], m.Signature)
	return s
}

func (g *guard) sign(group adhoc.Group, m *Message) []byte {
	s := statement(group, m)
	g.identity.Notary.Sign(&s)
	return s.Signature[:]
}

// take reports whether there is time for so many signatures more in this second.
func (g *guard) take(now protocol.Time, count int) bool {
	ok, _ := g.verified.Take(now, count, VerifyRate)
	return ok
}

// holder returns a source that has proven who it is, nil when it has not.
func (g *guard) holder(id protocol.NodeID) *holder {
	for _, h := range g.holders {
		if h.node == id {
			return h
		}
	}
	return nil
}

// prove reports whether a message is to be believed: its signature is that of its source, which is a member of the fleet and may publish to the group. Where the certificates of the source are not known, the message waits
// for them.
func (m *Machine) prove(now protocol.Time, g *membership, message *Message, from protocol.NodeID, out *protocol.Output) bool {
	switch {
	case m.guard == nil || message.Source.Node == m.config.Self:
		return true
	case len(message.Signature) == 0:
		m.stats.Forged++
		out.Drop(from, ReasonForged)
		return false
	case !g.lacks(m.config.Self, message):
		return true // arrive finds it to be a duplicate
	}
	h := m.guard.holder(message.Source.Node)
	if h == nil {
		m.postpone(g, message)
		out.Drop(from, ReasonUnproven)
		return false
	}
	verified, err := m.guard.policy(now).VerifyAgain(h.chain)
	if err != nil || !verified.Grants.Allows(identity.VerbPublish, g.name) {
		m.stats.Forbidden++
		out.Drop(from, ReasonForbidden)
		return false
	}
	if !m.guard.take(now, 1) {
		m.stats.VerifyRefused++
		out.Drop(from, ReasonVerify)
		return false
	}
	m.stats.Verified++
	s := statement(g.group, message)
	if s.Author = verified.Key; !m.guard.identity.Notary.Verify(&s) {
		m.stats.Forged++
		out.Drop(from, ReasonForged)
		return false
	}
	return true
}

// postpone has a message wait for the certificates of its source, and asks for these with the next request.
func (m *Machine) postpone(g *membership, message *Message) {
	switch i, found := slices.BinarySearch(g.wanted, message.Source.Node); {
	case found:
	case len(g.wanted) >= WantedMax:
		m.stats.KeysRefused++
	default:
		g.wanted = slices.Insert(g.wanted, i, message.Source.Node)
		m.stats.KeysWanted++
	}
	if slices.ContainsFunc(g.pending, func(p Message) bool {
		return p.Source == message.Source && p.Number == message.Number && bytes.Equal(p.Signature, message.Signature)
	}) {
		return
	}
	g.pending = append(g.pending, *message)
	if len(g.pending) > PendingMax {
		gone := g.pending[0].Source.Node
		g.pending = slices.Delete(g.pending, 0, 1)
		m.stats.PendingEvicted++
		g.unwant(gone)
	}
}

// unwant has the certificates of a source not be asked for any more, if nothing waits for them.
func (g *membership) unwant(id protocol.NodeID) {
	if slices.ContainsFunc(g.pending, func(p Message) bool { return p.Source.Node == id }) {
		return
	}
	if i, found := slices.BinarySearch(g.wanted, id); found {
		g.wanted = slices.Delete(g.wanted, i, i+1)
	}
}

// keys returns the sources whose certificates the next request asks for. They take turns: of some there may be none, as of who is made up.
func (g *membership) keys() []protocol.NodeID {
	count := min(len(g.wanted), KeysMax)
	keys := make([]protocol.NodeID, 0, count)
	for range count {
		g.keyTurn %= len(g.wanted)
		keys = append(keys, g.wanted[g.keyTurn])
		g.keyTurn++
	}
	slices.Sort(keys)
	return keys
}

// hearChain takes certificates in, if they prove who their subject is, and then what waits for them.
func (m *Machine) hearChain(now protocol.Time, certificates []byte, from protocol.NodeID, out *protocol.Output) {
	if m.guard == nil {
		return
	}
	id, ok := m.learnChain(now, certificates)
	if !ok {
		m.stats.ChainsRefused++
		out.Drop(from, ReasonChain)
		return
	}
	for _, g := range m.members {
		if i, found := slices.BinarySearch(g.wanted, id); found {
			g.wanted = slices.Delete(g.wanted, i, i+1)
		}
		waiting := g.pending
		g.pending = nil
		for i := range waiting {
			if p := &waiting[i]; p.Source.Node != id {
				g.pending = append(g.pending, *p)
			} else if m.prove(now, g, p, from, out) {
				m.arrive(now, g, p, from, 0, false, out)
			}
		}
	}
}

// learnChain verifies certificates, and remembers whose they are.
func (m *Machine) learnChain(now protocol.Time, certificates []byte) (protocol.NodeID, bool) {
	for i, h := range m.guard.holders {
		if bytes.Equal(h.certificates, certificates) {
			m.guard.holders = append(slices.Delete(m.guard.holders, i, i+1), h)
			return h.node, true
		}
	}
	chain, err := identity.DecodeChain(certificates)
	if err != nil || len(chain) == identity.ChainMax || len(certificates) > ChainSizeMax || !m.guard.take(now, len(chain)) {
		return 0, false
	}
	whole := append(identity.Chain{m.guard.identity.Chain[0]}, chain...)
	verified, err := m.guard.policy(now).Verify(whole)
	if err != nil || verified.Kind != identity.KindMember || verified.NodeID == m.config.Self {
		return 0, false
	}
	m.stats.ChainsAccepted++
	m.guard.holders = slices.DeleteFunc(m.guard.holders, func(h *holder) bool { return h.node == verified.NodeID })
	if len(m.guard.holders) >= HoldersMax {
		m.guard.holders = slices.Delete(m.guard.holders, 0, 1)
		m.stats.KeysEvicted++
	}
	m.guard.holders = append(m.guard.holders, &holder{verified.NodeID, whole, slices.Clone(certificates)})
	return verified.NodeID, true
}

// speaks reports whether this member has published of late, so that others need its certificates.
func (g *membership) speaks(now protocol.Time) bool {
	return g.spoken != never && now.Sub(g.spoken) < ChainInterval
}

// announce tells the certificates of this node to a group to which it publishes, if it is time to.
func (m *Machine) announce(now protocol.Time, g *membership, out *protocol.Output) {
	if g.announced != never && now.Sub(g.announced) < ChainInterval {
		return
	}
	g.announced = now
	m.stats.ChainsSent++
	payload := appendChain(nil, g.group, m.guard.certificates)
	m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Multicast(now, g.group, payload, inner) })
}

// sendChains sends the initiator of a request those certificates that it asks for and that are known here.
func (m *Machine) sendChains(now protocol.Time, g *membership, q *Request, out *protocol.Output) {
	if m.guard == nil {
		return
	}
	for _, id := range q.Keys {
		certificates := m.guard.certificates
		if id != m.config.Self {
			h := m.guard.holder(id)
			if h == nil {
				continue
			}
			certificates = h.certificates
		}
		m.stats.ChainsSent++
		payload := appendChain(nil, g.group, certificates)
		m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Unicast(now, q.Initiator, payload, inner) })
	}
}

// knowsOneOf reports whether the certificates of one of these sources are known here.
func (m *Machine) knowsOneOf(ids []protocol.NodeID) bool {
	return m.guard != nil && slices.ContainsFunc(ids, func(id protocol.NodeID) bool { return id == m.config.Self || m.guard.holder(id) != nil })
}

// Name returns the name by which the certificates of a source call it, "" when they are not known.
func (m *Machine) Name(id protocol.NodeID) string {
	switch {
	case m.guard == nil:
		return ""
	case id == m.config.Self:
		return m.guard.own.Name
	}
	if h := m.guard.holder(id); h != nil {
		return h.chain.Leaf().Name
	}
	return ""
}
