package membership

import (
	"slices"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Judge verifies proofs that a member has signed something that does not follow from what it says it was made of. It is a pure function, and all members come to the same.
type Judge interface {
	// Accused returns the statement that is said to be false. Its signature is not verified.
	Accused(proof []byte) (identity.Statement, error)
	// Convicts returns nil if it is false.
	Convicts(proof []byte) error
}

// falsity is a proof that a statement is false.
type falsity struct {
	proof     []byte
	statement identity.Statement
}

// bytes returns the proof, nil for none.
func (f *falsity) bytes() []byte {
	if f == nil {
		return nil
	}
	return f.proof
}

// newFalsity makes the notice of a proof. Whether it holds is seen when the signature has been verified.
func newFalsity(chain identity.Chain, proof []byte, judge Judge) (*notice, error) {
	if judge == nil || len(proof) > falseProofMax {
		return nil, errNotice
	}
	statement, err := judge.Accused(proof)
	if err != nil {
		return nil, err
	}
	n := &notice{chain: chain, falsity: &falsity{slices.Clone(proof), statement}, claim: NoticeClaim{ID: noticeID(noticeTextProof, statement.Author)}}
	n.encode(noticeFalse, n.falsity.proof)
	return n, nil
}

// convicts reports whether the statement of a proof, which its author has signed, is false.
func (m *Machine) convicts(n *notice) bool {
	if m.config.Judge == nil || m.config.Judge.Convicts(n.falsity.proof) != nil {
		m.stats.FalseAccusations++
		return false
	}
	m.stats.FalseProofs++
	return true
}

// falsified makes a proof known that a sibling has found.
func (m *Machine) falsified(now protocol.Time, e identity.FalseStatement, out *protocol.Output) {
	if m.guard == nil {
		return
	}
	c := m.credentialKnown(e.Peer)
	if c == nil {
		return // who is not known here any more need not be shut out
	}
	n, err := newFalsity(c.chain, e.Proof, m.config.Judge)
	if err != nil || n.signer() != c.key() {
		return
	}
	m.takeNotice(now, m.config.Self, n, out)
}

// takesNotice reports whether a peer knows the kind of a notice. Of those of other zones it is known that they speak a format that has it.
func (m *Machine) takesNotice(to protocol.NodeID, n *notice) bool {
	e := m.table.Get(to)
	return n.falsity == nil || e == nil || m.speaks(e, wire.FormatZones)
}
