package membership

import (
	"crypto/sha256"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// What members of other zones are told of those of this one they check for themselves.

// Certificates returns the encoded chain of a member without the root's certificate, nil where it is not known here or does not count.
func (m *Machine) Certificates(now protocol.Time, id protocol.NodeID) []byte {
	if m.guard == nil {
		return nil
	}
	c, _ := m.credentialHeld(now, id)
	if c == nil {
		return nil
	}
	return c.certificates
}

// MaySet reports whether grants allow all attributes of a row.
func MaySet(grants identity.Grants, row *table.Row) bool {
	for i := range row.Attributes {
		if !mayset(grants, row.Attributes[i].Name) {
			return false
		}
	}
	return true
}

// StatementOf returns the statement that the signed row of a member is.
func StatementOf(row *table.Row) identity.Statement {
	return statementOf(row, sha256.Sum256(row.AppendSigned(nil)))
}
