package identity

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"spinglass/protocol"
	"spinglass/wire"
)

// EquivocationSize is the number of bytes of an encoded equivocation.
const EquivocationSize = 2 + 1 + KeySize + 8 + 8 + 8 + 2*(sha256.Size+SignatureSize)

// ErrNoEquivocation says that two statements do not contradict each other.
var ErrNoEquivocation = errors.New("statements are not different ones for the same place")

// Equivocation proves that an author made two different statements for one place. Everybody can verify it, whoever brings it.
type Equivocation struct {
	Author     PublicKey
	Context    Context
	Subject    uint64
	Epoch      uint64
	Sequence   uint64
	Digests    [2][sha256.Size]byte // ascending
	Signatures [2]Signature
}

// NewEquivocation makes a proof of two statements. The error is an ErrNoEquivocation or one of Statement.Verify.
func NewEquivocation(s, t Statement) (*Equivocation, error) {
	e, err := NewVerifiedEquivocation(s, t)
	if err != nil {
		return nil, err
	}
	return e, e.Verify()
}

// NewVerifiedEquivocation is NewEquivocation of statements whose signatures were found good before.
func NewVerifiedEquivocation(s, t Statement) (*Equivocation, error) {
	if s.Author != t.Author || !s.samePlace(&t) || s.Digest == t.Digest {
		return nil, ErrNoEquivocation
	}
	if bytes.Compare(s.Digest[:], t.Digest[:]) > 0 {
		s, t = t, s
	}
	e := &Equivocation{
		Author: s.Author, Context: s.Context, Subject: s.Subject, Epoch: s.Epoch, Sequence: s.Sequence,
		Digests: [2][sha256.Size]byte{s.Digest, t.Digest}, Signatures: [2]Signature{s.Signature, t.Signature},
	}
	return e, nil
}

// Statement returns the statement i, 0 or 1.
func (e *Equivocation) Statement(i int) Statement {
	return Statement{
		Author: e.Author, Context: e.Context, Subject: e.Subject, Epoch: e.Epoch, Sequence: e.Sequence, Digest: e.Digests[i], Signature: e.Signatures[i],
	}
}

// SignatureChecks returns the checks of both signatures, for who has them done elsewhere; for a decoded proof they are all that Verify does besides.
func (e *Equivocation) SignatureChecks() []protocol.Check {
	s, t := e.Statement(0), e.Statement(1)
	return []protocol.Check{s.SignatureCheck(), t.SignatureCheck()}
}

// Same reports whether both prove the same guilt: that of one author at one place. Which statements and signatures prove it does not matter.
func (e *Equivocation) Same(f *Equivocation) bool {
	s, t := e.Statement(0), f.Statement(0)
	return e.Author == f.Author && s.samePlace(&t)
}

// Verify reports why this proves nothing: ErrNoEquivocation, ErrOrder, ErrWeakKey or ErrSignature.
func (e *Equivocation) Verify() error {
	if err := e.check(); err != nil {
		return err
	}
	for i := range e.Digests {
		s := e.Statement(i)
		if err := s.Verify(); err != nil {
			return err
		}
	}
	return nil
}

func (e *Equivocation) check() error {
	if !e.Context.Known() {
		return ErrMalformed
	}
	switch bytes.Compare(e.Digests[0][:], e.Digests[1][:]) {
	case 0:
		return ErrNoEquivocation
	case 1:
		return ErrOrder
	}
	return e.Author.Check()
}

// String names author and place.
func (e *Equivocation) String() string {
	return fmt.Sprintf("two different statements (%s) of the key with the fingerprint %s at epoch %d, sequence %d",
		e.Context, e.Author.Fingerprint(), e.Epoch, e.Sequence)
}

// Append appends the encoding of the proof to b.
func (e *Equivocation) Append(b []byte) []byte {
	b = append(appendHeader(b), byte(e.Context))
	b = append(b, e.Author[:]...)
	b = wire.AppendFixed64(b, e.Subject)
	b = wire.AppendFixed64(wire.AppendFixed64(b, e.Epoch), e.Sequence)
	for i := range e.Digests {
		b = append(append(b, e.Digests[i][:]...), e.Signatures[i][:]...)
	}
	return b
}

// DecodeEquivocation reads the encoding of one proof, which must fill b. The signatures are not checked. The error is one of package wire, ErrVersion,
// ErrAlgorithm, ErrMalformed, ErrNoEquivocation, ErrOrder or ErrWeakKey.
func DecodeEquivocation(b []byte) (*Equivocation, error) {
	in := wire.NewReader(b)
	readHeader(&in)
	e := &Equivocation{Context: Context(in.Byte())}
	readArray(&in, e.Author[:])
	e.Subject, e.Epoch, e.Sequence = in.Fixed64(), in.Fixed64(), in.Fixed64()
	for i := range e.Digests {
		readArray(&in, e.Digests[i][:])
		readArray(&in, e.Signatures[i][:])
	}
	if err := in.Done(); err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return e, nil
}
