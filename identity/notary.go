package identity

import "spinglass/protocol"

// Notary signs and verifies statements at once. A machine has protocol.Sign and protocol.Verify for what can wait until somebody else has done it; a notary is for
// statements that the very next messages depend on, which wait longer for another thread than for the signature. Whoever uses one bounds how often: a signature
// takes 18 us of a core, and to verify one 42 us. The simulator has a notary of its own, which takes its host that time.
type Notary interface {
	// Public returns the key that signs.
	Public() PublicKey
	// Sign makes its author the public key, and signs it.
	Sign(s *Statement)
	// Verify reports whether the signature is the author's.
	Verify(s *Statement) bool
}

// NewNotary returns a notary that signs with a key.
func NewNotary(private PrivateKey) Notary { return &notary{private, private.Public()} }

type notary struct {
	private PrivateKey
	public  PublicKey
}

func (n *notary) Public() PublicKey { return n.public }

func (n *notary) Sign(s *Statement) {
	s.Author = n.public
	s.Signature = sign(n.private, s.context(), s.signed())
}

func (n *notary) Verify(s *Statement) bool { return s.Verify() == nil }

// Contradiction tells siblings that a member has signed different things for one place. Membership makes it known.
type Contradiction struct {
	protocol.EventMark
	Peer  protocol.NodeID
	Proof *Equivocation
}

// FalseStatement tells siblings that a member has signed something that does not follow from what it says it was made of. Membership makes it known, by proofs that it
// can have judged (see its Config.Judge).
type FalseStatement struct {
	protocol.EventMark
	Peer  protocol.NodeID
	Proof []byte
}

// NewNotaryOf returns a notary for a key that is kept elsewhere.
func NewNotaryOf(public PublicKey, sign func(*protocol.Sign) []byte, verify func(protocol.Check) bool) Notary {
	return &remoteNotary{public, sign, verify}
}

type remoteNotary struct {
	public PublicKey
	sign   func(*protocol.Sign) []byte
	verify func(protocol.Check) bool
}

func (n *remoteNotary) Public() PublicKey { return n.public }

func (n *remoteNotary) Sign(s *Statement) {
	s.Author = n.public
	copy(s.Signature[:], n.sign(s.Sign(0)))
}

func (n *remoteNotary) Verify(s *Statement) bool { return n.verify(s.SignatureCheck()) }
