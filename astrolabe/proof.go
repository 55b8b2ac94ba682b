package astrolabe

import (
	"errors"

	"spinglass/identity"
	"spinglass/table"
	"spinglass/wire"
)

// ProofSizeMax bounds proofs of false summaries, in bytes.
const ProofSizeMax = AccountSizeMax + table.RowSizeMax + 16

// Errors of proofs of false summaries.
var (
	ErrNoProof = errors.New("astrolabe: the row says what follows from what it was made of")
	errNoClaim = errors.New("astrolabe: the row was not made of these inputs")
)

// appendProof appends a proof that a row is not what follows from the account that it names. It is the row, with the signature of who made it, and the account: anybody can
// verify it, and needs nothing besides.
func appendProof(b []byte, row *table.Row, a *account) []byte {
	return a.Append(wire.AppendBytes(b, row.Append(nil)))
}

// decodeProof reads a proof.
func decodeProof(b []byte) (*table.Row, *account, error) {
	if len(b) > ProofSizeMax {
		return nil, nil, errAccount
	}
	r := wire.NewReader(b)
	row, err := table.DecodeRow(r.Bytes(table.RowSizeMax))
	if err != nil {
		return nil, nil, err
	}
	a, err := readAccount(&r)
	if err != nil {
		return nil, nil, err
	}
	return row, a, r.Done()
}

// Judge verifies proofs that the row of a zone is false. It needs nothing but the proof.
type Judge struct{}

// Accused returns the statement that a proof says is false; its signature is not verified.
func (Judge) Accused(proof []byte) (identity.Statement, error) {
	r := wire.NewReader(proof)
	row, err := table.DecodeRow(r.Bytes(table.RowSizeMax))
	if err != nil {
		return identity.Statement{}, err
	}
	if len(row.PublicKey) != identity.KeySize || len(row.Signature) != identity.SignatureSize {
		return identity.Statement{}, errNoClaim
	}
	return statementOf(row), nil
}

// Convicts returns nil if the statement is false, whoever brings the proof. Errors: ErrNoProof, and what is wrong with the proof.
func (Judge) Convicts(proof []byte) error {
	row, a, err := decodeProof(proof)
	if err != nil {
		return err
	}
	return convicts(row, a)
}

// convicts is Judge.Convicts of a proof that was decoded.
func convicts(row *table.Row, a *account) error {
	if d := digestIn(row); row.Left || d == (inputsDigest{}) || d != a.digest {
		return errNoClaim
	}
	switch so, err := a.says(row); {
	case err != nil:
		return err
	case so:
		return ErrNoProof
	}
	return nil
}
