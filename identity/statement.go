package identity

import (
	"crypto/sha256"

	"spinglass/protocol"
	"spinglass/wire"
)

// StatementSize is the number of bytes that the signature of a statement covers.
const StatementSize = 8 + 8 + 8 + sha256.Size

// Statement is a signature for one place in what an author says in order: its signature covers the place and the hash of what is said there. So two
// statements for one place, with different hashes, prove that their author says different things to different members, and the proof is small
// whatever it is about. An honest author signs no two statements of one context, subject, epoch and sequence with different hashes.
type Statement struct {
	Author    PublicKey
	Context   Context
	Subject   uint64 // what is numbered: the topic of packets, 0 for rows
	Epoch     uint64
	Sequence  uint64
	Digest    [sha256.Size]byte // SHA-256 of what is said, without this signature
	Signature Signature
}

// statementSuffix is added to the text of the context, so that no signature by Sign is that of a statement.
const statementSuffix = " at a place"

// SignStatement signs content as what the key says at the given place. It panics as Sign does.
func SignStatement(private PrivateKey, context Context, epoch, sequence uint64, content []byte) Statement {
	s := Statement{Author: private.Public(), Context: context, Epoch: epoch, Sequence: sequence, Digest: sha256.Sum256(content)}
	if !context.Known() {
		panic("identity: signing in an unknown context")
	}
	s.Signature = sign(private, s.context(), s.signed())
	return s
}

// context returns the text that the signature covers besides the message.
func (s *Statement) context() string { return contextTexts[s.Context] + statementSuffix }

// samePlace reports whether both are about one place of one author's numbers.
func (s *Statement) samePlace(t *Statement) bool {
	return s.Context == t.Context && s.Subject == t.Subject && s.Epoch == t.Epoch && s.Sequence == t.Sequence
}

func (s *Statement) signed() []byte {
	b := make([]byte, 0, StatementSize)
	b = wire.AppendFixed64(b, s.Subject)
	b = wire.AppendFixed64(wire.AppendFixed64(b, s.Epoch), s.Sequence)
	return append(b, s.Digest[:]...)
}

// Sign returns the work that makes the signature of s, which has none yet, for an author whose private key is kept elsewhere.
func (s *Statement) Sign(number uint64) *protocol.Sign {
	return &protocol.Sign{Number: number, PublicKey: s.Author[:], Context: s.context(), Message: s.signed()}
}

// SignatureCheck returns the check of the signature, for who has it done elsewhere. The author's key has to be one that PublicKey.Check accepts.
func (s *Statement) SignatureCheck() protocol.Check {
	return protocol.Check{PublicKey: s.Author[:], Context: s.context(), Message: s.signed(), Signature: s.Signature[:]}
}

// Verify reports why the signature is not the author's: ErrWeakKey or ErrSignature. Whether the digest is that of the content is for the caller to see.
func (s *Statement) Verify() error {
	if !s.Context.Known() {
		return ErrSignature
	}
	return verify(s.Author, s.context(), s.signed(), s.Signature)
}
